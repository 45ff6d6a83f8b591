package serve

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/notify"
	"github.com/tidemark-data/tidemark/internal/post"
	"github.com/tidemark-data/tidemark/internal/sqlite"
)

// A watch follows how the runs of each pipeline end, and how far the lake is behind. It goes by the runs of the server's
// store, and so knows nothing of what others load into the same tables.
type watch struct {
	log   *slog.Logger
	clock post.Clock
	notes *notify.Notifier
	known acquaintance

	mu     sync.Mutex
	cfg    *config.Config
	limits map[tidemark.PipelineID]time.Duration // of the config's pipelines, but for those of groups
	last   map[tidemark.PipelineID]tidemark.Run  // that has succeeded or failed
	good   map[tidemark.PipelineID]tidemark.Run  // that has succeeded
	late   map[tidemark.PipelineID]bool          // as the log has it
}

// newWatch returns a watch that knows the runs of a store.
func newWatch(ctx context.Context, store *sqlite.Store, o notify.Options) (*watch, error) {
	w := &watch{
		log: o.Log, clock: o.Clock, last: map[tidemark.PipelineID]tidemark.Run{},
		late: map[tidemark.PipelineID]bool{},
	}
	newest, err := store.Last(ctx)
	if err == nil {
		w.good, err = store.Succeeded(ctx)
	}
	for id, r := range newest { // none beside an error
		if r.Ended.After(o.Watched) {
			o.Watched = r.Ended
		}
		if err == nil {
			err = w.remember(ctx, store, id, r)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read how the last runs have ended: %w", err)
	}
	w.notes = notify.New(o)
	return w, nil
}

// remember notes which run of a pipeline has succeeded or failed last. Most often that is the one that has ended last: only
// behind one that was cancelled or skipped the store is asked again. Runs end in the order in which they were queued.
func (w *watch) remember(ctx context.Context, store *sqlite.Store, id tidemark.PipelineID, newest tidemark.Run) error {
	if newest.State == tidemark.RunSucceeded || newest.State == tidemark.RunFailed {
		w.last[id] = newest
		return nil
	}
	failed, err := store.Runs(ctx, tidemark.RunFilter{Pipelines: []tidemark.PipelineID{id}, States: []tidemark.RunState{tidemark.RunFailed}, Limit: 1})
	if err != nil {
		return err
	}
	for _, r := range failed {
		w.last[id] = r
	}
	if good, found := w.good[id]; found && good.EndNumber > w.last[id].EndNumber {
		w.last[id] = good
	}
	return nil
}

// use takes a config into use.
func (w *watch) use(cfg *config.Config) {
	limits := map[tidemark.PipelineID]time.Duration{}
	for _, p := range cfg.Pipelines {
		limits[p.ID] = p.Runs.Freshness
	}
	w.known.use(cfg, w.clock.Now())
	w.mu.Lock()
	w.cfg, w.limits = cfg, limits
	w.mu.Unlock()
	w.notes.Use(targets(cfg), cfg.Server.URL)
}

// targets returns who is told.
func targets(cfg *config.Config) (all []notify.Target) {
	for _, n := range cfg.Notifications {
		t := notify.Target{Name: n.Name, Slack: n.Type == config.NotifySlack, URL: n.URL.Resolve, Pipelines: n.Pipelines, Repeat: n.Repeat}
		if !n.Secret.IsZero() {
			t.Secret = n.Secret.Resolve
		}
		for _, kind := range n.On {
			t.On = append(t.On, notify.Kind(kind))
		}
		all = append(all, t)
	}
	return all
}

// ended is told of the end of an attempt.
func (w *watch) ended(r tidemark.Run) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var before *tidemark.Run
	if last, found := w.last[r.Pipeline]; found {
		before = &last
	}
	if r.State == tidemark.RunSucceeded || r.State == tidemark.RunFailed {
		w.last[r.Pipeline] = r
	}
	if r.State == tidemark.RunSucceeded {
		w.good[r.Pipeline] = r
	}
	w.notes.Ended(before, r)
	w.measure(r.Pipeline, w.clock.Now())
}

// attend looks now and then whether pipelines are late, until ctx ends.
func (w *watch) attend(ctx context.Context) {
	for {
		w.look()
		timer, stop := w.clock.Timer(lookEvery)
		select {
		case <-ctx.Done():
			stop()
			return
		case <-timer:
		}
	}
}

// look measures all pipelines that are known: those of groups by their runs.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	for id := range w.limits {
		w.measure(id, now)
	}
	for id := range w.last {
		if _, measured := w.limits[id]; !measured {
			w.measure(id, now)
		}
	}
}

// limit returns how far the lake may be behind; 0: for ever. The mutex is held.
func (w *watch) limit(id tidemark.PipelineID) time.Duration {
	if limit, found := w.limits[id]; found {
		return limit
	}
	if g, found := groupOf(w.cfg, string(id)); found && g.Name != string(id) {
		return g.Runs.Freshness
	}
	return 0
}

// measure tells, once each, that a pipeline is late and that it no longer is. The mutex is held.
func (w *watch) measure(id tidemark.PipelineID, now time.Time) {
	l := notify.Lag{Pipeline: id, Limit: w.limit(id)}
	if l.Limit <= 0 {
		delete(w.late, id)
		w.notes.Lag(now, l)
		return
	}
	w.known.meet(string(id), now)
	if good, found := w.good[id]; found {
		l.Run = &good
	}
	is := lagOf(l.Run, w.known.of(string(id)), l.Limit, now)
	l.Loaded = is.loaded
	switch {
	case is.late && !w.late[id]:
		w.late[id] = true
		w.log.Warn("pipeline is late", "pipeline", id, "lag", is.behind.Round(time.Second), "freshness", l.Limit)
	case !is.late && w.late[id]:
		delete(w.late, id)
		w.log.Info("pipeline is fresh again", "pipeline", id, "lag", is.behind.Round(time.Second), "freshness", l.Limit)
	}
	w.notes.Lag(now, l)
}
