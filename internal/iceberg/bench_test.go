package iceberg

import (
	"iter"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// ordersSchema is the narrow table of the benchmarks.
func ordersSchema() *tidemark.Schema {
	s := columns(column("order_id", int32s, false), column("order_date", wall, false), column("customer_id", int32s, false), column("status", text, false))
	s.Key = []string{"order_id"}
	return s
}

// orders yields n rows in batches, in the order of their key.
func orders(n int) iter.Seq2[arrow.RecordBatch, error] {
	const size = 16 << 10
	status := []string{"CLOSED", "COMPLETE", "PENDING_PAYMENT", "PROCESSING", "ON_HOLD"}
	b := array.NewRecordBuilder(memory.DefaultAllocator, ordersSchema().Arrow())
	return func(yield func(arrow.RecordBatch, error) bool) {
		defer b.Release()
		var made []arrow.RecordBatch // a few, over and over: the benchmark is not about making them
		for i := range 8 {
			for j := range size {
				b.Field(0).(*array.Int32Builder).Append(int32(i*size + j))
				b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(1.4e15 + int64(i*size+j)*1e6))
				b.Field(2).(*array.Int32Builder).Append(rand.Int32N(12000))
				b.Field(3).(*array.StringBuilder).Append(status[rand.IntN(len(status))])
			}
			made = append(made, b.NewRecordBatch())
		}
		for i := 0; i*size < n; i++ {
			batch := made[i%len(made)]
			batch.Retain()
			if !yield(batch, nil) {
				return
			}
		}
		for _, batch := range made {
			batch.Release()
		}
	}
}

// BenchmarkWrite writes a million rows per operation to a folder.
func BenchmarkWrite(b *testing.B) {
	for _, tt := range []struct {
		name  string
		mode  tidemark.Mode
		by    []string
		blind bool
	}{
		{"append", tidemark.ModeAppend, nil, true},
		{"first merge", tidemark.ModeMerge, nil, true},
		{"merge", tidemark.ModeMerge, nil, false},
		{"by month", tidemark.ModeAppend, []string{"month(order_date)"}, true},
		{"by bucket", tidemark.ModeAppend, []string{"bucket(16, customer_id)"}, true},
	} {
		b.Run(tt.name, func(b *testing.B) {
			dir := filepath.Join(b.TempDir(), "lake")
			store, err := blob.OpenFile(dir)
			if err != nil {
				b.Fatal(err)
			}
			p := pipeline(tt.mode)
			p.PartitionBy = tt.by
			target := open(b, Options{Store: store, Root: dir}).Target(p, slogDiscard())
			if err := target.Prepare(b.Context(), ordersSchema()); err != nil {
				b.Fatal(err)
			}
			target.layout.blind = tt.blind
			for b.Loop() {
				files, err := target.Write(b.Context(), "run", orders(1e6))
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				target.Discard(b.Context(), files)
				b.StartTimer()
			}
			b.ReportMetric(float64(b.N)*1e6/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkRunWithoutNews is what a run pays for the lake when there is nothing to load.
func BenchmarkRunWithoutNews(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "lake")
	store, err := blob.OpenFile(dir)
	if err != nil {
		b.Fatal(err)
	}
	l := open(b, Options{Store: store, Root: dir})
	for range 100 {
		mustLoad(b, l.Target(pipeline(tidemark.ModeAppend), slogDiscard()), rowsOf(0, 10, "a"))
	}
	for b.Loop() {
		target := l.Target(pipeline(tidemark.ModeAppend), slogDiscard())
		if _, err := target.Watermark(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := target.Prepare(b.Context(), source()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCommit makes small commits, one after the other.
func BenchmarkCommit(b *testing.B) {
	l := open(b, memOptions())
	for b.Loop() {
		mustLoad(b, l.Target(pipeline(tidemark.ModeAppend), slogDiscard()), rowsOf(0, 10, "a"))
	}
}
