package folder

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
)

var _ tidemark.Describer = (*Catalog)(nil)

// Describe implements tidemark.Describer. The history is that of the logs, which are never cut.
func (c *Catalog) Describe(ctx context.Context, id tidemark.TableID) (*tidemark.Description, error) {
	s, err := c.Snapshot(ctx, id)
	if err != nil {
		return nil, err
	}
	t, err := loadTable(ctx, c.store, id)
	if err != nil {
		return nil, err
	}
	d := &tidemark.Description{
		Table: id, Format: tidemark.FormatParquet, Location: id.Namespace + "/" + id.Name, PartitionBy: t.Partition, Files: s.Data,
		Comment: t.Comment,
	}
	if t.Prefix != "" {
		d.Location, d.Imported = strings.TrimSuffix(t.Prefix, "/"), true
	}
	for _, column := range t.Columns {
		if column.Path {
			d.PartitionBy = append(d.PartitionBy, column.Name)
		}
		d.Columns = append(d.Columns, tidemark.DescribedColumn{
			TargetColumn: tidemark.TargetColumn{Name: column.Name, Type: column.words(), Nullable: true}, Doc: column.Doc, Comment: column.Comment,
		})
	}
	for _, f := range s.Data {
		d.Data.Add(f.Rows, f.Bytes)
	}
	for _, p := range t.Pipelines {
		if err := c.describe(ctx, d, commitLog{c.store, p}); err != nil {
			return nil, fmt.Errorf("history of table %s: %w", id, err)
		}
	}
	slices.SortStableFunc(d.History, func(a, b tidemark.Change) int { return b.At.Compare(a.At) })
	return d, nil
}

// describe adds the watermark and the history of one pipeline.
func (c *Catalog) describe(ctx context.Context, d *tidemark.Description, l commitLog) error {
	last, _, err := l.newest(ctx)
	if err != nil || last == nil || last.Table != d.Table {
		return err
	}
	d.Pipelines = append(d.Pipelines, last.mark)
	records, err := l.all(ctx, last.seq())
	if err != nil {
		return err
	}
	stands := map[int64]bool{}
	for _, r := range chain(records, last.seq()) {
		stands[r.seq()] = true
	}
	for _, r := range slices.Backward(records) {
		w := r.mark
		d.History = append(d.History, tidemark.Change{
			At: w.Committed, What: r.what(), Pipeline: w.Pipeline, Commit: w.Seq, Run: w.Run, Loaded: w.Rows, High: w.High,
			Rows: w.Total, Files: len(r.Files), Aside: !stands[r.seq()],
		})
	}
	return nil
}

// what names the kind of a commit.
func (r *record) what() string {
	switch {
	case r.Void > 0:
		return fmt.Sprintf("void %d", r.Void)
	case r.Rewind != nil:
		return fmt.Sprintf("rewind to %d", r.Rewind.To)
	case r.Rewrites:
		return "rewrite"
	case r.mark.Mode == tidemark.ModeReplace:
		return "replace"
	default:
		return "append"
	}
}
