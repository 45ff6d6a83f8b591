package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
)

var dawn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A clock is moved by the test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func open(t testing.TB, path string) (*Store, *clock) {
	t.Helper()
	c := &clock{now: dawn}
	s, err := Open(t.Context(), path, Options{Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, c
}

func newStore(t testing.TB) (*Store, *clock) {
	return open(t, filepath.Join(t.TempDir(), "a folder", "store.db"))
}

func cause(what string) tidemark.Cause {
	return tidemark.Cause{ID: what, Kind: tidemark.TriggerManual, At: dawn, By: "ann"}
}

// want queues a run of a pipeline and returns its id.
func want(t testing.TB, s *Store, pipeline, what string) tidemark.RunID {
	t.Helper()
	runs, err := s.Want(t.Context(), tidemark.Want{Cause: cause(what), Runs: []tidemark.Wanted{{Pipeline: tidemark.PipelineID(pipeline)}}})
	if err != nil {
		t.Fatal(err)
	}
	return runs[0].ID
}

func begin(t testing.TB, s *Store, id tidemark.RunID) tidemark.Lease {
	t.Helper()
	l, err := s.Begin(t.Context(), id, "me", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func end(t testing.TB, s *Store, l tidemark.Lease, state tidemark.RunState) tidemark.Run {
	t.Helper()
	r, err := s.End(t.Context(), l, tidemark.Ending{State: state})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestStates: what may be done with a run in each state, and what it is then. "-" is ErrConflict.
func TestStates(t *testing.T) {
	q, r, ok, f, c, sk := tidemark.RunQueued, tidemark.RunRunning, tidemark.RunSucceeded, tidemark.RunFailed, tidemark.RunCancelled, tidemark.RunSkipped
	const no = tidemark.RunState("-")
	acts := map[string]func(*Store, tidemark.RunID, tidemark.Lease) error{
		"begin": func(s *Store, id tidemark.RunID, _ tidemark.Lease) error {
			_, err := s.Begin(t.Context(), id, "me", time.Minute)
			return err
		},
		"renew": func(s *Store, _ tidemark.RunID, l tidemark.Lease) error {
			_, err := s.Renew(t.Context(), l, time.Minute)
			return err
		},
		"end": func(s *Store, _ tidemark.RunID, l tidemark.Lease) error {
			_, err := s.End(t.Context(), l, tidemark.Ending{State: ok})
			return err
		},
		"again": func(s *Store, _ tidemark.RunID, l tidemark.Lease) error {
			_, err := s.End(t.Context(), l, tidemark.Ending{State: q})
			return err
		},
		"cancel": func(s *Store, id tidemark.RunID, _ tidemark.Lease) error {
			_, err := s.Cancel(t.Context(), id, "bob")
			return err
		},
		"skip": func(s *Store, id tidemark.RunID, _ tidemark.Lease) error {
			_, err := s.Skip(t.Context(), id, "gone")
			return err
		},
		"recover": func(s *Store, _ tidemark.RunID, _ tidemark.Lease) error { _, err := s.Recover(t.Context()); return err },
	}
	for state, want1 := range map[tidemark.RunState]map[string]tidemark.RunState{
		q:  {"begin": r, "renew": no, "end": no, "again": no, "cancel": c, "skip": sk, "recover": q},
		r:  {"begin": no, "renew": r, "end": ok, "again": q, "cancel": r, "skip": no, "recover": q},
		ok: {"begin": no, "renew": no, "end": no, "again": no, "cancel": no, "skip": no, "recover": ok},
		f:  {"begin": no, "renew": no, "end": no, "again": no, "cancel": no, "skip": no, "recover": f},
		c:  {"begin": no, "renew": no, "end": no, "again": no, "cancel": no, "skip": no, "recover": c},
		sk: {"begin": no, "renew": no, "end": no, "again": no, "cancel": no, "skip": no, "recover": sk},
	} {
		for act, then := range want1 {
			s, _ := newStore(t)
			id := want(t, s, "orders", "1")
			var l tidemark.Lease
			switch state {
			case r, ok, f, c:
				if l = begin(t, s, id); state != r {
					end(t, s, l, state)
				}
			case sk:
				if _, err := s.Skip(t.Context(), id, "gone"); err != nil {
					t.Fatal(err)
				}
			}
			err := acts[act](s, id, l)
			got, e := s.Run(t.Context(), id)
			if e != nil {
				t.Fatal(e)
			}
			refused := errors.Is(err, tidemark.ErrConflict)
			if then == no && (!refused || got.State != state) || then != no && (err != nil || got.State != then) {
				t.Errorf("%s of a run that is %s: %v, and it is %s; want %s", act, state, err, got.State, then)
			}
			if got.State.Ended() != (got.EndNumber == 1) || got.State.Ended() == got.Ended.IsZero() {
				t.Errorf("%s of a run that is %s: end number %d at %s, and it is %s", act, state, got.EndNumber, got.Ended, got.State)
			}
		}
	}
}

// TestWantOnce: one cause, from many at once, makes one run.
func TestWantOnce(t *testing.T) {
	s, _ := newStore(t)
	ids := make([]tidemark.RunID, 20)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() { ids[i] = want(t, s, "orders", "the same") })
	}
	all.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("one cause made the runs %s and %s", ids[0], id)
		}
	}
	end(t, s, begin(t, s, ids[0]), tidemark.RunSucceeded)
	if id := want(t, s, "orders", "the same"); id != ids[0] {
		t.Errorf("a cause that was taken has made run %s", id)
	}
	if id := want(t, s, "other", "the same"); id == ids[0] {
		t.Errorf("another pipeline has the same run")
	}
}

// TestWantJoins: a run that waits takes a cause on, and the higher priority; one that is under way does not.
func TestWantJoins(t *testing.T) {
	s, c := newStore(t)
	first := want(t, s, "orders", "1")
	runs, err := s.Want(t.Context(), tidemark.Want{
		Cause: cause("2"), Runs: []tidemark.Wanted{{Pipeline: "orders", Priority: 7}, {Pipeline: "items"}},
		State: &tidemark.TriggerState{Trigger: "x/cron", Mark: "m", Fired: dawn, Cause: "2"},
	})
	if err != nil || runs[0].ID != first || runs[0].Priority != 7 || len(runs[0].Causes) != 2 || runs[1].Pipeline != "items" {
		t.Fatalf("%+v, %v", runs, err)
	}
	if state, err := s.Trigger(t.Context(), "x/cron"); err != nil || state.Mark != "m" || !state.Fired.Equal(dawn) || state.Enabled != nil {
		t.Errorf("the trigger is %+v, %v", state, err)
	}
	l := begin(t, s, first)
	second := want(t, s, "orders", "3")
	if second == first {
		t.Error("a run that is under way has taken a cause on")
	}
	if _, err := s.Begin(t.Context(), second, "me", time.Minute); !errors.Is(err, tidemark.ErrConflict) {
		t.Errorf("a second run of the pipeline: %v, want ErrConflict", err)
	}
	c.move(time.Minute)
	r, err := s.End(t.Context(), l, tidemark.Ending{State: tidemark.RunQueued, NotBefore: c.now.Add(time.Hour), Kind: "transient", Error: "gone"})
	if err != nil || !r.NotBefore.Equal(c.now.Add(time.Hour)) || r.Attempts[0].Kind != "transient" || !r.Attempts[0].Ended.Equal(c.now) {
		t.Errorf("queued again: %+v, %v", r, err)
	}
	if id := want(t, s, "orders", "4"); id != first {
		t.Errorf("cause 4 joined %s, want the run that has waited longest, %s", id, first)
	}
	queued, err := s.Queued(t.Context())
	if err != nil || len(queued) != 3 || queued[0].ID != first || queued[2].ID != second {
		t.Errorf("the order is %+v, %v", queued, err)
	}
}

// TestLease: an attempt that has lost its lease cannot say anything any more.
func TestLease(t *testing.T) {
	s, c := newStore(t)
	id := want(t, s, "orders", "1")
	old := begin(t, s, id)
	if old.Attempt.Commit != id || old.Token != 1 || !old.Expires.Equal(dawn.Add(time.Minute)) {
		t.Errorf("the first lease is %+v", old)
	}
	if _, err := s.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	l := begin(t, s, id)
	if l.Token != 2 || l.Attempt.N != 2 || l.Attempt.Commit == id {
		t.Errorf("the second lease is %+v", l)
	}
	if _, err := s.Renew(t.Context(), old, time.Minute); !errors.Is(err, tidemark.ErrConflict) {
		t.Errorf("Renew of the old lease: %v, want ErrConflict", err)
	}
	if _, err := s.End(t.Context(), old, tidemark.Ending{State: tidemark.RunFailed}); !errors.Is(err, tidemark.ErrConflict) {
		t.Errorf("End of the old lease: %v, want ErrConflict", err)
	}
	if _, err := s.Cancel(t.Context(), id, "bob"); err != nil {
		t.Fatal(err)
	}
	if by, err := s.Renew(t.Context(), l, time.Minute); err != nil || by != "bob" {
		t.Errorf("Renew = %q, %v, want bob", by, err)
	}
	if r := end(t, s, l, tidemark.RunQueued); r.State != tidemark.RunCancelled {
		t.Errorf("a run that is to wait, and was cancelled, is %s", r.State)
	}
	other := want(t, s, "orders", "2")
	begin(t, s, other)
	third := want(t, s, "orders", "3")
	c.move(2 * time.Minute) // the lease of other has run out
	if l, err := s.Begin(t.Context(), third, "me", time.Minute); err != nil || l.Token != 4 {
		t.Errorf("behind a lease that has run out: %+v, %v", l, err)
	}
}

// TestEndNumbers: ends are numbered without gaps, however many come at once.
func TestEndNumbers(t *testing.T) {
	s, _ := newStore(t)
	const n = 40
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			id := want(t, s, fmt.Sprintf("p%d", i), "1")
			end(t, s, begin(t, s, id), tidemark.RunSucceeded)
		})
	}
	all.Wait()
	ended, err := s.Ended(t.Context(), 0, 2*n)
	if err != nil || len(ended) != n {
		t.Fatalf("%d runs have ended, %v", len(ended), err)
	}
	for i, r := range ended {
		if r.EndNumber != int64(i+1) {
			t.Fatalf("end %d has the number %d", i+1, r.EndNumber)
		}
	}
	if last, err := s.LastEnd(t.Context()); err != nil || last != n {
		t.Errorf("LastEnd = %d, %v", last, err)
	}
	if rest, err := s.Ended(t.Context(), n-2, 1); err != nil || len(rest) != 1 || rest[0].EndNumber != n-1 {
		t.Errorf("Ended(%d, 1) = %+v, %v", n-2, rest, err)
	}
}

