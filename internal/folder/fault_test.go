package folder_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/blob/blobtest"
	"github.com/tidemark-data/tidemark/internal/failpoint"
	"github.com/tidemark-data/tidemark/internal/folder"
	"github.com/tidemark-data/tidemark/internal/targettest"
)

// source is the table that the tests load, by the rules of a cursor: a run loads what is above the watermark's high,
// or everything in ModeReplace.
type source []int64

func (s source) above(p tidemark.Pipeline, w tidemark.Watermark) []int64 {
	if p.Mode == tidemark.ModeReplace {
		return s
	}
	var ids []int64
	for _, id := range s {
		if w.High.Less(tidemark.IntegerValue(id)) {
			ids = append(ids, id)
		}
	}
	return ids
}

// run makes attempts as the engine does: with one run id, until one succeeds or there is no hope.
func (s source) run(ctx context.Context, target tidemark.Target, p tidemark.Pipeline) (err error) {
	id := tidemark.NewRunID(time.Now())
	for range 4 {
		if err = s.attempt(ctx, id, target, p); !errors.Is(err, tidemark.ErrTransient) && !errors.Is(err, tidemark.ErrRestart) ||
			errors.Is(err, tidemark.ErrFatal) {
			return err
		}
	}
	return err
}

func (s source) attempt(ctx context.Context, id tidemark.RunID, target tidemark.Target, p tidemark.Pipeline) error {
	if err := target.Recover(ctx); err != nil {
		return err
	}
	w, err := target.Watermark(ctx)
	if err != nil || w.Run == id {
		return err
	}
	a, err := targettest.BeginAs(ctx, id, target, p, targettest.Schema(), s.above(p, w)...)
	if err != nil {
		return err
	}
	return target.Commit(ctx, a.Commit)
}

// small is a pipeline that makes a file of every row.
func small(mode tidemark.Mode) tidemark.Pipeline {
	p := targettest.Pipeline("orders", mode)
	p.FileSize = 1
	return p
}

// listed returns the ids that a reader sees who lists the table's folder.
func listed(t *testing.T, store folder.Store) []int64 {
	t.Helper()
	var ids []int64
	for o, err := range store.List(t.Context(), "shop/orders/") {
		if err != nil {
			t.Fatal(err)
		}
		table, err := targettest.ReadFile(t.Context(), store, o.Key)
		if err != nil {
			t.Fatalf("a listed file cannot be read: %v", err)
		}
		for _, chunk := range table.Column(table.Schema().FieldIndices("id")[0]).Data().Chunks() {
			ids = append(ids, chunk.(*array.Int64).Values()...)
		}
		table.Release()
	}
	slices.Sort(ids)
	return ids
}

// TestFaultTable breaks each write of a run, in turn: the write is lost, or done and reported as failed; and then the
// process goes on with what it was told, or is dead. Whatever happened, readers see whole commits, and the next run
// leaves every row in the table once.
func TestFaultTable(t *testing.T) {
	for _, mode := range []tidemark.Mode{tidemark.ModeAppend, tidemark.ModeReplace} {
		for _, first := range []bool{true, false} {
			for _, fault := range []blobtest.Fault{blobtest.Lost, blobtest.Applied} {
				for _, dead := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s/first=%t/%s/dead=%t", mode, first, fault, dead), func(t *testing.T) {
						n := 1
						for ; faultAt(t, n, mode, first, fault, dead); n++ {
						}
						if n < 6 {
							t.Errorf("only %d writes were broken", n-1)
						}
					})
				}
			}
		}
	}
}

// faultAt breaks the n-th write and reports whether there was one.
func faultAt(t *testing.T, n int, mode tidemark.Mode, first bool, fault blobtest.Fault, dead bool) bool {
	t.Helper()
	store := blob.NewMem()
	lake, p := lakeOn(store), small(mode)
	before, all := source{1, 2, 3}, source{1, 2, 3, 4, 5, 6}
	if first {
		before = nil
	} else if err := before.run(t.Context(), lake.Target(p), p); err != nil {
		t.Fatal(err)
	}
	at := "" // the broken write
	writes := 0
	faulty := blobtest.Faulty(store, func(op blobtest.Op, key string) blobtest.Fault {
		if op.Writes() {
			writes++
		}
		if op.Writes() && writes == n {
			at = fmt.Sprintf("%s %s", op, key)
			return fault
		}
		if dead && at != "" {
			return blobtest.Lost
		}
		return blobtest.None
	})
	start := lake.Target(p)
	low, err := start.Watermark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = all.run(t.Context(), folder.NewTarget(faulty, p, slog.New(slog.DiscardHandler)), p)
	if at == "" {
		return false
	}
	at = fmt.Sprintf("write %d (%s)", n, at)
	checkReaders(t, at, lake, store, p, before, all)
	if err == nil && !slices.Equal(lake.IDs(t, p.Target), all) {
		t.Errorf("%s: the run succeeded, the table holds %v", at, lake.IDs(t, p.Target))
	}

	next := lake.Target(p)
	if err := next.Recover(t.Context()); err != nil {
		t.Fatalf("%s: recover: %v", at, err)
	}
	high, err := next.Watermark(t.Context())
	if err != nil || high.Seq < low.Seq || high.High.Less(low.High) {
		t.Errorf("%s: the watermark went from %d %s to %d %s: %v", at, low.Seq, low.High, high.Seq, high.High, err)
	}
	checkReaders(t, at, lake, store, p, before, all)
	if err := all.run(t.Context(), lake.Target(p), p); err != nil {
		t.Fatalf("%s: the next run: %v", at, err)
	}
	for reader, ids := range map[string][]int64{"catalog": lake.IDs(t, p.Target), "listing": listed(t, store)} {
		if !slices.Equal(ids, all) {
			t.Errorf("%s: after the next run the %s shows %v, want %v", at, reader, ids, all)
		}
	}
	return true
}

