package engine

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

// asSource returns rejected rows as the source has its rows now.
func asSource(ctx context.Context, b arrow.RecordBatch, s *tidemark.Schema) (arrow.RecordBatch, error) {
	schema := s.Arrow()
	columns := make([]arrow.Array, schema.NumFields())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, f := range schema.Fields() {
		var err error
		if columns[i], err = sourceColumn(ctx, b, f); err != nil {
			return nil, err
		}
		if !f.Nullable && columns[i].NullN() > 0 {
			return nil, tidemark.WithHint(fmt.Errorf("column %q is missing in rejected rows, and the source has none without it: %w", f.Name, tidemark.ErrInvalid),
				"it came later: load these rows by `tidemark backfill`")
		}
	}
	return array.NewRecordBatch(schema, columns, b.NumRows()), nil
}

// sourceColumn returns a column of rejected rows as the source has it: NULLs where it came later, and cast where its type has
// changed and every value fits.
func sourceColumn(ctx context.Context, b arrow.RecordBatch, f arrow.Field) (arrow.Array, error) {
	at := b.Schema().FieldIndices(f.Name)
	if len(at) == 0 {
		return array.MakeArrayOfNull(memory.DefaultAllocator, f.Type, int(b.NumRows())), nil
	}
	column := b.Column(at[0])
	if arrow.TypeEqual(column.DataType(), f.Type) {
		column.Retain()
		return column, nil
	}
	cast, err := compute.CastArray(ctx, column, compute.SafeCastOptions(f.Type))
	if err != nil {
		return nil, fmt.Errorf("column %q: rejected rows have it as %s, and the source as %s: %w: %w", f.Name, column.DataType(), f.Type, tidemark.ErrInvalid, err)
	}
	return cast, nil
}
