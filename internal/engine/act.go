package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// overtaken is what a conflict means for a person.
const overtaken = "a run has committed meanwhile; nothing was changed: look again, and decide anew"

// By says who acts on a pipeline by hand, and why.
type By struct{ Who, Why string }

// act makes a commit that a person has asked for. Its event is stored first, so that there is no such commit without
// one; the outcome is stored behind it. A crash between the two leaves an event whose outcome the table tells.
//
// Failpoints: engine.audit.begun, engine.audit.committed.
func act(ctx context.Context, parts Parts, e tidemark.Event, c tidemark.Commit, by By) error {
	e.Pipeline, e.At, e.Who, e.Why = c.Watermark.Pipeline, c.Watermark.Committed, by.Who, by.Why
	e.Commit, e.Run = c.Watermark.Seq, c.Watermark.Run
	if err := parts.Trail.Begin(ctx, e); err != nil {
		return err
	}
	if err := failpoint.Hit("engine.audit.begun"); err != nil {
		return err
	}
	err := commitAgain(ctx, parts, c)
	if errors.Is(err, tidemark.ErrConflict) {
		err = tidemark.WithHint(err, overtaken)
		return errors.Join(err, parts.Trail.End(context.WithoutCancel(ctx), e, tidemark.OutcomeNotMade))
	}
	if err != nil {
		return err
	}
	if err := failpoint.Hit("engine.audit.committed"); err != nil {
		return fmt.Errorf("commit %d is made: %w", e.Commit, err)
	}
	if err := parts.Trail.End(context.WithoutCancel(ctx), e, tidemark.OutcomeMade); err != nil {
		parts.Log.Warn("the outcome is not in the audit trail; the table tells it", "pipeline", e.Pipeline, "commit", e.Commit, "err", err)
	}
	return nil
}

// commitAgain sends a commit until its outcome is clear. Commits are idempotent, so one that took effect is found.
func commitAgain(ctx context.Context, parts Parts, c tidemark.Commit) error {
	wait := parts.Pause
	if wait == nil {
		wait = sleep
	}
	pause := firstPause
	for attempt := 1; ; attempt++ {
		err := publish(ctx, parts.Target, c)
		if err == nil || attempt == maxAttempts || !errors.Is(err, tidemark.ErrTransient) || errors.Is(err, tidemark.ErrFatal) {
			return err
		}
		parts.Log.Warn("commit ended; sending it again", "pipeline", c.Watermark.Pipeline, "commit", c.Watermark.Seq, "err", err)
		if err := wait(ctx, pause/2+rand.N(pause)); err != nil {
			return err
		}
		pause *= 2
	}
}

// Events returns what was done to a pipeline by hand, the oldest first, each with its outcome: where none was stored,
// the process has died, and the table tells.
func Events(ctx context.Context, parts Parts) ([]tidemark.Event, error) {
	events, err := parts.Trail.Events(ctx)
	if err != nil {
		return nil, err
	}
	var h tidemark.History
	asked := false
	for i := range events {
		if events[i].Outcome != "" {
			continue
		}
		if back, ok := parts.Target.(tidemark.Rewinder); ok && !asked {
			if h, err = back.History(ctx); err != nil {
				return nil, err
			}
			asked = true
		}
		events[i].Outcome = outcomeOf(events[i], h)
	}
	return events, nil
}

func outcomeOf(e tidemark.Event, h tidemark.History) tidemark.Outcome {
	for _, w := range append(h.Commits, h.Now) {
		if w.Seq == e.Commit && w.Run == e.Run {
			return tidemark.OutcomeMade
		}
		if w.Seq == e.Commit {
			return tidemark.OutcomeNotMade
		}
	}
	if h.Next() <= e.Commit {
		return tidemark.OutcomeNotMade
	}
	return tidemark.OutcomeUnknown
}

// stamp makes of a watermark the next one of a pipeline, which brings no rows.
func stamp(w tidemark.Watermark, p tidemark.PipelineID, seq int64) tidemark.Watermark {
	now := time.Now()
	w.Pipeline, w.Seq, w.Run = p, seq, tidemark.NewRunID(now)
	w.Committed, w.Rows = now.UTC(), 0
	return w
}
