package serve

import (
	"sync"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
)

// A lag is how far the lake is behind the source of a pipeline: what the log, notifications, metrics and the API tell.
type lag struct {
	loaded time.Time     // from when on the lake may lack rows; zero where nobody knows
	behind time.Duration // since then
	late   bool          // that is longer than the limit
}

// lagOf judges a pipeline by its last success, nil where there was none: what came before that began is in the lake. One that
// has never been loaded counts from when this process first knew it. The limit 0 is none.
func lagOf(good *tidemark.Run, known time.Time, limit time.Duration, now time.Time) lag {
	l := lag{loaded: known}
	if good != nil {
		l.loaded = good.Started
		if good.Result != nil {
			l.loaded = good.Result.Started
		}
	}
	if !l.loaded.IsZero() {
		l.behind = max(now.Sub(l.loaded), 0)
	}
	l.late = limit > 0 && l.behind > limit
	return l
}

// An acquaintance knows since when this process has known pipelines: those of the config and groups since they were in it, and
// members of groups since their first run.
type acquaintance struct {
	mu    sync.Mutex
	since map[string]time.Time
}

// use notes that a config is in use. What has gone from it is forgotten.
func (a *acquaintance) use(cfg *config.Config, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.since
	a.since = map[string]time.Time{}
	for _, p := range described(cfg) {
		a.since[p.Name] = now
	}
	for name, t := range before {
		if _, stays := a.since[name]; stays {
			a.since[name] = t
		} else if g, member := groupOf(cfg, name); member && g.Name != name {
			a.since[name] = t
		}
	}
}

// meet notes a member of a group, where it is not known yet.
func (a *acquaintance) meet(name string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.since[name]; !known && a.since != nil {
		a.since[name] = now
	}
}

// of returns since when a pipeline or group is known; the zero time of others.
func (a *acquaintance) of(name string) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.since[name]
}
