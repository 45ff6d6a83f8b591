package schedule

import (
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
)

// watched is a trigger of the config with what is known of it. The scheduler's mutex guards its fields.
type watched struct {
	tidemark.Trigger
	calendar *calendar // of cron and every
	err      error     // why it has none

	state  tidemark.TriggerState
	known  bool      // state was read
	opened time.Time // since when this process watches it, enabled; zero: not yet
	next   time.Time // when it is to be looked at again; zero: at once
	busy   bool      // a look is under way
	poll   *poll     // of a trigger with a queue: the last one, which may be under way; nil: none yet
}

// watch begins to watch a trigger. The scheduler's mutex is held.
func (s *Scheduler) watch(t tidemark.Trigger) *watched {
	w := &watched{Trigger: t, known: s.looked}
	w.state.Trigger, w.state.Enabled = t.ID, s.switches[t.ID]
	if t.Kind == tidemark.TriggerCron || t.Kind == tidemark.TriggerEvery {
		w.calendar, w.err = newCalendar(t)
	}
	return w
}

// What marks begin with that are no times.
const (
	endsMark    = "ends:"
	sourceMark  = "source:"
	objectsMark = "objects:"
	queueMark   = "queue:" // the whole of it: the queue knows what is new
)

// misfit reports whether the trigger's mark is one of another kind, which it had under the same name before.
func (w *watched) misfit() bool {
	switch mark := w.state.Mark; w.Kind {
	case tidemark.TriggerCron, tidemark.TriggerEvery:
		_, err := time.Parse(time.RFC3339Nano, mark)
		return err != nil
	case tidemark.TriggerAfter:
		return !strings.HasPrefix(mark, endsMark)
	case tidemark.TriggerSource:
		return !strings.HasPrefix(mark, sourceMark)
	case tidemark.TriggerObject:
		if w.Queue != "" {
			return mark != queueMark
		}
		return !strings.HasPrefix(mark, objectsMark)
	}
	return false
}

// enabled reports whether the trigger fires: as a person has said last, else as the config has it.
func (w *watched) enabled() bool {
	if w.state.Enabled != nil {
		return *w.state.Enabled
	}
	return w.Enabled
}

// cause returns the cause that something made the trigger fire.
func (w *watched) cause(what string, at time.Time) tidemark.Cause {
	return tidemark.Cause{ID: string(w.ID) + "@" + what, Trigger: w.ID, Kind: w.Kind, At: at}
}

// fired returns the trigger's state once it has fired for a cause.
func (w *watched) fired(c tidemark.Cause, mark string) tidemark.TriggerState {
	state := w.state
	state.Mark, state.Fired, state.Cause, state.Error = mark, c.At, c.ID, ""
	return state
}

// forgetPast lets the next look be the first: what has passed is not made up for. The scheduler's mutex is held.
func (w *watched) forgetPast() { w.state.Mark, w.opened, w.next = "", time.Time{}, time.Time{} }

// keep notes a state that the store has.
func (s *Scheduler) keep(id tidemark.TriggerID, state tidemark.TriggerState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.watched[id]; w != nil {
		state.Enabled = w.state.Enabled
		w.state = state
	}
}