// TestClaim: a store is one process's; who only reads it may come beside.
func TestClaim(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	if _, err := Read(t.Context(), path); !errors.Is(err, tidemark.ErrNotFound) {
		t.Errorf("Read of nothing: %v, want ErrNotFound", err)
	}
	s, _ := open(t, path)
	id := want(t, s, "orders", "1")
	if _, err := Open(t.Context(), path, Options{}); !errors.Is(err, tidemark.ErrConflict) || !strings.Contains(tidemark.Hint(err), fmt.Sprint(os.Getpid())) {
		t.Errorf("a second Open: %v (hint %q), want ErrConflict and the process", err, tidemark.Hint(err))
	}
	reader, err := Read(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := reader.Run(t.Context(), id); err != nil || r.Pipeline != "orders" {
		t.Errorf("the reader finds %+v, %v", r, err)
	}
	if _, err := reader.Cancel(t.Context(), id, "bob"); err == nil {
		t.Error("the reader can write")
	}
	if err := errors.Join(reader.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
	again, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// TestVersion: a file of a newer program is refused.
func TestVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(fmt.Sprintf("PRAGMA user_version = 1000; PRAGMA application_id = %d", applicationID)); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func() (*Store, error){
		"Open": func() (*Store, error) { return Open(t.Context(), path, Options{}) },
		"Read": func() (*Store, error) { return Read(t.Context(), path) },
	} {
		if _, err := open(); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "newer") {
			t.Errorf("%s: %v, want ErrInvalid and a hint", name, err)
		}
	}
}

// TestRuns: filters and pages.
func TestRuns(t *testing.T) {
	s, c := newStore(t)
	var ids []tidemark.RunID
	for i := range 30 {
		id := want(t, s, fmt.Sprintf("p%d", i%3), fmt.Sprint(i))
		ids = append(ids, id)
		if state := []tidemark.RunState{tidemark.RunSucceeded, tidemark.RunFailed}[i%2]; i < 27 {
			end(t, s, begin(t, s, id), state)
		}
		c.move(time.Second)
	}
	list := func(f tidemark.RunFilter) (found []tidemark.RunID) {
		t.Helper()
		runs, err := s.Runs(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range runs {
			if !f.Matches(r) {
				t.Errorf("%+v lists %+v", f, r)
			}
			found = append(found, r.ID)
		}
		return found
	}
	for n, f := range map[int]tidemark.RunFilter{
		30: {}, 10: {Pipelines: []tidemark.PipelineID{"p1"}}, 3: {States: []tidemark.RunState{tidemark.RunQueued, tidemark.RunRunning}},
		20: {Pipelines: []tidemark.PipelineID{"p1", "p2"}}, 5: {Since: dawn.Add(25 * time.Second)}, 7: {Limit: 7},
		8: {Pipelines: []tidemark.PipelineID{"p0", "p2"}, States: []tidemark.RunState{tidemark.RunFailed}},
	} {
		if got := list(f); len(got) != n {
			t.Errorf("%+v lists %d runs, want %d", f, len(got), n)
		}
	}
	page := list(tidemark.RunFilter{Before: ids[20], Limit: 5})
	if len(page) != 5 || page[0] != ids[19] || page[4] != ids[15] {
		t.Errorf("the page behind run 20 is %v", page)
	}
	if _, err := s.Runs(t.Context(), tidemark.RunFilter{Before: "nothing"}); !errors.Is(err, tidemark.ErrNotFound) {
		t.Errorf("a page behind nothing: %v, want ErrNotFound", err)
	}
	last, err := s.Last(t.Context())
	if err != nil || len(last) != 3 || last["p0"].ID != ids[24] || last["p2"].ID != ids[26] {
		t.Errorf("Last = %v, %v", last, err)
	}
}

// TestEnable: what a person says of a trigger stays, whatever becomes of its mark.
func TestEnable(t *testing.T) {
	s, _ := newStore(t)
	off := false
	if err := s.Enable(t.Context(), "a/cron", &off); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Want(t.Context(), tidemark.Want{State: &tidemark.TriggerState{Trigger: "a/cron", Mark: "5", Error: "x"}}); err != nil {
		t.Fatal(err)
	}
	all, err := s.Triggers(t.Context())
	if err != nil || len(all) != 1 || all[0].Enabled == nil || *all[0].Enabled || all[0].Mark != "5" || all[0].Error != "x" {
		t.Errorf("%+v, %v", all, err)
	}
	if err := s.Enable(t.Context(), "a/cron", nil); err != nil {
		t.Fatal(err)
	}
	if state, err := s.Trigger(t.Context(), "a/cron"); err != nil || state.Enabled != nil || state.Mark != "5" {
		t.Errorf("%+v, %v", state, err)
	}
}

// BenchmarkRuns lists the first page of 100,000 runs.
func BenchmarkRuns(b *testing.B) {
	s, _ := newStore(b)
	err := s.change(context.Background(), func(tx *sql.Tx) error {
		for i := range 100_000 {
			id := fmt.Sprintf("run%08d", i)
			state := []tidemark.RunState{tidemark.RunSucceeded, tidemark.RunSucceeded, tidemark.RunFailed}[i%3]
			if _, err := tx.Exec("INSERT INTO runs (id, pipeline, state, priority, queued, started, ended, result, end_number) VALUES (?, ?, ?, 0, ?, ?, ?, '{}', ?)",
				id, fmt.Sprintf("p%d", i%200), state, i, i, i, i+1); err != nil {
				return err
			}
			if _, err := tx.Exec("INSERT INTO causes (pipeline, id, run, trigger, kind, at, by, detail) VALUES (?, ?, ?, 't', 'every', ?, '', '')", fmt.Sprintf("p%d", i%200), id, id, i); err != nil {
				return err
			}
			if _, err := tx.Exec("INSERT INTO attempts (run, n, commit_run, holder, started) VALUES (?, 1, ?, 'me', ?)", id, id, i); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	for name, f := range map[string]tidemark.RunFilter{
		"all": {}, "pipeline": {Pipelines: []tidemark.PipelineID{"p7"}}, "failed": {States: []tidemark.RunState{tidemark.RunFailed}},
		"waiting": {States: []tidemark.RunState{tidemark.RunQueued, tidemark.RunRunning}}, "failed of one": {Pipelines: []tidemark.PipelineID{"p7"}, States: []tidemark.RunState{tidemark.RunFailed}},
		"recent": {Since: time.UnixMicro(99_990)}, "recent of one": {Pipelines: []tidemark.PipelineID{"p7"}, Since: time.UnixMicro(99_000)},
		"recent failed": {States: []tidemark.RunState{tidemark.RunFailed}, Since: time.UnixMicro(99_990)}, "all since": {Since: time.UnixMicro(0)},
		"recent of none": {Pipelines: []tidemark.PipelineID{"none"}, Since: time.UnixMicro(50_000)},
		"late page":      {Before: "run00050000"}, "never": {Pipelines: []tidemark.PipelineID{"p7"}, States: []tidemark.RunState{tidemark.RunSkipped}},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Runs(b.Context(), f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("last", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Last(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
