package metrics

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// stateWithin is how long a scrape waits for the state: Prometheus gives up after ten seconds by default.
const stateWithin = 3 * time.Second

// Handler answers scrapes.
func (m *Metrics) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		state, ok := m.asking.ask(r.Context(), m.opts.State)
		for _, p := range state.Pipelines {
			m.begin(p.Name)
		}
		standing := prometheus.NewRegistry()
		standing.MustRegister(newStanding(state, ok))
		promhttp.HandlerFor(prometheus.Gatherers{m.registry, standing}, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	})
}

// asking asks for the state, once at a time, so that a store that hangs has one asker and not one for each scrape.
type asking struct {
	mu  sync.Mutex
	now *answer // nil: nobody asks
}

type answer struct {
	state State
	err   error
	done  chan struct{}
}

// ask returns the state; false when that cannot be had in time.
func (a *asking) ask(ctx context.Context, state func(context.Context) (State, error)) (State, bool) {
	ctx, cancel := context.WithTimeout(ctx, stateWithin)
	defer cancel()
	a.mu.Lock()
	one := a.now
	if one == nil {
		one = &answer{done: make(chan struct{})}
		a.now = one
		go a.answer(context.WithoutCancel(ctx), one, state) // for those too who come to wait for it
	}
	a.mu.Unlock()
	select {
	case <-one.done:
		return one.state, one.err == nil
	case <-ctx.Done():
		return State{}, false
	}
}

func (a *asking) answer(ctx context.Context, one *answer, state func(context.Context) (State, error)) {
	ctx, cancel := context.WithTimeout(ctx, stateWithin)
	defer cancel()
	one.state, one.err = state(ctx)
	a.mu.Lock()
	a.now = nil
	a.mu.Unlock()
	close(one.done)
}

// standing shows a state as metrics.
type standing struct {
	state State
	ok    bool

	up, queued, running, lag, late, overlap, seq, rows *prometheus.Desc
}

func newStanding(state State, ok bool) *standing {
	gauge := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &standing{
		state: state, ok: ok,
		up:      gauge("tidemark_store_up", "Whether the store has answered this scrape in time; else what is read there is left out."),
		queued:  gauge("tidemark_runs_queued", "Runs that wait."),
		running: gauge("tidemark_runs_running", "Runs that are under way."),
		lag:     gauge("tidemark_lag_seconds", "Time since the last run that succeeded began; not there before the first.", "pipeline"),
		late:    gauge("tidemark_late", "Whether the lag is above the pipeline's freshness; only of those that have one.", "pipeline"),
		overlap: gauge("tidemark_overlap_rows", "Rows that the next run reads again, as of the last run that succeeded.", "pipeline"),
		seq:     gauge("tidemark_commit_seq", "Number of the pipeline's newest commit, as of the last run that succeeded.", "pipeline"),
		rows:    gauge("tidemark_loaded_rows", "Rows that all commits of the pipeline have loaded, as of the last run that succeeded.", "pipeline"),
	}
}

// Describe implements prometheus.Collector.
func (s *standing) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.up, s.queued, s.running, s.lag, s.late, s.overlap, s.seq, s.rows} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (s *standing) Collect(to chan<- prometheus.Metric) {
	show := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	show(s.up, number(s.ok))
	if !s.ok {
		return
	}
	show(s.queued, float64(s.state.Queued))
	show(s.running, float64(s.state.Running))
	for _, p := range s.state.Pipelines {
		name := string(p.Name)
		if p.Watched {
			show(s.late, number(p.Late), name)
		}
		if p.Last == nil {
			continue
		}
		show(s.lag, p.Lag.Seconds(), name)
		show(s.overlap, float64(p.Last.Overlap), name)
		show(s.seq, float64(p.Last.Seq), name)
		show(s.rows, float64(p.Last.Total), name)
	}
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
