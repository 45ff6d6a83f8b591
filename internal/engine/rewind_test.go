package engine_test

import (
	"context"
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
	"github.com/tidemark-data/tidemark/internal/engine"
	"github.com/tidemark-data/tidemark/internal/iceberg"
)

func (l lake) parts(t *testing.T, store blob.Store, p tidemark.Pipeline) engine.Parts {
	return engine.Parts{
		Target: l.target, Side: l.side, Trail: blob.NewTrailFolder(store, p.ID), Log: slog.New(slog.DiscardHandler), Dir: t.TempDir(),
		Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
}

// rewind goes back as the command does.
func rewind(ctx context.Context, t *testing.T, store storage, p tidemark.Pipeline, goal engine.Goal) (*engine.Rewind, error) {
	t.Helper()
	plan, err := engine.PlanRewind(ctx, p, openLake(t, store, p).parts(t, store, p), goal)
	if err != nil {
		return nil, err
	}
	_, err = plan.Commit(ctx, engine.By{Who: "somebody", Why: "a test"})
	return plan, err
}

func mustRewind(t *testing.T, store storage, p tidemark.Pipeline, goal engine.Goal) *engine.Rewind {
	t.Helper()
	plan, err := rewind(t.Context(), t, store, p, goal)
	if err != nil {
		t.Fatalf("rewind to %+v: %v; %s", goal, err, tidemark.Hint(err))
	}
	return plan
}

var kept = []struct {
	format tidemark.Format
	mode   tidemark.Mode
}{
	{tidemark.FormatIceberg, tidemark.ModeAppend},
	{tidemark.FormatIceberg, tidemark.ModeMerge},
	{tidemark.FormatIceberg, tidemark.ModeReplace},
	{tidemark.FormatParquet, tidemark.ModeAppend},
}

// A past is a lake with some commits, and what it held behind each.
type past struct {
	store  storage
	source *table
	states [][]row // by commit, from 0
	marks  []tidemark.Watermark
}

// moreSteps are what happens before each run: besides those of the fault table, rows of the same second as the highest, a
// version that is soon overwritten, and a second row without a cursor.
func moreSteps() []func(*table) {
	return append(slices.Clone(steps[:2]),
		func(t *table) {
			t.update(3, "third 3")
			t.update(12, "second 12")
			t.rows = append(t.rows, row{id: 30, note: "no cursor either"})
		},
		func(t *table) { t.insert(40, 41) }, // ties
		func(t *table) { t.pass(100); t.insert(50); t.update(1, "second 1") },
	)
}

func newPast(t *testing.T, p tidemark.Pipeline) past {
	t.Helper()
	h := past{store: blob.NewMem(), source: newTable(), states: [][]row{nil}, marks: []tidemark.Watermark{{}}}
	for _, step := range moreSteps() {
		step(h.source)
		if r := mustRun(t, h.store, p, h.source); r.Seq != int64(len(h.states)) {
			t.Fatalf("the run made commit %d, want %d", r.Seq, len(h.states))
		}
		h.states = append(h.states, h.look(t, p))
		h.marks = append(h.marks, h.mark(t, p))
	}
	return h
}

func (h past) look(t *testing.T, p tidemark.Pipeline) []row {
	t.Helper()
	return lakeRows(t, h.store, openLake(t, h.store, p).catalog, p.Target)
}

func (h past) mark(t *testing.T, p tidemark.Pipeline) tidemark.Watermark {
	t.Helper()
	w, err := openLake(t, h.store, p).target.Watermark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// reloaded is what the lake must hold when it went back to state and the pipeline has run. Versions of rows that the
// source has overwritten since cannot come again.
func (h past) reloaded(p tidemark.Pipeline, state []row) []row {
	if p.Mode != tidemark.ModeAppend {
		return sorted(h.source.visible())
	}
	all := slices.Clone(state)
	for _, r := range h.source.visible() {
		if !slices.Contains(state, r) {
			all = append(all, r)
		}
	}
	return sorted(all)
}

// TestRewind goes back to each commit, and to before the first, from each later one.
func TestRewind(t *testing.T) {
	for _, tt := range kept {
		t.Run(fmt.Sprintf("%s %s", tt.format, tt.mode), func(t *testing.T) {
			t.Parallel()
			p := pipelineOf(tt.format, tt.mode)
			n := len(moreSteps())
			for to := range n {
				h := newPast(t, p)
				goal := engine.Goal{To: int64(to), All: to == 0}
				plan := mustRewind(t, h.store, p, goal)
				if got := h.look(t, p); !slices.Equal(got, h.states[to]) {
					t.Errorf("back at commit %d the lake holds\n%v, want\n%v", to, got, h.states[to])
				}
				now, was := h.mark(t, p), h.marks[to]
				if now.Seq != int64(n+1) || now.High != was.High || now.Settled != was.Settled || now.Overlap != was.Overlap || now.Total != was.Total || now.Rows != 0 {
					t.Errorf("back at commit %d the watermark is %+v, want that of %+v", to, now, was)
				}
				if plan.Taken.Files == 0 {
					t.Errorf("back to commit %d: the plan %+v takes nothing", to, plan.Rewind)
				}
				want := h.reloaded(p, h.states[to])
				r := mustRun(t, h.store, p, h.source)
				if got := h.look(t, p); !slices.Equal(got, want) {
					t.Errorf("back at commit %d, and a run: the lake holds\n%v, want\n%v", to, got, want)
				}
				if r.Seq != int64(n+2) || r.High != h.marks[n].High {
					t.Errorf("the run made commit %d with high %s, want %d with %s", r.Seq, r.High, n+2, h.marks[n].High)
				}
				if again := mustRun(t, h.store, p, h.source); tt.mode != tidemark.ModeReplace && again.New != 0 {
					t.Errorf("back at commit %d, and two runs: the second loaded %d rows", to, again.New)
				}
				if got := h.look(t, p); !slices.Equal(got, want) {
					t.Errorf("back at commit %d, and two runs: the lake holds\n%v, want\n%v", to, got, want)
				}
			}
		})
	}
}

// TestRewindTwice goes back, on, and back again; also to a commit that was taken back, where the format keeps its files.
func TestRewindTwice(t *testing.T) {
	for _, tt := range kept {
		t.Run(fmt.Sprintf("%s %s", tt.format, tt.mode), func(t *testing.T) {
			t.Parallel()
			p := pipelineOf(tt.format, tt.mode)
			h := newPast(t, p)
			mustRewind(t, h.store, p, engine.Goal{To: 3}) // commit 6
			mustRun(t, h.store, p, h.source)              // 7
			h.source.pass(10)
			h.source.insert(60)
			mustRun(t, h.store, p, h.source)              // 8
			mustRewind(t, h.store, p, engine.Goal{To: 2}) // 9
			if got := h.look(t, p); !slices.Equal(got, h.states[2]) {
				t.Errorf("back at commit 2 the lake holds\n%v, want\n%v", got, h.states[2])
			}
			_, err := rewind(t.Context(), t, h.store, p, engine.Goal{To: 5})
			if tt.format == tidemark.FormatParquet {
				if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "[1 2 9]") {
					t.Errorf("forward to a commit that was taken back: %v, hint %q", err, tidemark.Hint(err))
				}
			} else if got := h.look(t, p); err != nil || !slices.Equal(got, h.states[5]) {
				t.Errorf("forward to commit 5: %v, the lake holds\n%v, want\n%v", err, got, h.states[5])
			}
			mustRewind(t, h.store, p, engine.Goal{All: true})
			if got := h.look(t, p); len(got) > 0 {
				t.Errorf("before the first commit the lake holds %v", got)
			}
			mustRun(t, h.store, p, h.source)
			if got, want := h.look(t, p), sorted(h.source.visible()); !slices.Equal(got, want) {
				t.Errorf("loaded anew, the lake holds\n%v, want\n%v", got, want)
			}
		})
	}
}

// TestRewindRefuses lists what is no goal, and that nothing changes then.
func TestRewindRefuses(t *testing.T) {
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			p := pipelineOf(format, tidemark.ModeAppend)
			if _, err := rewind(t.Context(), t, blob.NewMem(), p, engine.Goal{All: true}); !errors.Is(err, tidemark.ErrInvalid) {
				t.Errorf("before anything was loaded: %v", err)
			}
			h := newPast(t, p)
			before := h.mark(t, p)
			lost := h.marks[2].Overlap.Name
			if err := h.store.Delete(t.Context(), "_tidemark/p/"+lost); err != nil {
				t.Fatal(err)
			}
			merging := p
			merging.Mode = tidemark.ModeReplace
			for _, tt := range []struct {
				name string
				p    tidemark.Pipeline
				goal engine.Goal
				kind error
				hint string
			}{
				{"no goal", p, engine.Goal{}, tidemark.ErrInvalid, "--to COMMIT"},
				{"a commit to come", p, engine.Goal{To: 6}, tidemark.ErrNotFound, "its newest is 5"},
				{"a time before the first", p, engine.Goal{Time: before.Committed.Add(-time.Hour)}, tidemark.ErrInvalid, "--all"},
				{"a lost side file", p, engine.Goal{To: 2}, tidemark.ErrNotFound, "restore the file"},
				{"another mode", merging, engine.Goal{All: true}, tidemark.ErrInvalid, "undo the change"},
			} {
				_, err := rewind(t.Context(), t, h.store, tt.p, tt.goal)
				if !errors.Is(err, tt.kind) || !strings.Contains(tidemark.Hint(err), tt.hint) {
					t.Errorf("%s: %v, hint %q, want %v and %q", tt.name, err, tidemark.Hint(err), tt.kind, tt.hint)
				}
			}
			if r := mustRewind(t, h.store, p, engine.Goal{Time: time.Now()}); !r.Nothing {
				t.Errorf("the plan for the present time: %+v", r)
			}
			if after := h.mark(t, p); after.Seq != before.Seq {
				t.Errorf("the watermark went from commit %d to %d", before.Seq, after.Seq)
			}
			if r := mustRewind(t, h.store, p, engine.Goal{Time: h.marks[3].Committed}); r.To != 3 {
				t.Errorf("at the time of commit 3 it goes back to %d", r.To)
			}
		})
	}
}

