package engine

import (
	"context"
	"fmt"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

// A writing is a Target.Write whose rows come one batch at a time.
type writing struct {
	ctx    context.Context
	cancel context.CancelFunc
	items  chan item
	done   sync.WaitGroup
	files  []tidemark.DataFile
	err    error
}

func beginWriting(ctx context.Context, target tidemark.Target, run tidemark.RunID) *writing {
	w := &writing{items: make(chan item, ahead)}
	w.ctx, w.cancel = context.WithCancel(ctx)
	w.done.Go(func() {
		defer w.cancel()
		w.files, w.err = target.Write(w.ctx, run, receive(ctx, w.items))
		for it := range w.items { // what was not taken
			it.batch.Release()
		}
	})
	return w
}

// send takes over a batch. An error of the writer is returned by end.
func (w *writing) send(b arrow.RecordBatch) error {
	select {
	case w.items <- item{batch: b}:
		return nil
	case <-w.ctx.Done():
		b.Release()
		return fmt.Errorf("write: %w", context.Cause(w.ctx))
	}
}

// stop makes of what was sent an attempt that has failed.
func (w *writing) stop() { w.cancel() }

// end waits for the files of what was sent.
func (w *writing) end() ([]tidemark.DataFile, error) {
	close(w.items)
	w.done.Wait()
	return w.files, w.err
}
