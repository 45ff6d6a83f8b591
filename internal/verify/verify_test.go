package verify

import (
	"context"
	"hash/crc32"
	"iter"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

func TestPartsFor(t *testing.T) {
	for rows, want := range map[int64]uint32{-1: 64, 0: 64, 65_536: 64, 65_537: 64, 66_560: 128, 10_000_000: 16_384, 1 << 40: maxParts} {
		if got := partsFor(rows); got != want {
			t.Errorf("partsFor(%d) = %d, want %d", rows, got, want)
		}
	}
}

func TestKey(t *testing.T) {
	s := &tidemark.Schema{Key: []string{"id"}, Columns: []tidemark.Column{
		{Name: "id", Type: arrow.PrimitiveTypes.Int32}, {Name: "code", Type: arrow.BinaryTypes.String},
		{Name: "maybe", Type: arrow.BinaryTypes.String, Nullable: true}, {Name: "f", Type: arrow.PrimitiveTypes.Float32},
	}}
	all := []string{"id", "code", "maybe", "f"}
	for _, tt := range []struct {
		name string
		mode tidemark.Mode
		key  []string
		lake []string
		want int // columns
	}{
		{"the primary key", tidemark.ModeMerge, nil, all, 1},
		{"the pipeline's key", tidemark.ModeMerge, []string{"id", "code"}, all, 2},
		{"appending knows the primary key alone", tidemark.ModeAppend, []string{"id", "code"}, all, 1},
		{"the lake lacks it", tidemark.ModeMerge, nil, all[1:], 0},
		{"NULL", tidemark.ModeMerge, []string{"maybe"}, all, 0},
		{"a float", tidemark.ModeMerge, []string{"f"}, all, 0},
	} {
		if got := Key(tidemark.Pipeline{Mode: tt.mode, Key: tt.key}, s, tt.lake); len(got) != tt.want {
			t.Errorf("%s: %v, want %d columns", tt.name, got, tt.want)
		}
	}
}

// A table is both sides at once: rows of a number and a checksum of it, held in memory.
type table struct {
	tidemark.Comparer
	numbers []int64
	scans   int
}

func (m *table) batch() arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}}, nil))
	b.Field(0).(*array.Int64Builder).AppendValues(m.numbers, nil)
	return b.NewRecordBatch()
}

func (m *table) Rows(context.Context, []string) iter.Seq2[*tidemark.LakeRows, error] {
	m.scans++
	return func(yield func(*tidemark.LakeRows, error) bool) {
		yield(&tidemark.LakeRows{RecordBatch: m.batch()}, nil)
	}
}

func (m *table) Texts(b arrow.RecordBatch, _ []string) (func([]byte, int) []byte, error) {
	column := b.Column(0)
	return func(dst []byte, row int) []byte { return append(dst, column.ValueStr(row)...) }, nil
}

func (m *table) Sums(_ context.Context, c tidemark.Comparison) ([]tidemark.PartSum, error) {
	sums := make([]tidemark.PartSum, c.N)
	text, _ := m.Texts(m.batch(), nil)
	for i := range m.numbers {
		sum := crc32.ChecksumIEEE(text(nil, i))
		if part := c.PartOf(sum); c.Below == 0 || part < c.Below {
			sums[part].Add(sum)
		}
	}
	return sums, nil
}

// TestEqualIsReadOnce: as long as the sums are equal nothing else is asked of either side, whatever the order of rows.
func TestEqualIsReadOnce(t *testing.T) {
	source, lake := &table{}, &table{}
	for i := range int64(5000) {
		source.numbers, lake.numbers = append(source.numbers, i), append(lake.numbers, 4999-i)
	}
	for _, sample := range []float64{0, 0.25} {
		r, err := Verify(t.Context(), Task{
			Pipeline: tidemark.Pipeline{ID: "p", Mode: tidemark.ModeReplace}, Source: source, Lake: lake, Columns: []string{"id"}, Sample: sample,
			Schema: &tidemark.Schema{Columns: []tidemark.Column{{Name: "id", Type: arrow.PrimitiveTypes.Int64}}}, Watermark: tidemark.Watermark{Seq: 1},
		})
		if err != nil || !r.Clean() || r.SourceRows != r.LakeRows {
			t.Errorf("sample %v: %+v, %v", sample, r, err)
		}
		if want := int64(5000 * max(1-sample, 0)); sample == 0 && r.SourceRows != want || sample > 0 && (r.SourceRows < 1000 || r.SourceRows > 1500 || r.Sample != 0.25) {
			t.Errorf("sample %v: %d rows compared, share %v", sample, r.SourceRows, r.Sample)
		}
	}
	if lake.scans != 2 {
		t.Errorf("the lake was read %d times for two comparisons", lake.scans)
	}
}

// TestPacer: what was read ahead of the rate is waited for; the waiting ends with its context.
func TestPacer(t *testing.T) {
	if pacer(0) != nil {
		t.Error("no rate needs no pause")
	}
	pause := pacer(1_000_000)
	started := time.Now()
	for range 5 {
		if err := pause(t.Context(), 10_000); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(started); took < 45*time.Millisecond {
		t.Errorf("50,000 rows at a million per second took %v", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := pause(ctx, 1_000_000_000); err == nil {
		t.Error("the pause outlasts its context")
	}
}
