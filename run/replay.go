package run

import (
	"context"

	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/engine"
)

// A ReplayChoice says which rejected rows are replayed; the zero value is all of the pipeline.
type ReplayChoice = engine.Choice

// A Replay is a replay that was thought through and not yet made: Commit makes it. The caller closes it.
type Replay struct {
	*engine.Replay
	close func()
}

// PlanReplay finds out which of the rows that checks of a pipeline have set aside pass now. It changes nothing, but undoes or
// finishes what a killed run has left. The plan is good for as long as the Runner is open and no run commits: then its
// Commit is ErrConflict, and has changed nothing.
func (r *Runner) PlanReplay(ctx context.Context, name string, choice ReplayChoice) (*Replay, error) {
	p, err := r.one(ctx, name)
	if err != nil {
		return nil, err
	}
	parts, done, err := r.parts(ctx, p)
	if err != nil {
		return nil, err
	}
	plan, err := engine.PlanReplay(ctx, p.Pipeline, parts, r.atSource(p).Key, choice)
	if err != nil {
		done()
		return nil, err
	}
	return &Replay{Replay: plan, close: done}, nil
}

// Close ends the connections of the plan, and removes what was not committed.
func (r *Replay) Close(ctx context.Context) {
	r.Replay.Close(ctx)
	r.close()
}

// rejectedRows opens the table of rejected rows of a pipeline.
func (r *Runner) rejectedRows(p config.Pipeline) func(context.Context) (engine.Table, error) {
	return func(ctx context.Context) (engine.Table, error) {
		scan, err := r.scan(ctx, p.Lake, p.Rejects().Target)
		if err != nil {
			return nil, err
		}
		return scan, nil
	}
}
