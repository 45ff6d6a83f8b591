package serve

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/metrics"
	"github.com/tidemark-data/tidemark/internal/web"
)

// A meter is what a server shows of itself.
type meter struct {
	*metrics.Metrics

	mu    sync.Mutex
	since map[string]time.Time // when this process first found a pipeline or group in the config
}

func newMeter(s *server) *meter {
	return &meter{
		Metrics: metrics.New(metrics.Options{State: s.state, Version: s.opts.Version, Now: s.clock.Now}),
		since:   map[string]time.Time{},
	}
}

// use notes that a config is in use.
func (m *meter) use(cfg *config.Config, now time.Time) {
	m.mu.Lock()
	before := m.since
	m.since = map[string]time.Time{}
	for _, p := range described(cfg) {
		m.since[p.Name] = now
		if t, known := before[p.Name]; known {
			m.since[p.Name] = t
		}
	}
	m.mu.Unlock()
	m.Reloaded(true)
}

// state is metrics.Options.State.
func (s *server) state(ctx context.Context) (state metrics.State, err error) {
	if state.Queued, state.Running, err = s.store.Waiting(ctx); err != nil {
		return state, err
	}
	all, err := s.standings(ctx)
	for _, one := range all {
		state.Pipelines = append(state.Pipelines, one.Pipeline)
	}
	return state, err
}

// A standing is how a pipeline stands.
type standing struct {
	metrics.Pipeline
	group string // whose member it is; "" of one that the config names
	limit time.Duration
}

// standings returns how the pipelines of the config stand, and those members of groups that have been loaded.
func (s *server) standings(ctx context.Context) ([]standing, error) {
	last, err := s.store.Succeeded(ctx)
	if err != nil {
		return nil, err
	}
	cfg, now := s.current.Load().cfg, s.clock.Now()
	var all []standing
	for _, p := range cfg.Pipelines {
		all = append(all, s.meter.standing(p.ID, "", p.Runs.Freshness, last[p.ID].Result, now))
		delete(last, p.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(last)) {
		if g, found := groupOf(cfg, string(id)); found && string(id) != g.Name {
			all = append(all, s.meter.standing(id, g.Name, g.Runs.Freshness, last[id].Result, now))
		}
	}
	return all, nil
}

// standing judges a pipeline by its last success, nil where there was none. One that has never been loaded is late once this
// process has known it for longer than the limit.
func (m *meter) standing(id tidemark.PipelineID, group string, limit time.Duration, last *tidemark.RunResult, now time.Time) standing {
	one := standing{Pipeline: metrics.Pipeline{Name: id, Last: last, Watched: limit > 0}, group: group, limit: limit}
	m.mu.Lock()
	began, known := m.since[string(id)]
	m.mu.Unlock()
	if last != nil {
		began, known = last.Started, true
		one.Lag = max(now.Sub(began), 0)
	}
	one.Late = known && limit > 0 && now.Sub(began) > limit
	return one
}

// behind puts into pipelines how far they are behind their sources, and into groups how far the worst of their members is.
func (s *server) behind(ctx context.Context, all []web.Pipeline) error {
	standings, err := s.standings(ctx)
	if err != nil {
		return err
	}
	worst := map[string]standing{}
	for _, one := range standings {
		name := string(one.Name)
		if one.group != "" {
			name = one.group
		}
		if w, found := worst[name]; !found || one.Lag > w.Lag {
			one.Late = one.Late || w.Late
			worst[name] = one
		}
	}
	for _, g := range s.current.Load().cfg.Groups {
		if _, loaded := worst[g.Name]; !loaded {
			worst[g.Name] = s.meter.standing(tidemark.PipelineID(g.Name), "", g.Runs.Freshness, nil, s.clock.Now())
		}
	}
	for i := range all {
		one := worst[all[i].Name]
		all[i].Freshness, all[i].Late = one.limit.Seconds(), one.Late
		if one.Last != nil {
			lag := one.Lag.Seconds()
			all[i].Lag = &lag
		}
	}
	return nil
}
