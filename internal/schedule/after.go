package schedule

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// An afterMark is up to which end a trigger of kind after has looked.
type afterMark struct {
	N    int64    `json:"n"`              // the EndNumber of the last run that it has seen
	Have []string `json:"have,omitempty"` // of one that waits for all: the pipelines that have ended since it fired
}

func (m afterMark) String() string {
	text, _ := json.Marshal(m) // a number and names
	return endsMark + string(text)
}

// after returns the trigger's mark; the zero mark where there is none yet.
func (w *watched) after() (m afterMark) {
	_ = json.Unmarshal([]byte(strings.TrimPrefix(w.state.Mark, endsMark)), &m) // what is no mark is as none
	return m
}

const (
	endsAtOnce = 500

	// keepEvery is how many ends a trigger passes over before its mark is kept: after a restart they are looked at again.
	keepEvery = 100
)

// lookAtEnds fires for runs of other pipelines that have ended since the last look.
func (s *Scheduler) lookAtEnds(ctx context.Context, w *watched, setup Setup) error {
	state, _ := s.snapshot(w)
	if state.Mark == "" { // what ended before the trigger was there does not count
		last, err := s.store.LastEnd(ctx)
		if err != nil {
			return err
		}
		return s.move(ctx, w, afterMark{N: last}.String())
	}
	names, err := s.upstream(ctx, w, setup)
	if err != nil {
		return err
	}
	mark, kept := w.after(), w.after().N
	for {
		ended, err := s.store.Ended(ctx, mark.N, endsAtOnce)
		if err != nil {
			return err
		}
		for _, r := range ended {
			mark.N = r.EndNumber
			if !w.counts(&mark, names, r) {
				continue
			}
			cause := w.cause(string(r.ID), r.Ended)
			cause.Detail = fmt.Sprintf("%s ended: %s", r.Pipeline, r.State)
			if err := s.fire(ctx, w, cause, mark.String()); err != nil {
				return err
			}
			kept = mark.N
		}
		if len(ended) < endsAtOnce {
			break
		}
	}
	if mark.N-kept >= keepEvery || len(mark.Have) > 0 {
		return s.move(ctx, w, mark.String())
	}
	state, _ = s.snapshot(w)
	state.Mark = mark.String()
	s.keep(w.ID, state)
	return nil
}

// upstream returns the pipelines that a trigger waits for. A group is all names that begin with its own and a dot; of a
// trigger that waits for all it is each of its members.
func (s *Scheduler) upstream(ctx context.Context, w *watched, setup Setup) ([]string, error) {
	var names []string
	for _, name := range w.After {
		_, group, _ := setup.Pipeline(name)
		if !group || !w.All {
			if group {
				name += "."
			}
			names = append(names, name)
			continue
		}
		members, err := setup.Executor.Members(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("pipelines %s.*: %w", name, err)
		}
		for _, m := range members {
			names = append(names, string(m))
		}
	}
	return names, nil
}

// counts reports whether the trigger fires for the end of a run.
func (w *watched) counts(mark *afterMark, names []string, r tidemark.Run) bool {
	covered := slices.ContainsFunc(names, func(name string) bool {
		return name == string(r.Pipeline) || strings.HasSuffix(name, ".") && strings.HasPrefix(string(r.Pipeline), name)
	})
	if !covered || !w.On.Matches(r.State) {
		return false
	}
	if !w.All {
		return true
	}
	if !slices.Contains(mark.Have, string(r.Pipeline)) {
		mark.Have = append(mark.Have, string(r.Pipeline))
	}
	if slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(mark.Have, name) }) {
		return false
	}
	mark.Have = nil
	return true
}