// TestRewindConflict: a run commits between the plan and its commit.
func TestRewindConflict(t *testing.T) {
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			p := pipelineOf(format, tidemark.ModeAppend)
			h := newPast(t, p)
			parts := openLake(t, h.store, p).parts(t, h.store, p)
			plan, err := engine.PlanRewind(t.Context(), p, parts, engine.Goal{To: 2})
			if err != nil {
				t.Fatal(err)
			}
			h.source.pass(5)
			h.source.insert(70)
			mustRun(t, h.store, p, h.source)
			want := h.look(t, p)
			if _, err := plan.Commit(t.Context(), engine.By{}); !errors.Is(err, tidemark.ErrConflict) {
				t.Errorf("Commit = %v, want ErrConflict", err)
			}
			if got := h.look(t, p); !slices.Equal(got, want) {
				t.Errorf("the lake holds\n%v, want\n%v", got, want)
			}
			events, err := engine.Events(t.Context(), parts)
			if err != nil || len(events) != 1 || events[0].Outcome != tidemark.OutcomeNotMade {
				t.Errorf("the audit trail holds %+v, %v", events, err)
			}
		})
	}
}

// TestRewindBesideAnother: two pipelines fill one table, and one goes back. The rows of the other stay.
func TestRewindBesideAnother(t *testing.T) {
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			p := pipelineOf(format, tidemark.ModeAppend)
			other, theirs := p, newTable()
			other.ID, theirs.origin.Server = "q", "another"
			h := past{store: blob.NewMem(), source: newTable()}
			var states [][]row
			for i := range int32(4) {
				h.source.pass(5)
				h.source.insert(10 * i)
				theirs.pass(5)
				theirs.insert(1000 + i)
				mustRun(t, h.store, p, h.source)
				mustRun(t, h.store, other, theirs)
				states = append(states, sorted(h.source.visible()))
			}
			for _, to := range []int64{3, 1, 0} {
				mustRewind(t, h.store, p, engine.Goal{To: to, All: to == 0})
				var want []row
				if to > 0 {
					want = states[to-1]
				}
				want = sorted(append(slices.Clone(want), theirs.visible()...))
				if got := h.look(t, p); !slices.Equal(got, want) {
					t.Errorf("back at commit %d the lake holds\n%v, want\n%v", to, got, want)
				}
			}
			mustRun(t, h.store, p, h.source)
			if r := mustRun(t, h.store, other, theirs); r.New != 0 {
				t.Errorf("the other pipeline loaded %d rows again", r.New)
			}
			if got, want := h.look(t, p), sorted(append(h.source.visible(), theirs.visible()...)); !slices.Equal(got, want) {
				t.Errorf("loaded anew, the lake holds\n%v, want\n%v", got, want)
			}
		})
	}
}

