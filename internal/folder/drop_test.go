package folder_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob/blobtest"
	"github.com/tidemark-data/tidemark/internal/folder"
	"github.com/tidemark-data/tidemark/internal/targettest"
)

func drop(t *testing.T, store folder.Store, p tidemark.Pipeline) {
	t.Helper()
	c := folder.NewCatalog(store)
	d, err := c.PlanDrop(t.Context(), p.Target)
	if err == nil {
		err = c.Drop(t.Context(), d, func() error { return nil })
	}
	if err != nil {
		t.Error(err)
	}
}

// keysOf lists what is in the store.
func keysOf(t *testing.T, store folder.Store) (keys []string) {
	t.Helper()
	for o, err := range store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}

// TestDropBesideCommit drops the table just before, and just behind, the record of a commit is put. In both cases nothing of
// the table is left, and the run does not say that its rows are there when they are not.
func TestDropBesideCommit(t *testing.T) {
	for name, open := range stores {
		for _, mode := range []tidemark.Mode{tidemark.ModeAppend, tidemark.ModeReplace} {
			t.Run(fmt.Sprintf("%s/%s", name, mode), func(t *testing.T) {
				store := open(t)
				lake, p := lakeOn(store), small(mode)
				load(t, lake, p, 1, 2)
				dropped := false
				target := folder.NewTarget(blobtest.Faulty(store, func(op blobtest.Op, key string) blobtest.Fault {
					if op == blobtest.OpPut && strings.HasSuffix(key, fmt.Sprintf("%020d.json", 2)) && !dropped {
						dropped = true
						drop(t, store, p)
					}
					return blobtest.None
				}), p, slog.New(slog.DiscardHandler))
				_, err := targettest.Load(t.Context(), target, p, targettest.Schema(), 3, 4)
				if !dropped || !errors.Is(err, tidemark.ErrConflict) {
					t.Errorf("the commit: %v, want ErrConflict", err)
				}
				if keys := keysOf(t, store); len(keys) > 0 {
					t.Errorf("left: %v", keys)
				}
				if w, err := lake.Target(p).Watermark(t.Context()); err != nil || w.Seq != 0 {
					t.Errorf("watermark %d, %v", w.Seq, err)
				}
				load(t, lake, p, 1, 2, 3)
				if got := lake.IDs(t, p.Target); !slices.Equal(got, []int64{1, 2, 3}) {
					t.Errorf("the catalog shows %v", got)
				}
			})
		}
	}
}

// TestDropIsFenced: a commit behind the plan wins; a table that bears the mark takes no run.
func TestDropIsFenced(t *testing.T) {
	store := openFile(t)
	lake, p := lakeOn(store), small(tidemark.ModeAppend)
	load(t, lake, p, 1, 2)
	c := folder.NewCatalog(store)
	d, err := c.PlanDrop(t.Context(), p.Target)
	if err != nil || d.Data.Rows != 2 || d.Commits != 1 || len(d.Pipelines) != 1 {
		t.Fatalf("the plan is %+v, %v", d, err)
	}
	load(t, lake, p, 3)
	if err := c.Drop(t.Context(), d, func() error { return nil }); !errors.Is(err, tidemark.ErrConflict) {
		t.Errorf("Drop = %v, want ErrConflict", err)
	}
	if got := lake.IDs(t, p.Target); !slices.Equal(got, []int64{1, 2, 3}) {
		t.Errorf("the catalog shows %v", got)
	}
	if d, err = c.PlanDrop(t.Context(), p.Target); err != nil {
		t.Fatal(err)
	}
	d.Events = []tidemark.Event{{Pipeline: p.ID}}
	stopped := errors.New("stopped")
	if err := c.Drop(t.Context(), d, func() error { return stopped }); !errors.Is(err, stopped) {
		t.Fatal(err)
	}
	if _, err := targettest.Load(t.Context(), lake.Target(p), p, targettest.Schema(), 4); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "catalog drop") {
		t.Errorf("a run: %v with hint %q", err, tidemark.Hint(err))
	}
	if d, err = c.PlanDrop(t.Context(), p.Target); err != nil || d.Begun.IsZero() || len(d.Events) != 1 || d.Events[0].Pipeline != p.ID {
		t.Errorf("the plan is %+v, %v", d, err)
	}
	drop(t, store, p)
	if keys := keysOf(t, store); len(keys) > 0 {
		t.Errorf("left: %v", keys)
	}
}
