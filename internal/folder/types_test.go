package folder

import (
	"errors"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

// TestTypes describes types, as a table's record does, and makes them again.
func TestTypes(t *testing.T) {
	instant := func(unit arrow.TimeUnit, zone string) arrow.DataType {
		return &arrow.TimestampType{Unit: unit, TimeZone: zone}
	}
	same := []arrow.DataType{
		arrow.FixedWidthTypes.Boolean, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Float32,
		arrow.PrimitiveTypes.Float64, arrow.FixedWidthTypes.Date32, instant(arrow.Microsecond, ""), instant(arrow.Microsecond, "UTC"),
		arrow.BinaryTypes.String, arrow.BinaryTypes.Binary, &arrow.Decimal128Type{Precision: 38, Scale: 30},
		arrow.ListOfField(arrow.Field{Name: "element", Type: arrow.PrimitiveTypes.Float32, Nullable: true}),
		arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int32, Nullable: true}),
	}
	tests := map[arrow.DataType]arrow.DataType{
		arrow.PrimitiveTypes.Int8:       arrow.PrimitiveTypes.Int32,
		arrow.PrimitiveTypes.Uint32:     arrow.PrimitiveTypes.Int64,
		arrow.PrimitiveTypes.Uint64:     &arrow.Decimal128Type{Precision: 20},
		instant(arrow.Nanosecond, ""):   instant(arrow.Microsecond, ""),
		instant(arrow.Second, "Europe"): instant(arrow.Microsecond, "UTC"),
		&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}: arrow.BinaryTypes.String,
	}
	for _, dt := range same {
		tests[dt] = dt
	}
	for in, want := range tests {
		c, err := columnOf(arrow.Field{Name: "c", Type: in})
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		got, err := c.arrowType()
		if err != nil || !arrow.TypeEqual(got, want) {
			t.Errorf("%s is kept as %q and becomes %v, %v; want %s", in, c.Type, got, err, want)
		}
	}
	if _, err := columnOf(arrow.Field{Name: "c", Type: arrow.FixedWidthTypes.MonthInterval}); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("an interval: %v, want ErrInvalid", err)
	}
	for _, bad := range []string{"", "int", "decimal(39,0)", "decimal(0,0)", "list", "struct"} {
		if got, err := (column{Name: "c", Type: bad}).arrowType(); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("type %q: %v, %v; want ErrInvalid", bad, got, err)
		}
	}
}

func TestWidened(t *testing.T) {
	tests := []struct{ table, batch, want string }{ // want "" for no
		{"int32", "int64", "int64"}, {"int64", "int32", "int64"}, {"float32", "float64", "float64"},
		{"decimal(10,2)", "decimal(12,2)", "decimal(12,2)"}, {"decimal(12,2)", "decimal(10,2)", "decimal(12,2)"},
		{"string", "string", "string"},
		{"decimal(10,2)", "decimal(12,3)", ""}, {"int64", "decimal(20,0)", ""}, {"string", "int32", ""}, {"int32", "string", ""},
		{"timestamp", "timestamptz", ""}, {"int64", "float64", ""}, {"date", "timestamp", ""},
	}
	for _, test := range tests {
		got, ok := widened(column{Type: test.table}, column{Type: test.batch})
		if ok != (test.want != "") || (ok && got.Type != test.want) {
			t.Errorf("a table of %s that gets %s becomes %q, %t; want %q", test.table, test.batch, got.Type, ok, test.want)
		}
	}
}
