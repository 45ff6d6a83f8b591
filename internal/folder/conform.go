package folder

import (
	"context"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

// conform gives batches the table's schema: its order, its wider types, and NULL for columns that the source no longer
// has. All files of a table then have the same columns, as far as it had them when they were written.
func conform(ctx context.Context, rows iter.Seq2[arrow.RecordBatch, error], schema *arrow.Schema) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for b, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			same, err := conformBatch(ctx, b, schema)
			b.Release()
			if !yield(same, err) || err != nil {
				return
			}
		}
	}
}

func conformBatch(ctx context.Context, b arrow.RecordBatch, schema *arrow.Schema) (arrow.RecordBatch, error) {
	columns := make([]arrow.Array, 0, schema.NumFields())
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	found := 0
	for _, f := range schema.Fields() {
		at := b.Schema().FieldIndices(f.Name)
		if len(at) == 0 {
			columns = append(columns, array.MakeArrayOfNull(memory.DefaultAllocator, f.Type, int(b.NumRows())))
			continue
		}
		found++
		c, err := conformColumn(ctx, b.Column(at[0]), f.Type)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		columns = append(columns, c)
	}
	if int64(found) < b.NumCols() {
		return nil, fmt.Errorf("a batch has columns that the table was not prepared for: %s: %w", b.Schema(), tidemark.ErrInvalid)
	}
	return array.NewRecordBatch(schema, columns, b.NumRows()), nil
}

// conformColumn casts where it must. The cast is checked: a value that does not fit is an error.
func conformColumn(ctx context.Context, c arrow.Array, t arrow.DataType) (arrow.Array, error) {
	if identical(c.DataType(), t) {
		c.Retain()
		return c, nil
	}
	if kept, ok := t.(arrow.NestedType); ok && c.DataType().ID() == t.ID() {
		return conformNested(ctx, c, kept)
	}
	cast, err := compute.CastArray(ctx, c, compute.SafeCastOptions(t))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", tidemark.ErrInvalid, err)
	}
	return cast, nil
}

// identical reports whether types are equal and so is what may be NULL inside of them: in a table that is everything,
// but a VECTOR has no NULL.
func identical(a, b arrow.DataType) bool {
	inner, ok := a.(arrow.NestedType)
	if !ok {
		return arrow.TypeEqual(a, b)
	}
	return arrow.TypeEqual(a, b) && inner.String() == b.String()
}

// conformNested casts what is inside, and leaves lengths and NULLs as they are.
func conformNested(ctx context.Context, c arrow.Array, t arrow.NestedType) (arrow.Array, error) {
	have := c.Data()
	if len(have.Children()) != t.NumFields() {
		return nil, fmt.Errorf("the table has %s and the rows bring %s: %w", t, c.DataType(), tidemark.ErrInvalid)
	}
	children := make([]arrow.ArrayData, 0, t.NumFields())
	defer func() {
		for _, c := range children {
			c.Release()
		}
	}()
	for i, field := range t.Fields() {
		child, err := conformData(ctx, have.Children()[i], field.Type)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field.Name, err)
		}
		children = append(children, child)
	}
	data := array.NewData(t, have.Len(), have.Buffers(), children, have.NullN(), have.Offset())
	defer data.Release()
	return array.MakeFromData(data), nil
}

func conformData(ctx context.Context, data arrow.ArrayData, t arrow.DataType) (arrow.ArrayData, error) {
	c := array.MakeFromData(data)
	defer c.Release()
	same, err := conformColumn(ctx, c, t)
	if err != nil {
		return nil, err
	}
	defer same.Release()
	same.Data().Retain()
	return same.Data(), nil
}
