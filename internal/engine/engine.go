// Package engine executes one run of one pipeline: settle, read, suppress, write, commit, in the order in which a
// crash does no harm. There is no recovery code beside it: a run that follows a crash takes the same steps, and the
// first of them lets the target finish or undo what the dead one left.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/trace"
)

// Parts are what a run is made of. The caller closes them.
type Parts struct {
	Source tidemark.Source
	Target tidemark.Target
	Side   tidemark.SideFiles // the pipeline's own side files
	Trail  tidemark.Trail     // the pipeline's own; only for what is done by hand
	Log    *slog.Logger
	Dir    string // for temporary files; may be lost at any time between runs

	// ID is the run's, which whoever keeps a record of runs has given it; "" for a fresh one. It is never used twice: not for
	// another attempt by another process either.
	ID tidemark.RunID

	Transforms tidemark.Transforms // nil: rows land as they are
	Checks     tidemark.Checks     // of what lands; nil: none

	Rejected tidemark.Target // the table of rows that the checks set aside, opened for Pipeline.Rejects; nil: none are

	// RejectedRows reads that table; ErrNotFound where it is not there. nil where it is not needed.
	RejectedRows func(context.Context) (Table, error)

	// Fetches is a table of watermarks beside the source, First what it says about where the pipeline begins, and Mirrors whether runs
	// add their own to it. nil: there is none.
	Fetches tidemark.WatermarkTable
	First   tidemark.FirstWindow
	Mirrors bool

	// Seen is called when the table was looked at, by each attempt, with the source's columns and with those that land. It must
	// not change them. nil: nobody asks.
	Seen func(source, lands *tidemark.Schema)

	// Pause waits between attempts; nil waits by the clock. It returns early, with the error, when ctx ends.
	Pause func(ctx context.Context, d time.Duration) error
}

const (
	maxAttempts = 5
	firstPause  = 250 * time.Millisecond // before the second attempt; doubled for each further one

	// worthShrinking is the number of rows in the overlap from which it pays to make a commit only to have fewer:
	// below it, reading them again costs less than a snapshot.
	worthShrinking = 10_000
)

// Run executes the pipeline once, in as many attempts as it takes, and returns what was done; the result is filled
// in as far as the run came, also beside an error. After a first load a second pass follows at once when it can
// shrink a large overlap. It returns when ctx is cancelled, with nothing of the unfinished attempt visible.
func Run(ctx context.Context, p tidemark.Pipeline, parts Parts, progress *Progress) (tidemark.RunResult, error) {
	result := tidemark.RunResult{Pipeline: p.ID, Mode: p.Mode, Run: parts.ID, Started: time.Now().UTC()}
	if result.Run == "" {
		result.Run = tidemark.NewRunID(result.Started)
	}
	r := &runner{p: p, Parts: parts, progress: progress}
	err := r.run(ctx, &result)
	if err == nil && r.shrinkable(&result) {
		err = r.followUp(ctx, &result)
	}
	if err == nil {
		r.mirror(ctx, &result)
	}
	result.Took = time.Since(result.Started)
	return result, err
}

type runner struct {
	p tidemark.Pipeline
	Parts
	progress *Progress

	inherits  bool     // the first commit was made from the watermark table: the first load is the second
	inherited []string // notices about it
}

// shrinkable reports whether a first load left an overlap that a second pass can make much smaller: one that came in
// during the load. Rows that share the highest cursor value stay in it whatever is done.
func (r *runner) shrinkable(first *tidemark.RunResult) bool {
	return first.Committed && (first.Seq == 1 || r.inherits) && first.Overlap > worthShrinking && first.Settled.Less(first.High)
}

// followUp runs again behind a first load. What it loads came in during the first load, so it counts as part of it.
func (r *runner) followUp(ctx context.Context, first *tidemark.RunResult) error {
	second := tidemark.RunResult{Run: tidemark.NewRunID(time.Now())}
	if err := r.run(ctx, &second); err != nil {
		return fmt.Errorf("run again behind the first load, which is committed: %w", err)
	}
	first.Splits = append(first.Splits, second.Splits...)
	first.Read += second.Read
	first.New += second.New
	first.Suppressed += second.Suppressed
	first.Rejected += second.Rejected
	first.Files += second.Files
	first.Bytes += second.Bytes
	first.Seq, first.Total, first.High, first.Overlap = second.Seq, second.Total, second.High, second.Overlap
	first.Settled, first.SettledBy, first.HeldBy = second.Settled, second.SettledBy, second.HeldBy
	first.Open, first.Notices = second.Open, second.Notices
	return nil
}

// run makes attempts until one ends in a commit, in nothing to do, or in an error that another attempt cannot mend.
func (r *runner) run(ctx context.Context, result *tidemark.RunResult) error {
	return attempts(ctx, r.Parts, r.p.ID, result.Run, func() error {
		result.Attempts++
		ctx, end := trace.Begin(ctx, "attempt", trace.Text("pipeline", string(r.p.ID)), trace.Number("attempt", int64(result.Attempts)))
		err := r.attempt(ctx, result)
		end(err, trace.Number("rows_read", result.Read), trace.Number("rows_new", result.New))
		return err
	})
}

// attempts tries until there is no error, or one that another attempt cannot mend.
func attempts(ctx context.Context, parts Parts, pipeline tidemark.PipelineID, run tidemark.RunID, try func() error) error {
	wait := parts.Pause
	if wait == nil {
		wait = sleep
	}
	for n, pause := 1, firstPause; ; n, pause = n+1, 2*pause {
		err := try()
		again := errors.Is(err, tidemark.ErrTransient) || errors.Is(err, tidemark.ErrRestart)
		if err == nil || ctx.Err() != nil || !again || errors.Is(err, tidemark.ErrFatal) {
			return err
		}
		if n == maxAttempts {
			return fmt.Errorf("after %d attempts: %w", maxAttempts, err)
		}
		parts.Log.Warn("attempt ended; beginning again", "pipeline", pipeline, "run", run, "attempt", n, "err", err)
		if err := wait(ctx, pause/2+rand.N(pause)); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
