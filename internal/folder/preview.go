package folder

import (
	"context"

	"github.com/tidemark-data/tidemark"
)

var _ tidemark.Previewer = (*Target)(nil)

// Preview implements tidemark.Previewer: it makes the next version of the table's record, as Prepare does, and forgets
// it. Rows and Bytes are those of the newest commit.
func (t *Target) Preview(ctx context.Context, s *tidemark.Schema) (tidemark.Preview, error) {
	now, next, changes, err := t.reshape(ctx, s)
	if err != nil {
		return tidemark.Preview{}, err
	}
	p := tidemark.Preview{New: now == nil, Changes: changes}
	for _, c := range next.Columns {
		p.Columns = append(p.Columns, tidemark.TargetColumn{Name: c.Name, Type: c.words(), Nullable: true})
	}
	last, _, err := t.commits.newest(ctx)
	if err != nil || last == nil {
		return p, err
	}
	for _, f := range last.Files {
		p.Rows += f.Rows
		p.Bytes += f.Staged.Size
	}
	return p, nil
}

// words returns the column's type for people.
func (c column) words() string {
	if len(c.Fields) == 0 {
		return c.Type
	}
	text := c.Type + "<"
	for i, f := range c.Fields {
		if i > 0 {
			text += ", "
		}
		if c.Type == "struct" {
			text += f.Name + ": "
		}
		text += f.words()
	}
	return text + ">"
}
