package folder_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/blob/blobtest"
	"github.com/tidemark-data/tidemark/internal/failpoint"
	"github.com/tidemark-data/tidemark/internal/folder"
	"github.com/tidemark-data/tidemark/internal/targettest"
)

// TestMendFailpoints stops a mending run at each place of the protocol, as a kill there would, and lets another process go
// on. At no time does the catalog show anything but the rows before or after; nor does a listing, once it has gone on.
func TestMendFailpoints(t *testing.T) {
	t.Cleanup(func() { disarm(t) })
	before, after := []int64{1, 2, 3, 4, 5, 6, 7, 8}, []int64{1, 3, 4, 8, 9}
	for _, mode := range []tidemark.Mode{tidemark.ModeAppend, tidemark.ModeReplace} {
		for _, step := range []string{"commit.before", "commit.after", "complete.before", "complete.after", "delete.before", "delete.after", "newest.before", "newest.after"} {
			t.Run(fmt.Sprintf("%s/%s", mode, step), func(t *testing.T) {
				store, p := openFile(t), targettest.Pipeline("orders", mode)
				lake := lakeOn(store)
				full(t, store, p)
				target := lake.Target(p)
				a, err := begin(t.Context(), target, p, places(t, store, p, 2, 5, 6, 7), 9)
				if err != nil {
					t.Fatal(err)
				}
				if err := failpoint.Arm("folder." + step + "=error"); err != nil {
					t.Fatal(err)
				}
				err = target.Commit(t.Context(), a.Commit)
				disarm(t)
				if !errors.Is(err, failpoint.ErrHit) {
					t.Fatalf("commit: %v, want the failpoint to be hit", err)
				}
				if got := lake.IDs(t, p.Target); !slices.Equal(got, before) && !slices.Equal(got, after) {
					t.Errorf("killed, the catalog shows %v", got)
				}
				if err := lake.Target(p).Recover(t.Context()); err != nil {
					t.Fatal(err)
				}
				want := after
				if step == "commit.before" {
					want = before
				}
				holds(t, "recovered", store, p, want...)
			})
		}
	}
}

// TestMendFaultTable breaks each write of a mending commit, in turn: the write is lost, or done and reported as failed;
// and then the process goes on with what it was told, or is dead.
func TestMendFaultTable(t *testing.T) {
	for _, mode := range []tidemark.Mode{tidemark.ModeAppend, tidemark.ModeReplace} {
		for _, fault := range []blobtest.Fault{blobtest.Lost, blobtest.Applied} {
			for _, dead := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/dead=%t", mode, fault, dead), func(t *testing.T) {
					n := 1
					for ; mendFaultAt(t, n, mode, fault, dead); n++ {
					}
					if n < 8 {
						t.Errorf("only %d writes were broken", n-1)
					}
				})
			}
		}
	}
}

// mendFaultAt breaks the n-th write and reports whether there was one.
func mendFaultAt(t *testing.T, n int, mode tidemark.Mode, fault blobtest.Fault, dead bool) bool {
	t.Helper()
	before, after := []int64{1, 2, 3, 4, 5, 6, 7, 8}, []int64{1, 3, 4, 8, 9}
	store, p := blob.NewMem(), targettest.Pipeline("orders", mode)
	lake := lakeOn(store)
	full(t, store, p)
	base, err := lake.Target(p).Watermark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at, writes := "", 0
	faulty := folder.NewTarget(blobtest.Faulty(store, func(op blobtest.Op, key string) blobtest.Fault {
		if op.Writes() {
			writes++
		}
		if op.Writes() && writes == n {
			at = fmt.Sprintf("write %d (%s %s)", n, op, key)
			return fault
		}
		if dead && at != "" {
			return blobtest.Lost
		}
		return blobtest.None
	}), p, slog.New(slog.DiscardHandler))
	err = mend(t.Context(), faulty, p, places(t, store, p, 2, 5, 6, 7), 9)
	if at == "" {
		return false
	}
	got := lake.IDs(t, p.Target)
	if !slices.Equal(got, before) && !slices.Equal(got, after) {
		t.Errorf("%s: the catalog shows %v", at, got)
	}
	if err == nil && !slices.Equal(got, after) {
		t.Errorf("%s: the commit succeeded, the catalog shows %v", at, got)
	}
	for _, id := range []int64{1, 3, 4, 8} {
		if !slices.Contains(listed(t, store), id) {
			t.Errorf("%s: a listing shows %v: row %d is nowhere", at, listed(t, store), id)
		}
	}
	target := lake.Target(p)
	if err := target.Recover(t.Context()); err != nil {
		t.Fatalf("%s: recover: %v", at, err)
	}
	w, err := target.Watermark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := before
	if w.Seq == base.Seq+1 { // the mending commit is there
		want = after
	}
	holds(t, at, store, p, want...)
	return true
}