// TestRewindFaults strikes each write of a rewind, lost or done but reported failed, in a process that goes on and in one
// that dies. Then it is asked for again, if it was not made, and the pipeline runs.
func TestRewindFaults(t *testing.T) {
	for _, tt := range kept {
		t.Run(fmt.Sprintf("%s %s", tt.format, tt.mode), func(t *testing.T) {
			t.Parallel()
			p := pipelineOf(tt.format, tt.mode)
			writes := 0
			rewindWithFault(t, p, func() blobtest.Fault { writes++; return blobtest.None }, false)
			if writes < 4 {
				t.Fatalf("a rewind makes only %d writes", writes)
			}
			for strike := range writes {
				for _, f := range waysOf(strike) {
					at := -1
					rewindWithFault(t, p, func() blobtest.Fault {
						if at++; at == strike {
							return f.kind
						}
						return blobtest.None
					}, f.kill)
					if t.Failed() {
						t.Fatalf("write %d %s, kill %v", strike+1, f.kind, f.kill)
					}
				}
			}
			t.Logf("struck at %d writes", writes)
		})
	}
}

func rewindWithFault(t *testing.T, p tidemark.Pipeline, fault func() blobtest.Fault, kill bool) {
	t.Helper()
	const to = 2
	h := newPast(t, p)
	n := len(h.states) - 1
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	dead := false
	faulty := blobtest.Faulty(h.store, func(op blobtest.Op, _ string) blobtest.Fault {
		if dead {
			return blobtest.Lost
		}
		if !op.Writes() {
			return blobtest.None
		}
		f := fault()
		if dead = kill && f != blobtest.None; dead {
			stop()
		}
		return f
	})
	_, err := rewind(ctx, t, faulty, p, engine.Goal{To: to})
	between := h.look(t, p)
	back, stayed := slices.Equal(between, h.states[to]), slices.Equal(between, h.states[n])
	if p.Format == tidemark.FormatParquet { // a catalog's reader sees whole commits there too
		back = back || !stayed && err != nil
	}
	if !back && !stayed {
		t.Errorf("behind the fault a reader sees\n%v, which is neither\n%v nor\n%v", between, h.states[to], h.states[n])
	}
	if err == nil && !back {
		t.Errorf("the rewind says that it was made, and a reader sees\n%v", between)
	}
	if err := openLake(t, h.store, p).target.Recover(t.Context()); err != nil {
		t.Error(err)
	}
	if w := h.mark(t, p); w.Seq == int64(n) {
		mustRewind(t, h.store, p, engine.Goal{To: to})
	}
	if got := h.look(t, p); !slices.Equal(got, h.states[to]) {
		t.Errorf("back at commit %d the lake holds\n%v, want\n%v", to, got, h.states[to])
	}
	events, err := engine.Events(t.Context(), openLake(t, h.store, p).parts(t, h.store, p))
	made := 0
	for _, e := range events {
		if e.Outcome == tidemark.OutcomeMade {
			made++
		}
	}
	if err != nil || made != 1 {
		t.Errorf("the audit trail holds %+v, %v, want one that was made", events, err)
	}
	mustRun(t, h.store, p, h.source)
	if got, want := h.look(t, p), h.reloaded(p, h.states[to]); !slices.Equal(got, want) {
		t.Errorf("back at commit %d, and a run: the lake holds\n%v, want\n%v", to, got, want)
	}
}

