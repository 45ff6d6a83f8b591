package web

import (
	"context"
	"errors"
	"time"

	"github.com/tidemark-data/tidemark/run"
)

// A gate lets so many requests in at a time that each costs memory, or a connection to a source.
type gate chan struct{}

const (
	// plansAtOnce bounds requests that reach a source or a lake, and queriesAtOnce those that compute: each may take the memory
	// of a query.
	plansAtOnce   = 8
	queriesAtOnce = 2

	// enterWithin is how long a request waits for its turn.
	enterWithin = 10 * time.Second
)

var errBusy = errors.New("the server has enough to do: ask again in a moment")

// enter waits for a turn. The caller leaves.
func (g gate) enter(ctx context.Context) (leave func(), err error) {
	timer := time.NewTimer(enterWithin)
	defer timer.Stop()
	select {
	case g <- struct{}{}:
		return func() { <-g }, nil
	case <-timer.C:
		return nil, errBusy
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// using calls do with what runs the pipelines of the config in use, when there is room for one more request of this kind.
func using[T any](ctx context.Context, a *answers, g gate, do func(*run.Runner) (T, error)) (result T, err error) {
	leave, err := g.enter(ctx)
	if err != nil {
		return result, a.problem(ctx, err)
	}
	defer leave()
	r, done := a.Use()
	defer done()
	if result, err = do(r); err != nil {
		return result, a.problem(ctx, err)
	}
	return result, nil
}
