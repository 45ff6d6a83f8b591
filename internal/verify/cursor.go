package verify

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
)

const dayMicros = 24 * 60 * 60 * 1e6

// cursorOf returns the cursor values of a batch; none for NULL, and where the batch does not have the column.
func cursorOf(c *tidemark.Cursor, b arrow.RecordBatch) (func(row int) tidemark.CursorValue, error) {
	at := b.Schema().FieldIndices(c.Column)
	if len(at) == 0 {
		return func(int) tidemark.CursorValue { return tidemark.CursorValue{} }, nil
	}
	values := b.Column(at[0])
	value, err := cursorValues(c, values)
	if err != nil {
		return nil, err
	}
	return func(row int) tidemark.CursorValue {
		if values.IsNull(row) {
			return tidemark.CursorValue{}
		}
		return value(row)
	}, nil
}

func cursorValues(c *tidemark.Cursor, values arrow.Array) (func(row int) tidemark.CursorValue, error) {
	switch a := values.(type) {
	case *array.Int32:
		return func(row int) tidemark.CursorValue { return tidemark.IntegerValue(int64(a.Value(row))) }, nil
	case *array.Int64:
		return func(row int) tidemark.CursorValue { return tidemark.IntegerValue(a.Value(row)) }, nil
	case *array.Decimal128: // BIGINT UNSIGNED
		return func(row int) tidemark.CursorValue { return tidemark.UnsignedValue(a.Value(row).LowBits()) }, nil
	case *array.Date32:
		return func(row int) tidemark.CursorValue {
			return tidemark.TemporalValue(c.Kind, int64(a.Value(row))*dayMicros)
		}, nil
	case *array.Timestamp:
		return func(row int) tidemark.CursorValue { return tidemark.TemporalValue(c.Kind, int64(a.Value(row))) }, nil
	}
	return nil, fmt.Errorf("cursor column %q is %s in the lake: %w", c.Column, values.DataType(), tidemark.ErrInvalid)
}