// checkReaders checks what readers may see at any time: the catalog shows the state before or after the commit, and
// the folder shows no row twice and none of a commit that is not made. While a table is replaced rows may be missing.
func checkReaders(t *testing.T, at string, lake targettest.Lake, store folder.Store, p tidemark.Pipeline, before, all source) {
	t.Helper()
	w, err := lake.Target(p).Watermark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	committed := before
	if w.High == tidemark.IntegerValue(all[len(all)-1]) {
		committed = all
	}
	seen := listed(t, store)
	if twice := len(slices.Compact(slices.Clone(seen))) != len(seen); twice {
		t.Errorf("%s: a listing shows %v: rows are doubled", at, seen)
	}
	for _, id := range seen {
		if !slices.Contains(committed, id) {
			t.Errorf("%s: a listing shows %v, committed are %v", at, seen, committed)
			break
		}
	}
	got := lake.IDs(t, p.Target)
	whole := slices.Equal(got, before) || slices.Equal(got, committed)
	if !whole && p.Mode != tidemark.ModeReplace {
		t.Errorf("%s: the catalog shows %v, want %v or %v", at, got, before, committed)
	}
	if len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Errorf("%s: the catalog shows %v: rows are doubled", at, got)
	}
}

// TestFailpoints stops a run at each place of the protocol, as a kill there would, and lets another process go on.
func TestFailpoints(t *testing.T) {
	t.Cleanup(func() { disarm(t) })
	for _, step := range []string{"table", "commit", "delete", "complete", "newest"} {
		for _, side := range []string{"before", "after"} {
			t.Run(step+" "+side, func(t *testing.T) {
				store := openFile(t)
				lake, p := lakeOn(store), small(tidemark.ModeReplace)
				before, all := source{1, 2, 3}, source{1, 2, 3, 4, 5, 6}
				if step == "table" {
					before = nil
				} else if err := before.run(t.Context(), lake.Target(p), p); err != nil {
					t.Fatal(err)
				}
				name := "folder." + step + "." + side
				if err := failpoint.Arm(name + "=error"); err != nil {
					t.Fatal(err)
				}
				err := all.attempt(t.Context(), tidemark.NewRunID(time.Now()), lake.Target(p), p)
				disarm(t)
				if !errors.Is(err, failpoint.ErrHit) {
					t.Fatalf("run with %s armed: %v, want it to be hit", name, err)
				}
				checkReaders(t, name, lake, store, p, before, all)
				if err := all.run(t.Context(), lake.Target(p), p); err != nil {
					t.Fatal(err)
				}
				if got := listed(t, store); !slices.Equal(got, all) {
					t.Errorf("after %s and another run a listing shows %v, want %v", name, got, all)
				}
			})
		}
	}
}

// TestFailpointsVoid stops a process that takes a commit back.
func TestFailpointsVoid(t *testing.T) {
	t.Cleanup(func() { disarm(t) })
	for _, name := range []string{"folder.void.before", "folder.void.after", "folder.delete.before", "folder.delete.after", "folder.newest.before"} {
		t.Run(name, func(t *testing.T) {
			store := openFile(t)
			lake, p := lakeOn(store), small(tidemark.ModeAppend)
			before, all := source{1, 2, 3}, source{1, 2, 3, 4, 5, 6}
			if err := before.run(t.Context(), lake.Target(p), p); err != nil {
				t.Fatal(err)
			}
			files := crashed(t, store, p, all)
			folder.NewTarget(store, p, slog.New(slog.DiscardHandler)).Discard(t.Context(), files[:1])
			if err := failpoint.Arm(name + "=error"); err != nil {
				t.Fatal(err)
			}
			err := lake.Target(p).Recover(t.Context())
			disarm(t)
			if !errors.Is(err, failpoint.ErrHit) {
				t.Fatalf("recover with %s armed: %v, want it to be hit", name, err)
			}
			if got := lake.IDs(t, p.Target); !slices.Equal(got, before) {
				t.Errorf("the catalog shows %v, want %v", got, before)
			}
			if err := all.run(t.Context(), lake.Target(p), p); err != nil {
				t.Fatal(err)
			}
			if got := listed(t, store); !slices.Equal(got, all) {
				t.Errorf("after %s and another run a listing shows %v, want %v", name, got, all)
			}
		})
	}
}

