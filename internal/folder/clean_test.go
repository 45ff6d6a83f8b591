package folder_test

import (
	"slices"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/folder"
)

// TestClean removes side files that no commit names and uploads that nobody will finish, when they are old, and leaves
// what is still to be completed.
func TestClean(t *testing.T) {
	store := blob.NewMem()
	lake, p := lakeOn(store), small(tidemark.ModeAppend)
	clean := func(o folder.CleanOptions) tidemark.Maintenance {
		t.Helper()
		m, err := folder.Clean(t.Context(), store, p, o)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	now := folder.CleanOptions{KeepLast: 1}
	if m := clean(now); m.Done() {
		t.Errorf("before the first run: %+v", m)
	}
	load(t, lake, p, 1)
	const side = "_tidemark/orders/00000000000000000001-killed-1.overlap"
	if err := store.Put(t.Context(), side, []byte("x"), blob.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	crashed(t, store, p, source{1, 2, 3})
	if m := clean(folder.CleanOptions{KeepLast: 1, LeftoverAge: time.Hour}); m.Done() {
		t.Errorf("young files were removed: %+v", m)
	}
	if m := clean(folder.CleanOptions{KeepLast: 1, Auto: true}); m.Done() {
		t.Errorf("behind a run: %+v", m)
	}
	if m := clean(folder.CleanOptions{KeepLast: 1, DryRun: true}); m.Removed != 1 {
		t.Errorf("a dry run: %+v", m)
	}
	if m := clean(now); m.Removed != 1 || m.Freed != 1 || len(m.Notices) != 1 {
		t.Errorf("with a commit to complete: %+v", m)
	}
	load(t, lake, p, 4)
	if got := lake.IDs(t, p.Target); !slices.Equal(got, []int64{1, 2, 3, 4}) {
		t.Errorf("the catalog shows %v", got)
	}
	writer, err := store.Stage(t.Context(), p.Target.Namespace+"/"+p.Target.Name+"/killed.parquet")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m := clean(now); m.Removed != 1 || len(m.Notices) != 0 {
		t.Errorf("an upload that nobody finishes: %+v", m)
	}
	if got := lake.IDs(t, p.Target); len(got) != 4 {
		t.Errorf("the catalog shows %v", got)
	}
}
