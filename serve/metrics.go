package serve

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/metrics"
	"github.com/tidemark-data/tidemark/internal/web"
)

// newMeter returns what a server shows of itself.
func newMeter(s *server) *metrics.Metrics {
	return metrics.New(metrics.Options{State: s.state, Version: s.opts.Version, Now: s.clock.Now})
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
		all = append(all, s.standing(p.ID, "", p.Runs.Freshness, last, now))
		delete(last, p.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(last)) {
		if g, found := groupOf(cfg, string(id)); found && string(id) != g.Name {
			all = append(all, s.standing(id, g.Name, g.Runs.Freshness, last, now))
		}
	}
	return all, nil
}

// standing judges a pipeline by its last success.
func (s *server) standing(id tidemark.PipelineID, group string, limit time.Duration, last map[tidemark.PipelineID]tidemark.Run, now time.Time) standing {
	one := standing{Pipeline: metrics.Pipeline{Name: id, Watched: limit > 0}, group: group, limit: limit}
	var good *tidemark.Run
	if r, found := last[id]; found {
		good, one.Last = &r, r.Result
	}
	l := lagOf(good, s.tell.known.of(string(id)), limit, now)
	one.Late = l.late
	if good != nil {
		one.Lag = l.behind
	}
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
			worst[g.Name] = s.standing(tidemark.PipelineID(g.Name), "", g.Runs.Freshness, nil, s.clock.Now())
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
