package overlap

import (
	"errors"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

func TestValues(t *testing.T) {
	micros := func(text string) tidemark.CursorValue {
		v, err := tidemark.ParseCursorValue(text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		name string
		typ  arrow.DataType
		add  func(array.Builder)
		want tidemark.CursorValue
	}{
		{"int", arrow.PrimitiveTypes.Int32, func(b array.Builder) { b.(*array.Int32Builder).Append(-7) }, tidemark.IntegerValue(-7)},
		{"long", arrow.PrimitiveTypes.Int64, func(b array.Builder) { b.(*array.Int64Builder).Append(1 << 40) }, tidemark.IntegerValue(1 << 40)},
		{"unsigned", arrow.PrimitiveTypes.Uint64, func(b array.Builder) { b.(*array.Uint64Builder).Append(1<<64 - 1) }, tidemark.UnsignedValue(1<<64 - 1)},
		{"decimal", &arrow.Decimal128Type{Precision: 20}, func(b array.Builder) { b.(*array.Decimal128Builder).Append(decimal128.FromU64(1<<63 + 5)) }, tidemark.UnsignedValue(1<<63 + 5)},
		{"small decimal", &arrow.Decimal128Type{Precision: 20}, func(b array.Builder) { b.(*array.Decimal128Builder).Append(decimal128.FromU64(5)) }, tidemark.IntegerValue(5)},
		{"date", arrow.FixedWidthTypes.Date32, func(b array.Builder) { b.(*array.Date32Builder).Append(19_723) }, micros("2024-01-01")},
		{"datetime", &arrow.TimestampType{Unit: arrow.Microsecond}, func(b array.Builder) { b.(*array.TimestampBuilder).Append(1704067200000001) }, micros("2024-01-01 00:00:00.000001")},
		{"timestamp", &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, func(b array.Builder) { b.(*array.TimestampBuilder).Append(1704067200000000) }, micros("2024-01-01T00:00:00Z")},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := array.NewBuilder(memory.DefaultAllocator, c.typ)
			defer b.Release()
			b.AppendNull()
			c.add(b)
			col := b.NewArray()
			defer col.Release()
			value, err := Values(tidemark.Cursor{Kind: c.want.Kind()}, col)
			if err != nil {
				t.Fatal(err)
			}
			if got := value(0); !got.IsZero() {
				t.Errorf("NULL reads %s", got)
			}
			if got := value(1); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	text := array.NewStringBuilder(memory.DefaultAllocator)
	defer text.Release()
	col := text.NewArray()
	defer col.Release()
	if _, err := Values(tidemark.Cursor{Kind: tidemark.CursorDate}, col); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("a column of text: %v", err)
	}
}
