package schedule

import (
	"context"
	"errors"
	"time"

	"github.com/tidemark-data/tidemark"
)

// dispatch begins the runs whose turn it is, and returns when that of the next one comes.
func (s *Scheduler) dispatch(ctx, working context.Context) (next time.Time) {
	s.mu.Lock()
	setup := s.setup
	s.mu.Unlock()
	if setup.Pipeline == nil {
		return next
	}
	queued, err := s.store.Queued(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.log.Error("the runs that wait could not be read", "err", err)
		}
		return s.now().Add(lookAgain)
	}
	now := s.now()
	for _, r := range queued {
		if r.NotBefore.After(now) {
			next = earliest(next, r.NotBefore)
			continue
		}
		p, group, found := setup.Pipeline(string(r.Pipeline))
		if !found || group {
			s.skip(ctx, r)
			continue
		}
		if !s.room(setup, r.Pipeline, p) {
			continue // the end of another run wakes us
		}
		if err := s.begin(ctx, working, setup, r, p); err != nil {
			s.log.Error("run could not begin", "run", r.ID, "pipeline", r.Pipeline, "err", err)
			next = earliest(next, now.Add(lookAgain))
		}
	}
	return next
}

// skip ends a run whose pipeline is gone.
func (s *Scheduler) skip(ctx context.Context, r tidemark.Run) {
	r, err := s.store.Skip(ctx, r.ID, "the config has no such pipeline any more")
	if err != nil {
		s.log.Error("run could not be skipped", "run", r.ID, "err", err)
		return
	}
	s.log.Warn("run is skipped: the config has no such pipeline", "run", r.ID, "pipeline", r.Pipeline)
	s.over(r)
}

// room reports whether a run of a pipeline may begin beside those that are under way.
func (s *Scheduler) room(setup Setup, id tidemark.PipelineID, p Pipeline) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.active) >= max(setup.Parallel, 1) {
		return false
	}
	uses := map[string]int{}
	for _, w := range s.active {
		if w.run.Pipeline == id {
			return false
		}
		for _, c := range w.pipeline.Connections {
			uses[c]++
		}
	}
	for _, c := range p.Connections {
		if limit := setup.MaxRuns[c]; limit > 0 && uses[c] >= limit {
			return false
		}
	}
	return true
}

// begin takes the lease of a run and works on it.
func (s *Scheduler) begin(ctx, working context.Context, setup Setup, r tidemark.Run, p Pipeline) error {
	lease, err := s.store.Begin(ctx, r.ID, s.opts.Holder, leaseFor)
	if errors.Is(err, tidemark.ErrConflict) || errors.Is(err, tidemark.ErrNotFound) {
		s.log.Debug("run was taken or ended meanwhile", "run", r.ID, "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	attempt, cancel := context.WithCancelCause(working)
	w := &work{run: r, pipeline: p, lease: lease, executor: setup.Executor, cancel: cancel}
	s.mu.Lock()
	s.active[r.ID] = w
	s.mu.Unlock()
	s.log.Info("run begins", "run", r.ID, "pipeline", r.Pipeline, "attempt", lease.Attempt.N)
	s.working.Go(func() {
		defer cancel(nil)
		s.work(attempt, w)
	})
	return nil
}

// over tells of the end of an attempt.
func (s *Scheduler) over(r tidemark.Run) {
	s.mu.Lock()
	s.ended = max(s.ended, r.EndNumber)
	s.mu.Unlock()
	if s.opts.Ended != nil {
		s.opts.Ended(r)
	}
	s.poke()
}
