package serve

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/schedule"
	"github.com/tidemark-data/tidemark/run"
)

// A generation is a config that a server uses, or used, with the connections that were opened for it. They are closed once
// another config is in use and nothing works with this one any more.
type generation struct {
	*run.Runner
	cfg     *config.Config
	iceberg http.Handler // of all its lakes
	log     *slog.Logger

	mu      sync.Mutex
	busy    int
	retired bool
}

// enter says that somebody works with the generation, until the function that it returns is called. One that was retired just
// before opens its connections again, and closes them behind the last who works with it.
func (g *generation) enter() func() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.busy--
		g.closeIdle()
	}
}

// retire says that another config is in use.
func (g *generation) retire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.retired = true
	g.closeIdle()
}

func (g *generation) closeIdle() {
	if !g.retired || g.busy > 0 {
		return
	}
	if err := g.Close(); err != nil {
		g.log.Warn("connections were not closed cleanly", "err", err)
	}
}

// An executor is a generation as the scheduler knows it. What it does others are told.
type executor struct {
	*generation
	tell *teller
}

var (
	_ schedule.Executor = executor{}
	_ schedule.Receiver = executor{}
)

// Execute implements schedule.Executor, as do the others.
func (x executor) Execute(ctx context.Context, id tidemark.PipelineID, a tidemark.Attempt, log *slog.Logger) (tidemark.RunResult, error) {
	leave := x.enter()
	defer leave()
	ctx, end := x.tell.trace(ctx, id, a)
	result, err := x.Runner.Execute(ctx, id, run.Execution{Run: a.Commit, Log: log, Seen: x.tell.started(ctx, x.generation, id)})
	end(err)
	return result, err
}

// Members implements schedule.Executor.
func (x executor) Members(ctx context.Context, group string) ([]tidemark.PipelineID, error) {
	leave := x.enter()
	defer leave()
	return x.Names(ctx, []string{group})
}

// Look implements schedule.Executor.
func (x executor) Look(ctx context.Context, id tidemark.PipelineID) (schedule.Look, error) {
	leave := x.enter()
	defer leave()
	found, err := x.Runner.Look(ctx, id)
	return schedule.Look(found), err
}

// Objects implements schedule.Executor.
func (x executor) Objects(ctx context.Context, connection, prefix string) ([]schedule.Object, error) {
	leave := x.enter()
	defer leave()
	found, err := x.Runner.Objects(ctx, connection, prefix)
	all := make([]schedule.Object, len(found))
	for i, o := range found {
		all[i] = schedule.Object{Key: o.Key, Version: fmt.Sprintf("%s %d %d", o.ETag, o.Size, o.Modified.UnixNano())}
	}
	return all, err
}

// Receive implements schedule.Receiver.
func (x executor) Receive(ctx context.Context, t tidemark.Trigger) (schedule.Delivery, error) {
	leave := x.enter()
	defer leave()
	d, err := x.Runner.Receive(ctx, t.Queue, t.Connection, t.Prefix)
	if err != nil {
		return schedule.Delivery{}, err
	}
	told := schedule.Delivery{Used: d.Used, Left: d.Left, Done: d.Done}
	for _, o := range d.Objects {
		told.Arrivals = append(told.Arrivals, schedule.Arrival{Name: "s3://" + o.Bucket + "/" + o.Key, Version: o.Version, At: o.At})
	}
	return told, nil
}

// ServeHTTP answers in Iceberg's REST protocol.
func (g *generation) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	leave := g.enter()
	defer leave()
	g.iceberg.ServeHTTP(w, r)
}

// setupOf returns what the scheduler goes by.
func setupOf(cfg *config.Config, x schedule.Executor) schedule.Setup {
	pipelines := map[string]schedule.Pipeline{}
	for _, p := range cfg.Pipelines {
		pipelines[string(p.ID)] = scheduled(p.Runs, p.Source, p.SettleOn, p.Lake)
	}
	return schedule.Setup{
		Executor: x, Triggers: cfg.Triggers, Parallel: cfg.Server.Parallel, MaxRuns: cfg.MaxRuns,
		Pipeline: func(name string) (schedule.Pipeline, bool, bool) {
			if p, found := pipelines[name]; found {
				return p, false, true
			}
			g, found := groupOf(cfg, name)
			if !found {
				return schedule.Pipeline{}, false, false
			}
			return scheduled(g.Runs, g.Source, g.Lake), name == g.Name, true
		},
	}
}

// groupOf returns the group of that name, or of which it names a member.
func groupOf(cfg *config.Config, name string) (group config.Group, found bool) {
	for _, g := range cfg.Groups {
		if (name == g.Name || strings.HasPrefix(name, g.Name+".")) && len(g.Name) > len(group.Name) {
			group, found = g, true
		}
	}
	return group, found
}

// scheduled returns what the scheduler knows of a pipeline that uses some connections.
func scheduled(r config.Runs, connections ...string) schedule.Pipeline {
	connections = slices.DeleteFunc(connections, func(name string) bool { return name == "" })
	slices.Sort(connections)
	return schedule.Pipeline{Retries: r.Retries, Timeout: r.Timeout, Priority: r.Priority, Connections: slices.Compact(connections)}
}