func disarm(t *testing.T) {
	t.Helper()
	if err := failpoint.Arm(""); err != nil {
		t.Fatal(err)
	}
}

// crashed lets a process make a commit and die before it could complete any file. It returns the staged files.
func crashed(t *testing.T, store folder.Store, p tidemark.Pipeline, rows source) []tidemark.DataFile {
	t.Helper()
	target := folder.NewTarget(blobtest.Faulty(store, func(op blobtest.Op, key string) blobtest.Fault {
		if op == blobtest.OpComplete || op == blobtest.OpDelete || strings.HasSuffix(key, "/newest") && op == blobtest.OpPut {
			return blobtest.Lost
		}
		return blobtest.None
	}), p, slog.New(slog.DiscardHandler))
	if err := target.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	w, err := target.Watermark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a, err := targettest.Begin(t.Context(), target, p, targettest.Schema(), rows.above(p, w)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := target.Commit(t.Context(), a.Commit); !errors.Is(err, tidemark.ErrTransient) {
		t.Fatalf("commit without completing: %v, want ErrTransient", err)
	}
	return a.Commit.Files
}

// TestLostUploads lets a lifecycle rule abort uploads: before the commit the run begins again; behind it the commit
// is taken back, also when another file of it was completed, and the window is read again.
func TestLostUploads(t *testing.T) {
	for name, open := range stores {
		for _, mode := range []tidemark.Mode{tidemark.ModeAppend, tidemark.ModeReplace} {
			for _, first := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%s/first=%t", name, mode, first), func(t *testing.T) {
					store := open(t)
					p := small(mode)
					before, all := source{1, 2, 3}, source{1, 2, 3, 4, 5, 6}
					if first {
						before = nil
					} else if err := before.run(t.Context(), lakeOn(store).Target(p), p); err != nil {
						t.Fatal(err)
					}
					lostUploads(t, store, p, before, all)
				})
			}
		}
	}
}

func lostUploads(t *testing.T, store folder.Store, p tidemark.Pipeline, before, all source) {
	t.Helper()
	lake := lakeOn(store)
	discarder := lake.Target(p)
	a, err := targettest.Begin(t.Context(), discarder, p, targettest.Schema(), 7)
	if err != nil {
		t.Fatal(err)
	}
	discarder.(tidemark.Discarder).Discard(t.Context(), a.Commit.Files) // what the lifecycle rule does
	if err := discarder.Commit(t.Context(), a.Commit); !errors.Is(err, tidemark.ErrRestart) {
		t.Errorf("commit of a lost upload: %v, want ErrRestart", err)
	}
	if w, err := lake.Target(p).Watermark(t.Context()); err != nil || w.Seq != a.Commit.Base.Seq {
		t.Errorf("a commit of a lost upload was made: watermark %d, %v", w.Seq, err)
	}

	files := crashed(t, store, p, all)
	if got := lake.IDs(t, p.Target); !slices.Equal(got, before) {
		t.Errorf("before the files are completed the catalog shows %v, want %v", got, before)
	}
	folder.NewTarget(store, p, slog.New(slog.DiscardHandler)).Discard(t.Context(), files[1:2])
	low, err := lake.Target(p).Watermark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	target := lake.Target(p)
	if err := target.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	w, err := target.Watermark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if w.Seq != low.Seq+1 || w.Origin != low.Origin || (len(before) == 0) != w.High.IsZero() {
		t.Errorf("watermark %d with high %q after commit %d was taken back", w.Seq, w.High, low.Seq)
	}
	for reader, ids := range map[string][]int64{"catalog": lake.IDs(t, p.Target), "listing": listed(t, store)} {
		if !slices.Equal(ids, before) {
			t.Errorf("after the commit was taken back the %s shows %v, want %v", reader, ids, before)
		}
	}
	// Nothing is left that a process which still believes in the commit could complete.
	for record, err := range store.List(t.Context(), "_tidemark/orders/") {
		if err != nil {
			t.Fatal(err)
		}
		for _, staged := range stagedIn(t, store, record.Key) {
			if state, err := store.Check(t.Context(), staged); err != nil || state == blob.StagedPending {
				t.Errorf("%s: staged file %s is %v, %v", record.Key, staged.Key, state, err)
			}
		}
	}
	if err := all.run(t.Context(), lake.Target(p), p); err != nil {
		t.Fatal(err)
	}
	for reader, ids := range map[string][]int64{"catalog": lake.IDs(t, p.Target), "listing": listed(t, store)} {
		if !slices.Equal(ids, all) {
			t.Errorf("after the next run the %s shows %v, want %v", reader, ids, all)
		}
	}
}

// stagedIn returns the staged files that a commit names.
func stagedIn(t *testing.T, store folder.Store, key string) []blob.Staged {
	t.Helper()
	r, err := store.Get(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var record struct {
		Files []struct {
			Staged blob.Staged `json:"staged"`
		} `json:"files"`
	}
	if err := json.NewDecoder(r).Decode(&record); err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	var staged []blob.Staged
	for _, f := range record.Files {
		staged = append(staged, f.Staged)
	}
	return staged
}
