package iceberg

import (
	"context"
	"errors"
	"strconv"

	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
)

var _ tidemark.Previewer = (*Target)(nil)

// Preview implements tidemark.Previewer: it makes the next version of the table, as Prepare does, and forgets it.
func (t *Target) Preview(ctx context.Context, s *tidemark.Schema) (tidemark.Preview, error) {
	key, err := t.mergeKey(s)
	if err != nil {
		return tidemark.Preview{}, err
	}
	now, err := t.lake.load(ctx, t.p.Target)
	if err != nil && !errors.Is(err, tidemark.ErrNotFound) {
		return tidemark.Preview{}, err
	}
	want := s.Arrow()
	v, changes, err := t.reshape(now, want)
	if err != nil {
		return tidemark.Preview{}, err
	}
	then := now
	if v != nil {
		then = table.New(identifier(v.id), v.metadata, v.old, t.lake.tables.io, t.lake.tables)
	}
	l, err := t.lay(ctx, then, want, key)
	if err != nil {
		return tidemark.Preview{}, err
	}
	p := tidemark.Preview{New: now == nil, Changes: changes, Deletes: len(key) > 0 && !l.blind}
	for _, f := range then.Schema().Fields() {
		p.Columns = append(p.Columns, tidemark.TargetColumn{Name: f.Name, Type: f.Type.String(), Nullable: !f.Required})
	}
	p.Rows, p.Bytes = measure(then)
	return p, nil
}

// measure returns the rows and bytes of a table by the summary of its newest snapshot, which whoever wrote it has added
// up; 0 where it has not. The few bytes of delete files are among them.
func measure(tbl *table.Table) (rows, bytes int64) {
	head := tbl.CurrentSnapshot()
	if head == nil || head.Summary == nil {
		return 0, 0
	}
	number := func(key string) int64 {
		n, err := strconv.ParseInt(head.Summary.Properties[key], 10, 64)
		if err != nil {
			return 0
		}
		return n
	}
	return number("total-records"), number("total-files-size")
}
