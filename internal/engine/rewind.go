package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/overlap"
)

// A Goal says how far a rewind goes back. The zero Goal is the newest commit that the table holds, and is for a table
// that someone has set back by hand.
type Goal struct {
	To   int64     // a commit
	Time time.Time // the newest commit that was made then or before
	All  bool      // before the first commit
}

// A Rewind is a rewind that was thought through and not yet made.
type Rewind struct {
	tidemark.Rewind
	Now     tidemark.Watermark // what the pipeline has loaded
	Next    tidemark.Watermark // what it will have loaded: that of the commit that is gone back to, with a number of its own
	Nothing bool               // the pipeline is there already
	Notices []string           // what its owner should know

	p     tidemark.Pipeline
	parts Parts
}

// PlanRewind finds the commit that a goal means, and whether the pipeline can go back to it: the table must be able to,
// and the side file of that commit must be whole, or rows would be doubled. It changes nothing. Parts need no Source.
func PlanRewind(ctx context.Context, p tidemark.Pipeline, parts Parts, goal Goal) (*Rewind, error) {
	back, ok := parts.Target.(tidemark.Rewinder)
	if !ok {
		return nil, fmt.Errorf("table %s cannot go back: %w", p.Target, tidemark.ErrInvalid)
	}
	h, err := back.History(ctx)
	if err != nil {
		return nil, err
	}
	if h.Now.Seq == 0 && len(h.Commits) == 0 {
		return nil, fmt.Errorf("pipeline %s has loaded nothing into table %s yet: %w", p.ID, p.Target, tidemark.ErrInvalid)
	}
	to, err := goal.find(p, h)
	if err != nil {
		return nil, err
	}
	r := &Rewind{Now: h.Now, p: p, parts: parts}
	if r.To = to.Seq; to.Seq == h.Now.Seq && h.Held == h.Now.Seq {
		r.Next, r.Nothing = h.Now, true
		return r, nil
	}
	if r.Rewind, err = back.PlanRewind(ctx, to.Seq); err != nil {
		return nil, err
	}
	if err := r.checkSide(ctx, to); err != nil {
		return nil, err
	}
	if r.Next, err = r.watermark(h, to); err != nil {
		return nil, err
	}
	return r, r.checkRejected(ctx)
}

// checkRejected looks whether the table of rejected rows can go back as well.
func (r *Rewind) checkRejected(ctx context.Context) error {
	todo := r.Next.Rejected
	if !todo.Rewound || todo.Run != r.Next.Run || r.parts.Rejected == nil {
		return nil
	}
	c := completion{Parts: r.parts, p: r.p.Rejects(), todo: todo}
	to, err := c.rewindTo(ctx)
	if err == nil && to.Seq > 0 {
		_, err = r.parts.Rejected.(tidemark.Rewinder).PlanRewind(ctx, to.Seq)
	}
	if err != nil {
		return tidemark.WithHint(fmt.Errorf("table %s would have to go back as well: %w", c.p.Target, err),
			fmt.Sprintf("choose another commit, or load everything again with `tidemark rewind %s --all`", r.p.ID))
	}
	return nil
}

// find returns the watermark of the commit that is meant; the zero value for "before the first".
func (g Goal) find(p tidemark.Pipeline, h tidemark.History) (tidemark.Watermark, error) {
	switch {
	case g.All:
		return tidemark.Watermark{}, nil
	case !g.Time.IsZero():
		return g.findTime(p, h)
	case g.To == 0 && h.Held == 0:
		return tidemark.Watermark{}, nil
	case g.To == 0 && h.Held == h.Now.Seq:
		return tidemark.Watermark{}, tidemark.WithHint(
			fmt.Errorf("pipeline %s is at commit %d, and so is its table: %w", p.ID, h.Now.Seq, tidemark.ErrInvalid),
			"say how far to go back: --to COMMIT, --to-time TIME or --all")
	case g.To == 0:
		g.To = h.Held
	}
	if g.To >= h.Next() {
		return tidemark.Watermark{}, tidemark.WithHint(
			fmt.Errorf("pipeline %s has made no commit %d: %w", p.ID, g.To, tidemark.ErrNotFound),
			fmt.Sprintf("its newest is %d", h.Next()-1))
	}
	at := slices.IndexFunc(h.Commits, func(w tidemark.Watermark) bool { return w.Seq == g.To })
	if at < 0 {
		return tidemark.Watermark{}, gone(p, h, fmt.Sprintf("commit %d of pipeline %s is not known any more: its snapshot has expired", g.To, p.ID))
	}
	return h.Commits[at], nil
}

func (g Goal) findTime(p tidemark.Pipeline, h tidemark.History) (tidemark.Watermark, error) {
	at := -1
	for i, w := range h.Commits {
		if !w.Committed.After(g.Time) {
			at = i
		}
	}
	// Between two commits that are known there may be some that are not.
	known := at >= 0 && (at+1 == len(h.Commits) || h.Commits[at+1].Seq == h.Commits[at].Seq+1)
	if known {
		return h.Commits[at], nil
	}
	when := g.Time.UTC().Format("2006-01-02 15:04:05Z")
	if len(h.Commits) > 0 && h.Commits[0].Seq == 1 {
		return tidemark.Watermark{}, tidemark.WithHint(
			fmt.Errorf("pipeline %s had made no commit at %s: its first is of %s: %w", p.ID, when, h.Commits[0].Committed.Format("2006-01-02 15:04:05Z"), tidemark.ErrInvalid),
			fmt.Sprintf("`tidemark rewind %s --all` goes back to before the first", p.ID))
	}
	return tidemark.Watermark{}, gone(p, h, fmt.Sprintf("which commit pipeline %s was at, at %s, is not known any more: snapshots have expired", p.ID, when))
}

