package overlap

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// ordersBatch builds rows [from, from+n): id, a cursor from at, and a short string.
func ordersBatch(from, n int, at func(i int) int64) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, orders.Arrow())
	defer b.Release()
	states := []string{"COMPLETE", "PENDING_PAYMENT", "CLOSED"}
	for i := from; i < from+n; i++ {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		b.Field(1).(*array.Int64Builder).Append(at(i))
		b.Field(2).(*array.StringBuilder).Append(states[i%3])
	}
	return b.NewRecordBatch()
}

// TestMemoryIsBounded: five million rows of one cursor value are all kept, and all looked up in the next run, and the
// heap never grows by more than 32 MiB. Then a change of the columns at the most rows that it can bridge.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("ten million rows")
	}
	const bound = 32 << 20
	rows := 5_000_000
	if testenv.Race { // ten times as slow, and still many times what fits into memory
		rows = 1_000_000
	}
	tie := func(int) int64 { return 42 }
	var peak uint64
	base := live()
	watch := func() { peak = max(peak, live()-min(base, live())) }

	first, side := bulk(t, Options{Schema: orders, Cursor: *orders.Cursor, Dir: t.TempDir()}, rows, tie, 0, watch)
	if first.Overlap.Rows != int64(rows) {
		t.Fatalf("side file of %d rows, want %d", first.Overlap.Rows, rows)
	}
	again := Options{Schema: orders, Cursor: *orders.Cursor, Dir: t.TempDir(), Previous: first, Open: opener(side)}
	second, _ := bulk(t, again, rows, tie, int64(rows), watch)
	if second.Overlap.Checksum != first.Overlap.Checksum {
		t.Error("the same rows made another side file")
	}

	rows /= 5
	first, side = bulk(t, Options{Schema: orders, Cursor: *orders.Cursor, Dir: t.TempDir()}, rows, tie, 0, watch)
	wider := schemaOf("at", orders.Columns[0], orders.Columns[1], col("state", arrow.BinaryTypes.String))
	changed := Options{Schema: wider, Cursor: *wider.Cursor, Dir: t.TempDir(), Previous: first, Open: opener(side)}
	bulk(t, changed, rows, tie, int64(rows), watch)

	t.Logf("the heap grew by at most %.1f MiB", float64(peak)/(1<<20))
	if peak > bound {
		t.Errorf("the heap grew by %d bytes, want at most %d", peak, bound)
	}
}

// live returns the bytes that are reachable.
func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func opener(path string) func(context.Context) (io.ReadCloser, error) {
	return func(context.Context) (io.ReadCloser, error) { return os.Open(path) }
}

// bulk runs one pass over many rows and stores its side file.
func bulk(t *testing.T, o Options, rows int, at func(int) int64, suppressed int64, watch func()) (tidemark.Watermark, string) {
	t.Helper()
	p, err := Begin(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	watch()
	const batch = 16_384
	var dropped int64
	for from := 0; from < rows; from += batch {
		out, n, err := p.Apply(ordersBatch(from, min(batch, rows-from), at))
		if err != nil {
			t.Fatal(err)
		}
		dropped += n
		if out != nil {
			out.Release()
		}
		if from/batch%32 == 0 {
			watch()
		}
	}
	if dropped != suppressed {
		t.Fatalf("%d rows suppressed, want %d", dropped, suppressed)
	}
	f, err := p.Finish(p.opts.Previous.Settled)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	watch()
	path := filepath.Join(t.TempDir(), "side")
	to, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, r); err != nil {
		t.Fatal(err)
	}
	mark := tidemark.Watermark{Seq: 1, High: p.High(), Settled: p.opts.Previous.Settled, Overlap: f.Overlap()}
	mark.Overlap.Name = "side"
	return mark, path
}
