package metrics

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/tidemark-data/tidemark"
)

var dawn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// scrape returns all samples but those of buckets, Go and the process, as NAME{LABEL="VALUE"} without the quotes.
func scrape(t *testing.T, m *Metrics) map[string]float64 {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("a scrape is answered with %d %s", w.Code, w.Body)
	}
	text := w.Body.String()
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	samples := map[string]float64{}
	for name, family := range families {
		if !strings.HasPrefix(name, "tidemark_") {
			continue
		}
		for _, one := range family.GetMetric() {
			var labels []string
			for _, l := range one.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			key := name
			if len(labels) > 0 {
				key += "{" + strings.Join(labels, ",") + "}"
			}
			samples[key] = one.GetCounter().GetValue() + one.GetGauge().GetValue()
			if h := one.GetHistogram(); h != nil {
				samples[key+" count"], samples[key+" sum"] = float64(h.GetSampleCount()), h.GetSampleSum()
			}
		}
	}
	return samples
}

func check(t *testing.T, got, want map[string]float64) {
	t.Helper()
	for name, value := range want {
		if is, found := got[name]; !found || is != value {
			t.Errorf("%s is %v (there: %t), want %v", name, is, found, value)
		}
	}
}

// attempts returns so many that have ended, the last one with an error of that kind.
func attempts(n int, kind string) (all []tidemark.Attempt) {
	for i := range n {
		all = append(all, tidemark.Attempt{N: i + 1, Started: dawn, Ended: dawn.Add(time.Minute), Kind: "denied"})
	}
	all[n-1].Kind = kind
	return all
}

// TestEnded: attempts and runs are counted once each, rows only where they were committed.
func TestEnded(t *testing.T) {
	m := New(Options{State: func(context.Context) (State, error) { return State{}, nil }})
	read := &tidemark.RunResult{Read: 10, New: 7, Suppressed: 3, Rejected: 1, Files: 2, Bytes: 900}
	done := *read
	done.Committed, done.Deleted, done.Marked = true, 4, 1
	run := func(id string, state tidemark.RunState, result *tidemark.RunResult, all ...tidemark.Attempt) tidemark.Run {
		r := tidemark.Run{ID: tidemark.RunID(id), Pipeline: "orders", State: state, Attempts: all, Result: result}
		if len(all) > 0 {
			r.Started = dawn
		}
		if state.Ended() {
			r.Ended = dawn.Add(90 * time.Second)
		}
		return r
	}
	m.Ended(run("a", tidemark.RunQueued, read, attempts(1, "conflict")...))
	m.Ended(run("a", tidemark.RunSucceeded, &done, attempts(2, "")...))
	m.Ended(run("b", tidemark.RunQueued, read, attempts(1, "transient")...))
	m.Ended(run("b", tidemark.RunCancelled, read, attempts(1, "transient")...)) // while it waited
	m.Ended(run("c", tidemark.RunSkipped, nil))
	m.Ended(run("d", tidemark.RunFailed, nil, attempts(3, "invalid")...)) // the others were of a process before this one
	if len(m.counted) > 0 {
		t.Errorf("runs that have ended are remembered: %v", m.counted)
	}
	check(t, scrape(t, m), map[string]float64{
		"tidemark_runs_total{pipeline=orders,state=succeeded}": 1, "tidemark_runs_total{pipeline=orders,state=cancelled}": 1,
		"tidemark_runs_total{pipeline=orders,state=skipped}": 1, "tidemark_runs_total{pipeline=orders,state=failed}": 1,
		"tidemark_attempts_failed_total{error_kind=conflict,pipeline=orders}":  1,
		"tidemark_attempts_failed_total{error_kind=transient,pipeline=orders}": 1,
		"tidemark_attempts_failed_total{error_kind=invalid,pipeline=orders}":   1,
		"tidemark_commit_conflicts_total{pipeline=orders}":                     1,
		"tidemark_run_duration_seconds{pipeline=orders} count":                 3, "tidemark_run_duration_seconds{pipeline=orders} sum": 270,
		"tidemark_rows_read_total{pipeline=orders}": 30, "tidemark_rows_suppressed_total{pipeline=orders}": 9,
		"tidemark_rows_loaded_total{pipeline=orders}": 7, "tidemark_rows_rejected_total{pipeline=orders}": 1, "tidemark_rows_deleted_total{pipeline=orders}": 5,
		"tidemark_written_bytes_total{pipeline=orders}": 900, "tidemark_written_files_total{pipeline=orders}": 2, "tidemark_commits_total{pipeline=orders}": 1,
	})
}

// TestState: what stands in the store is shown as it is at the scrape, and counters begin at zero.
func TestState(t *testing.T) {
	state := State{Queued: 2, Running: 1, Pipelines: []Pipeline{
		{Name: "orders", Last: &tidemark.RunResult{Overlap: 3, Seq: 12, Total: 700}, Lag: 90 * time.Second, Watched: true, Late: true},
		{Name: "items", Watched: true},
		{Name: "new"},
	}}
	m := New(Options{Version: "1.2.3", Now: func() time.Time { return dawn }, State: func(context.Context) (State, error) { return state, nil }})
	m.Reloaded(true)
	m.Reloaded(false)
	got := scrape(t, m)
	check(t, got, map[string]float64{
		"tidemark_store_up": 1, "tidemark_runs_queued": 2, "tidemark_runs_running": 1,
		"tidemark_lag_seconds{pipeline=orders}": 90, "tidemark_late{pipeline=orders}": 1, "tidemark_late{pipeline=items}": 0,
		"tidemark_overlap_rows{pipeline=orders}": 3, "tidemark_commit_seq{pipeline=orders}": 12, "tidemark_loaded_rows{pipeline=orders}": 700,
		"tidemark_config_last_reload_successful": 0, "tidemark_config_last_reload_success_timestamp_seconds": float64(dawn.Unix()),
		"tidemark_runs_total{pipeline=new,state=failed}": 0, "tidemark_commit_conflicts_total{pipeline=items}": 0,
	})
	for _, name := range []string{"tidemark_lag_seconds{pipeline=items}", "tidemark_late{pipeline=new}", "tidemark_commit_seq{pipeline=new}"} {
		if _, found := got[name]; found {
			t.Errorf("%s is there", name)
		}
	}
	state = State{} // the pipelines are gone from the config
	if _, found := scrape(t, m)["tidemark_lag_seconds{pipeline=orders}"]; found {
		t.Error("the lag of a pipeline stays that is gone")
	}
}

// TestSlowStore: a store that hangs costs each scrape a few seconds and one asker in all, and a broken one nothing.
func TestSlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		hang := make(chan struct{})
		m := New(Options{State: func(context.Context) (State, error) { // it looks at no context
			asked.Add(1)
			<-hang
			return State{Queued: 5}, nil
		}})
		began := time.Now()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				got := scrape(t, m)
				if _, found := got["tidemark_runs_queued"]; found || got["tidemark_store_up"] != 0 {
					t.Error("a scrape shows what the store has not told")
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took != stateWithin || asked.Load() != 1 {
			t.Errorf("ten scrapes took %v and asked %d times, want %v and once", took, asked.Load(), stateWithin)
		}
		close(hang)
		synctest.Wait()
		check(t, scrape(t, m), map[string]float64{"tidemark_store_up": 1, "tidemark_runs_queued": 5})
	})
	broken := New(Options{State: func(context.Context) (State, error) { return State{Queued: 5}, errors.New("disk") }})
	if got := scrape(t, broken); got["tidemark_store_up"] != 0 || got["tidemark_runs_queued"] != 0 {
		t.Errorf("of a broken store: %v", got)
	}
}