// TestMendLostUploads: a process has made the commit and died, and a lifecycle rule aborts one or all of its uploads. The
// commit is taken back, and all rows are where they were.
func TestMendLostUploads(t *testing.T) {
	for lost, name := range []string{"all", "one"} {
		t.Run(name, func(t *testing.T) {
			eachKind(t, func(t *testing.T, store folder.Store, p tidemark.Pipeline) {
				lake := lakeOn(store)
				full(t, store, p)
				low, err := lake.Target(p).Watermark(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				completed := 0
				dying := folder.NewTarget(blobtest.Faulty(store, func(op blobtest.Op, _ string) blobtest.Fault {
					switch {
					case op == blobtest.OpComplete && lost == 1 && completed == 0:
						completed++
						return blobtest.None
					case op == blobtest.OpComplete || op == blobtest.OpDelete:
						return blobtest.Lost
					}
					return blobtest.None
				}), p, slog.New(slog.DiscardHandler))
				a, err := begin(t.Context(), dying, p, places(t, store, p, 2, 5, 6, 7), 9, 10)
				if err != nil {
					t.Fatal(err)
				}
				if err := dying.Commit(t.Context(), a.Commit); !errors.Is(err, tidemark.ErrTransient) {
					t.Fatalf("commit: %v, want ErrTransient", err)
				}
				if got := lake.IDs(t, p.Target); !slices.Equal(got, []int64{1, 2, 3, 4, 5, 6, 7, 8}) {
					t.Errorf("with the commit made and not completed the catalog shows %v", got)
				}
				lake.Target(p).(tidemark.Discarder).Discard(t.Context(), a.Commit.Files) // does nothing to those that are completed
				target := lake.Target(p)
				if err := target.Recover(t.Context()); err != nil {
					t.Fatal(err)
				}
				holds(t, "taken back", store, p, 1, 2, 3, 4, 5, 6, 7, 8)
				if w, err := target.Watermark(t.Context()); err != nil || w.Seq != low.Seq+2 || w.Run != low.Run || w.High != low.High {
					t.Errorf("watermark %d of run %s at %s, %v", w.Seq, w.Run, w.High, err)
				}
				mended(t, store, p, []int64{2, 5, 6, 7}, 9, 10)
				holds(t, "mended again", store, p, 1, 3, 4, 8, 9, 10)
			})
		})
	}
}

// TestMendRemoved: somebody has removed a file of a commit that had begun to delete the old ones. The commit cannot be
// taken back, and nobody is told that all is well.
func TestMendRemoved(t *testing.T) {
	store, p := blob.NewMem(), targettest.Pipeline("orders", tidemark.ModeAppend)
	full(t, store, p)
	deleted := 0
	dying := folder.NewTarget(blobtest.Faulty(store, func(op blobtest.Op, _ string) blobtest.Fault {
		if op == blobtest.OpDelete {
			if deleted++; deleted > 1 {
				return blobtest.Lost
			}
		}
		return blobtest.None
	}), p, slog.New(slog.DiscardHandler))
	a, err := begin(t.Context(), dying, p, places(t, store, p, 2, 5), 9)
	if err != nil {
		t.Fatal(err)
	}
	if err := dying.Commit(t.Context(), a.Commit); !errors.Is(err, tidemark.ErrTransient) {
		t.Fatalf("commit: %v, want ErrTransient", err)
	}
	if err := store.Delete(t.Context(), a.Commit.Files[0].Path()); err != nil {
		t.Fatal(err)
	}
	if err := lakeOn(store).Target(p).Recover(t.Context()); !errors.Is(err, tidemark.ErrInvalid) || tidemark.Hint(err) == "" {
		t.Errorf("recover: %v with hint %q", err, tidemark.Hint(err))
	}
}

// TestMendOvertaken: a process that completes a mending commit is slow at each of its steps. Meanwhile another one has
// completed it and mended the same rows once more, so that all files are gone which the slow one knows of.
func TestMendOvertaken(t *testing.T) {
	eachKind(t, func(t *testing.T, store folder.Store, p tidemark.Pipeline) {
		full(t, store, p)
		for _, slow := range []blobtest.Op{blobtest.OpCheck, blobtest.OpComplete, blobtest.OpDelete} {
			last := listed(t, store)
			dying := folder.NewTarget(blobtest.Faulty(store, func(op blobtest.Op, _ string) blobtest.Fault {
				if op == blobtest.OpComplete || op == blobtest.OpDelete {
					return blobtest.Lost
				}
				return blobtest.None
			}), p, slog.New(slog.DiscardHandler))
			a, err := begin(t.Context(), dying, p, places(t, store, p, last[0], last[2]), last[0]+100)
			if err != nil {
				t.Fatal(err)
			}
			if err := dying.Commit(t.Context(), a.Commit); !errors.Is(err, tidemark.ErrTransient) {
				t.Fatalf("commit: %v, want ErrTransient", err)
			}
			want := append(slices.Clone(last[1:2]), last[3:]...)
			waits := true
			late := folder.NewTarget(blobtest.Faulty(store, func(op blobtest.Op, _ string) blobtest.Fault {
				if waits && op == slow {
					waits = false
					if err := lakeOn(store).Target(p).Recover(t.Context()); err != nil {
						t.Error(err)
					}
					mended(t, store, p, []int64{last[0] + 100, last[1], last[3]}, last[1]+200, last[3]+200)
				}
				return blobtest.None
			}), p, slog.New(slog.DiscardHandler))
			if err := late.Recover(t.Context()); err != nil {
				t.Errorf("recover, slow at %s: %v", slow, err)
			}
			if waits {
				t.Fatalf("there was no %s", slow)
			}
			want = append(want[2:], want[0]+200, want[1]+200)
			slices.Sort(want)
			holds(t, fmt.Sprintf("slow at %s", slow), store, p, want...)
			if err := a.Target.Commit(t.Context(), a.Commit); err != nil {
				t.Errorf("the first of the two commits, once more: %v", err)
			}
			holds(t, "repeated", store, p, want...)
		}
	})
}

// TestMendTakenBack: between the last file that a process completes and the first that it deletes another one has taken
// the commit back, since it saw a file less. The old files stay.
func TestMendTakenBack(t *testing.T) {
	eachKind(t, func(t *testing.T, store folder.Store, p tidemark.Pipeline) {
		full(t, store, p)
		var made []tidemark.DataFile
		completed := 0
		late := folder.NewTarget(blobtest.Faulty(store, func(op blobtest.Op, key string) blobtest.Fault {
			if op == blobtest.OpComplete {
				completed++
			}
			if op == blobtest.OpGet && len(made) > 0 && completed >= len(made) && strings.HasSuffix(key, ".json") {
				removed := made[0].Path()
				made = nil
				if err := store.Delete(t.Context(), removed); err != nil {
					t.Error(err)
				}
				if err := lakeOn(store).Target(p).Recover(t.Context()); err != nil {
					t.Error(err)
				}
			}
			return blobtest.None
		}), p, slog.New(slog.DiscardHandler))
		a, err := begin(t.Context(), late, p, places(t, store, p, 1, 5), 9)
		if err != nil {
			t.Fatal(err)
		}
		made = a.Commit.Files
		if p.Mode == tidemark.ModeReplace { // the commit completes the two others as well
			completed = -2
		}
		if err := late.Commit(t.Context(), a.Commit); !errors.Is(err, tidemark.ErrRestart) || made != nil {
			t.Errorf("commit: %v, want ErrRestart", err)
		}
		holds(t, "taken back", store, p, 1, 2, 3, 4, 5, 6, 7, 8)
	})
}

// TestMendBrokenRead: the store fails while a file is read, or the file is gone: the error says which, and nothing stays
// staged.
func TestMendBrokenRead(t *testing.T) {
	store, p := blob.NewMem(), targettest.Pipeline("orders", tidemark.ModeAppend)
	full(t, store, p)
	out := places(t, store, p, 1, 5)
	reads := 0
	broken := folder.NewTarget(blobtest.Faulty(store, func(op blobtest.Op, key string) blobtest.Fault {
		if op == blobtest.OpGet && key == out[1].Key {
			if reads++; reads > 1 {
				return blobtest.Lost
			}
		}
		return blobtest.None
	}), p, slog.New(slog.DiscardHandler))
	if err := mend(t.Context(), broken, p, out); !errors.Is(err, tidemark.ErrTransient) || !errors.Is(err, blobtest.ErrInjected) {
		t.Errorf("a read that fails: %v, want ErrTransient", err)
	}
	for _, meanwhile := range []blobtest.Op{blobtest.OpStat, blobtest.OpGet} {
		gone := folder.NewTarget(blobtest.Faulty(store, func(op blobtest.Op, key string) blobtest.Fault {
			if op == meanwhile && key == out[1].Key {
				if err := store.Delete(t.Context(), key); err != nil {
					t.Error(err)
				}
			}
			return blobtest.None
		}), p, slog.New(slog.DiscardHandler))
		if err := mend(t.Context(), gone, p, out); !errors.Is(err, tidemark.ErrConflict) || !strings.Contains(err.Error(), out[1].Key) {
			t.Errorf("a file that is gone at its %s: %v, want ErrConflict", meanwhile, err)
		}
		if n, err := store.Sweep(t.Context(), "", time.Now().Add(time.Hour)); err != nil || n != 0 {
			t.Errorf("%d staged files are left, %v", n, err)
		}
	}
}
