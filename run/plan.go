package run

import (
	"context"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
)

// A Plan is what the next run of a pipeline would do.
type Plan struct {
	Pipeline tidemark.PipelineID `json:"pipeline"`
	Source   tidemark.TableName  `json:"source"`
	Table    tidemark.TableID    `json:"table"`
	Format   tidemark.Format     `json:"format"`
	Mode     tidemark.Mode       `json:"mode"`
	Key      []string            `json:"key,omitempty"`

	Cursor     string               `json:"cursor,omitempty"`
	From       tidemark.CursorValue `json:"from,omitzero"` // the window; none: from the beginning
	Statements []string             `json:"statements"`    // one per split
	Rows       int64                `json:"rows_expected"` // as the server guesses; -1 where it does not say
	Overlap    int64                `json:"overlap_rows"`  // of those, loaded before and to be suppressed
	Columns    []PlannedColumn      `json:"columns"`

	SettledBy tidemark.SettledBy `json:"settled_by,omitempty"`
	HeldBy    string             `json:"held_by,omitempty"`
	Warnings  []string           `json:"warnings,omitempty"`
	Error     string             `json:"error,omitempty"`
	Err       error              `json:"-"`
}

// A PlannedColumn is a column on its way from the source to the lake.
type PlannedColumn struct {
	Name     string `json:"name"`
	Source   string `json:"source_type"` // the server's own
	Type     string `json:"type"`        // in the lake
	Nullable bool   `json:"nullable"`
}

// Plan tells what a run of the pipelines of those names, or of all, would do. It reads no rows and writes nothing. A
// pipeline that could not run is an Err in its plan.
func (r *Runner) Plan(ctx context.Context, names []string) ([]Plan, error) {
	pipelines, err := r.pipelines(ctx, names)
	if err != nil {
		return nil, err
	}
	plans := make([]Plan, len(pipelines))
	for i, p := range pipelines {
		plan := &plans[i]
		*plan = Plan{
			Pipeline: p.ID, Source: p.Table, Table: p.Target, Format: p.Format, Mode: p.Mode, Rows: -1,
		}
		if plan.Err = r.plan(ctx, p, plan); plan.Err != nil {
			plan.Error = plan.Err.Error()
		}
	}
	return plans, nil
}

func (r *Runner) plan(ctx context.Context, p config.Pipeline, plan *Plan) error {
	l, err := r.lake(ctx, p.Lake)
	if err != nil {
		return err
	}
	base, err := l.target(p.Pipeline, r).Watermark(ctx)
	if err != nil {
		return err
	}
	source, err := r.source(ctx, p)
	if err != nil {
		return err
	}
	defer source.Close()
	schema, err := source.Schema(ctx)
	if err != nil {
		return err
	}
	plan.describe(p.Pipeline, schema, base)
	settled, err := source.Settle(ctx, base)
	if err != nil {
		return err
	}
	plan.SettledBy, plan.HeldBy = settled.By, settled.HeldBy
	forecast, err := source.Forecast(ctx, tidemark.Window{From: plan.From, Nulls: p.Nulls}, p.Splits)
	if err != nil {
		return err
	}
	plan.Statements, plan.Rows = forecast.Statements, forecast.Rows
	plan.Warnings = append(plan.Warnings, forecast.Warnings...)
	if settled.Notice != "" {
		plan.Warnings = append(plan.Warnings, settled.Notice)
	}
	return nil
}

func (plan *Plan) describe(p tidemark.Pipeline, s *tidemark.Schema, base tidemark.Watermark) {
	if p.Mode == tidemark.ModeMerge {
		if plan.Key = p.Key; len(plan.Key) == 0 {
			plan.Key = s.Key
		}
	}
	if s.Cursor != nil && p.Mode != tidemark.ModeReplace {
		plan.Cursor, plan.From, plan.Overlap = s.Cursor.Column, base.Settled, base.Overlap.Rows
	}
	for _, c := range s.Columns {
		plan.Columns = append(plan.Columns, PlannedColumn{Name: c.Name, Source: c.SourceType, Type: c.Type.String(), Nullable: c.Nullable})
	}
}
