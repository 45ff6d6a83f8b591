package run

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/engine"
)

// A RewindGoal says how far a rewind goes back. At most one field is set; the zero value is the newest commit that the
// table holds, and is for a table that someone has set back by hand.
type RewindGoal = engine.Goal

// A Rewind is a rewind that was thought through and not yet made: Commit makes it.
type Rewind = engine.Rewind

// A Mark is what a person wants a watermark to say.
type Mark = engine.Mark

// A Setting is a watermark that was thought through and not yet set: Commit sets it.
type Setting = engine.Setting

// By says who acts on a pipeline by hand, and why. Both are kept in the lake.
type By = engine.By

// WhoAmI returns the user of this process and its machine, as USER@HOST.
func WhoAmI() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		return name
	}
	return name + "@" + host
}

// PlanRewind finds out whether a pipeline can go back to an earlier commit, and what that does. It changes nothing, and
// asks the lake alone. The plan is good for as long as the Runner is open and no run commits: then its Commit is
// ErrConflict, and has changed nothing.
func (r *Runner) PlanRewind(ctx context.Context, name string, goal RewindGoal) (*Rewind, error) {
	p, parts, err := r.byHand(ctx, name)
	if err != nil {
		return nil, err
	}
	return engine.PlanRewind(ctx, p.Pipeline, parts, goal)
}

// PlanSet finds out what it means to set a pipeline's watermark by hand. It changes nothing, and asks the lake alone.
func (r *Runner) PlanSet(ctx context.Context, name string, m Mark) (*Setting, error) {
	p, parts, err := r.byHand(ctx, name)
	if err != nil {
		return nil, err
	}
	return engine.PlanSet(ctx, p.Pipeline, parts, m)
}

// Events returns what was done by hand to the pipelines of those names, or to all, pipeline by pipeline, the oldest first.
func (r *Runner) Events(ctx context.Context, names []string) ([]tidemark.Event, error) {
	pipelines, err := r.named(ctx, names)
	if err != nil {
		return nil, err
	}
	var all []tidemark.Event
	for _, p := range pipelines {
		parts, err := r.lakeParts(ctx, p)
		if err != nil {
			return nil, err
		}
		events, err := engine.Events(ctx, parts)
		if err != nil {
			return nil, fmt.Errorf("pipeline %s: %w", p.ID, err)
		}
		all = append(all, events...)
	}
	return all, nil
}

// byHand opens what it takes to act on one pipeline without its source.
func (r *Runner) byHand(ctx context.Context, name string) (config.Pipeline, engine.Parts, error) {
	p, err := r.alone(ctx, name)
	if err != nil {
		return p, engine.Parts{}, err
	}
	parts, err := r.lakeParts(ctx, p)
	return p, parts, err
}

// one returns the pipeline of that name, with all that a run of it needs.
func (r *Runner) one(ctx context.Context, name string) (config.Pipeline, error) {
	p, err := r.alone(ctx, name)
	if err != nil {
		return p, err
	}
	return p, r.haveFuncs([]config.Pipeline{p})
}

// alone returns the pipeline of that name, whether it can run here or not.
func (r *Runner) alone(ctx context.Context, name string) (config.Pipeline, error) {
	pipelines, err := r.named(ctx, []string{name})
	if err != nil {
		return config.Pipeline{}, err
	}
	if len(pipelines) != 1 {
		return config.Pipeline{}, tidemark.WithHint(
			fmt.Errorf("%s stands for %d pipelines: %w", name, len(pipelines), tidemark.ErrInvalid), "name one of them")
	}
	return pipelines[0], nil
}

// lakeParts are the parts of a pipeline that lie in its lake.
func (r *Runner) lakeParts(ctx context.Context, p config.Pipeline) (engine.Parts, error) {
	l, err := r.lake(ctx, p.Lake)
	if err != nil {
		return engine.Parts{}, err
	}
	return engine.Parts{
		Target: l.target(p.Pipeline, r), Side: blob.NewSideFolder(l.store, p.ID), Trail: blob.NewTrailFolder(l.store, p.ID), Log: r.log,
		Rejected: l.target(p.Rejects(), r), RejectedRows: r.rejectedRows(p), Dir: r.dir(),
	}, nil
}

// ParseTime reads a time as people write it: an instant with a zone, or a date, with a time of day or without one, in UTC.
func ParseTime(s string) (time.Time, error) {
	for _, form := range []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.Parse(form, s); err == nil {
			return at, nil
		}
	}
	return time.Time{}, tidemark.WithHint(fmt.Errorf("time %q: %w", s, tidemark.ErrInvalid),
		`write it as 2006-01-02, "2006-01-02 15:04:05" (UTC) or 2006-01-02T15:04:05+02:00`)
}
