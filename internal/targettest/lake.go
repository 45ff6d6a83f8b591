// Package targettest says in tests what a tidemark.Target must do, whatever it keeps its tables in.
package targettest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// A Lake is what is tested.
type Lake struct {
	Store   blob.Store       // where the catalog's keys lead to
	Catalog tidemark.Catalog // reads what the targets write

	// Target returns a new target of a pipeline, which knows nothing of earlier ones, as in another process.
	Target func(p tidemark.Pipeline) tidemark.Target
}

// Pipeline returns a pipeline that fills the table shop.orders.
func Pipeline(id tidemark.PipelineID, mode tidemark.Mode) tidemark.Pipeline {
	p := tidemark.Pipeline{
		ID: id, Table: tidemark.TableName{Database: "db", Name: "orders"}, Mode: mode,
		Target:    tidemark.TableID{Namespace: "shop", Name: "orders"},
		Evolution: tidemark.SchemaEvolve, FileSize: 1 << 20, Splits: 1,
	}
	if mode == tidemark.ModeMerge {
		p.Key = []string{"id"}
	}
	return p
}

// Schema returns the source's table: a key "id" and a text "name", and more columns if there are any.
func Schema(more ...tidemark.Column) *tidemark.Schema {
	return &tidemark.Schema{
		Columns: append([]tidemark.Column{
			{Name: "id", Type: arrow.PrimitiveTypes.Int64, SourceType: "bigint"},
			{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true, SourceType: "varchar(25)"},
		}, more...),
		Key: []string{"id"}, Unique: [][]string{{"id"}},
		Origin: tidemark.Origin{Server: "server-1", Table: "db.orders"},
	}
}

// Batch returns a batch of the schema: the ids, and in the other columns values that follow from them.
func Batch(s *tidemark.Schema, ids ...int64) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, s.Arrow())
	defer b.Release()
	for i := range s.Columns {
		for _, id := range ids {
			switch column := b.Field(i).(type) {
			case *array.Int64Builder:
				column.Append(id)
			case *array.Int32Builder:
				column.Append(int32(id))
			case *array.StringBuilder:
				column.Append(fmt.Sprintf("row %d", id))
			default:
				panic(fmt.Sprintf("no values of type %s", s.Columns[i].Type))
			}
		}
	}
	return b.NewRecordBatch()
}

// Rows yields batches, and at the end an error if there is one.
func Rows(err error, batches ...arrow.RecordBatch) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for _, b := range batches {
			if !yield(b, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// An Attempt is one try of a run, as the engine makes it.
type Attempt struct {
	ID     tidemark.RunID
	Target tidemark.Target
	Commit tidemark.Commit // ready to be made, once Begin has returned
}

// Begin does all of a run but the commit. Each id is a batch of its own, so that a small FileSize makes many files.
func Begin(ctx context.Context, target tidemark.Target, p tidemark.Pipeline, s *tidemark.Schema, ids ...int64) (*Attempt, error) {
	return BeginAs(ctx, tidemark.NewRunID(time.Now()), target, p, s, ids...)
}

// BeginAs is Begin with the id of a run that has made attempts before.
func BeginAs(ctx context.Context, id tidemark.RunID, target tidemark.Target, p tidemark.Pipeline, s *tidemark.Schema, ids ...int64) (*Attempt, error) {
	run := &Attempt{ID: id, Target: target}
	if err := target.Recover(ctx); err != nil {
		return run, fmt.Errorf("recover: %w", err)
	}
	base, err := target.Watermark(ctx)
	if err != nil {
		return run, fmt.Errorf("watermark: %w", err)
	}
	if err := target.Prepare(ctx, s); err != nil {
		return run, fmt.Errorf("prepare: %w", err)
	}
	w := tidemark.Watermark{
		Pipeline: p.ID, Seq: base.Seq + 1, Run: run.ID, Origin: s.Origin, Mode: p.Mode, Key: p.Key,
		High: base.High, Settled: base.Settled, Rows: int64(len(ids)), Total: base.Total + int64(len(ids)),
		T0: time.Now().UTC().Truncate(time.Microsecond), Committed: time.Now().UTC().Truncate(time.Microsecond),
	}
	run.Commit = tidemark.Commit{Base: base, Watermark: w}
	if len(ids) > 0 {
		run.Commit.Watermark.High = tidemark.IntegerValue(slices.Max(ids)).Max(base.High)
		batches := make([]arrow.RecordBatch, len(ids))
		for i, id := range ids {
			batches[i] = Batch(s, id)
		}
		run.Commit.Files, err = target.Write(ctx, run.ID, Rows(nil, batches...))
		if err != nil {
			return run, fmt.Errorf("write: %w", err)
		}
	}
	return run, nil
}

// Load is a whole run.
func Load(ctx context.Context, target tidemark.Target, p tidemark.Pipeline, s *tidemark.Schema, ids ...int64) (*Attempt, error) {
	run, err := Begin(ctx, target, p, s, ids...)
	if err != nil {
		return run, err
	}
	return run, target.Commit(ctx, run.Commit)
}

// IDs returns the ids in the table, sorted, each as often as it is there; nil when there is no table.
func (l Lake) IDs(t testing.TB, table tidemark.TableID) []int64 {
	t.Helper()
	ids, err := l.ids(t.Context(), table)
	if err != nil {
		t.Fatalf("read table %s: %v", table, err)
	}
	return ids
}

func (l Lake) ids(ctx context.Context, table tidemark.TableID) ([]int64, error) {
	snapshot, err := l.Catalog.Snapshot(ctx, table)
	if errors.Is(err, tidemark.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	deleted := make(map[int64]int64) // by id, the highest commit that deletes it
	for _, f := range snapshot.Deletes {
		ids, err := l.fileIDs(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			deleted[id] = max(deleted[id], f.Seq)
		}
	}
	var all []int64
	for _, f := range snapshot.Data {
		ids, err := l.fileIDs(ctx, f)
		if err != nil {
			return nil, err
		}
		if int64(len(ids)) != f.Rows {
			return nil, fmt.Errorf("%s has %d rows, the catalog says %d", f.Key, len(ids), f.Rows)
		}
		for _, id := range ids {
			if seq, ok := deleted[id]; !ok || f.Seq >= seq {
				all = append(all, id)
			}
		}
	}
	slices.Sort(all)
	return all, nil
}

// fileIDs reads the column "id" of a file.
func (l Lake) fileIDs(ctx context.Context, f tidemark.LakeFile) ([]int64, error) {
	table, err := ReadFile(ctx, l.Store, f.Key)
	if err != nil {
		return nil, err
	}
	defer table.Release()
	var ids []int64
	for _, chunk := range table.Column(table.Schema().FieldIndices("id")[0]).Data().Chunks() {
		ids = append(ids, chunk.(*array.Int64).Values()...)
	}
	return ids, nil
}

// ReadFile reads a whole Parquet file. The caller releases the table.
func ReadFile(ctx context.Context, store blob.Store, key string) (arrow.Table, error) {
	r, err := store.Get(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return pqarrow.ReadTable(ctx, bytes.NewReader(data), parquet.NewReaderProperties(memory.DefaultAllocator),
		pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
}
