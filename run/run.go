package run

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/engine"
)

// An Outcome is how one run ended. Result is filled in as far as the run came, also beside an error.
type Outcome struct {
	Result tidemark.RunResult
	Err    error
}

// Run runs the pipelines of those names, or all when there are none, Options.Parallel at a time, and returns how each
// ended, in the order of the config. One that fails does not stop the others. The error is for names that are not in
// the config and for tables that cannot be listed; then nothing has run.
func (r *Runner) Run(ctx context.Context, names []string) ([]Outcome, error) {
	pipelines, err := r.pipelines(ctx, names)
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(pipelines))
	var g errgroup.Group
	g.SetLimit(max(r.opts.Parallel, 1))
	for i, p := range pipelines {
		g.Go(func() error {
			outcomes[i] = r.runOne(ctx, p, Execution{})
			if r.opts.Done != nil {
				r.opts.Done(outcomes[i])
			}
			return nil
		})
	}
	return outcomes, g.Wait()
}

// runOne runs a pipeline.
func (r *Runner) runOne(ctx context.Context, p config.Pipeline, as Execution) (o Outcome) {
	o.Result = tidemark.RunResult{Pipeline: p.ID, Mode: p.Mode, Started: time.Now().UTC()}
	if o.Err = ctx.Err(); o.Err != nil {
		return o // stopped before it began
	}
	parts, done, err := r.parts(ctx, p)
	if err != nil {
		o.Err = err
		return o
	}
	defer done()
	parts.ID, parts.Seen = as.Run, as.Seen
	if as.Log != nil {
		parts.Log = as.Log
	}
	progress := new(Progress)
	if r.opts.Watch != nil {
		r.opts.Watch(p.ID, progress)
	}
	o.Result, o.Err = engine.Run(ctx, p.Pipeline, parts, progress)
	if o.Err == nil {
		r.sweepBehind(ctx, p, parts, &o.Result)
		r.maintainBehind(ctx, p, &o.Result)
	}
	return o
}

// parts opens what a run of a pipeline needs. The caller calls done when the run is over.
func (r *Runner) parts(ctx context.Context, p config.Pipeline) (parts engine.Parts, done func(), err error) {
	l, err := r.lake(ctx, p.Lake)
	if err != nil {
		return engine.Parts{}, nil, err
	}
	if err := l.proven(ctx); err != nil {
		return engine.Parts{}, nil, fmt.Errorf("connection %s: %w", p.Lake, err)
	}
	if err := l.apart(ctx, p.Target); err != nil {
		return engine.Parts{}, nil, err
	}
	dir, err := os.MkdirTemp(r.dir(), "tidemark-run-")
	if err != nil {
		return engine.Parts{}, nil, fmt.Errorf("temporary files: %w", err)
	}
	source, err := r.source(ctx, p)
	if err != nil {
		return engine.Parts{}, nil, withCleanup(err, dir)
	}
	done = func() {
		if err := source.Close(); err != nil {
			r.log.Debug("connection was not closed cleanly", "pipeline", p.ID, "err", err)
		}
		if err := os.RemoveAll(dir); err != nil {
			r.log.Warn("temporary files stay behind", "pipeline", p.ID, "err", err)
		}
	}
	parts = engine.Parts{
		Source: source, Target: l.target(p.Pipeline, r), Side: blob.NewSideFolder(l.store, p.ID),
		Trail: blob.NewTrailFolder(l.store, p.ID), Log: r.log, Dir: dir, Transforms: r.transforms(p), Checks: r.checks(p, dir),
		Rejected: l.target(p.Rejects(), r), RejectedRows: r.rejectedRows(p),
	}
	if err := r.fetches(p, &parts); err != nil {
		done()
		return engine.Parts{}, nil, err
	}
	return parts, done, nil
}

// withCleanup returns err, and removes a folder that is empty.
func withCleanup(err error, dir string) error {
	_ = os.Remove(dir)
	return err
}
