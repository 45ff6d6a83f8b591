package tidemark_test

import (
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

func TestRowSet(t *testing.T) {
	var s tidemark.RowSet
	if s.Len() != 0 || s.End() != 0 || s.Has(0) {
		t.Errorf("the empty set has %d rows up to %d", s.Len(), s.End())
	}
	for _, row := range []int64{64, 3, 200, 3} {
		s.Add(row)
	}
	if s.Len() != 3 || s.End() != 201 || !s.Has(3) || !s.Has(64) || !s.Has(200) || s.Has(4) || s.Has(201) || s.Has(1<<40) {
		t.Errorf("%d rows up to %d: %b", s.Len(), s.End(), s)
	}
}

func TestPlaces(t *testing.T) {
	p, q := tidemark.Places{}, tidemark.Places{}
	p.Add("b", 1)
	p.Add("b", 1)
	q.Add("b", 100)
	q.Add("a", 2)
	q.Add("b", 1)
	before := p["b"]
	p.Merge(q)
	if before.Has(100) {
		t.Error("Merge has changed a set that somebody else may hold")
	}
	if p.Len() != 3 || q.Len() != 3 {
		t.Errorf("%d and %d rows, want 3 and 3", p.Len(), q.Len())
	}
	files := p.Files()
	if len(files) != 2 || files[0].Key != "a" || files[1].Key != "b" || files[1].Rows.Len() != 2 {
		t.Errorf("files %+v", files)
	}
}

// TestLakeRowsPlace: rows that were left out leave gaps in the numbers of the others.
func TestLakeRowsPlace(t *testing.T) {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	b.AppendValues(make([]int64, 4), nil)
	column := b.NewArray()
	batch := array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: "n", Type: column.DataType()}}, nil), []arrow.Array{column}, 4)
	var dead tidemark.RowSet
	for _, row := range []int64{0, 99, 100, 102} {
		dead.Add(row)
	}
	for _, tt := range []struct {
		dead tidemark.RowSet
		want []int64
	}{{nil, []int64{100, 101, 102, 103}}, {dead, []int64{101, 103, 104, 105}}} {
		rows := &tidemark.LakeRows{RecordBatch: batch, First: 100, Dead: tt.dead}
		var got []int64
		for _, i := range []int{3, 0, 1, 2} { // in any order
			got = append(got, rows.Place(i))
		}
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("places %v, want %v", got, tt.want)
		}
	}
}

func TestMarked(t *testing.T) {
	s := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}}, nil)
	if got := (tidemark.Pipeline{}).Marked(s); got != s {
		t.Errorf("without a mark: %s", got)
	}
	p := tidemark.Pipeline{MarkColumn: "gone_at"}
	marked := p.Marked(s)
	if marked.NumFields() != 2 || !arrow.TypeEqual(marked.Field(1).Type, tidemark.MarkType()) || !marked.Field(1).Nullable || s.NumFields() != 1 {
		t.Errorf("marked: %s", marked)
	}
	if again := p.Marked(marked); again != marked {
		t.Errorf("marked twice: %s", again)
	}
}
