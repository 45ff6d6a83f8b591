package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// Commit reads the range and publishes it, fenced by the same compare-and-swap as a run: ErrConflict when one has committed
// since the plan was made, or a file was compacted; then nothing has changed. Where nothing comes or goes there is
// no commit, and the watermark is that of the plan. It is called once.
//
// Failpoint: engine.backfill.written. A kill there leaves files that no reader sees.
func (b *Backfill) Commit(ctx context.Context, by By, progress *Progress) (w tidemark.Watermark, err error) {
	next := stamp(b.Now, b.p.ID, b.Now.Seq+1)
	defer func() {
		if err != nil {
			w, err = b.Now, fmt.Errorf("backfill pipeline %s: %w", b.p.ID, err)
		}
		b.discard(ctx)
	}()
	err = attempts(ctx, b.parts, b.p.ID, next.Run, func() error { return b.write(ctx, next.Run, progress) })
	if err != nil {
		return w, err
	}
	if err := failpoint.Hit("engine.backfill.written"); err != nil {
		return w, err
	}
	if b.Loaded() == 0 && len(b.gone) == 0 {
		return b.Now, nil
	}
	next.Committed, next.Rows = time.Now().UTC(), b.Loaded()
	next.Total = max(b.Now.Total+b.Loaded()-b.Gone, 0)
	if b.touched.Load() {
		next.Overlap = tidemark.Overlap{}
	}
	c := tidemark.Commit{Base: b.Now, Watermark: next, Files: b.files, Replaces: slices.Sorted(maps.Keys(b.gone))}
	err = act(ctx, b.parts, b.event(next), c, by)
	switch {
	case errors.Is(err, tidemark.ErrRestart):
		err = tidemark.WithHint(err, "nothing was changed: begin again")
	case !errors.Is(err, tidemark.ErrConflict):
		b.files = nil // they may be live
	}
	if err != nil {
		return w, err
	}
	b.parts.Log.Info("backfilled", "pipeline", b.p.ID, "run", next.Run, "commit", next.Seq, "rows", next.Rows, "taken", b.Gone)
	return next, nil
}

// write makes the files of the commit. What an attempt before has left is removed.
func (b *Backfill) write(ctx context.Context, run tidemark.RunID, progress *Progress) error {
	b.discard(ctx)
	b.loaded.Store(0)
	b.touched.Store(false)
	if err := b.unmoved(ctx); err != nil {
		return err
	}
	_, lands, err := b.schema(ctx)
	if err != nil {
		return err
	}
	defer lands.close(b.parts, b.p)
	erased, err := lands.newErased(b.parts, b.p, b.Now, run)
	if err != nil {
		return err
	}
	splits, err := b.parts.Source.Splits(ctx, b.Window, max(b.p.Splits, 1))
	if err != nil {
		return err
	}
	if err := b.parts.Target.Prepare(ctx, lands.Schema()); err != nil {
		return fmt.Errorf("prepare table %s: %w", b.p.Target, err)
	}
	t := transfer{Parts: b.parts, run: run, progress: progress, landing: lands, erased: erased, keep: b.keep}
	b.files, err = t.all(ctx, splits, b.Expect)
	if source, ok := b.parts.Source.(tidemark.Noticer); ok {
		for _, notice := range source.Notices() {
			if !slices.Contains(b.Notices, notice) {
				b.Notices = append(b.Notices, notice)
			}
		}
	}
	if err == nil {
		err = lands.passed(b.p)
	}
	if err != nil || len(b.gone) == 0 {
		return err
	}
	files, err := takeOut(ctx, b.p, b.parts.Target, run, b.gone)
	b.files = append(b.files, files...)
	return err
}

// unmoved looks early whether a run has committed since the plan was made: the commit would be refused.
func (b *Backfill) unmoved(ctx context.Context) error {
	if err := b.parts.Target.Recover(ctx); err != nil {
		return fmt.Errorf("recover what an earlier run left: %w", err)
	}
	w, err := b.parts.Target.Watermark(ctx)
	if err != nil {
		return fmt.Errorf("load the watermark: %w", err)
	}
	if w.Seq == b.Now.Seq && w.Run == b.Now.Run {
		return nil
	}
	return tidemark.WithHint(fmt.Errorf("pipeline %s was at commit %d and is at %d now: %w", b.p.ID, b.Now.Seq, w.Seq, tidemark.ErrConflict), overtaken)
}

// keep looks whether a row comes that takes the place of one that the overlap knows.
func (b *Backfill) keep(batch arrow.RecordBatch) (arrow.RecordBatch, error) {
	if len(b.above) > 0 && !b.touched.Load() {
		key, err := keysOf(b.parts.Source, batch, b.sourceKey())
		if err != nil {
			batch.Release()
			return nil, err
		}
		for row := range int(batch.NumRows()) {
			if b.above.has(key(row)) {
				b.touched.Store(true)
				break
			}
		}
	}
	b.loaded.Add(batch.NumRows())
	return batch, nil
}

func (b *Backfill) event(next tidemark.Watermark) tidemark.Event {
	e := tidemark.Event{
		Action: tidemark.ActionBackfill, From: tidemark.PositionOf(b.Now), To: tidemark.PositionOf(next), Taken: b.Taken,
		What: fmt.Sprintf("%s: %d rows loaded, %d taken out", b.words(), b.Loaded(), b.Gone),
	}
	for _, f := range b.files {
		e.Added.Add(f.Rows(), f.Bytes())
	}
	return e
}

// words names the range.
func (b *Backfill) words() string {
	text := b.cursor.Column
	if !b.Window.From.IsZero() {
		text += " from " + b.Window.From.String()
	}
	text += " to below " + b.Window.Until.String()
	if b.Window.Has != "" {
		text += ", rows with a value in " + b.Window.Has
	}
	return text
}

// discard removes files that will not be committed. Best effort: a killed process leaves them too.
func (b *Backfill) discard(ctx context.Context) {
	d, ok := b.parts.Target.(tidemark.Discarder)
	if !ok || len(b.files) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	d.Discard(ctx, b.files)
	b.files = nil
}
