package folder

import (
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// TestConformNested takes lists and structs over whose insides a table knows as another type. A VECTOR's elements
// cannot be NULL, those of a table's column can.
func TestConformNested(t *testing.T) {
	listOf := func(element arrow.DataType, nullable bool) arrow.DataType {
		return arrow.ListOfField(arrow.Field{Name: "element", Type: element, Nullable: nullable})
	}
	structOf := func(inner arrow.DataType, nullable bool) arrow.DataType {
		return arrow.StructOf(arrow.Field{Name: "x", Type: inner, Nullable: nullable}, arrow.Field{Name: "s", Type: arrow.BinaryTypes.String, Nullable: nullable})
	}
	i8, i32, f32 := arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Float32
	for _, test := range []struct {
		from, to arrow.DataType
		json     string
	}{
		{listOf(f32, false), listOf(f32, true), `[[1,-2.5],null,[],[3]]`},
		{listOf(f32, true), listOf(f32, true), `[[1,null],null,[]]`},
		{listOf(i8, false), listOf(i32, true), `[[1],[],null,[-128,127]]`},
		{structOf(i8, false), structOf(i32, true), `[{"x":1,"s":"a"},null,{"x":-128,"s":""}]`},
		{listOf(structOf(i8, false), false), listOf(structOf(i32, true), true), `[[{"x":1,"s":"a"},{"x":2,"s":"b"}],null]`},
	} {
		all, _, err := array.FromJSON(memory.DefaultAllocator, test.from, strings.NewReader(test.json))
		if err != nil {
			t.Fatal(err)
		}
		for from := range all.Len() { // a slice has an offset
			c := array.NewSlice(all, int64(from), int64(all.Len()))
			in := array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: "c", Type: test.from, Nullable: true}}, nil), []arrow.Array{c}, int64(c.Len()))
			want := c.String()
			c.Release()
			out, err := conformBatch(t.Context(), in, arrow.NewSchema([]arrow.Field{{Name: "c", Type: test.to, Nullable: true}}, nil))
			in.Release()
			if err != nil {
				t.Errorf("%s as %s: %v", test.from, test.to, err)
				continue
			}
			if got := out.Column(0).String(); got != want || out.Column(0).DataType().String() != test.to.String() {
				t.Errorf("%s as %s, from %d: %s of %s, want %s", test.from, test.to, from, got, out.Column(0).DataType(), want)
			}
			out.Release()
		}
		all.Release()
	}
}
