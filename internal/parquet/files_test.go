package parquet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark/internal/parquet"
)

// A sink keeps a file in memory.
type sink struct {
	bytes.Buffer
	n               int
	closed, aborted bool
	writeErr        error
}

func (s *sink) Write(p []byte) (int, error) {
	if s.writeErr != nil {
		return 0, s.writeErr
	}
	return s.Buffer.Write(p)
}
func (s *sink) Close() error { s.closed = true; return nil }
func (s *sink) Abort()       { s.aborted = true }

// sinks opens sinks and remembers them.
type sinks struct{ all []*sink }

func (s *sinks) open(n int, _ parquet.Partition) (*sink, error) {
	s.all = append(s.all, &sink{n: n})
	return s.all[len(s.all)-1], nil
}

// rowsOf yields the batches and then, if it is set, the error.
func rowsOf(batches []arrow.RecordBatch, err error) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for _, b := range batches {
			b.Retain()
			if !yield(b, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func TestWriteFiles(t *testing.T) {
	batches := orders(64, batchRows)
	var s sinks
	const size = 500 << 10
	files, err := parquet.WriteFiles(t.Context(), rowsOf(batches, nil), batches[0].Schema(), nil, size, s.open, parquet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 3 {
		t.Fatalf("%d files, want several", len(files))
	}
	var ids []string
	for i, f := range files {
		if !f.Sink.closed || f.Sink.n != i || f.Bytes != int64(f.Sink.Len()) || f.Meta.NumRows != f.Rows {
			t.Errorf("file %d: %+v of sink %d with %d bytes, closed %t", i, f.Rows, f.Sink.n, f.Sink.Len(), f.Sink.closed)
		}
		if i < len(files)-1 && (f.Bytes < size/2 || f.Bytes > 2*size) {
			t.Errorf("file %d has %d bytes, want about %d", i, f.Bytes, size)
		}
		ids = append(ids, cells(decode(t, f.Sink.Bytes()).Column(0).Data().Chunks())...)
	}
	if want := cells(column(batches, 0)); !slices.Equal(ids, want) {
		t.Errorf("read %d ids, wrote %d, or in another order", len(ids), len(want))
	}
}

func TestNoRowsNoFile(t *testing.T) {
	var s sinks
	empty := orders(1, 0)
	files, err := parquet.WriteFiles(t.Context(), rowsOf(empty, nil), empty[0].Schema(), nil, 1<<20, s.open, parquet.Options{})
	if err != nil || len(files) != 0 || len(s.all) != 0 {
		t.Errorf("%d files, %d sinks, error %v; want none", len(files), len(s.all), err)
	}
}

// TestFailedWrite breaks each step and checks that nothing is left behind: every sink aborted once, every batch
// released.
func TestFailedWrite(t *testing.T) {
	broken := errors.New("broken")
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := map[string]struct {
		ctx  context.Context
		rows error
		open func(s *sinks) parquet.Opener[*sink]
		want error
	}{
		"rows": {t.Context(), broken, func(s *sinks) parquet.Opener[*sink] { return s.open }, broken},
		"open": {t.Context(), nil, func(s *sinks) parquet.Opener[*sink] {
			return func(n int, p parquet.Partition) (*sink, error) {
				if n == 1 {
					return nil, broken
				}
				return s.open(n, p)
			}
		}, broken},
		"sink": {t.Context(), nil, func(s *sinks) parquet.Opener[*sink] {
			return func(n int, p parquet.Partition) (*sink, error) {
				opened, err := s.open(n, p)
				if n == 1 {
					opened.writeErr = broken
				}
				return opened, err
			}
		}, broken},
		"canceled": {canceled, nil, func(s *sinks) parquet.Opener[*sink] { return s.open }, context.Canceled},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
			defer mem.AssertSize(t, 0)
			var batches []arrow.RecordBatch
			for i := range 10 {
				batches = append(batches, ids(mem, i*10000, 10000))
			}
			defer func() {
				for _, b := range batches {
					b.Release()
				}
			}()
			var s sinks
			_, err := parquet.WriteFiles(test.ctx, rowsOf(batches, test.rows), batches[0].Schema(), nil, 60<<10, test.open(&s), parquet.Options{})
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			for _, opened := range s.all {
				if !opened.aborted {
					t.Errorf("sink %d was not aborted", opened.n)
				}
			}
		})
	}
}

// ids returns a batch of one column.
func ids(mem memory.Allocator, from, n int) arrow.RecordBatch {
	b := array.NewRecordBuilder(mem, arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}}, nil))
	defer b.Release()
	for i := range n {
		b.Field(0).(*array.Int64Builder).Append(int64(from + i))
	}
	return b.NewRecordBatch()
}

// TestPartitions writes rows of more partitions than files may be open, in an order that visits them again and
// again, and checks that each file holds its own rows, and all files together all.
func TestPartitions(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	var batches []arrow.RecordBatch
	for i := range 20 {
		batches = append(batches, ids(mem, i*1000, 1000))
	}
	field, err := parquet.ParsePartition("bucket(100, id)")
	if err != nil {
		t.Fatal(err)
	}
	by, err := parquet.NewPartitioning(batches[0].Schema(), []parquet.PartitionField{field})
	if err != nil {
		t.Fatal(err)
	}
	var s sinks
	files, err := parquet.WriteFiles(t.Context(), rowsOf(batches, nil), batches[0].Schema(), by, 1<<20, s.open, parquet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	home := map[string]string{} // of each row
	for _, f := range files {
		for _, id := range cells(decode(t, f.Sink.Bytes()).Column(0).Data().Chunks()) {
			if other, twice := home[id]; twice {
				t.Fatalf("row %s is in %s and %s", id, other, f.Partition.Path())
			}
			home[id] = f.Partition.Path()
		}
	}
	if len(home) != 20000 {
		t.Errorf("%d rows, want 20000", len(home))
	}
	want := map[string]string{}
	for i := range 20000 {
		want[fmt.Sprint(i)] = fmt.Sprintf("id_bucket_100=%d", icebergBucket(int64(i), 100))
	}
	if diff := cmp.Diff(want, home); diff != "" {
		t.Errorf("rows in wrong partitions:\n%.1000s", diff)
	}
	for _, b := range batches {
		b.Release()
	}
}

// TestPartitionMemory keeps the files of many partitions of a wide table open.
func TestPartitionMemory(t *testing.T) {
	batches := mixed(8, batchRows)
	field, err := parquet.ParsePartition("bucket(60, c00)")
	if err != nil {
		t.Fatal(err)
	}
	by, err := parquet.NewPartitioning(batches[0].Schema(), []parquet.PartitionField{field})
	if err != nil {
		t.Fatal(err)
	}
	before, peak := alive(), int64(0)
	rows := func(yield func(arrow.RecordBatch, error) bool) {
		for i := range 40 {
			b := batches[i%len(batches)]
			b.Retain()
			if !yield(b, nil) {
				return
			}
			peak = max(peak, alive()-before)
		}
	}
	discard := func(int, parquet.Partition) (null, error) { return null{}, nil }
	files, err := parquet.WriteFiles(t.Context(), rows, batches[0].Schema(), by, 64<<20, discard, parquet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("peak %.1f MiB, %d files", float64(peak)/(1<<20), len(files))
	if peak > writerBudget {
		t.Errorf("%d files held %d bytes, may hold %d", len(files), peak, writerBudget)
	}
}

// null is a sink that keeps nothing.
type null struct{}

func (null) Write(p []byte) (int, error) { return len(p), nil }
func (null) Close() error                { return nil }
func (null) Abort()                      {}
