package sqlite

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
)

// TestSince: runs since a time are found also where the clock had gone back meanwhile.
func TestSince(t *testing.T) {
	s, c := newStore(t)
	var ids []tidemark.RunID
	for _, second := range []int{10, 20, 30, 15, 25, 35, 5} {
		c.move(dawn.Add(time.Duration(second) * time.Second).Sub(c.Now()))
		ids = append(ids, want(t, s, fmt.Sprintf("p%d", second), "1"))
	}
	for second, want := range map[int][]int{0: {6, 5, 4, 3, 2, 1, 0}, 5: {6, 5, 4, 3, 2, 1, 0}, 20: {5, 4, 2, 1}, 30: {5, 2}, 35: {5}, 36: {}} {
		runs, err := s.Runs(t.Context(), tidemark.RunFilter{Since: dawn.Add(time.Duration(second) * time.Second)})
		if err != nil {
			t.Fatal(err)
		}
		var got, wanted []tidemark.RunID
		for _, r := range runs {
			got = append(got, r.ID)
		}
		for _, i := range want {
			wanted = append(wanted, ids[i])
		}
		if fmt.Sprint(got) != fmt.Sprint(wanted) {
			t.Errorf("since second %d: %v, want %v", second, got, wanted)
		}
	}
}

// TestPlan: a list reads an index from its end, and neither all runs nor all that pass the filter to sort them.
func TestPlan(t *testing.T) {
	s, _ := newStore(t)
	since, before := dawn, tidemark.RunID("any")
	one, failed := []tidemark.PipelineID{"p"}, []tidemark.RunState{tidemark.RunFailed}
	for name, c := range map[string]struct {
		filter tidemark.RunFilter
		uses   []string
	}{
		"since":             {tidemark.RunFilter{Since: since}, []string{"SEARCH runs USING INTEGER PRIMARY KEY (rowid>?)", "SEARCH runs USING COVERING INDEX runs_by_queued (queued>?)"}},
		"page since":        {tidemark.RunFilter{Since: since, Before: before}, []string{"SEARCH runs USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)", "runs_by_queued (queued>?)"}},
		"since of one":      {tidemark.RunFilter{Since: since, Pipelines: one}, []string{"SEARCH runs USING INDEX runs_by_pipeline (pipeline=? AND n>?)", "runs_by_queued (queued>?)"}},
		"since with failed": {tidemark.RunFilter{Since: since, States: failed}, []string{"SEARCH runs USING INDEX runs_by_state (state=? AND n>?)", "runs_by_queued (queued>?)"}},
		"one":               {tidemark.RunFilter{Pipelines: one}, []string{"SEARCH runs USING INDEX runs_by_pipeline (pipeline=?)"}},
		"failed of one":     {tidemark.RunFilter{Pipelines: one, States: failed}, []string{"SEARCH runs USING INDEX runs_by_both (pipeline=? AND state=?)"}},
	} {
		where, args := listed(c.filter, 7)
		all := planOf(t, s, "SELECT * FROM runs "+where, args...)
		for _, use := range c.uses {
			if !strings.Contains(all, use) {
				t.Errorf("%s: the plan has no %q:\n%s", name, use, all)
			}
		}
		if strings.Contains(all, "SCAN runs") || strings.Contains(all, "TEMP B-TREE") {
			t.Errorf("%s: reads all, or sorts:\n%s", name, all)
		}
	}
}

// planOf returns how SQLite answers a query.
func planOf(t *testing.T, s *Store, query string, args ...any) string {
	t.Helper()
	rows, err := s.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "\n")
}