// TestRewindSetBackByHand: someone has set an Iceberg table back with another program, or removed the watermark from it.
// The run stops, and its hint is the command that lets it go on.
func TestRewindSetBackByHand(t *testing.T) {
	for name, to := range map[string]int{"two commits back": 3, "to the first": 1, "the watermark is gone": 5} {
		for _, mode := range []tidemark.Mode{tidemark.ModeAppend, tidemark.ModeMerge} {
			t.Run(name+"/"+string(mode), func(t *testing.T) {
				p := pipelineOf(tidemark.FormatIceberg, mode)
				h := newPast(t, p)
				n := len(h.states) - 1
				byHand(t, h.store, p, n-to)
				_, err := openLake(t, h.store, p).run(t.Context(), t, p, h.source)
				if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "`tidemark rewind p`") {
					t.Fatalf("a run: %v, hint %q", err, tidemark.Hint(err))
				}
				plan := mustRewind(t, h.store, p, engine.Goal{})
				if plan.To != int64(to) || plan.Taken.Files != 0 {
					t.Errorf("the plan is %+v, want to go back to commit %d", plan.Rewind, to)
				}
				if w := h.mark(t, p); w.Seq != int64(n+1) || w.High != h.marks[to].High || w.Overlap != h.marks[to].Overlap {
					t.Errorf("the watermark is %+v, want that of %+v", w, h.marks[to])
				}
				mustRun(t, h.store, p, h.source)
				if got, want := h.look(t, p), h.reloaded(p, h.states[to]); !slices.Equal(got, want) {
					t.Errorf("the lake holds\n%v, want\n%v", got, want)
				}
			})
		}
	}
}

