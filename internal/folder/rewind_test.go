package folder_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob/blobtest"
	"github.com/tidemark-data/tidemark/internal/folder"
	"github.com/tidemark-data/tidemark/internal/targettest"
)

// goBack makes a commit that goes back, as the engine does.
func goBack(t *testing.T, target tidemark.Target, p tidemark.Pipeline, to int64) error {
	t.Helper()
	back, ok := target.(tidemark.Rewinder)
	if !ok {
		t.Fatal("a folder cannot go back")
	}
	h, err := back.History(t.Context())
	if err != nil {
		return err
	}
	if _, err := back.PlanRewind(t.Context(), to); err != nil {
		return err
	}
	if err := target.Recover(t.Context()); err != nil {
		return err
	}
	w := tidemark.Watermark{Mode: p.Mode}
	for _, c := range h.Commits {
		if c.Seq == to {
			w = c
		}
	}
	w.Pipeline, w.Seq, w.Run, w.Rows = p.ID, h.Next(), tidemark.NewRunID(time.Now()), 0
	return target.Commit(t.Context(), tidemark.Commit{Base: h.Now, Watermark: w, Rewind: &tidemark.Rewind{To: to}})
}

func holds(t *testing.T, what string, store folder.Store, p tidemark.Pipeline, want ...int64) {
	t.Helper()
	if got := lakeOn(store).IDs(t, p.Target); !slices.Equal(got, want) {
		t.Errorf("%s: the catalog shows %v, want %v", what, got, want)
	}
	if got := listed(t, store); !slices.Equal(got, want) {
		t.Errorf("%s: who lists the folder sees %v, want %v", what, got, want)
	}
}

// TestRewind goes back over ordinary commits, one that was taken back because its files were lost, and one that is made
// but whose files are still staged.
func TestRewind(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			store, p := open(t), small(tidemark.ModeAppend)
			lake := lakeOn(store)
			load(t, lake, p, 1, 2)
			load(t, lake, p, 3, 4)
			target := lake.Target(p)
			target.(tidemark.Discarder).Discard(t.Context(), crashed(t, store, p, source{5, 6})) // commit 3, whose uploads are lost
			load(t, lake, p, 5, 6)                                                               // 4 takes it back, 5
			holds(t, "before", store, p, 1, 2, 3, 4, 5, 6)
			crashed(t, store, p, source{7, 8})                      // 6
			if err := goBack(t, lake.Target(p), p, 2); err != nil { // 7
				t.Fatal(err)
			}
			holds(t, "back at commit 2", store, p, 1, 2, 3, 4)
			load(t, lake, p, 5, 6, 7, 8) // 8
			holds(t, "loaded again", store, p, 1, 2, 3, 4, 5, 6, 7, 8)
			if err := goBack(t, lake.Target(p), p, 5); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "[1 2 7 8]") {
				t.Errorf("to a commit that was taken back: %v, hint %q", err, tidemark.Hint(err))
			}
			if err := goBack(t, lake.Target(p), p, 1); err != nil { // 9
				t.Fatal(err)
			}
			holds(t, "back at commit 1", store, p, 1, 2)
			if err := goBack(t, lake.Target(p), p, 0); err != nil { // 10
				t.Fatal(err)
			}
			holds(t, "before the first", store, p)
			load(t, lake, p, 9)
			holds(t, "loaded anew", store, p, 9)
		})
	}
}

// TestRewindHalfDone: a process has made the commit that goes back, and dies before it could delete a file. Readers of
// the catalog see whole commits; the next run deletes the files; and one that was slow does not bring them back.
func TestRewindHalfDone(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			store, p := open(t), small(tidemark.ModeAppend)
			lake := lakeOn(store)
			load(t, lake, p, 1, 2)
			slow, err := targettest.Load(t.Context(), lake.Target(p), p, targettest.Schema(), 3, 4)
			if err != nil {
				t.Fatal(err)
			}
			dying := folder.NewTarget(blobtest.Faulty(store, func(op blobtest.Op, _ string) blobtest.Fault {
				if op == blobtest.OpDelete {
					return blobtest.Lost
				}
				return blobtest.None
			}), p, slog.New(slog.DiscardHandler))
			if err := goBack(t, dying, p, 1); !errors.Is(err, tidemark.ErrTransient) {
				t.Fatalf("a rewind that cannot delete: %v, want ErrTransient", err)
			}
			if got := lake.IDs(t, p.Target); !slices.Equal(got, []int64{1, 2}) {
				t.Errorf("the catalog shows %v", got)
			}
			if err := slow.Target.Commit(t.Context(), slow.Commit); err != nil {
				t.Errorf("the commit that was taken back, once more: %v", err)
			}
			if err := lake.Target(p).Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			holds(t, "recovered", store, p, 1, 2)
			if err := slow.Target.Commit(t.Context(), slow.Commit); err != nil {
				t.Errorf("the commit that was taken back, once more: %v", err)
			}
			load(t, lake, p, 3, 4)
			holds(t, "loaded again", store, p, 1, 2, 3, 4)
		})
	}
}

// TestRewindReplaced: what was replaced is deleted, so there is only the way to nothing.
func TestRewindReplaced(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			store, p := open(t), small(tidemark.ModeReplace)
			lake := lakeOn(store)
			load(t, lake, p, 1, 2)
			load(t, lake, p, 3, 4, 5)
			if err := goBack(t, lake.Target(p), p, 1); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "--all") {
				t.Errorf("to a commit that was replaced: %v, hint %q", err, tidemark.Hint(err))
			}
			holds(t, "refused", store, p, 3, 4, 5)
			if err := goBack(t, lake.Target(p), p, 0); err != nil {
				t.Fatal(err)
			}
			holds(t, "before the first", store, p)
			load(t, lake, p, 6, 7)
			load(t, lake, p, 8)
			holds(t, "loaded anew", store, p, 8)
		})
	}
}

// TestRewindVersion: who does not know records that go back must not take a table's files from the log.
func TestRewindVersion(t *testing.T) {
	store, p := stores["mem"](t), small(tidemark.ModeAppend)
	lake := lakeOn(store)
	load(t, lake, p, 1)
	load(t, lake, p, 2)
	if err := goBack(t, lake.Target(p), p, 1); err != nil {
		t.Fatal(err)
	}
	load(t, lake, p, 2)
	for seq, want := range map[int]string{2: `{"v":1,`, 3: `{"v":2,`, 4: `{"v":1,`} {
		if got := recordStart(t, store, seq, 7); got != want {
			t.Errorf("record %d begins with %s, want %s", seq, got, want)
		}
	}
}

// recordStart returns how a record of the log begins.
func recordStart(t *testing.T, store folder.Store, seq, length int) string {
	t.Helper()
	r, err := store.Get(t.Context(), fmt.Sprintf("_tidemark/orders/%020d.json", seq), 0, int64(length))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
