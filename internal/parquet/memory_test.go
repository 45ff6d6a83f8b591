package parquet_test

import (
	"io"
	"runtime"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark/internal/parquet"
)

// writerBudget is what one Writer may hold in memory: a run has two, and 256 MiB for everything.
const writerBudget = 40 << 20

// TestMemory encodes far more than a row group and looks, again and again, at what the Writer keeps alive.
func TestMemory(t *testing.T) {
	for name, batches := range map[string][]arrow.RecordBatch{"orders": orders(8, batchRows), "mixed": mixed(8, batchRows)} {
		t.Run(name, func(t *testing.T) {
			before := alive()
			w, err := parquet.NewWriter(io.Discard, batches[0].Schema(), parquet.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var peak int64
			for i := 0; w.Size() < 2*parquet.DefaultRowGroupBytes && w.Rows() < 5*parquet.RowGroupRows/2; i++ {
				if err := w.Write(batches[i%len(batches)]); err != nil {
					t.Fatal(err)
				}
				if i%10 == 0 {
					peak = max(peak, alive()-before)
				}
			}
			t.Logf("peak %.1f MiB, %d rows", float64(peak)/(1<<20), w.Rows())
			if peak > writerBudget {
				t.Errorf("a writer held %d bytes, may hold %d", peak, writerBudget)
			}
			runtime.KeepAlive(batches)
		})
	}
}

// alive returns the bytes that are in use after a collection. It takes two for what lies in a sync.Pool.
func alive() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
