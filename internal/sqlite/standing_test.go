package sqlite

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

// TestSucceeded: the last success counts, whatever came behind it, and stays however old it is.
func TestSucceeded(t *testing.T) {
	s, c := newStore(t)
	ids := map[string]tidemark.RunID{}
	for i, p := range []string{"a", "b", "a", "c", "a", "a.b", "b"} {
		state := tidemark.RunSucceeded
		if i == 3 || i == 4 {
			state = tidemark.RunFailed
		}
		id := want(t, s, p, fmt.Sprint(i))
		end(t, s, begin(t, s, id), state)
		if state == tidemark.RunSucceeded {
			ids[p] = id
		}
		c.move(time.Second)
	}
	end(t, s, begin(t, s, want(t, s, "a", "last")), tidemark.RunFailed)
	want(t, s, "a", "waits")
	want(t, s, "c", "waits")
	begin(t, s, want(t, s, "b", "runs"))
	for range 2 {
		last, err := s.Succeeded(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]tidemark.RunID{}
		for p, r := range last {
			got[string(p)] = r.ID
			if r.Pipeline != p || r.State != tidemark.RunSucceeded || r.EndNumber == 0 || r.Started.IsZero() || r.Ended.IsZero() {
				t.Errorf("the last success of %s is %+v", p, r)
			}
		}
		if diff := cmp.Diff(ids, got); diff != "" {
			t.Errorf("the last successes (-want +got):\n%s", diff)
		}
		c.move(time.Hour)
		if _, err := s.Prune(t.Context(), c.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if queued, running, err := s.Waiting(t.Context()); queued != 2 || running != 1 || err != nil {
		t.Errorf("%d wait, %d are under way, %v", queued, running, err)
	}
	if runs, err := s.Runs(t.Context(), tidemark.RunFilter{Pipelines: []tidemark.PipelineID{"a"}}); err != nil || len(runs) != 3 {
		t.Errorf("behind the prune there are %d runs of a, %v; want the one that waits, the last and the last that succeeded", len(runs), err)
	}
}

// TestSucceededOfMany: however many runs there are, few rows of an index are read.
func TestSucceededOfMany(t *testing.T) {
	s, _ := newStore(t)
	const runs, pipelines = 20_000, 200
	_, err := s.write.ExecContext(t.Context(), `WITH RECURSIVE k (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < ?)
		INSERT INTO runs (n, id, pipeline, state, priority, queued, started, ended, result, end_number)
		SELECT i, 'run' || i, 'shop.table' || (i % ?), iif(i % 7 = 0, 'failed', 'succeeded'), 0, i, i, i, '{"pipeline": "p", "rows_read": 12, "seq": 7, "started": "2026-01-01T00:00:00Z"}', i FROM k`, runs, pipelines)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	last, err := s.Succeeded(t.Context())
	if err != nil || len(last) != pipelines {
		t.Fatalf("%d pipelines, %v", len(last), err)
	}
	t.Logf("the last successes of %d among %d runs in %v", pipelines, runs, time.Since(began))
	plan := planOf(t, s, succeeded)
	for _, use := range []string{"SEARCH runs USING COVERING INDEX runs_by_success (pipeline>?)", "SEARCH runs USING COVERING INDEX runs_by_success (pipeline=?)", "(end_number=?)"} {
		if !strings.Contains(plan, use) {
			t.Errorf("the plan has no %q:\n%s", use, plan)
		}
	}
	if strings.Contains(plan, "SCAN runs") || strings.Contains(plan, "TEMP B-TREE") {
		t.Errorf("the last successes read all runs, or sort:\n%s", plan)
	}
	if plan := planOf(t, s, waiting, "queued", "running"); strings.Count(plan, "SEARCH runs USING COVERING INDEX runs_by_state (state=?)") != 2 {
		t.Errorf("to count the runs that wait reads more than an index:\n%s", plan)
	}
}
