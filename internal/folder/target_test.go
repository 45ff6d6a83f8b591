package folder_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/blob/blobtest"
	"github.com/tidemark-data/tidemark/internal/folder"
	"github.com/tidemark-data/tidemark/internal/targettest"
)

func load(t *testing.T, lake targettest.Lake, p tidemark.Pipeline, ids ...int64) {
	t.Helper()
	if _, err := targettest.Load(t.Context(), lake.Target(p), p, targettest.Schema(), ids...); err != nil {
		t.Fatal(err)
	}
}

// TestHint breaks the hint in every way: the watermark is right all the same.
func TestHint(t *testing.T) {
	const key = "_tidemark/orders/newest"
	old := "{\"seq\":1}"
	hints := map[string]*string{"missing": nil, "old": &old}
	for name, text := range map[string]string{"empty": "", "damaged": "{\"seq\":", "negative": "{\"seq\":-4}", "ahead": "{\"seq\":99}"} {
		hints[name] = &text
	}
	for name, hint := range hints {
		t.Run(name, func(t *testing.T) {
			store := blob.NewMem()
			lake, p := lakeOn(store), targettest.Pipeline("orders", tidemark.ModeAppend)
			for i := range int64(4) {
				load(t, lake, p, i)
			}
			err := store.Delete(t.Context(), key)
			if hint != nil {
				err = store.Put(t.Context(), key, []byte(*hint), blob.PutOptions{})
			}
			if err != nil {
				t.Fatal(err)
			}
			if w, err := lake.Target(p).Watermark(t.Context()); err != nil || w.Seq != 4 {
				t.Errorf("watermark %d, %v; want 4", w.Seq, err)
			}
			if got := lake.IDs(t, p.Target); !slices.Equal(got, []int64{0, 1, 2, 3}) {
				t.Errorf("the catalog shows %v", got)
			}
			load(t, lake, p, 4)
			if got := lake.IDs(t, p.Target); len(got) != 5 {
				t.Errorf("after another load the catalog shows %v", got)
			}
		})
	}
}

// TestCommitOnUnfinished: a process has recovered; then another makes a commit and dies with its files staged; then
// the first takes that commit's watermark as its base. Its own commit must not leave the other's files behind.
func TestCommitOnUnfinished(t *testing.T) {
	store := blob.NewMem()
	lake, p := lakeOn(store), small(tidemark.ModeAppend)
	load(t, lake, p, 1)
	target := lake.Target(p)
	if err := target.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	crashed(t, store, p, source{1, 2, 3})
	w, err := target.Watermark(t.Context())
	if err != nil || w.Seq != 2 {
		t.Fatalf("watermark %d, %v; want 2", w.Seq, err)
	}
	if err := target.Prepare(t.Context(), targettest.Schema()); err != nil {
		t.Fatal(err)
	}
	next := w
	next.Seq, next.Run = 3, "the-next-run"
	files, err := target.Write(t.Context(), next.Run, targettest.Rows(nil, targettest.Batch(targettest.Schema(), 4)))
	if err != nil {
		t.Fatal(err)
	}
	if err := target.Commit(t.Context(), tidemark.Commit{Base: w, Watermark: next, Files: files}); err != nil {
		t.Fatal(err)
	}
	if got := listed(t, store); !slices.Equal(got, []int64{1, 2, 3, 4}) {
		t.Errorf("a listing shows %v, want all four", got)
	}
}

// TestUnknownCommit loses every answer to the commit, from which nobody can tell what became of it.
func TestUnknownCommit(t *testing.T) {
	for _, fault := range []blobtest.Fault{blobtest.Lost, blobtest.Applied} {
		t.Run(fault.String(), func(t *testing.T) {
			store := blob.NewMem()
			lake, p := lakeOn(store), small(tidemark.ModeAppend)
			target := folder.NewTarget(blobtest.Faulty(store, func(op blobtest.Op, key string) blobtest.Fault {
				if op == blobtest.OpPut && strings.HasSuffix(key, fmt.Sprintf("%020d.json", 1)) {
					return fault
				}
				return blobtest.None
			}), p, slog.New(slog.DiscardHandler))
			_, err := targettest.Load(t.Context(), target, p, targettest.Schema(), 1, 2)
			if fault == blobtest.Lost && !errors.Is(err, tidemark.ErrFatal) {
				t.Errorf("commit: %v, want ErrFatal", err)
			}
			if err := (source{1, 2}).run(t.Context(), lake.Target(p), p); err != nil {
				t.Fatal(err)
			}
			if got := listed(t, store); !slices.Equal(got, []int64{1, 2}) {
				t.Errorf("a listing shows %v, want 1 and 2", got)
			}
		})
	}
}

