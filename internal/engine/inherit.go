package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/failpoint"
	"github.com/tidemark-data/tidemark/internal/overlap"
)

// An Inheritance is what another process has loaded of the pipeline's source, as its watermark table says: the rows with a
// cursor up to High that are there now, those at High itself only with FirstAfter.
type Inheritance struct {
	High    tidemark.CursorValue // none: there is nothing to go on from
	Settled tidemark.CursorValue // below it no row can appear any more
	Notices []string

	// Window has those of the rows that have company yet to come, or that share High. They are what the overlap knows; none
	// where Window.Until is none.
	Window tidemark.Window
}

// maxAhead is how far a watermark table may be ahead of the server's clock: clocks of applications are, and in autumn an hour
// comes twice.
const maxAhead = time.Hour

// Inherit finds out what a pipeline that has made no commit yet goes on from. It only reads. A value that lies in the future, or is
// none of the cursor's, is ErrInvalid.
func Inherit(ctx context.Context, p tidemark.Pipeline, parts Parts, s *tidemark.Schema) (h Inheritance, settled tidemark.Settled, err error) {
	if parts.Fetches == nil || parts.First == tidemark.FirstNone || p.Mode == tidemark.ModeReplace || s.Cursor == nil {
		return h, settled, nil
	}
	f, err := parts.Fetches.Newest(ctx, *s.Cursor)
	if err != nil || f.Value.IsZero() {
		return h, settled, err
	}
	if settled, err = parts.Source.Settle(ctx, tidemark.Watermark{}); err != nil {
		return h, settled, fmt.Errorf("settle: %w", err)
	}
	if now := settled.Clock; !now.IsZero() && f.Value.Micros()-now.Micros() > maxAhead.Microseconds() {
		return h, settled, tidemark.WithHint(
			fmt.Errorf("watermark of %s is %s, and the source's clock shows %s: %w", parts.Fetches, f.Value, now, tidemark.ErrInvalid),
			"rows up to there would count as loaded: put it right in the table, or set first: none to load everything")
	}
	h = Inheritance{High: f.Value, Settled: settled.Bound.Min(f.Value), Window: tidemark.Window{Nulls: p.Nulls}}
	until := h.High
	if parts.First == tidemark.FirstAfter {
		if until = until.Next(); until.IsZero() {
			return h, settled, fmt.Errorf("watermark of %s is %s, behind which there is nothing: %w", parts.Fetches, h.High, tidemark.ErrInvalid)
		}
	}
	if h.Settled.Less(until) {
		h.Window.From, h.Window.Until = h.Settled, until
	}
	h.Notices = []string{h.text(parts)}
	if f.Notice != "" {
		h.Notices = append(h.Notices, fmt.Sprintf("of %s: %s", parts.Fetches, f.Notice))
	}
	return h, settled, nil
}

// text tells the owner of the pipeline where it begins.
func (h Inheritance) text(parts Parts) string {
	if parts.First == tidemark.FirstFrom {
		return fmt.Sprintf("begins at %s, the watermark of %s: rows below it count as loaded, which first: none would load too", h.High, parts.Fetches)
	}
	return fmt.Sprintf("begins after %s, the watermark of %s: rows up to there count as loaded, which first: none would load too", h.High, parts.Fetches)
}

// inherit makes the first commit of a pipeline whose source another process has loaded in part: one without rows, whose
// watermark says what that process has loaded. From then on it is a pipeline like any other, whoever is killed: there is no
// other way to read behind it.
//
// It settles before it reads. A row at or below High that appears only later is none that the other process can have had,
// and so the overlap does not know it and the next run loads it.
//
// Failpoint: engine.inherited. Behind it the commit is made.
func (a *attempt) inherit(ctx context.Context) error {
	if a.base.Seq > 0 {
		return nil
	}
	h, settled, err := Inherit(ctx, a.p, a.Parts, a.schema)
	if err != nil || h.High.IsZero() {
		return err
	}
	l, err := a.land(ctx, a.p, a.schema, tidemark.Window{From: h.Settled, Nulls: a.p.Nulls})
	if err != nil {
		return err
	}
	defer l.close(a.Parts, a.p)
	if _, err := Rightful(ctx, a.p, a.Target, l.Schema(), a.base); err != nil {
		return err
	}
	if err := a.Target.Prepare(ctx, l.Schema()); err != nil {
		return fmt.Errorf("prepare table %s: %w", a.p.Target, err)
	}
	now := time.Now()
	w := tidemark.Watermark{ // T0 is that of a run which has read its window, and there was none
		Pipeline: a.p.ID, Seq: 1, Run: tidemark.NewRunID(now), High: h.High, Settled: h.Settled,
		Origin: a.schema.Origin, Cursor: a.schema.Cursor.Column, Mode: a.p.Mode, Key: mergeKey(a.p, l.Schema()), Selection: selection(a.p),
		Settlements: settled.History, SettledBy: settled.By, HeldBy: settled.HeldBy, Committed: now.UTC(),
	}
	if w.Overlap, err = a.known(ctx, w, h.Window); err != nil {
		return err
	}
	if err := publish(ctx, a.Target, tidemark.Commit{Base: a.base, Watermark: w, KeepRows: true}); err != nil {
		return a.explain(err)
	}
	a.inherits, a.inherited = true, h.Notices
	a.Log.Info("committed where the watermark table ends", "pipeline", a.p.ID, "run", w.Run, "commit", w.Seq, "overlap", w.Overlap.Rows)
	a.result.Committed, a.base = true, w
	return failpoint.Hit("engine.inherited")
}

// known stores the overlap of the rows in a window: they count as loaded.
func (a *attempt) known(ctx context.Context, w tidemark.Watermark, window tidemark.Window) (o tidemark.Overlap, err error) {
	if window.Until.IsZero() {
		return o, nil
	}
	pass, err := overlap.Begin(ctx, overlap.Options{
		Schema: a.schema, Cursor: *a.schema.Cursor, Previous: tidemark.Watermark{High: w.High, Settled: w.Settled}, Bound: w.Settled,
		Dir: a.Dir, Limit: a.p.OverlapLimit,
	})
	if err != nil {
		return o, fmt.Errorf("begin the overlap: %w", err)
	}
	defer func() { err = errors.Join(err, pass.Close()) }()
	splits, err := a.Source.Splits(ctx, window, max(a.p.Splits, 1))
	if err != nil {
		return o, fmt.Errorf("split the window: %w", err)
	}
	g, reading := errgroup.WithContext(ctx)
	for _, s := range splits {
		g.Go(func() error { return apply(reading, pass, a.Source, s) })
	}
	if err := g.Wait(); err != nil {
		return o, fmt.Errorf("read what counts as loaded: %w", err)
	}
	file, err := pass.Finish(w.Settled)
	if err != nil {
		return o, fmt.Errorf("close the overlap: %w", err)
	}
	defer file.Close()
	if o = file.Overlap(); o.Rows == 0 {
		return tidemark.Overlap{}, nil
	}
	o.Name = fmt.Sprintf("%020d-%s-%d.overlap", w.Seq, w.Run, a.result.Attempts)
	return o, a.putSide(ctx, o, file)
}

// apply lets a pass see the rows of a split.
func apply(ctx context.Context, pass *overlap.Pass, source tidemark.Source, s tidemark.Split) error {
	for batch, err := range source.Read(ctx, s) {
		if err != nil {
			return err
		}
		fresh, _, err := pass.Apply(batch)
		if err != nil {
			return err
		}
		if fresh != nil {
			fresh.Release()
		}
	}
	return nil
}
