package sqlite

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
)

// TestRecent: the last runs come the newest first, and only what was committed since a time counts.
func TestRecent(t *testing.T) {
	s, c := newStore(t)
	var ids []tidemark.RunID
	for i, result := range []tidemark.RunResult{{New: 100, Committed: true}, {New: 7, Committed: true}, {New: 50}, {New: 3, Committed: true}} {
		c.move(time.Hour)
		id := want(t, s, "a", fmt.Sprint(i))
		state := tidemark.RunSucceeded
		if !result.Committed {
			state = tidemark.RunFailed
		}
		lease := begin(t, s, id)
		c.move(time.Minute)
		if _, err := s.End(t.Context(), lease, tidemark.Ending{State: state, Result: &result}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	end(t, s, begin(t, s, want(t, s, "b", "1")), tidemark.RunSucceeded)
	want(t, s, "a", "waits")
	want(t, s, "c", "waits")
	all, err := s.Recent(t.Context(), dawn.Add(2*time.Hour), 3)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || len(all["b"].Runs) != 1 || all["b"].Rows != 0 {
		t.Errorf("of pipelines that have run: %+v", all)
	}
	a := all["a"]
	if a.Rows != 10 || a.Pipeline != "a" || len(a.Runs) != 3 {
		t.Fatalf("of a: %+v", a)
	}
	for i, r := range a.Runs {
		if want := ids[len(ids)-1-i]; r.ID != want || r.Ended.Sub(r.Started) != time.Minute {
			t.Errorf("run %d is %+v, want %s", i, r, want)
		}
	}
	if a.Runs[0].Rows != 3 || a.Runs[1].Rows != 0 || a.Runs[1].State != tidemark.RunFailed || a.Runs[2].Rows != 7 {
		t.Errorf("the runs of a: %+v", a.Runs)
	}
}

// fill puts many runs of many pipelines into a store.
func fill(t testing.TB, s *Store, runs, pipelines int) {
	t.Helper()
	_, err := s.write.ExecContext(t.Context(), `WITH RECURSIVE k (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < ?)
		INSERT INTO runs (n, id, pipeline, state, priority, queued, started, ended, result, end_number)
		SELECT i, 'run' || i, 'shop.table' || (i % ?), iif(i % 7 = 0, 'failed', 'succeeded'), 0, i, i, i,
			'{"pipeline": "p", "rows_read": 12, "rows_new": 2, "committed": true, "seq": 7, "started": "2026-01-01T00:00:00Z", "notices": ["' || hex(zeroblob(400)) || '"]}', i FROM k`, runs, pipelines)
	if err != nil {
		t.Fatal(err)
	}
}

// TestRecentOfMany: neither the runs of a pipeline nor what they have loaded are looked for among all.
func TestRecentOfMany(t *testing.T) {
	s, _ := newStore(t)
	const runs, pipelines, last = 10_000, 100, 20
	fill(t, s, runs, pipelines)
	all, err := s.Recent(t.Context(), time.UnixMicro(runs/2+1), last)
	if err != nil || len(all) != pipelines {
		t.Fatalf("%d pipelines, %v", len(all), err)
	}
	for id, one := range all {
		if len(one.Runs) != last || one.Rows != 2*runs/2/pipelines {
			t.Errorf("%s has %d runs and %d rows", id, len(one.Runs), one.Rows)
		}
	}
	for query, uses := range map[string][]string{
		recentRuns: {"SEARCH runs USING COVERING INDEX runs_by_ended (pipeline=? AND ended>?)"},
		recentRows: {"SEARCH runs USING COVERING INDEX runs_by_ended (pipeline=? AND ended>?)", "SEARCH runs USING COVERING INDEX runs_by_end (pipeline>?)"},
		lastEnds:   {"SEARCH runs USING COVERING INDEX runs_by_end (pipeline=? AND end_number>?)", "SEARCH runs USING COVERING INDEX runs_by_end (pipeline>?)"},
	} {
		plan := planOf(t, s, query, []any{1, 2}[:strings.Count(query, "?")]...)
		for _, use := range uses {
			if !strings.Contains(plan, use) {
				t.Errorf("the plan has no %q:\n%s", use, plan)
			}
		}
		if strings.Contains(plan, "SCAN runs") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("reads all runs, or sorts:\n%s", plan)
		}
	}
}

// BenchmarkRecent is what the first page of the console costs with 500 pipelines and 100,000 runs.
func BenchmarkRecent(b *testing.B) {
	s, _ := newStore(b)
	fill(b, s, 100_000, 500)
	for b.Loop() {
		if all, err := s.Recent(b.Context(), time.UnixMicro(50_000), 20); err != nil || len(all) != 500 {
			b.Fatal(len(all), err)
		}
	}
}

// BenchmarkLast is what a list of pipelines costs.
func BenchmarkLast(b *testing.B) {
	s, _ := newStore(b)
	fill(b, s, 100_000, 500)
	for b.Loop() {
		if all, err := s.Last(b.Context()); err != nil || len(all) != 500 {
			b.Fatal(len(all), err)
		}
	}
}
