package schedule

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
)

// lookAtSource fires where the source has what the lake has not, and where the last run saw transactions that may still
// bring what is older. A pipeline that waits or runs is left alone: its run reads what there is.
func (s *Scheduler) lookAtSource(ctx context.Context, w *watched, setup Setup) error {
	name := w.ID.Pipeline()
	p, group, found := setup.Pipeline(name)
	if !found {
		return fmt.Errorf("pipeline %q: %w", name, tidemark.ErrNotFound)
	}
	members := []tidemark.PipelineID{tidemark.PipelineID(name)}
	if group {
		var err error
		if members, err = setup.Executor.Members(ctx, name); err != nil {
			return fmt.Errorf("pipelines %s.*: %w", name, err)
		}
	}
	busy, err := s.busy(ctx)
	if err != nil {
		return err
	}
	last, err := s.store.Last(ctx)
	if err != nil {
		return err
	}
	var first error
	for _, m := range members {
		if busy[m] {
			continue
		}
		closed := last[m].State == tidemark.RunSucceeded && last[m].Result.Open == "" // a run without news has seen that they are gone
		if err := s.lookAtTable(ctx, w, setup, m, p.Priority, closed); err != nil && first == nil {
			first = fmt.Errorf("pipeline %s: %w", m, err)
		}
	}
	if first != nil {
		return first
	}
	state, _ := s.snapshot(w)
	return s.move(ctx, w, cmp.Or(state.Mark, sourceMark)) // an earlier error is over
}

// busy returns the pipelines that wait or run.
func (s *Scheduler) busy(ctx context.Context) (map[tidemark.PipelineID]bool, error) {
	queued, err := s.store.Queued(ctx)
	if err != nil {
		return nil, err
	}
	busy := map[tidemark.PipelineID]bool{}
	for _, r := range queued {
		busy[r.Pipeline] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.active {
		busy[w.run.Pipeline] = true
	}
	return busy, nil
}

func (s *Scheduler) lookAtTable(ctx context.Context, w *watched, setup Setup, p tidemark.PipelineID, priority int, closed bool) error {
	found, err := setup.Executor.Look(ctx, p)
	if err != nil {
		return err
	}
	found.Open = found.Open && !closed
	state, _ := s.snapshot(w)
	seen := map[tidemark.PipelineID]string{} // the largest cursor for which it has fired
	_ = json.Unmarshal([]byte(strings.TrimPrefix(state.Mark, sourceMark)), &seen)
	now := s.now()
	what := fmt.Sprintf("%s:%s", p, found.Newest)
	switch {
	case found.Open:
		what += "#" + now.Format(time.RFC3339Nano) // each look is a cause: Newest does not move
	case !found.Behind || seen[p] == found.Newest:
		return nil
	}
	seen[p] = found.Newest
	mark, err := json.Marshal(seen)
	if err != nil {
		return err
	}
	cause := w.cause(what, now)
	cause.Detail = "the source has " + found.Newest
	if found.Open {
		cause.Detail = "the last run left transactions open"
	}
	s.mu.Lock()
	state = w.fired(cause, sourceMark+string(mark))
	s.mu.Unlock()
	want := tidemark.Want{Cause: cause, Runs: []tidemark.Wanted{{Pipeline: p, Priority: priority}}, State: &state}
	if _, err := s.store.Want(ctx, want); err != nil {
		return err
	}
	s.keep(w.ID, state)
	s.poke()
	return nil
}
