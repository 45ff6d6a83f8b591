package engine

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

// A writing is a Target.Write, or an Erase, whose rows come one batch at a time.
type writing struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	items  chan item
	done   sync.WaitGroup
	files  []tidemark.DataFile
	err    error
}

// A writeFunc makes files of rows.
type writeFunc func(context.Context, tidemark.RunID, iter.Seq2[arrow.RecordBatch, error]) ([]tidemark.DataFile, error)

func beginWriting(ctx context.Context, write writeFunc, run tidemark.RunID) *writing {
	w := &writing{items: make(chan item, ahead)}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.done.Go(func() {
		if w.files, w.err = write(w.ctx, run, receive(w.ctx, w.items)); w.err != nil {
			w.cancel(w.err) // so that whoever sends learns of it
		}
		for it := range w.items { // what was not taken
			it.batch.Release()
		}
	})
	return w
}

// send takes over a batch. It fails when the writer has.
func (w *writing) send(b arrow.RecordBatch) error {
	select {
	case w.items <- item{batch: b}:
		return nil
	case <-w.ctx.Done():
		b.Release()
		return fmt.Errorf("write data files: %w", context.Cause(w.ctx))
	}
}

// stop makes of what was sent an attempt that has failed.
func (w *writing) stop() { w.cancel(context.Canceled) }

// end waits for the files of what was sent.
func (w *writing) end() ([]tidemark.DataFile, error) {
	close(w.items)
	w.done.Wait()
	w.cancel(nil)
	return w.files, w.err
}
