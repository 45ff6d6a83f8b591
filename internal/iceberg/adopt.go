package iceberg

import (
	"context"
	"fmt"
	"time"

	"github.com/tidemark-data/tidemark"
)

// Adopt makes what pipeline old has loaded into the table the watermark of this pipeline, so that it goes on from there:
// after a pipeline was renamed, or its source has moved. old may be this pipeline itself. An empty old means that the
// rows in the table were loaded by something else; the pipeline then begins from the start of its source.
//
// change, if not nil, sets what identifies the source now: origin, cursor, mode and key. The watermark's side file is
// the caller's business, it must be copied before. The adoption is a commit of its own, without rows, and fenced like
// any other: tidemark.ErrConflict when another run commits at the same time.
func (t *Target) Adopt(ctx context.Context, old tidemark.PipelineID, change func(*tidemark.Watermark)) error {
	tbl, err := t.lake.load(ctx, t.p.Target)
	if err != nil {
		return err
	}
	base, has, err := watermarkOf(tbl, t.p.ID)
	if err != nil {
		return err
	}
	if has && old != t.p.ID {
		return fmt.Errorf("pipeline %s has a watermark in table %s already, of commit %d: %w", t.p.ID, t.p.Target, base.Seq, tidemark.ErrInvalid)
	}
	var w tidemark.Watermark
	if old != "" {
		var found bool
		if w, found, err = watermarkOf(tbl, old); err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("pipeline %s has no watermark in table %s, there are %v: %w", old, t.p.Target, pipelinesOf(tbl), tidemark.ErrNotFound)
		}
	}
	now := time.Now().UTC()
	w.Pipeline, w.Seq, w.Run = t.p.ID, w.Seq+1, tidemark.NewRunID(now)
	w.Mode, w.Rows, w.Committed = t.p.Mode, 0, now
	if change != nil {
		change(&w)
	}
	p := publication{t: t, mode: tidemark.ModeAppend, c: tidemark.Commit{Base: base, Watermark: w}}
	if err := p.run(ctx, tbl); err != nil {
		return fmt.Errorf("adopt: %w", err)
	}
	return nil
}
