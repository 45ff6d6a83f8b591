package run

import (
	"context"
	"fmt"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/engine"
	"github.com/tidemark-data/tidemark/internal/mysql"
)

// A BackfillRange says what a backfill reads again; the zero value is everything below settled.
type BackfillRange = engine.Range

// A Backfill is a backfill that was thought through and not yet made: Commit makes it. The caller closes it.
type Backfill struct {
	*engine.Backfill
	Splits []PlannedSplit // that the range is read by
	Rows   int64          // of the source in the range, as far as its index tells; -1 where the server does not say
	Exact  bool           // Rows was counted
	Column string         // that came later, as the source spells it; "" where none was named

	watch func() *Progress
	close func()
}

// PlanBackfill finds out what it takes to read a range of a pipeline's cursor values again and to replace it in the lake. It
// reads no rows of the source and changes nothing, but undoes or finishes what a killed run has left. The plan is good for
// as long as the Runner is open and no run commits: then its Commit is ErrConflict, and has changed nothing.
func (r *Runner) PlanBackfill(ctx context.Context, name string, o BackfillRange) (*Backfill, error) {
	p, err := r.one(ctx, name)
	if err != nil {
		return nil, err
	}
	parts, done, err := r.parts(ctx, p)
	if err != nil {
		return nil, err
	}
	b, err := r.planBackfill(ctx, p, parts, o)
	if err != nil {
		done()
		return nil, err
	}
	b.close = done
	b.watch = func() *Progress {
		progress := new(Progress)
		if r.opts.Watch != nil {
			r.opts.Watch(p.ID, progress)
		}
		return progress
	}
	return b, nil
}

func (r *Runner) planBackfill(ctx context.Context, p config.Pipeline, parts engine.Parts, o BackfillRange) (*Backfill, error) {
	source, ok := parts.Source.(*mysql.Source)
	if !ok {
		return nil, fmt.Errorf("the source of pipeline %s cannot tell what it would read: %w", p.ID, tidemark.ErrInvalid)
	}
	if o.Column != "" {
		if _, err := source.Schema(ctx); err != nil {
			return nil, err
		}
		c, err := source.Column(o.Column)
		if err != nil {
			return nil, err
		}
		o.Column = c.Name
	}
	plan, err := engine.PlanBackfill(ctx, p.Pipeline, parts, func(ctx context.Context) (engine.Table, error) { return r.scan(ctx, p.Lake, p.Target) }, o)
	if err != nil {
		return nil, err
	}
	forecast, err := source.Forecast(ctx, plan.Window, max(p.Splits, 1))
	if err != nil {
		return nil, err
	}
	plan.Expect = max(forecast.Rows, 0)
	return &Backfill{Backfill: plan, Splits: forecast.Splits, Rows: forecast.Rows, Exact: forecast.Exact, Column: o.Column}, nil
}

// Nothing reports whether the range holds no row on either side.
func (b *Backfill) Nothing() bool { return b.Exact && b.Rows == 0 && b.Gone == 0 }

// Commit reads the range and replaces it in one commit. It returns the watermark after it: that of the plan where nothing
// came or went. It is called once.
func (b *Backfill) Commit(ctx context.Context, by By) (tidemark.Watermark, error) {
	return b.Backfill.Commit(ctx, by, b.watch())
}

// Close ends the connections of the plan.
func (b *Backfill) Close() { b.close() }
