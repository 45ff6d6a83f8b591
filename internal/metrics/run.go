package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidemark-data/tidemark"
)

// runs counts what runs have done since the process began. A pipeline that is gone from the config keeps its series until the
// process ends: there are as many as the config has had pipelines.
type runs struct {
	ended     *prometheus.CounterVec // by pipeline and state
	failed    *prometheus.CounterVec // by pipeline and kind of error
	conflicts *prometheus.CounterVec
	took      *prometheus.HistogramVec

	read, loaded, suppressed, rejected, deleted *prometheus.CounterVec
	bytes, files, commits                       *prometheus.CounterVec
}

// buckets are seconds, from a look that finds nothing to a first load of hours.
var buckets = []float64{0.1, 0.5, 1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400}

func newRuns() runs {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append([]string{"pipeline"}, labels...))
	}
	return runs{
		ended:     counter("tidemark_runs_total", "Runs that have ended, over all their attempts.", "state"),
		failed:    counter("tidemark_attempts_failed_total", "Attempts that did not succeed, whether or not another one followed.", "error_kind"),
		conflicts: counter("tidemark_commit_conflicts_total", "Attempts whose commit lost against that of another process."),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tidemark_run_duration_seconds", Help: "How long runs took that have ended, from the begin of the first attempt, pauses included.", Buckets: buckets,
		}, []string{"pipeline"}),
		read:       counter("tidemark_rows_read_total", "Rows that attempts have read from the source."),
		loaded:     counter("tidemark_rows_loaded_total", "Rows that were committed."),
		suppressed: counter("tidemark_rows_suppressed_total", "Rows that attempts have read again and recognised."),
		rejected:   counter("tidemark_rows_rejected_total", "Rows that checks have set aside, of attempts that committed."),
		deleted:    counter("tidemark_rows_deleted_total", "Rows that were taken out of the lake, or marked there, since the source has deleted them."),
		bytes:      counter("tidemark_written_bytes_total", "Bytes of the data files that were committed."),
		files:      counter("tidemark_written_files_total", "Data files that were committed."),
		commits:    counter("tidemark_commits_total", "Attempts that have committed."),
	}
}

func (c runs) all() []prometheus.Collector {
	return []prometheus.Collector{c.ended, c.failed, c.conflicts, c.took, c.read, c.loaded, c.suppressed, c.rejected, c.deleted, c.bytes, c.files, c.commits}
}

// begin makes the series of a pipeline at zero. A series that is first seen at one has not increased, for Prometheus, and
// an alert would miss the first failure.
func (c runs) begin(p tidemark.PipelineID) {
	for _, s := range tidemark.RunStates() {
		if s.Ended() {
			c.ended.WithLabelValues(string(p), string(s))
		}
	}
	c.conflicts.WithLabelValues(string(p))
	c.failed.WithLabelValues(string(p), "transient")
}

// Ended counts the end of an attempt, or of a run that never had one: it is told of each, as schedule.Options.Ended is.
func (m *Metrics) Ended(r tidemark.Run) {
	m.begin(r.Pipeline)
	p := string(r.Pipeline)
	if a, fresh := m.fresh(r); fresh {
		m.attempt(p, a, r.Result)
	}
	if !r.State.Ended() {
		return
	}
	m.ended.WithLabelValues(p, string(r.State)).Inc()
	if !r.Started.IsZero() {
		m.took.WithLabelValues(p).Observe(max(r.Ended.Sub(r.Started), 0).Seconds())
	}
}

// fresh returns the last attempt of a run, if that is the one whose end is told. A run that is cancelled while it waits for
// another attempt is told of again.
func (m *Metrics) fresh(r tidemark.Run) (a tidemark.Attempt, fresh bool) {
	if len(r.Attempts) > 0 {
		a = r.Attempts[len(r.Attempts)-1]
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	fresh = a.N > m.counted[r.ID] && !a.Ended.IsZero()
	if r.State.Ended() {
		delete(m.counted, r.ID)
	} else if fresh {
		m.counted[r.ID] = a.N
	}
	return a, fresh
}

// attempt counts what one has done.
func (c runs) attempt(p string, a tidemark.Attempt, result *tidemark.RunResult) {
	if a.Kind != "" {
		c.failed.WithLabelValues(p, a.Kind).Inc()
	}
	if a.Kind == tidemark.KindOf(tidemark.ErrConflict) {
		c.conflicts.WithLabelValues(p).Inc()
	}
	if result == nil {
		return
	}
	c.read.WithLabelValues(p).Add(float64(result.Read))
	c.suppressed.WithLabelValues(p).Add(float64(result.Suppressed))
	if !result.Committed {
		return
	}
	c.loaded.WithLabelValues(p).Add(float64(result.New))
	c.rejected.WithLabelValues(p).Add(float64(result.Rejected))
	c.deleted.WithLabelValues(p).Add(float64(result.Deleted + result.Marked))
	c.files.WithLabelValues(p).Add(float64(result.Files))
	c.bytes.WithLabelValues(p).Add(float64(result.Bytes))
	c.commits.WithLabelValues(p).Inc()
}
