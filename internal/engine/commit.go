package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/failpoint"
	"github.com/tidemark-data/tidemark/internal/overlap"
)

// commit makes the new watermark, stores its side file, and publishes both with the files in one act. When there is
// nothing new it leaves the lake as it is.
func (a *attempt) commit(ctx context.Context) error {
	next := a.next()
	var side *overlap.File
	if a.pass != nil {
		next.High = a.pass.High()
		var err error
		if side, next.Settled, err = a.finish(next.High); err != nil {
			return fmt.Errorf("close the overlap: %w", err)
		}
		defer side.Close()
		next.Overlap = side.Overlap()
	}
	if !a.worthCommitting(next) {
		return nil
	}
	if next.Overlap.Rows > 0 {
		next.Overlap.Name = fmt.Sprintf("%020d-%s-%d.overlap", next.Seq, next.Run, a.result.Attempts)
		if err := a.putSide(ctx, next.Overlap, side); err != nil {
			return err
		}
	}
	if err := a.reject(ctx, &next); err != nil {
		return err
	}
	if err := failpoint.Hit("engine.side"); err != nil {
		return err
	}
	// Up to here a crash leaves files that nobody sees. Behind it, the commit is whole and the next run goes on from it.
	files := a.files
	a.files = nil // they may be live from here on: nobody discards them unless the target says that they are not
	if err := publish(ctx, a.Target, tidemark.Commit{Base: a.base, Watermark: next, Files: files}); err != nil {
		if errors.Is(err, tidemark.ErrConflict) || errors.Is(err, tidemark.ErrRestart) {
			a.files = files
		}
		return a.explain(err)
	}
	a.record(next)
	if err := failpoint.Hit("engine.committed"); err != nil {
		return err
	}
	return a.complete(ctx, a.p, next)
}

// reject makes the commit name the rows that were set aside. That their table can take them is tried before the commit, which
// would otherwise be made and could not be followed.
func (a *attempt) reject(ctx context.Context, next *tidemark.Watermark) (err error) {
	next.Rejected = a.base.Rejected
	switch {
	case a.result.Rejected > 0:
		if err := a.Rejected.Recover(ctx); err != nil {
			return fmt.Errorf("table of rejected rows: %w", err)
		}
		if err := a.Rejected.Prepare(ctx, tableOf(rejectedSchema(a.schema.Arrow()), a.schema.Origin)); err != nil {
			return fmt.Errorf("prepare table %s: %w", a.p.Rejects().Target, err)
		}
		a.result.Notices = append(a.result.Notices, fmt.Sprintf("set aside by checks: %d, into table %s", a.result.Rejected, a.p.Rejects().Target))
		next.Rejected, err = a.landing.aside.store(ctx, a.Side, fmt.Sprintf("%020d-%s-%d.rejected", next.Seq, next.Run, a.result.Attempts))
	case a.replaces() && a.base.Rejected.Rows > 0:
		next.Rejected = tidemark.Rejected{Run: next.Run} // those of the runs before go with their table
	}
	return err
}

// next is the watermark that this attempt would commit, without what the overlap decides.
func (a *attempt) next() tidemark.Watermark {
	w := tidemark.Watermark{
		Pipeline: a.p.ID, Seq: a.base.Seq + 1, Run: a.result.Run,
		Origin: a.schema.Origin, Mode: a.p.Mode, Key: mergeKey(a.p, a.landing.Schema()), Selection: selection(a.p),
		Settlements: a.settled.History, SettledBy: a.settled.By, HeldBy: a.settled.HeldBy,
		Swept: a.base.Swept, T0: a.settled.T0, Committed: time.Now().UTC(),
		Rows: a.result.New, Total: a.base.Total + a.result.New,
	}
	if a.replaces() {
		w.Total = w.Rows
	}
	if a.schema.Cursor != nil && !a.replaces() {
		w.Cursor = a.schema.Cursor.Column
	}
	return w
}

// finish decides how far the source is settled and closes the overlap at it. Settled is capped by high, since
// applications and imports set cursors themselves: a row dated yesterday, inserted today, must be found while high is
// the day before. Only where the server sets the cursor and too many rows share the highest value is the cap left out.
func (a *attempt) finish(high tidemark.CursorValue) (*overlap.File, tidemark.CursorValue, error) {
	bound := a.settled.Bound.Max(a.base.Settled)
	settled := bound.Min(high).Max(a.base.Settled)
	cause, err := a.pass.Excess(settled)
	if err != nil {
		return nil, settled, err
	}
	if cause != "" {
		if a.schema.Cursor.ServerSet {
			settled = bound
		}
		if a.settled.HeldBy != "" {
			cause += "; held back by " + a.settled.HeldBy
		}
		a.result.Notices = append(a.result.Notices, fmt.Sprintf("the overlap is above overlap_limit %d: %s", a.p.OverlapLimit, cause))
	}
	side, err := a.pass.Finish(settled)
	return side, settled, err
}

// worthCommitting: a run without news leaves the lake alone, unless a commit makes a large overlap much smaller.
func (a *attempt) worthCommitting(next tidemark.Watermark) bool {
	if a.base.Seq == 0 || a.replaces() || a.result.New > 0 || a.result.Rejected > 0 {
		return true
	}
	before := a.base.Overlap.Rows
	return before > worthShrinking && next.Overlap.Rows < before/2
}

func (a *attempt) putSide(ctx context.Context, o tidemark.Overlap, side *overlap.File) error {
	r, err := side.Open()
	if err != nil {
		return fmt.Errorf("read back side file %s: %w", o.Name, err)
	}
	defer r.Close()
	if err := a.Side.Put(ctx, o.Name, r, o.Bytes); err != nil {
		return fmt.Errorf("store side file %s: %w", o.Name, err)
	}
	return nil
}

// explain adds to a refused commit what it means for the person who started the run.
func (a *attempt) explain(err error) error {
	err = fmt.Errorf("commit %d of pipeline %s: %w", a.base.Seq+1, a.p.ID, err)
	switch {
	case errors.Is(err, tidemark.ErrConflict):
		return tidemark.WithHint(err, "another process ran this pipeline at the same time and has committed; nothing of this run is visible, and running again loads what is left")
	case errors.Is(err, tidemark.ErrFatal):
		return tidemark.WithHint(err, "the lake did not answer; the next run finds out what became of this commit and goes on from there")
	}
	return err
}

// record puts what is committed now into the result.
func (a *attempt) record(w tidemark.Watermark) {
	res := a.result
	res.Committed, res.Seq, res.Total = true, w.Seq, w.Total
	res.High, res.Settled, res.Overlap = w.High, w.Settled, w.Overlap.Rows
	res.SettledBy, res.HeldBy = w.SettledBy, w.HeldBy
	if w.Rejected.Run == w.Run {
		res.Rejected = w.Rejected.Rows
	}
	a.Log.Info("committed", "pipeline", a.p.ID, "run", w.Run, "commit", w.Seq, "rows", w.Rows, "files", res.Files, "bytes", res.Bytes)
}