// byHand sets the table back by some commits, as other programs do; by none it removes the watermark.
func byHand(t *testing.T, store storage, p tidemark.Pipeline, commits int) {
	t.Helper()
	tables, err := iceberg.Open(t.Context(), iceberg.Options{Store: store, Root: "/lake"})
	if err != nil {
		t.Fatal(err)
	}
	tbl, err := tables.CatalogIO().LoadTable(t.Context(), []string{p.Target.Namespace, p.Target.Name})
	if err != nil {
		t.Fatal(err)
	}
	tx := tbl.NewTransaction()
	if commits == 0 {
		err = tx.RemoveProperties([]string{"tidemark." + string(p.ID)})
	} else {
		s := tbl.CurrentSnapshot()
		for range commits {
			s = tbl.SnapshotByID(*s.ParentSnapshotID)
		}
		err = tx.RollbackToSnapshot(s.SnapshotID)
	}
	if err == nil {
		_, err = tx.Commit(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestRewindReplacedFolder: a folder that is replaced can be emptied, and is loaded anew.
func TestRewindReplacedFolder(t *testing.T) {
	p := pipelineOf(tidemark.FormatParquet, tidemark.ModeReplace)
	h := newPast(t, p)
	if _, err := rewind(t.Context(), t, h.store, p, engine.Goal{To: 2}); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "--all") {
		t.Errorf("to a commit that was replaced: %v, hint %q", err, tidemark.Hint(err))
	}
	mustRewind(t, h.store, p, engine.Goal{All: true})
	if got := h.look(t, p); len(got) > 0 {
		t.Errorf("before the first commit the lake holds %v", got)
	}
	mustRun(t, h.store, p, h.source)
	if got, want := h.look(t, p), sorted(h.source.visible()); !slices.Equal(got, want) {
		t.Errorf("loaded anew, the lake holds\n%v, want\n%v", got, want)
	}
}

// TestRewindAdopted: rows that were loaded under another name stay when the pipeline goes back to before its first commit,
// so it does not.
func TestRewindAdopted(t *testing.T) {
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			store, source, p := blob.NewMem(), newTable(), pipelineOf(format, tidemark.ModeAppend)
			source.insert(1, 2, 3)
			mustRun(t, store, p, source)
			p.ID = "renamed"
			if err := openLake(t, store, p).adopt(t, p, source, store, "p"); err != nil {
				t.Fatal(err)
			}
			source.insert(4)
			mustRun(t, store, p, source)
			if _, err := rewind(t.Context(), t, store, p, engine.Goal{All: true}); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "--to 1") {
				t.Errorf("to before the adoption: %v, hint %q", err, tidemark.Hint(err))
			}
			mustRewind(t, store, p, engine.Goal{To: 1})
			if got := lakeRows(t, store, openLake(t, store, p).catalog, p.Target); len(got) != 3 {
				t.Errorf("back at the adoption the lake holds %v", got)
			}
			mustRun(t, store, p, source)
			if got, want := lakeRows(t, store, openLake(t, store, p).catalog, p.Target), sorted(source.visible()); !slices.Equal(got, want) {
				t.Errorf("the lake holds\n%v, want\n%v", got, want)
			}
		})
	}
}

