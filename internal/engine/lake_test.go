package engine_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// lakeRows reads a table as an independent reader would: the files of the snapshot, equality deletes applied. The
// rows come sorted.
func lakeRows(t *testing.T, store blob.Store, catalog tidemark.Catalog, id tidemark.TableID) []row {
	t.Helper()
	snapshot, err := catalog.Snapshot(context.Background(), id)
	if errors.Is(err, tidemark.ErrNotFound) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	deleted := map[int32]int64{} // id to the highest sequence number that deletes it
	for _, f := range snapshot.Deletes {
		for _, r := range fileRows(t, store, f.Key) {
			deleted[r.id] = max(deleted[r.id], f.Seq)
		}
	}
	var rows []row
	for _, f := range snapshot.Data {
		for _, r := range fileRows(t, store, f.Key) {
			if deleted[r.id] <= f.Seq {
				rows = append(rows, r)
			}
		}
	}
	return sorted(rows)
}

func fileRows(t *testing.T, store blob.Store, key string) (rows []row) {
	t.Helper()
	object, err := store.Get(context.Background(), key, 0, -1)
	if err != nil {
		t.Fatalf("a reader sees %s, but: %v", key, err)
	}
	defer object.Close()
	data, err := io.ReadAll(object)
	if err != nil {
		t.Fatal(err)
	}
	pq, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	reader, err := pqarrow.NewFileReader(pq, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	content, err := reader.ReadTable(context.Background())
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	defer content.Release()
	batches := array.NewTableReader(content, -1)
	defer batches.Release()
	for batches.Next() {
		rows = append(rows, rowsOf(batches.RecordBatch())...)
	}
	return rows
}

// rowsOf reads a batch that has at least the column id, as a delete file does.
func rowsOf(b arrow.RecordBatch) []row {
	rows := make([]row, b.NumRows())
	for c, field := range b.Schema().Fields() {
		if strings.HasPrefix(field.Name, "_rejected_") {
			continue
		}
		for i := range rows {
			switch column := b.Column(c).(type) {
			case *array.Int32:
				rows[i].id = column.Value(i)
			case *array.Timestamp:
				if column.IsValid(i) {
					rows[i].ts = int64(column.Value(i)) / 1e6
				}
			case *array.String:
				rows[i].note = column.Value(i)
			default:
				panic("unexpected column " + field.Name)
			}
		}
	}
	return rows
}

func sorted(rows []row) []row {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.ts, b.ts), cmp.Compare(a.note, b.note))
	})
	return rows
}
