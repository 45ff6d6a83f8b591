package run

import (
	"context"
	"fmt"
	"strings"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/engine"
	"github.com/tidemark-data/tidemark/internal/mysql"
)

// A Plan is what the next run of a pipeline would do.
type Plan struct {
	Pipeline tidemark.PipelineID `json:"pipeline"`
	Source   tidemark.TableName  `json:"source"`
	Table    tidemark.TableID    `json:"table"`
	Format   tidemark.Format     `json:"format"`
	Mode     tidemark.Mode       `json:"mode"`
	Key      []string            `json:"key,omitempty"`

	Cursor string               `json:"cursor,omitempty"`
	From   tidemark.CursorValue `json:"from,omitzero"` // the window; none: from the beginning
	Splits []PlannedSplit       `json:"splits"`
	Rows   int64                `json:"rows_expected"` // of all splits; -1 where the server does not say
	Exact  bool                 `json:"rows_exact"`    // Rows was counted
	Nulls  int64                `json:"nulls"`         // of those, rows without a cursor; -1 where that is not known

	Overlap       int64  `json:"overlap_rows"`  // loaded before, read again and suppressed
	OverlapBytes  int64  `json:"overlap_bytes"` // of the side file that knows them
	OverlapReason string `json:"overlap_reason,omitempty"`

	Deletes string `json:"deletes,omitempty"` // when the run looks for rows that the source has deleted, in words

	Written Written         `json:"written"`
	New     bool            `json:"table_new"`         // the table is not there yet
	Changes []string        `json:"changes,omitempty"` // of the table as it is, in words
	Columns []PlannedColumn `json:"columns"`

	Steps   []string `json:"transforms,omitempty"` // the names of the steps that rows go through
	Dropped []string `json:"dropped,omitempty"`    // columns of the source that do not come through them

	// Settled is as far as this run can settle the source, by what it sees now, while the overlap is within overlap_limit.
	Settled   tidemark.CursorValue `json:"settled_at_most,omitzero"`
	SettledBy tidemark.SettledBy   `json:"settled_by,omitempty"`
	HeldBy    string               `json:"held_by,omitempty"`
	Warnings  []string             `json:"warnings,omitempty"`
	Error     string               `json:"error,omitempty"`
	Err       error                `json:"-"`
}

// A PlannedSplit is a part of the window that is read as one.
type PlannedSplit = mysql.SplitForecast

// A PlannedColumn is a column on its way from the source to the lake.
type PlannedColumn struct {
	Name     string `json:"name"`           // in the lake
	From     string `json:"from,omitempty"` // in the source, where it differs
	Computed bool   `json:"computed,omitempty"`
	Source   string `json:"source_type"` // the server's own; "" of one that was computed
	Type     string `json:"type"`        // in the lake
	Nullable bool   `json:"nullable"`
}

// Plan tells what a run of the pipelines of those names, or of all, would do. It counts rows where they are few, reads
// none and writes nothing. A pipeline that could not run is an Err in its plan.
func (r *Runner) Plan(ctx context.Context, names []string) ([]Plan, error) {
	pipelines, err := r.pipelines(ctx, names)
	if err != nil {
		return nil, err
	}
	plans := make([]Plan, len(pipelines))
	for i, p := range pipelines {
		plans[i] = r.plan(ctx, p)
	}
	return plans, nil
}

// plan goes the way of a run up to its first write, so that what would stop the run is the Err of its plan.
func (r *Runner) plan(ctx context.Context, p config.Pipeline) Plan {
	plan := Plan{
		Pipeline: p.ID, Source: p.Table, Table: p.Target, Format: p.Format, Mode: p.Mode,
		Rows: -1, Nulls: -1, Written: unknown,
	}
	if plan.Err = r.fill(ctx, p, &plan); plan.Err != nil {
		plan.Error = plan.Err.Error()
	}
	return plan
}

