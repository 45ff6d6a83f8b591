package engine

import (
	"context"
	"fmt"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// mirror writes the run's high into the pipeline's watermark table, unless it is there. The commit is made, and the lake's
// watermark is the truth: what goes wrong here is no fault of the run, and the next one makes up for it, also where
// this one is killed before.
//
// Failpoint: engine.mirror, between the commit and the row.
func (r *runner) mirror(ctx context.Context, result *tidemark.RunResult) {
	if r.Fetches == nil || !r.Mirrors || result.High.IsZero() {
		return
	}
	held, err := r.insertHigh(ctx, result.High)
	if err != nil {
		r.Log.Warn("the watermark table was not written", "pipeline", r.p.ID, "run", result.Run, "err", err)
		text := fmt.Sprintf("the watermark table was not written, and the next run tries again: %v", err)
		if hint := tidemark.Hint(err); hint != "" {
			text += " (" + hint + ")"
		}
		result.Notices = append(result.Notices, text)
		return
	}
	result.Mirrored = held
}

func (r *runner) insertHigh(ctx context.Context, high tidemark.CursorValue) (tidemark.CursorValue, error) {
	if err := failpoint.Hit("engine.mirror"); err != nil {
		return tidemark.CursorValue{}, err
	}
	s, err := r.Source.Schema(ctx)
	if err != nil {
		return tidemark.CursorValue{}, err
	}
	if s.Cursor == nil {
		return tidemark.CursorValue{}, nil
	}
	f, err := r.Fetches.Insert(ctx, *s.Cursor, high)
	return f.Value, err
}
