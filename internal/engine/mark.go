package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

// markDeleted writes the deleted rows once more, with the time in the mark's column. They come from the lake, with all the
// columns that it has: the source does not have them any more.
func (m *Mending) markDeleted(ctx context.Context, lake Rows) error {
	schema, err := m.markedSchema(lake.Schema())
	if err != nil {
		return err
	}
	if err := m.parts.Target.Prepare(ctx, schema); err != nil {
		return fmt.Errorf("prepare table %s: %w", m.p.Target, err)
	}
	columns := make([]string, 0, len(schema.Columns))
	for _, c := range schema.Columns[:len(schema.Columns)-1] {
		columns = append(columns, c.Name)
	}
	at := arrow.Timestamp(m.next.Committed.UnixMicro())
	rows := func(yield func(arrow.RecordBatch, error) bool) {
		for b, err := range lake.Pick(ctx, columns, m.deleted.Files()) {
			if err != nil {
				yield(nil, err)
				return
			}
			marked := withMark(b, schema.Arrow(), at)
			b.Release()
			if !yield(marked, nil) {
				return
			}
		}
	}
	files, err := m.parts.Target.Write(ctx, m.next.Run, rows)
	m.files = append(m.files, files...)
	if err != nil {
		return fmt.Errorf("mark deleted rows of table %s: %w", m.p.Target, err)
	}
	return nil
}

// markedSchema is the lake's with the mark as the last column.
func (m *Mending) markedSchema(lake *arrow.Schema) (*tidemark.Schema, error) {
	s := *m.Lands()
	s.Columns = nil
	for _, f := range lake.Fields() {
		if strings.EqualFold(f.Name, m.p.MarkColumn) {
			if !arrow.TypeEqual(f.Type, tidemark.MarkType()) {
				return nil, fmt.Errorf("mark_column %q of pipeline %s has type %s in the lake, want %s: %w", f.Name, m.p.ID, f.Type, tidemark.MarkType(), tidemark.ErrInvalid)
			}
			continue
		}
		c, _ := m.Lands().Column(f.Name) // for what the source says of it, where it still has it
		c.Name, c.Type, c.Nullable = f.Name, f.Type, f.Nullable
		s.Columns = append(s.Columns, c)
	}
	s.Columns = append(s.Columns, tidemark.Column{Name: m.p.MarkColumn, Type: tidemark.MarkType(), Nullable: true})
	return &s, nil
}

// withMark adds the last column of the schema to a batch that has the others.
func withMark(b arrow.RecordBatch, schema *arrow.Schema, at arrow.Timestamp) arrow.RecordBatch {
	times := array.NewTimestampBuilder(memory.DefaultAllocator, schema.Field(schema.NumFields()-1).Type.(*arrow.TimestampType))
	defer times.Release()
	times.AppendValues(slices.Repeat([]arrow.Timestamp{at}, int(b.NumRows())), nil)
	mark := times.NewArray()
	defer mark.Release()
	return array.NewRecordBatch(schema, append(slices.Clone(b.Columns()), mark), b.NumRows())
}
