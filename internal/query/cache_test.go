package query

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// counting is a store that counts what is fetched from it.
type counting struct {
	blob.Store
	gets atomic.Int64
	cut  bool // end each object too early
}

func (c *counting) String() string { return "counting" }

func (c *counting) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	c.gets.Add(1)
	r, err := c.Store.Get(ctx, key, offset, length)
	if err == nil && c.cut {
		return struct {
			io.Reader
			io.Closer
		}{io.LimitReader(r, 10), r}, nil
	}
	return r, err
}

// bucketLake is a lake whose files are not on this machine: ten of one row each.
func bucketLake(t *testing.T) (*lake, *counting) {
	l := newLake(t)
	store := &counting{Store: blob.NewMem()}
	l.store, l.folder = store, ""
	s := l.table("a", "b", field(1, "n", i32))
	for i := range 10 {
		s.Data = append(s.Data, l.file(fmt.Sprintf("a/b/[%d]*.parquet", i), 1, s.Schema.Fields(), fmt.Sprintf(`{"n":%d}`, i)))
	}
	return l, store
}

func (l *lake) cached() []string {
	files, err := filepath.Glob(filepath.Join(l.cache, "files", "*"))
	if err != nil {
		l.t.Fatal(err)
	}
	return files
}

func TestCache(t *testing.T) {
	l, store := bucketLake(t)
	for range 3 {
		l.check("SELECT sum(n) FROM a.b", "45")
	}
	if n := store.gets.Load(); n != 10 {
		t.Errorf("%d files were fetched, want each once", n)
	}
	if n := len(l.cached()); n != 10 {
		t.Errorf("%d files in the cache, want 10", n)
	}
	if left, _ := filepath.Glob(filepath.Join(l.cache, stagePrefix+"*")); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}

	// A file that was cut, as by a full disk, is fetched again.
	if err := os.Truncate(l.cached()[0], 5); err != nil {
		t.Fatal(err)
	}
	l.check("SELECT sum(n) FROM a.b", "45")
	if n := store.gets.Load(); n != 11 {
		t.Errorf("%d files were fetched, want 11", n)
	}

	// Another store with the same keys has other files.
	other, second := bucketLake(t)
	other.cache = l.cache
	other.store = blob.Within(second, "a") // another name, and nothing under these keys
	if _, _, err := other.csvOf("SELECT sum(n) FROM a.b"); !errors.Is(err, tidemark.ErrNotFound) {
		t.Errorf("err = %v, want ErrNotFound", err)
	}
}

// TestCacheEvicts: the cache keeps its limit, and a query whose files do not fit works all the same.
func TestCacheEvicts(t *testing.T) {
	l, store := bucketLake(t)
	size := l.tables[0].Data[0].Bytes
	o := l.options()
	o.CacheLimit = 3*size + size/2
	for range 2 {
		r, err := Run(t.Context(), o, "SELECT sum(n) FROM a.b")
		if err != nil {
			t.Fatal(err)
		}
		for row, err := range r.Rows() {
			if err != nil || fmt.Sprint(row[0]) != "45" {
				t.Errorf("row = %v, %v", row, err)
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if n := len(l.cached()); n != 3 {
			t.Errorf("%d files in the cache, want 3", n)
		}
	}
	if n := store.gets.Load(); n < 17 {
		t.Errorf("%d files were fetched, want nearly all of them twice", n)
	}
}

func TestCacheRefusesACutFile(t *testing.T) {
	l, store := bucketLake(t)
	store.cut = true
	if _, _, err := l.csvOf("SELECT sum(n) FROM a.b"); !errors.Is(err, tidemark.ErrTransient) {
		t.Errorf("err = %v, want ErrTransient", err)
	}
	if files := l.cached(); len(files) != 0 {
		t.Errorf("in the cache: %q", files)
	}
	store.cut = false
	l.check("SELECT sum(n) FROM a.b", "45")
}
