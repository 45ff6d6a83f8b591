// Package metrics shows how a server and its pipelines are, for Prometheus. What runs have done is counted when they end; how
// things stand is asked of the store at each scrape. It sends nothing anywhere.
package metrics

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/tidemark-data/tidemark"
)

// Options of Metrics.
type Options struct {
	// State tells how things stand. It is called at each scrape, once at a time; a scrape waits for it for a few seconds and then
	// goes without.
	State func(context.Context) (State, error)

	Version string           // of the program
	Now     func() time.Time // nil: the machine's clock
}

// A State is how things stand.
type State struct {
	Queued    int // runs that wait
	Running   int // runs that are under way
	Pipelines []Pipeline
}

// A Pipeline is how one stands.
type Pipeline struct {
	Name    tidemark.PipelineID
	Last    *tidemark.RunResult // of the last run that succeeded; nil: there was none
	Lag     time.Duration       // since that began
	Watched bool                // it has a limit for the lag
	Late    bool                // the lag is above that
}

// Metrics are those of a server. Its methods may be called at the same time.
type Metrics struct {
	opts     Options
	registry *prometheus.Registry
	runs
	reload struct{ ok, at prometheus.Gauge }
	asking asking

	mu      sync.Mutex
	counted map[tidemark.RunID]int // of runs that wait for another attempt: the last one that was counted
}

// New returns metrics of a server that has done nothing yet.
func New(o Options) *Metrics {
	if o.Now == nil {
		o.Now = time.Now
	}
	m := &Metrics{opts: o, registry: prometheus.NewRegistry(), runs: newRuns(), counted: map[tidemark.RunID]int{}}
	m.reload.ok = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tidemark_config_last_reload_successful", Help: "Whether the config file, as it was at the last look, is in use.",
	})
	m.reload.at = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tidemark_config_last_reload_success_timestamp_seconds", Help: "When a config was last taken into use.",
	})
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tidemark_build_info", Help: "Always 1; the labels tell what runs.",
		ConstLabels: prometheus.Labels{"version": o.Version, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(build, m.reload.ok, m.reload.at, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(m.all()...)
	return m
}

// Reloaded notes that the config file was read: it is in use, or it has mistakes.
func (m *Metrics) Reloaded(ok bool) {
	if !ok {
		m.reload.ok.Set(0)
		return
	}
	m.reload.ok.Set(1)
	m.reload.at.Set(float64(m.opts.Now().UnixMilli()) / 1000)
}
