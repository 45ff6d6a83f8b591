package serve

import (
	"context"
	"sync"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/web"
	"github.com/tidemark-data/tidemark/run"
)

// A backend is what the API of a server asks. Its methods may be called at the same time.
type backend struct{ *server }

// following knows how far the runs have come that are under way.
type following struct {
	mu       sync.Mutex
	progress map[tidemark.PipelineID]*run.Progress
}

// use is web.Options.Use.
func (b *backend) use() (*run.Runner, func()) {
	g := b.current.Load()
	return g.Runner, g.enter()
}

// Runs implements web.Runs.
func (b *backend) Runs(ctx context.Context, f tidemark.RunFilter) ([]tidemark.Run, error) {
	return b.store.Runs(ctx, f)
}

// Run implements web.Runs.
func (b *backend) Run(ctx context.Context, id tidemark.RunID) (tidemark.Run, error) {
	return b.store.Run(ctx, id)
}

// Log implements web.Runs.
func (b *backend) Log(ctx context.Context, id tidemark.RunID, after int64, limit int) ([]tidemark.LogLine, error) {
	return b.store.Log(ctx, id, after, limit)
}

// Cancel implements web.Runs.
func (b *backend) Cancel(ctx context.Context, id tidemark.RunID, by string) (tidemark.Run, error) {
	return b.scheduler.Cancel(ctx, id, by)
}

// Start implements web.Pipelines.
func (b *backend) Start(ctx context.Context, name, by, detail string) ([]tidemark.Run, error) {
	return b.scheduler.Start(ctx, name, by, detail)
}

// Pipelines implements web.Pipelines.
func (b *backend) Pipelines(ctx context.Context) ([]web.Pipeline, error) {
	last, err := b.store.Last(ctx)
	if err != nil {
		return nil, err
	}
	busy, err := b.store.Runs(ctx, tidemark.RunFilter{States: []tidemark.RunState{tidemark.RunQueued, tidemark.RunRunning}, Limit: maxListed})
	if err != nil {
		return nil, err
	}
	var all []web.Pipeline
	triggers, err := b.Triggers(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range described(b.current.Load().cfg) {
		for _, t := range triggers {
			if t.Pipeline != p.Name {
				continue
			}
			p.Triggers = append(p.Triggers, t)
			if t.Next != nil && (p.Next == nil || t.Next.Before(*p.Next)) {
				p.Next = t.Next
			}
		}
		if r, ok := last[tidemark.PipelineID(p.Name)]; ok {
			p.Last = &r
		}
		for _, r := range busy {
			if string(r.Pipeline) == p.Name && (p.Running == nil || r.State == tidemark.RunRunning) {
				p.Running = &r
			}
		}
		all = append(all, p)
	}
	return all, b.behind(ctx, all)
}

// maxListed bounds the runs that wait, in a list of pipelines.
const maxListed = 10_000

// described returns what a config says of its pipelines.
func described(cfg *config.Config) []web.Pipeline {
	var all []web.Pipeline
	for _, p := range cfg.Pipelines {
		all = append(all, web.Pipeline{
			Name: string(p.ID), Source: p.Source, Tables: []string{p.Table.String()}, Lake: p.Lake, Target: p.Target.String(), Format: p.Format, Mode: p.Mode, Triggers: []web.Trigger{},
		})
	}
	for _, g := range cfg.Groups {
		one := web.Pipeline{Name: g.Name, Group: true, Source: g.Source, Lake: g.Lake, Triggers: []web.Trigger{}}
		for _, pattern := range g.Tables {
			one.Tables = append(one.Tables, pattern.String())
		}
		all = append(all, one)
	}
	return all
}

// Progress implements web.Runs.
func (b *backend) Progress(id tidemark.RunID) (web.Progress, bool) {
	pipeline, running := b.scheduler.Working(id)
	if !running {
		return web.Progress{}, false
	}
	b.mu.Lock()
	p := b.progress[pipeline]
	b.mu.Unlock()
	if p == nil {
		return web.Progress{}, false
	}
	return web.Progress{
		Expected: p.Expected.Load(), Read: p.Read.Load(), Suppressed: p.Suppressed.Load(), Bytes: p.Bytes.Load(), Splits: p.Splits.Load(), SplitsDone: p.SplitsDone.Load(),
		Each: append([]tidemark.SplitRead{}, p.Each()...),
	}, true
}

// watch is run.Options.Watch. One pipeline has one run at a time.
func (f *following) watch(id tidemark.PipelineID, p *run.Progress) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.progress[id] = p
}
