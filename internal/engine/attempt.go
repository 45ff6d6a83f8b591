package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/failpoint"
	"github.com/tidemark-data/tidemark/internal/overlap"
	"github.com/tidemark-data/tidemark/internal/trace"
)

// Failpoints of an attempt, in order: engine.recovered, engine.inherited, engine.settled, engine.written, engine.side, engine.committed.
// A kill at any of them leaves files that no reader sees, or a commit that is whole.

// attempt is one try of a run. Every step but the last leaves the watermark where it was.
func (r *runner) attempt(ctx context.Context, result *tidemark.RunResult) (err error) {
	if err := r.Target.Recover(ctx); err != nil {
		return fmt.Errorf("recover what an earlier run left: %w", err)
	}
	if err := failpoint.Hit("engine.recovered"); err != nil {
		return err
	}
	a := &attempt{runner: r, result: result}
	if a.base, err = r.Target.Watermark(ctx); err != nil {
		return fmt.Errorf("load the watermark: %w", err)
	}
	if err := r.complete(ctx, r.p, a.base); err != nil {
		return err
	}
	if a.base.Run == result.Run { // the last attempt's commit took effect, though we were told otherwise
		a.record(a.base)
		return nil
	}
	if a.schema, err = r.Source.Schema(ctx); err != nil {
		return err
	}
	if err := a.inherit(ctx); err != nil {
		return err
	}
	if a.landing, err = r.land(ctx, r.p, a.schema, a.window()); err != nil {
		return err
	}
	defer a.landing.close(r.Parts, r.p)
	if r.Seen != nil {
		r.Seen(a.schema, a.landing.Schema())
	}
	if r.Rejected != nil && a.landing.quarantines() {
		a.landing.aside = &aside{pipeline: r.p.ID, run: result.Run, dir: r.Dir}
	}
	notices, err := Rightful(ctx, r.p, r.Target, a.landing.Schema(), a.base)
	if err != nil {
		return err
	}
	a.forget()
	result.Notices = append(slices.Clone(r.inherited), notices...)
	if err := a.settle(ctx); err != nil {
		return err
	}
	if a.splits, err = r.Source.Splits(ctx, a.window(), max(r.p.Splits, 1)); err != nil {
		return fmt.Errorf("split the window: %w", err)
	}
	if err := r.Target.Prepare(ctx, a.landing.Schema()); err != nil {
		return fmt.Errorf("prepare table %s: %w", r.p.Target, err)
	}
	defer a.close()
	if err := a.begin(ctx); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			a.discard(ctx, err)
		}
	}()
	if err := a.read(ctx); err != nil {
		return err
	}
	if err := failpoint.Hit("engine.written"); err != nil {
		return err
	}
	if err := a.checked(ctx); err != nil {
		return err
	}
	return a.commit(ctx)
}

type attempt struct {
	*runner
	result *tidemark.RunResult

	base    tidemark.Watermark
	schema  *tidemark.Schema // of the source
	landing *landing
	settled tidemark.Settled
	splits  []tidemark.Split
	pass    *overlap.Pass // nil in ModeReplace
	files   []tidemark.DataFile
}

// window is what the attempt reads.
func (a *attempt) window() tidemark.Window {
	if a.replaces() {
		return tidemark.Window{Nulls: a.p.Nulls}
	}
	return tidemark.Window{From: a.base.Settled, Nulls: a.p.Nulls}
}

// forget sets back what an earlier attempt counted.
func (a *attempt) forget() {
	res := a.result
	res.Read, res.New, res.Suppressed, res.Rejected, res.Files, res.Bytes, res.Notices, res.Checks = 0, 0, 0, 0, 0, 0, nil, nil
	res.Seq, res.Total, res.HighBefore, res.High = a.base.Seq, a.base.Total, a.base.High, a.base.High
	res.Settled, res.Overlap = a.base.Settled, a.base.Overlap.Rows
	res.SettledBy, res.HeldBy = a.base.SettledBy, a.base.HeldBy
}

func (a *attempt) replaces() bool { return a.p.Mode == tidemark.ModeReplace }

// settle finds the bound before anything is read. Of a table that is replaced as a whole only the time matters.
func (a *attempt) settle(ctx context.Context) (err error) {
	settling, end := trace.Begin(ctx, "settle")
	a.settled, err = a.Source.Settle(settling, a.base)
	end(err, trace.Text("by", string(a.settled.By)))
	if err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	if a.replaces() {
		a.settled = tidemark.Settled{T0: a.settled.T0}
	}
	a.result.Open = a.settled.HeldBy
	if a.settled.Notice != "" {
		a.result.Notices = append(a.result.Notices, a.settled.Notice)
	}
	return failpoint.Hit("engine.settled")
}

// begin opens the overlap that the base watermark names. Without it a merge goes on, since writing a row once more
// changes nothing there; an append would double rows and stops.
func (a *attempt) begin(ctx context.Context) (err error) {
	if a.replaces() {
		return nil
	}
	opts := overlap.Options{
		Schema: a.schema, Cursor: *a.schema.Cursor, Previous: a.base, Bound: a.settled.Bound,
		Dir: a.Dir, Limit: a.p.OverlapLimit,
	}
	if name := a.base.Overlap.Name; name != "" {
		opts.Open = func(ctx context.Context) (io.ReadCloser, error) { return a.Side.Get(ctx, name) }
	}
	a.pass, err = overlap.Begin(ctx, opts)
	missing := errors.Is(err, overlap.ErrDamaged) || errors.Is(err, tidemark.ErrNotFound)
	if missing && a.p.Mode == tidemark.ModeMerge {
		a.result.Notices = append(a.result.Notices, fmt.Sprintf("side file %s is missing or damaged: its rows are written once more", a.base.Overlap.Name))
		opts.Open, opts.Previous.Overlap = nil, tidemark.Overlap{}
		a.pass, err = overlap.Begin(ctx, opts)
	}
	if missing && err != nil {
		return tidemark.WithHint(fmt.Errorf("open the overlap of commit %d: %w", a.base.Seq, err),
			"without the side file rows would be doubled: restore it, or load the table anew under another pipeline name")
	}
	if err != nil {
		return fmt.Errorf("open the overlap of commit %d: %w", a.base.Seq, err)
	}
	return nil
}

func (a *attempt) close() {
	if a.pass != nil {
		if err := a.pass.Close(); err != nil {
			a.Log.Warn("temporary files of the overlap stay behind", "pipeline", a.p.ID, "err", err)
		}
	}
}

// discard removes the files of an attempt that is not committed. Where the outcome of the commit is unknown they may
// be live and stay.
func (a *attempt) discard(ctx context.Context, cause error) {
	d, ok := a.Target.(tidemark.Discarder)
	if !ok || len(a.files) == 0 || errors.Is(cause, tidemark.ErrFatal) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	d.Discard(ctx, a.files)
}