// TestCancelledCommit ends the context while the commit is under way.
func TestCancelledCommit(t *testing.T) {
	store := blob.NewMem()
	lake, p := lakeOn(store), small(tidemark.ModeAppend)
	ctx, cancel := context.WithCancel(t.Context())
	target := folder.NewTarget(blobtest.Faulty(store, func(op blobtest.Op, key string) blobtest.Fault {
		if op == blobtest.OpPut && strings.HasSuffix(key, fmt.Sprintf("%020d.json", 1)) && ctx.Err() == nil {
			cancel()
			return blobtest.Lost
		}
		return blobtest.None
	}), p, slog.New(slog.DiscardHandler))
	if _, err := targettest.Load(ctx, target, p, targettest.Schema(), 1, 2); err == nil {
		t.Error("a cancelled commit says that all is done")
	}
	if w, err := lake.Target(p).Watermark(t.Context()); err != nil || w.Seq != 1 {
		t.Errorf("watermark %d, %v; want 1: the outcome was found out before the commit returned", w.Seq, err)
	}
	if err := (source{1, 2}).run(t.Context(), lake.Target(p), p); err != nil {
		t.Fatal(err)
	}
	if got := listed(t, store); !slices.Equal(got, []int64{1, 2}) {
		t.Errorf("a listing shows %v, want 1 and 2", got)
	}
}

func TestSeveralPipelines(t *testing.T) {
	lake := lakeOn(blob.NewMem())
	one := targettest.Pipeline("eu", tidemark.ModeAppend)
	two := targettest.Pipeline("us", tidemark.ModeAppend)
	load(t, lake, one, 1, 2)
	load(t, lake, two, 11, 12)
	load(t, lake, one, 3)
	if got := lake.IDs(t, one.Target); !slices.Equal(got, []int64{1, 2, 3, 11, 12}) {
		t.Errorf("the catalog shows %v", got)
	}
	for p, want := range map[*tidemark.Pipeline]int64{&one: 2, &two: 1} {
		if w, err := lake.Target(*p).Watermark(t.Context()); err != nil || w.Seq != want || w.Pipeline != p.ID {
			t.Errorf("watermark of %s: %d of %q, %v; want %d", p.ID, w.Seq, w.Pipeline, err, want)
		}
	}
	snapshot, err := lake.Catalog.Snapshot(t.Context(), one.Target)
	if err != nil || snapshot.ID != "eu:2 us:1" {
		t.Errorf("snapshot %q, %v", snapshot.ID, err)
	}
	replace := targettest.Pipeline("all", tidemark.ModeReplace)
	if _, err := targettest.Load(t.Context(), lake.Target(replace), replace, targettest.Schema(), 1); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("replace of a table that others fill: %v, want ErrInvalid", err)
	}
}

func TestRefused(t *testing.T) {
	store := blob.NewMem()
	lake := lakeOn(store)
	merge := targettest.Pipeline("orders", tidemark.ModeMerge)
	if err := lake.Target(merge).Recover(t.Context()); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "iceberg") {
		t.Errorf("merge: %v with hint %q", err, tidemark.Hint(err))
	}
	p := targettest.Pipeline("orders", tidemark.ModeAppend)
	upper := targettest.Schema(tidemark.Column{Name: "NAME", Type: arrow.BinaryTypes.String})
	if err := lake.Target(p).Prepare(t.Context(), upper); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("columns that differ in case: %v, want ErrInvalid", err)
	}
	put := func(key string) {
		if err := store.Put(t.Context(), key, []byte("x"), blob.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	put("shop/orders/_SUCCESS") // hidden from readers
	if _, err := lake.Target(p).Watermark(t.Context()); err != nil {
		t.Errorf("watermark beside a hidden file: %v", err)
	}
	put("shop/orders/part-0.parquet")
	if _, err := lake.Target(p).Watermark(t.Context()); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "adopt") {
		t.Errorf("a table made by somebody else: %v with hint %q", err, tidemark.Hint(err))
	}
}