// gone is the error of a commit that has expired.
func gone(p tidemark.Pipeline, h tidemark.History, what string) error {
	hint := fmt.Sprintf("`tidemark rewind %s --all` loads everything again", p.ID)
	if len(h.Commits) > 0 {
		first := h.Commits[0]
		hint = fmt.Sprintf("the oldest that is known is commit %d of %s; or %s", first.Seq, first.Committed.Format("2006-01-02 15:04:05Z"), hint)
	}
	return tidemark.WithHint(fmt.Errorf("%s: %w", what, tidemark.ErrNotFound), hint)
}

// checkSide looks whether the overlap of the commit is there. A merge goes on without it: writing a row once more
// changes nothing there.
func (r *Rewind) checkSide(ctx context.Context, to tidemark.Watermark) error {
	err := overlap.Verify(ctx, r.parts.Side, to.Overlap)
	if errors.Is(err, overlap.ErrDamaged) && r.p.Mode == tidemark.ModeMerge {
		r.Notices = append(r.Notices, fmt.Sprintf("side file %s is missing or damaged: its rows are written once more", to.Overlap.Name))
		return nil
	}
	if errors.Is(err, overlap.ErrDamaged) {
		return tidemark.WithHint(fmt.Errorf("go back to commit %d: %w", to.Seq, err),
			fmt.Sprintf("without it the next run would double rows: restore the file, choose another commit, or load everything again with `tidemark rewind %s --all`", r.p.ID))
	}
	return err
}

// watermark returns what the pipeline will have loaded. What runs saw when they settled is about the source, whatever
// was loaded: it stays, unless the pipeline reads from another server now.
func (r *Rewind) watermark(h tidemark.History, to tidemark.Watermark) (tidemark.Watermark, error) {
	now := h.Now
	if now.Seq == 0 { // the table has lost it
		now = to
	}
	if now.Mode != r.p.Mode {
		return tidemark.Watermark{}, tidemark.WithHint(
			fmt.Errorf("table %s was loaded in mode %s, and pipeline %s has mode %s: %w", r.p.Target, now.Mode, r.p.ID, r.p.Mode, tidemark.ErrInvalid),
			"undo the change of the mode")
	}
	next := to
	if to.Seq == 0 {
		next = tidemark.Watermark{Origin: now.Origin, Cursor: now.Cursor, Mode: now.Mode, Key: now.Key}
	}
	next.Settlements = now.Settlements
	if next.Origin.Server != now.Origin.Server {
		next.Settlements, next.T0 = nil, time.Time{}
	}
	if next.Origin != now.Origin || next.Cursor != now.Cursor || next.Mode != now.Mode || !slices.Equal(next.Key, now.Key) {
		if next.Mode != now.Mode {
			return tidemark.Watermark{}, tidemark.WithHint(
				fmt.Errorf("commit %d of pipeline %s was made in mode %s, and the pipeline has mode %s now: %w", to.Seq, r.p.ID, to.Mode, now.Mode, tidemark.ErrInvalid),
				"go back to a commit that was made after the change")
		}
		r.Notices = append(r.Notices, fmt.Sprintf("commit %d was loaded from another server, table, cursor or key: before the next run, `tidemark watermark adopt %[2]s %[2]s`", to.Seq, r.p.ID))
	}
	next = stamp(next, r.p.ID, h.Next())
	if next.Rejected = now.Rejected; to.Rejected.Run != now.Rejected.Run {
		next.Rejected = tidemark.Rejected{Run: next.Run, Rewound: true, Back: to.Rejected.Run}
	}
	return next, nil
}

// Commit makes the rewind. It is a commit like any other, fenced by the same compare-and-swap: ErrConflict when a run
// has committed since the plan was made; then nothing has changed.
func (r *Rewind) Commit(ctx context.Context, by By) (tidemark.Watermark, error) {
	if r.Nothing {
		return r.Now, nil
	}
	if err := r.parts.Target.Recover(ctx); err != nil {
		return tidemark.Watermark{}, fmt.Errorf("recover what an earlier run left: %w", err)
	}
	e := tidemark.Event{
		Action: tidemark.ActionRewind, From: tidemark.PositionOf(r.Now), To: tidemark.PositionOf(r.Next),
		Taken: r.Taken, Restored: r.Restored,
	}
	e.To.Commit = r.To
	c := tidemark.Commit{Base: r.Now, Watermark: r.Next, KeepRows: true, Rewind: &r.Rewind}
	if err := act(ctx, r.parts, e, c, by); err != nil {
		return tidemark.Watermark{}, fmt.Errorf("rewind pipeline %s: %w", r.p.ID, err)
	}
	if err := r.parts.complete(ctx, r.p, r.Next); err != nil {
		return r.Next, err
	}
	r.parts.Log.Info("rewound", "pipeline", r.p.ID, "run", r.Next.Run, "commit", r.Next.Seq, "to", r.To)
	return r.Next, nil
}
