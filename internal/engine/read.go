package engine

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"golang.org/x/sync/errgroup"

	"github.com/tidemark-data/tidemark"
)

// read moves the window from the source to the target, split by split in parallel, and keeps the files. The splits
// need no common snapshot: whatever changes meanwhile has a cursor at or above the bound and comes again.
func (a *attempt) read(ctx context.Context) error {
	a.progress.reset(a.expected(), len(a.splits))
	var (
		g, gctx = errgroup.WithContext(ctx)
		counts  counts
		mu      sync.Mutex
	)
	for _, split := range a.splits {
		g.Go(func() error {
			files, err := a.move(gctx, split, &counts)
			mu.Lock()
			a.files = append(a.files, files...)
			mu.Unlock()
			if err == nil {
				a.progress.SplitsDone.Add(1)
			}
			return err
		})
	}
	err := g.Wait()
	if source, ok := a.Source.(tidemark.Noticer); ok {
		a.result.Notices = append(a.result.Notices, source.Notices()...)
	}
	a.result.Read, a.result.New, a.result.Suppressed = counts.read.Load(), counts.fresh.Load(), counts.suppressed.Load()
	for _, f := range a.files {
		a.result.Files++
		a.result.Bytes += f.Bytes()
	}
	return err
}

// expected is the number of rows that the first load or a replace will read; an increment is not estimated.
func (a *attempt) expected() int64 {
	if a.base.Settled.IsZero() || a.replaces() {
		return a.schema.Rows
	}
	return 0
}

type counts struct{ read, fresh, suppressed atomic.Int64 }

// ahead is how many batches a reader may be ahead of its writer. It bounds memory; one is enough to keep both busy.
const ahead = 1

type item struct {
	batch arrow.RecordBatch
	err   error
}

// move reads one split and writes what is fresh of it. Reading and encoding run side by side. An error of the reader
// travels in the channel behind the batches, so that the writer never takes a short read for the end.
func (a *attempt) move(ctx context.Context, split tidemark.Split, n *counts) (files []tidemark.DataFile, err error) {
	ctx, stop := context.WithCancel(ctx)
	items := make(chan item, ahead)
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(items)
		a.produce(ctx, split, items, n)
	})
	defer func() {
		stop()
		for left := range items { // what the writer did not take
			if left.batch != nil {
				left.batch.Release()
			}
		}
		reader.Wait()
	}()
	return a.Target.Write(ctx, a.result.Run, receive(ctx, items))
}

// produce sends the fresh rows of a split, then the error that ended it, if any.
func (a *attempt) produce(ctx context.Context, split tidemark.Split, items chan<- item, n *counts) {
	send := func(it item) bool {
		select {
		case items <- it:
			return true
		case <-ctx.Done():
			if it.batch != nil {
				it.batch.Release()
			}
			return false
		}
	}
	for batch, err := range a.Source.Read(ctx, split) {
		if err == nil {
			batch, err = a.suppress(batch, n)
		}
		if err != nil {
			send(item{err: err})
			return
		}
		if batch != nil && !send(item{batch: batch}) {
			return
		}
	}
}

// suppress drops the rows that an earlier run has loaded. It takes over batch; what it returns may be nil.
func (a *attempt) suppress(batch arrow.RecordBatch, n *counts) (arrow.RecordBatch, error) {
	rows := batch.NumRows()
	n.read.Add(rows)
	a.progress.Read.Add(rows)
	a.progress.Bytes.Add(bytesOf(batch))
	if a.pass == nil {
		n.fresh.Add(rows)
		return batch, nil
	}
	fresh, dropped, err := a.pass.Apply(batch)
	if err != nil {
		return nil, fmt.Errorf("look up the overlap: %w", err)
	}
	n.suppressed.Add(dropped)
	n.fresh.Add(rows - dropped)
	a.progress.Suppressed.Add(dropped)
	if dropped == rows && fresh != nil {
		fresh.Release()
		return nil, nil
	}
	return fresh, nil
}

func bytesOf(batch arrow.RecordBatch) (n int64) {
	for _, column := range batch.Columns() {
		n += int64(column.Data().SizeInBytes())
	}
	return n
}

// receive yields what comes through the channel until it is closed or an error has come.
func receive(ctx context.Context, items <-chan item) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for it := range items {
			if !yield(it.batch, it.err) || it.err != nil {
				return
			}
		}
		// A reader that was told to stop closes the channel without a word: that is not the end of the rows.
		if err := ctx.Err(); err != nil {
			yield(nil, err)
		}
	}
}