func (r *Runner) fill(ctx context.Context, p config.Pipeline, plan *Plan) error {
	l, err := r.lake(ctx, p.Lake)
	if err != nil {
		return err
	}
	target := l.target(p.Pipeline, r)
	base, err := target.Watermark(ctx)
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
	parts := engine.Parts{Source: source, Target: target, Transforms: r.transforms(p), Checks: r.checks(p, r.dir()), Log: r.log}
	lands, warnings, err := engine.Landing(ctx, p.Pipeline, parts, schema, base)
	if err != nil {
		return err
	}
	plan.Warnings = warnings
	plan.describe(p, schema, lands, base)
	plan.Deletes = whenSwept(p.Pipeline, base)
	if err := r.fetches(p, &parts); err != nil {
		return err
	}
	if err := plan.inherit(ctx, p, parts, schema, source, &base); err != nil {
		return err
	}
	settled, err := source.Settle(ctx, base)
	if err != nil {
		return err
	}
	forecast, err := source.Forecast(ctx, tidemark.Window{From: plan.From, Nulls: p.Nulls}, max(p.Splits, 1))
	if err != nil {
		return err
	}
	plan.Splits, plan.Rows, plan.Exact, plan.Nulls = forecast.Splits, forecast.Rows, forecast.Exact, forecast.Nulls
	plan.Warnings = append(plan.Warnings, forecast.Warnings...)
	if p.Mode != tidemark.ModeReplace {
		plan.settle(settled, base, forecast.Max)
	}
	preview, err := preview(ctx, target, lands)
	if err != nil {
		return fmt.Errorf("prepare table %s: %w", p.Target, err)
	}
	plan.New, plan.Changes = preview.New, preview.Changes
	plan.land(preview.Columns)
	plan.Written = estimate(p.Pipeline, schema, preview, plan)
	return nil
}

// preview asks a target that can tell.
func preview(ctx context.Context, target tidemark.Target, s *tidemark.Schema) (tidemark.Preview, error) {
	previewer, ok := target.(tidemark.Previewer)
	if !ok {
		return tidemark.Preview{}, nil
	}
	return previewer.Preview(ctx, s)
}

func (plan *Plan) describe(p config.Pipeline, s, lands *tidemark.Schema, base tidemark.Watermark) {
	if p.Mode == tidemark.ModeMerge {
		if plan.Key = p.Key; len(plan.Key) == 0 {
			plan.Key = lands.Key
		}
	}
	for _, step := range p.Steps {
		plan.Steps = append(plan.Steps, step.Name)
	}
	if s.Cursor != nil && p.Mode != tidemark.ModeReplace {
		plan.Cursor, plan.From = s.Cursor.Column, base.Settled
		plan.Overlap, plan.OverlapBytes, plan.OverlapReason = base.Overlap.Rows, base.Overlap.Bytes, whyOverlap(base)
	}
	for _, c := range lands.Columns {
		column := PlannedColumn{Name: c.Name, Computed: c.Computed, Source: c.SourceType, Type: c.Type.String(), Nullable: c.Nullable}
		if from, ok := c.Source(); ok && from != c.Name {
			column.From = from
		}
		plan.Columns = append(plan.Columns, column)
	}
	for _, c := range s.Columns {
		if _, ok := lands.Lands(c.Name); !ok {
			plan.Dropped = append(plan.Dropped, c.Name)
		}
	}
}

// land gives the columns the types that they have in the table.
func (plan *Plan) land(columns []tidemark.TargetColumn) {
	for i := range plan.Columns {
		for _, c := range columns {
			if strings.EqualFold(c.Name, plan.Columns[i].Name) {
				plan.Columns[i].Type = c.Type
			}
		}
	}
}

// whyOverlap says why the last commit could not leave the rows of its overlap behind.
func whyOverlap(base tidemark.Watermark) string {
	switch {
	case base.Overlap.Rows == 0:
		return ""
	case base.HeldBy != "":
		return fmt.Sprintf("in commit %d settled was held back by %s", base.Seq, base.HeldBy)
	case base.SettledBy == tidemark.SettledLateness && base.Settled.Less(base.High):
		return fmt.Sprintf("commit %d could not see who was writing, and left the lateness", base.Seq)
	case base.Settled.Less(base.High):
		return fmt.Sprintf("above %s rows could still come at commit %d", base.Settled, base.Seq)
	default:
		return fmt.Sprintf("other rows can come that share the highest cursor %s", base.High)
	}
}

// settle says how far the run could settle: no further than its bound, nor than the largest cursor that it can find.
func (plan *Plan) settle(s tidemark.Settled, base tidemark.Watermark, largest tidemark.CursorValue) {
	plan.SettledBy, plan.HeldBy = s.By, s.HeldBy
	plan.Settled = s.Bound
	if empty := plan.Exact && plan.Rows == 0; empty || !largest.IsZero() {
		plan.Settled = s.Bound.Min(largest.Max(base.High))
	}
	plan.Settled = plan.Settled.Max(base.Settled)
	if s.Notice != "" {
		plan.Warnings = append(plan.Warnings, s.Notice)
	}
}
