package engine

import (
	"context"
	"fmt"

	"github.com/tidemark-data/tidemark"
)

// A Mark is what a person wants a watermark to say. An empty text leaves the value as it is.
type Mark struct {
	High, Settled string

	// MayDouble says that the owner of an append table knows that rows may be doubled by going back.
	MayDouble bool
}

// A Setting is a watermark that was thought through and not yet set.
type Setting struct {
	Now, Next tidemark.Watermark
	Nothing   bool     // it says that already
	Notices   []string // what it means

	parts Parts
}

// PlanSet finds out what it means to set a pipeline's watermark by hand. No row is loaded or changed. The overlap stays:
// rows at or above the lower of both settled values that it holds are suppressed as before, and others are not.
func PlanSet(ctx context.Context, p tidemark.Pipeline, parts Parts, m Mark) (*Setting, error) {
	now, err := parts.Target.Watermark(ctx)
	if err != nil {
		return nil, err
	}
	if now.Seq == 0 {
		return nil, fmt.Errorf("pipeline %s has no watermark yet: %w", p.ID, tidemark.ErrInvalid)
	}
	if p.Mode == tidemark.ModeReplace || now.Mode != p.Mode || now.High.IsZero() {
		return nil, fmt.Errorf("the watermark of pipeline %s, mode %s, has no cursor values to set: %w", p.ID, now.Mode, tidemark.ErrInvalid)
	}
	s := &Setting{Now: now, Next: stamp(now, p.ID, now.Seq+1), parts: parts}
	for _, v := range []struct {
		name, text string
		to         *tidemark.CursorValue
	}{{"settled", m.Settled, &s.Next.Settled}, {"high", m.High, &s.Next.High}} {
		if v.text == "" {
			continue
		}
		if *v.to, err = now.High.Kind().Parse(v.text); err != nil {
			return nil, fmt.Errorf("%s of pipeline %s: %w", v.name, p.ID, err)
		}
	}
	if s.Next.High.Less(s.Next.Settled) {
		return nil, tidemark.WithHint(
			fmt.Errorf("settled %s would lie above high %s, and rows between them would be lost: %w", s.Next.Settled, s.Next.High, tidemark.ErrInvalid),
			"set --high as well, to what the table holds")
	}
	if s.Nothing = s.Next.High == now.High && s.Next.Settled == now.Settled; s.Nothing {
		return s, nil
	}
	return s, s.explain(p, m)
}

// explain says what the setting means, and refuses what would double rows.
func (s *Setting) explain(p tidemark.Pipeline, m Mark) error {
	from, to := s.Now.Settled, s.Next.Settled
	switch {
	case to.Less(from) && p.Mode == tidemark.ModeAppend && !m.MayDouble:
		return tidemark.WithHint(
			fmt.Errorf("rows from %s on would be read again, and those that table %s holds and the overlap does not know would be doubled: %w", to, p.Target, tidemark.ErrInvalid),
			fmt.Sprintf("`tidemark rewind %s --to-time …` goes back without doubling; --rows-may-double if the table holds none of them", p.ID))
	case to.Less(from) && p.Mode == tidemark.ModeAppend:
		s.Notices = append(s.Notices, fmt.Sprintf("the next run reads from %s, and loads every row that the overlap does not know: those that the table holds are doubled", to))
	case to.Less(from):
		s.Notices = append(s.Notices, fmt.Sprintf("the next run reads from %s, and writes the rows up to %s once more", to, from))
	case from.Less(to):
		s.Notices = append(s.Notices, fmt.Sprintf("rows from %s to below %s that are not loaded yet never will be", from, to))
	}
	switch {
	case s.Next.High.Less(s.Now.High):
		s.Notices = append(s.Notices, "high goes back until the next run sees a higher value")
	case s.Now.High.Less(s.Next.High):
		s.Notices = append(s.Notices, fmt.Sprintf("settled may come up to high %s although nothing that high was loaded: rows dated below it that come later are then lost", s.Next.High))
	}
	return nil
}

// Commit sets the watermark, fenced by the same compare-and-swap as a run: ErrConflict when one has committed since the
// plan was made.
func (s *Setting) Commit(ctx context.Context, by By) (tidemark.Watermark, error) {
	if s.Nothing {
		return s.Now, nil
	}
	if err := s.parts.Target.Recover(ctx); err != nil {
		return tidemark.Watermark{}, fmt.Errorf("recover what an earlier run left: %w", err)
	}
	e := tidemark.Event{Action: tidemark.ActionSetWatermark, From: tidemark.PositionOf(s.Now), To: tidemark.PositionOf(s.Next)}
	if err := act(ctx, s.parts, e, tidemark.Commit{Base: s.Now, Watermark: s.Next, KeepRows: true}, by); err != nil {
		return tidemark.Watermark{}, fmt.Errorf("set the watermark of pipeline %s: %w", s.Next.Pipeline, err)
	}
	return s.Next, nil
}
