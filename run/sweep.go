package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/engine"
	"github.com/tidemark-data/tidemark/internal/trace"
	"github.com/tidemark-data/tidemark/internal/verify"
)

// sweepBehind looks for rows that the source has deleted, behind a run, when that is due. It never makes the run fail.
func (r *Runner) sweepBehind(ctx context.Context, p config.Pipeline, parts engine.Parts, result *tidemark.RunResult) {
	if !sweeps(p.Pipeline) {
		return
	}
	if result.Committed && result.Seq == 1 {
		return // it has just been loaded
	}
	began := time.Now()
	ctx, end := trace.Begin(ctx, "sweep", trace.Text("pipeline", string(p.ID)))
	err := r.sweep(ctx, p, parts, began, result)
	end(err)
	switch {
	case err == nil || ctx.Err() != nil:
	case errors.Is(err, tidemark.ErrConflict):
		r.log.Info("another run was faster than the sweep", "pipeline", p.ID)
	default:
		result.Notices = append(result.Notices, "the run is over; deleted rows were not dealt with behind it: "+err.Error()+hintOf(err))
	}
	result.Took += time.Since(began)
}

func sweeps(p tidemark.Pipeline) bool {
	return (p.Deletes == tidemark.DeletesSweep || p.Deletes == tidemark.DeletesMark) && p.Mode != tidemark.ModeReplace
}

// whenSwept says for a plan when deleted rows are looked for; "" where they are not.
func whenSwept(p tidemark.Pipeline, base tidemark.Watermark) string {
	due := base.Swept.Add(p.SweepEvery)
	switch {
	case !sweeps(p):
		return ""
	case base.Seq == 0:
		return "looked for behind the next run, not the first load"
	case time.Now().Before(due):
		return fmt.Sprintf("looked for from %s on", due.UTC().Format("2006-01-02 15:04:05Z"))
	default:
		return "looked for behind this run, by their keys"
	}
}

func hintOf(err error) string {
	if hint := tidemark.Hint(err); hint != "" {
		return "; " + hint
	}
	return ""
}

// sweep compares keys alone, so the server reads no more than the index of the key. What was inserted since the run read
// the source is in the source and not yet in the lake, which is none of its business; what is in the lake and not in the
// source was deleted.
func (r *Runner) sweep(ctx context.Context, p config.Pipeline, parts engine.Parts, at time.Time, result *tidemark.RunResult) error {
	m, err := engine.BeginMending(ctx, p.Pipeline, parts)
	if err != nil {
		return err
	}
	defer m.Close(ctx)
	if at.Sub(m.Base.Swept) < p.SweepEvery {
		return nil
	}
	c, err := r.comparisonOf(ctx, p, parts, m)
	if err != nil {
		return err
	}
	c.task.Gone, c.task.Limit, c.task.Mender = true, 1, m
	c.versions = p.Deletes == tidemark.DeletesSweep
	c.then = func(report *VerifyReport) error {
		if err := plausible(p, report); err != nil {
			return err
		}
		if err := m.Finish(ctx, c.scan, true); err != nil {
			return err
		}
		w, err := m.CommitSweep(ctx, at)
		if err == nil {
			result.Deleted, result.Marked = m.Erased(), m.Marked()
			result.Committed = result.Committed || result.Deleted+result.Marked > 0
			result.Seq, result.Total, result.Overlap = w.Seq, w.Total, w.Overlap.Rows
		}
		return err
	}
	_, err = r.compare(ctx, c, "")
	return err
}

// What a sweep takes out by itself at most: rather too little than what someone has emptied by mistake. A few rows are
// any share of a small table.
const (
	sweepShare = 0.5
	sweepFew   = 1000
)

func plausible(p config.Pipeline, report *VerifyReport) error {
	gone := report.Found[verify.Deleted]
	if gone <= sweepFew || float64(gone) <= sweepShare*float64(report.LakeRows) {
		return nil
	}
	return tidemark.WithHint(
		fmt.Errorf("%d of %d rows of table %s are not in the source any more, which is too much to go by itself: %w", gone, report.LakeRows, p.Target, tidemark.ErrInvalid),
		fmt.Sprintf("look at the source; `tidemark repair %s --deletes` takes them out", p.ID))
}
