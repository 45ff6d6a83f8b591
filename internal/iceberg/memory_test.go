package iceberg

import (
	"iter"
	"os"
	"runtime"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

// writeBudget is what one Write may hold in memory: a row group, the pages that are open, the deletes of a merge, and
// two parts on their way to S3. A run has two at the same time, and 256 MiB for everything.
const writeBudget = 48 << 20

// TestWriteMemory writes far more than a row group and looks, again and again, at what is alive.
func TestWriteMemory(t *testing.T) {
	tests := []struct {
		name    string
		options func(t *testing.T) Options
		by      []string
	}{
		{"file", fileOptions, nil},
		{"file by bucket", fileOptions, []string{"bucket(16, id)"}},
		{"s3", s3Options, nil},
		{"s3 by bucket", s3Options, []string{"bucket(16, id)"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spool := t.TempDir()
			p := pipeline(tidemark.ModeMerge)
			p.PartitionBy = tt.by
			o := tt.options(t)
			o.Dir = spool
			target := open(t, o).Target(p, slogDiscard())
			s := columns(column("id", int64s, false), column("v", text, true))
			s.Key = []string{"id"}
			if err := target.Prepare(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			target.layout.blind = false // as if the table held rows
			var peak int64
			before := alive()
			files, err := target.Write(t.Context(), "run", func(yield func(arrow.RecordBatch, error) bool) {
				n := 0
				for b := range noisyBatches(s, 50<<20) {
					if !yield(b, nil) {
						return
					}
					if n++; n%5 == 0 {
						peak = max(peak, alive()-before)
					}
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if left, err := os.ReadDir(spool); err != nil || len(left) > 0 {
				t.Errorf("%d spooled files are left, %v", len(left), err)
			}
			t.Logf("peak %.1f MiB, %d files", float64(peak)/(1<<20), len(files))
			if peak > writeBudget {
				t.Errorf("a Write held %d bytes, may hold %d", peak, writeBudget)
			}
		})
	}
}

// noisyBatches yields batches of rows that no codec makes small, of so many bytes together.
func noisyBatches(s *tidemark.Schema, bytes int) iter.Seq[arrow.RecordBatch] {
	return func(yield func(arrow.RecordBatch) bool) {
		b := array.NewRecordBuilder(memory.DefaultAllocator, s.Arrow())
		defer b.Release()
		id := int64(0)
		for done := 0; done < bytes; {
			for range 2000 {
				v := noise(200)
				id, done = id+1, done+len(v)
				b.Field(0).(*array.Int64Builder).Append(id)
				b.Field(1).(*array.StringBuilder).Append(v)
			}
			if !yield(b.NewRecordBatch()) {
				return
			}
		}
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

// maintainBudget is what a compaction may hold in memory, of the 256 MiB of a process.
const maintainBudget = 128 << 20

// TestMaintainMemory compacts a table of four times its rows, all but the newest version deleted, and looks all the while
// at what is alive.
func TestMaintainMemory(t *testing.T) {
	const commits, each = 4, 25 << 20
	l, p := open(t, fileOptions(t)), pipeline(tidemark.ModeMerge)
	target := l.Target(p, slogDiscard())
	s := columns(column("id", int64s, false), column("v", text, true))
	s.Key = []string{"id"}
	var rows int64
	for range commits {
		base, err := target.Watermark(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := target.Prepare(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		w := base
		w.Pipeline, w.Seq, w.Run, w.Mode = p.ID, base.Seq+1, tidemark.NewRunID(testTime), p.Mode
		files, err := target.Write(t.Context(), w.Run, func(yield func(arrow.RecordBatch, error) bool) {
			for b := range noisyBatches(s, each) {
				if !yield(b, nil) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := target.Commit(t.Context(), tidemark.Commit{Base: base, Watermark: w, Files: files}); err != nil {
			t.Fatal(err)
		}
		rows = files[0].Rows()
	}
	before := alive()
	done := make(chan error)
	go func() {
		_, err := l.Maintain(t.Context(), p, everything, slogDiscard())
		done <- err
	}()
	var peak int64
	for running := true; running; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			running = false
		default:
			peak = max(peak, alive()-before)
		}
	}
	snapshot, err := l.Snapshot(t.Context(), p.Target)
	if err != nil {
		t.Fatal(err)
	}
	if len(snapshot.Data) != 1 || len(snapshot.Deletes) != 0 || snapshot.Data[0].Rows != rows {
		t.Errorf("%+v %+v are left, want a file of %d rows", snapshot.Data, snapshot.Deletes, rows)
	}
	t.Logf("peak %.1f MiB", float64(peak)/(1<<20))
	if peak > maintainBudget {
		t.Errorf("a compaction held %d bytes, may hold %d", peak, maintainBudget)
	}
}
