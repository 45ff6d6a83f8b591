package overlap

import (
	"io"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

const benchRows = 16_384 // per batch

// BenchmarkApply measures a batch on its way through a pass; the rows are made beforehand. ns/row is also the cost of
// a million rows in milliseconds.
func BenchmarkApply(b *testing.B) {
	ascending := func(i int) int64 { return int64(i) * 1000 }
	shuffled := rand.New(rand.NewPCG(1, 1)).Perm(64 * benchRows)
	tie := func(int) int64 { return 42 }
	benchmarks := []struct {
		name  string
		at    func(int) int64
		bound tidemark.CursorValue
	}{
		{"FirstLoadAscending", ascending, never},
		{"FirstLoadRandom", func(i int) int64 { return int64(shuffled[i]) }, never},
		{"AllKept", tie, never},
	}
	for _, bench := range benchmarks {
		b.Run(bench.name, func(b *testing.B) {
			p, err := Begin(b.Context(), Options{Schema: orders, Cursor: *orders.Cursor, Bound: bench.bound, Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			defer p.Close()
			batches := makeBatches(64, bench.at)
			n := 0
			for b.Loop() {
				in := batches[n%len(batches)]
				in.Retain()
				out, _, err := p.Apply(in)
				if err != nil {
					b.Fatal(err)
				}
				out.Release()
				n++
			}
			perRow(b, n)
		})
	}
}

func makeBatches(n int, at func(int) int64) []arrow.RecordBatch {
	var batches []arrow.RecordBatch
	for i := range n {
		batches = append(batches, ordersBatch(i*benchRows, benchRows, at))
	}
	return batches
}

func perRow(b *testing.B, batches int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(batches*benchRows), "ns/row")
}

// BenchmarkReread measures a whole second run that reads an overlap again and finds every row in it.
func BenchmarkReread(b *testing.B) {
	for _, bench := range []struct {
		name    string
		batches int
	}{{"16k", 1}, {"1M", 61}, {"5M", 305}} {
		b.Run(bench.name, func(b *testing.B) {
			at := func(i int) int64 { return int64(i*7919) % 1_000_003 } // not in the order of reading
			batches := makeBatches(bench.batches, at)
			none := Options{Schema: orders, Cursor: *orders.Cursor, Dir: b.TempDir()}
			mark, side := wholePass(b, none, batches)
			again := none
			again.Previous, again.Open = mark, serve(side)
			n := 0
			for b.Loop() {
				wholePass(b, again, batches)
				n += bench.batches
			}
			perRow(b, n)
		})
	}
}

func wholePass(b *testing.B, o Options, batches []arrow.RecordBatch) (tidemark.Watermark, []byte) {
	p, err := Begin(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	for _, in := range batches {
		in.Retain()
		out, suppressed, err := p.Apply(in)
		if err != nil {
			b.Fatal(err)
		}
		if o.Open != nil && suppressed != in.NumRows() {
			b.Fatalf("suppressed %d of %d", suppressed, in.NumRows())
		}
		if out != nil {
			out.Release()
		}
	}
	f, err := p.Finish(tidemark.CursorValue{})
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	r, err := f.Open()
	if err != nil {
		b.Fatal(err)
	}
	side, err := io.ReadAll(r)
	if err != nil {
		b.Fatal(err)
	}
	mark := tidemark.Watermark{Seq: 1, High: p.High(), Overlap: f.Overlap()}
	mark.Overlap.Name = "side"
	return mark, side
}
