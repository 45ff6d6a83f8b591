package schedule

import (
	"context"
	"fmt"
	"time"

	"github.com/tidemark-data/tidemark"
)

// fireDue looks at the triggers whose time has come, and returns when the next one's does.
func (s *Scheduler) fireDue(ctx context.Context) (next time.Time) {
	now := s.now()
	s.mu.Lock()
	setup := s.setup
	var due []*watched
	for _, t := range setup.Triggers {
		w := s.watched[t.ID]
		if !w.known || w.busy || !w.enabled() || t.Kind == tidemark.TriggerWebhook {
			continue
		}
		if w.misfit() {
			w.state.Mark = "" // the next look is the first
		}
		if t.Kind == tidemark.TriggerAfter && w.next.IsZero() && w.state.Mark != "" && w.after().N >= s.ended {
			continue // no run has ended since
		}
		if w.next.After(now) {
			next = earliest(next, w.next)
			continue
		}
		if w.opened.IsZero() {
			w.opened = now
		}
		w.busy = true
		if w.Queue != "" {
			s.listen(ctx, w, setup)
			continue
		}
		due = append(due, w)
	}
	s.mu.Unlock()
	for _, w := range due {
		if !quick(w, setup) {
			s.looks.Add(1)
			go func() { defer s.looks.Done(); s.look(ctx, w, setup); s.poke() }()
			continue
		}
		next = earliest(next, s.look(ctx, w, setup))
	}
	return next
}

// quick reports whether a look reaches nothing but the store.
func quick(w *watched, setup Setup) bool {
	names := append([]string{w.ID.Pipeline()}, w.After...)
	for _, name := range names {
		if _, group, _ := setup.Pipeline(name); group {
			return false
		}
	}
	return w.Kind != tidemark.TriggerSource && w.Kind != tidemark.TriggerObject
}

// look looks at one trigger and lets it fire. It returns when the trigger is to be looked at again.
func (s *Scheduler) look(ctx context.Context, w *watched, setup Setup) time.Time {
	next, err := s.lookAt(ctx, w, setup)
	if err != nil {
		next = s.now().Add(lookAgain)
		if w.Every > lookAgain {
			next = s.now().Add(w.Every)
		}
		if ctx.Err() == nil {
			s.log.Warn("trigger could not be looked at", "trigger", w.ID, "err", err)
			s.note(ctx, w, err)
		} else {
			next = time.Time{} // somebody did not want this look any more
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w.busy, w.next = false, next
	return next
}

func (s *Scheduler) lookAt(ctx context.Context, w *watched, setup Setup) (time.Time, error) {
	if w.err != nil {
		return time.Time{}, w.err
	}
	switch w.Kind {
	case tidemark.TriggerCron, tidemark.TriggerEvery:
		return s.lookAtTimes(ctx, w)
	case tidemark.TriggerAfter:
		return time.Time{}, s.lookAtEnds(ctx, w, setup)
	case tidemark.TriggerSource:
		return s.now().Add(w.Every), s.lookAtSource(ctx, w, setup)
	case tidemark.TriggerObject:
		if w.Queue != "" {
			return s.lookIntoQueue(ctx, w, setup)
		}
		return s.now().Add(w.Every), s.lookAtObjects(ctx, w, setup)
	}
	return time.Time{}, fmt.Errorf("trigger %s: kind %q: %w", w.ID, w.Kind, tidemark.ErrInvalid)
}

// snapshot returns what is known of a trigger.
func (s *Scheduler) snapshot(w *watched) (state tidemark.TriggerState, opened time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return w.state, w.opened
}

// fire wants what a trigger starts, and moves its mark.
func (s *Scheduler) fire(ctx context.Context, w *watched, cause tidemark.Cause, mark string) error {
	s.mu.Lock()
	state := w.fired(cause, mark)
	s.mu.Unlock()
	if _, err := s.want(ctx, w.ID.Pipeline(), cause, &state); err != nil {
		return err
	}
	s.keep(w.ID, state)
	s.log.Info("trigger fired", "trigger", w.ID, "cause", cause.ID)
	return nil
}

// move moves a trigger's mark, and fires nothing.
func (s *Scheduler) move(ctx context.Context, w *watched, mark string) error {
	state, _ := s.snapshot(w)
	if state.Mark == mark && state.Error == "" {
		return nil
	}
	state.Mark, state.Error = mark, ""
	if _, err := s.store.Want(ctx, tidemark.Want{State: &state}); err != nil {
		return err
	}
	s.keep(w.ID, state)
	return nil
}

// note keeps why a look went wrong.
func (s *Scheduler) note(ctx context.Context, w *watched, err error) {
	state, _ := s.snapshot(w)
	if state.Error == err.Error() {
		return
	}
	state.Error = err.Error()
	if _, err := s.store.Want(ctx, tidemark.Want{State: &state}); err != nil {
		s.log.Error("a trigger's error was not kept", "trigger", w.ID, "err", err)
		return
	}
	s.keep(w.ID, state)
}

// lookAtTimes fires for the times that have come.
func (s *Scheduler) lookAtTimes(ctx context.Context, w *watched) (time.Time, error) {
	state, opened := s.snapshot(w)
	var mark time.Time
	if state.Mark != "" {
		var err error
		if mark, err = time.Parse(time.RFC3339Nano, state.Mark); err != nil {
			return time.Time{}, fmt.Errorf("mark of trigger %s: %w", w.ID, err)
		}
	}
	times, mark, next := w.calendar.due(mark, opened, s.now())
	for _, t := range times {
		text := t.Format(time.RFC3339Nano)
		if err := s.fire(ctx, w, w.cause(text, t), text); err != nil {
			return time.Time{}, err
		}
	}
	return next, s.move(ctx, w, mark.Format(time.RFC3339Nano))
}
