package parquet

import (
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

// TestFilter: rows are known by their numbers in the file, not in the batch, and every batch is released once.
func TestFilter(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)
	var rows tidemark.RowSet
	for _, row := range []int64{100, 102, 190} {
		rows.Add(row)
	}
	for _, tt := range []struct {
		first         int64
		without, only []int64
	}{
		{0, []int64{0, 1, 2, 3}, nil},
		{99, []int64{0, 2}, []int64{1, 3}},
		{102, []int64{1, 2, 3}, []int64{0}},
		{1000, []int64{0, 1, 2, 3}, nil},
	} {
		for i, want := range [][]int64{tt.without, tt.only} {
			builder := array.NewRecordBuilder(mem, schema)
			builder.Field(0).(*array.Int64Builder).AppendValues([]int64{0, 1, 2, 3}, nil)
			b := builder.NewRecordBatch()
			builder.Release()
			do := Without
			if i == 1 {
				do = Only
			}
			got, err := do(t.Context(), b, rows, tt.first)
			if err != nil {
				t.Fatal(err)
			}
			if numbers := got.Column(0).(*array.Int64).Int64Values(); !slices.Equal(numbers, want) {
				t.Errorf("from row %d on: %v, want %v", tt.first, numbers, want)
			}
			got.Release()
		}
	}
}