func TestMovedTable(t *testing.T) {
	lake, p := lakeOn(blob.NewMem()), targettest.Pipeline("orders", tidemark.ModeAppend)
	load(t, lake, p, 1)
	p.Target.Name = "other"
	if _, err := lake.Target(p).Watermark(t.Context()); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("a pipeline with another table: %v, want ErrInvalid", err)
	}
}

func TestPartitioned(t *testing.T) {
	store := blob.NewMem()
	lake, p := lakeOn(store), targettest.Pipeline("orders", tidemark.ModeAppend)
	p.PartitionBy = []string{"truncate(10, id)", "name"}
	load(t, lake, p, 1, 2, 11, 12)
	folders := map[string]int{}
	for o, err := range store.List(t.Context(), "shop/orders/") {
		if err != nil {
			t.Fatal(err)
		}
		folders[o.Key[len("shop/orders/"):strings.LastIndex(o.Key, "/")]]++
	}
	want := map[string]int{
		"id_trunc_10=0/name=row%201": 1, "id_trunc_10=0/name=row%202": 1,
		"id_trunc_10=10/name=row%2011": 1, "id_trunc_10=10/name=row%2012": 1,
	}
	if diff := cmp.Diff(want, folders); diff != "" {
		t.Errorf("folders (-want +got):\n%s", diff)
	}
	if got := lake.IDs(t, p.Target); !slices.Equal(got, []int64{1, 2, 11, 12}) {
		t.Errorf("the catalog shows %v", got)
	}
	p.PartitionBy = nil
	if _, err := targettest.Load(t.Context(), lake.Target(p), p, targettest.Schema(), 3); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("other partitions: %v, want ErrInvalid", err)
	}
}

func TestCatalogEmpty(t *testing.T) {
	lake := lakeOn(blob.NewMem())
	if tables, err := lake.Catalog.Tables(t.Context()); err != nil || len(tables) != 0 {
		t.Errorf("tables of an empty lake: %v, %v", tables, err)
	}
	if _, err := lake.Catalog.Snapshot(t.Context(), tidemark.TableID{Namespace: "a", Name: "b"}); !errors.Is(err, tidemark.ErrNotFound) {
		t.Errorf("snapshot of no table: %v, want ErrNotFound", err)
	}
	p := targettest.Pipeline("orders", tidemark.ModeAppend)
	if err := lake.Target(p).Prepare(t.Context(), targettest.Schema()); err != nil {
		t.Fatal(err)
	}
	if s, err := lake.Catalog.Snapshot(t.Context(), p.Target); err != nil || s.ID != "" || len(s.Data) != 0 || s.Schema.NumFields() != 2 {
		t.Errorf("snapshot of an empty table: %+v, %v", s, err)
	}
}

// TestFilesConform: each file has the columns that the table has when it is written, whatever the source sends.
func TestFilesConform(t *testing.T) {
	store := blob.NewMem()
	lake, p := lakeOn(store), targettest.Pipeline("orders", tidemark.ModeAppend)
	small := tidemark.Column{Name: "small", Type: arrow.PrimitiveTypes.Int32, Nullable: true}
	wide := small
	wide.Type = arrow.PrimitiveTypes.Int64
	var files []string
	for i, columns := range [][]tidemark.Column{{small}, {wide}, {small}, nil} {
		if _, err := targettest.Load(t.Context(), lake.Target(p), p, targettest.Schema(columns...), int64(i)); err != nil {
			t.Fatal(err)
		}
	}
	snapshot, err := lake.Catalog.Snapshot(t.Context(), p.Target)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range snapshot.Data {
		table, err := targettest.ReadFile(t.Context(), store, f.Key)
		if err != nil {
			t.Fatal(err)
		}
		column := table.Column(table.Schema().FieldIndices("small")[0])
		files = append(files, fmt.Sprintf("%s %s", column.DataType(), column.Data().Chunk(0).ValueStr(0)))
		table.Release()
	}
	if diff := cmp.Diff([]string{"int32 0", "int64 1", "int64 2", "int64 (null)"}, files); diff != "" {
		t.Errorf("column small in each file (-want +got):\n%s", diff)
	}
}
