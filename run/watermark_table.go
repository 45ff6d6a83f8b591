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

// fetches gives the parts of a pipeline its table of watermarks, where it has one. Nothing is connected yet.
func (r *Runner) fetches(p config.Pipeline, parts *engine.Parts) error {
	table, err := r.watermarkTable(p)
	if err != nil || table == nil {
		return err
	}
	parts.Fetches, parts.First, parts.Mirrors = table, p.Watermarks.First, p.Watermarks.Inserts
	return nil
}

// watermarkTable returns the table of watermarks of a pipeline; nil where it has none.
func (r *Runner) watermarkTable(p config.Pipeline) (*mysql.WatermarkTable, error) {
	w := p.Watermarks
	if w == nil {
		return nil, nil
	}
	connection, err := r.mysqlConfig(w.Connection)
	if err != nil {
		return nil, err
	}
	return mysql.NewWatermarkTable(connection, mysql.WatermarkTableOptions{Table: w.Table, Name: w.Name, Zone: p.CursorZone, Writes: w.Inserts}), nil
}

// inherit plans the first window of a pipeline that goes on from a table of watermarks. base is what the pipeline has loaded, and
// becomes what it will have after its first commit.
func (plan *Plan) inherit(ctx context.Context, p config.Pipeline, parts engine.Parts, s *tidemark.Schema, source *mysql.Source, base *tidemark.Watermark) error {
	if base.Seq > 0 {
		return nil
	}
	h, _, err := engine.Inherit(ctx, p.Pipeline, parts, s)
	if err != nil || h.High.IsZero() {
		return err
	}
	base.High, base.Settled, plan.From = h.High, h.Settled, h.Settled
	plan.Warnings = append(plan.Warnings, h.Notices...)
	if h.Window.Until.IsZero() {
		return nil
	}
	known, err := source.Forecast(ctx, h.Window, 1)
	if err != nil {
		return err
	}
	plan.Overlap, plan.OverlapReason = max(known.Rows, 0), "they count as loaded, as "+parts.Fetches.String()+" says"
	return nil
}

// checkWatermarks tells what a pipeline finds in its table of watermarks, and whether it may insert.
func (r *Runner) checkWatermarks(ctx context.Context, p config.Pipeline) Finding {
	f := Finding{Subject: "pipeline " + string(p.ID), Step: "watermark table", Optional: true}
	f.Detail, f.Err = r.aboutWatermarks(ctx, p)
	return f
}

func (r *Runner) aboutWatermarks(ctx context.Context, p config.Pipeline) (string, error) {
	table, err := r.watermarkTable(p)
	if err != nil {
		return "", err
	}
	source, err := r.source(ctx, p)
	if err != nil {
		return "", err
	}
	defer source.Close()
	s, err := source.Schema(ctx)
	if err != nil {
		return "", err
	}
	if s.Cursor == nil {
		return "", fmt.Errorf("table %s has no cursor: %w", p.Table, tidemark.ErrInvalid)
	}
	newest, err := table.Newest(ctx, *s.Cursor)
	if err != nil {
		return "", err
	}
	said := []string{fmt.Sprintf("no row for %s", table)}
	if v := newest.Value; !v.IsZero() {
		tied, err := source.Forecast(ctx, tidemark.Window{From: v, Until: v.Next()}, 1)
		if err != nil {
			return "", err
		}
		about := map[bool]string{false: "about "}[tied.Exact]
		said = []string{fmt.Sprintf("%s at %s, which %s%d rows of %s share", table, v, about, tied.Rows, p.Table)}
	}
	if newest.Notice != "" {
		said = append(said, newest.Notice)
	}
	if p.Watermarks.Inserts {
		if err := table.Writable(ctx); err != nil {
			return "", fmt.Errorf("runs cannot insert rows: %w", err)
		}
		said = append(said, "rows are inserted by connection "+p.Watermarks.Connection)
	}
	return strings.Join(said, "; "), nil
}
