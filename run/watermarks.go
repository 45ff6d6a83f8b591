package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidemark-data/tidemark"
)

// A WatermarkRow is what is known of one pipeline's watermark.
type WatermarkRow struct {
	Pipeline  tidemark.PipelineID `json:"pipeline"`
	Source    tidemark.TableName  `json:"source"`
	Table     tidemark.TableID    `json:"table"`
	Watermark tidemark.Watermark  `json:"watermark"` // Seq is 0 before the first commit
	Lag       time.Duration       `json:"lag_ns"`    // since the source's clock at the newest commit; 0 where no run has settled
	Error     string              `json:"error,omitempty"`
	Err       error               `json:"-"`
}

// Watermarks reads the watermarks of the pipelines of those names, or of all, from their targets. It changes nothing.
// A watermark that cannot be read is an Err in its row.
func (r *Runner) Watermarks(ctx context.Context, names []string) ([]WatermarkRow, error) {
	pipelines, err := r.named(ctx, names)
	if err != nil {
		return nil, err
	}
	rows := make([]WatermarkRow, len(pipelines))
	for i, p := range pipelines {
		row := &rows[i]
		*row = WatermarkRow{Pipeline: p.ID, Source: p.Table, Table: p.Target}
		l, err := r.lake(ctx, p.Lake)
		if err == nil {
			row.Watermark, err = l.target(p.Pipeline, r).Watermark(ctx)
		}
		if row.Err = err; err != nil {
			row.Error = err.Error()
			continue
		}
		if !row.Watermark.T0.IsZero() {
			row.Lag = time.Since(row.Watermark.T0)
		}
	}
	return rows, nil
}

// History returns the commits of the pipeline of that name, the newest first, as far as its table still knows them; none before
// the first. The name of a pipeline that covers many tables is ErrInvalid.
func (r *Runner) History(ctx context.Context, name string) ([]tidemark.Change, error) {
	pipelines, err := r.named(ctx, []string{name})
	if err != nil {
		return nil, err
	}
	if len(pipelines) != 1 {
		return nil, tidemark.WithHint(fmt.Errorf("%s stands for %d pipelines: %w", name, len(pipelines), tidemark.ErrInvalid), "name one of them, as "+name+".TABLE")
	}
	p := pipelines[0]
	l, err := r.lake(ctx, p.Lake)
	if err != nil {
		return nil, err
	}
	d, err := l.describe(ctx, p.Target)
	if errors.Is(err, tidemark.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []tidemark.Change
	for _, c := range d.History {
		if c.Pipeline == p.ID {
			all = append(all, c)
		}
	}
	return all, nil
}