// TestSetWatermark sets a watermark forward and back, and loses the race against a run.
func TestSetWatermark(t *testing.T) {
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			p := pipelineOf(format, tidemark.ModeAppend)
			h := newPast(t, p)
			parts := openLake(t, h.store, p).parts(t, h.store, p)
			before, held := h.mark(t, p), h.look(t, p)
			for _, m := range []engine.Mark{{Settled: "x"}, {Settled: "17"}, {Settled: "1970-01-01 00:01:00"}, {Settled: "2020-01-01"}, {High: "1970-01-01"}} {
				if _, err := engine.PlanSet(t.Context(), p, parts, m); !errors.Is(err, tidemark.ErrInvalid) {
					t.Errorf("set %+v: %v, want ErrInvalid", m, err)
				}
			}
			late, err := engine.PlanSet(t.Context(), p, parts, engine.Mark{High: "2020-01-01"})
			if err != nil {
				t.Fatal(err)
			}
			s, err := engine.PlanSet(t.Context(), p, parts, engine.Mark{Settled: "1970-01-01 00:20:00", High: "1970-01-01 00:20:00"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Commit(t.Context(), engine.By{Who: "somebody", Why: "a test"}); err != nil {
				t.Fatal(err)
			}
			w := h.mark(t, p)
			if w.Seq != before.Seq+1 || w.Settled != cursorOf(1200) || w.High != cursorOf(1200) || w.Overlap != before.Overlap || w.Total != before.Total {
				t.Errorf("the watermark went from %+v to %+v", before, w)
			}
			if got := h.look(t, p); !slices.Equal(got, held) {
				t.Errorf("the lake holds\n%v, want\n%v", got, held)
			}
			if _, err := late.Commit(t.Context(), engine.By{}); !errors.Is(err, tidemark.ErrConflict) {
				t.Errorf("a setting that comes late: %v, want ErrConflict", err)
			}
			h.source.insert(80) // below what was set: never loaded
			h.source.pass(1000)
			h.source.insert(81)
			if r := mustRun(t, h.store, p, h.source); r.New != 1 {
				t.Errorf("the run loaded %d rows, want 1", r.New)
			}
		})
	}
}
