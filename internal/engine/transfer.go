package engine

import (
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"golang.org/x/sync/errgroup"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/trace"
)

// A transfer moves splits from a source to a target, in parallel.
type transfer struct {
	Parts
	run      tidemark.RunID
	progress *Progress
	landing  *landing
	erased   *erased // nil: a row that comes to nothing leaves its older version alone

	// keep returns what is written of a batch, which it takes over; nil for nothing. Each split calls it on its own.
	keep func(batch arrow.RecordBatch) (arrow.RecordBatch, error)
}

// all moves all splits and returns the files that were written, beside an error too.
func (t *transfer) all(ctx context.Context, splits []tidemark.Split, expected int64) ([]tidemark.DataFile, error) {
	t.progress.reset(expected, splits)
	groups := slices.Collect(slices.Chunk(splits, 1))
	if t.landing.Shape().Whole {
		groups = [][]tidemark.Split{splits}
	}
	var (
		g, gctx = errgroup.WithContext(ctx)
		mu      sync.Mutex
		all     []tidemark.DataFile
	)
	for i, group := range groups {
		g.Go(func() error {
			files, err := t.move(gctx, i, group)
			mu.Lock()
			all = append(all, files...)
			mu.Unlock()
			return err
		})
	}
	err := g.Wait()
	return all, err
}

// ahead is how many batches a reader may be ahead of its writer. It bounds memory; one is enough to keep both busy.
const ahead = 1

type item struct {
	batch arrow.RecordBatch
	err   error
}

// move reads some splits and writes what is kept of them. Reading and encoding run side by side. An error of a reader
// travels in the channel behind the batches, so that the writer never takes a short read for the end. The first of the splits is
// that with the number first, of all from 0.
func (t *transfer) move(ctx context.Context, first int, splits []tidemark.Split) (files []tidemark.DataFile, err error) {
	ctx, stop := context.WithCancel(ctx)
	items := make(chan item, ahead)
	var readers, reader sync.WaitGroup
	for i, split := range splits {
		readers.Go(func() { t.produce(ctx, first+i, split, items) })
	}
	reader.Go(func() {
		readers.Wait()
		close(items)
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
	rows := receive(ctx, items)
	if t.erased == nil {
		return write(ctx, t.Target, t.run, t.landing.Rows(ctx, rows))
	}
	return t.erased.beside(ctx, rows, func(rows iter.Seq2[arrow.RecordBatch, error]) ([]tidemark.DataFile, error) {
		return write(ctx, t.Target, t.run, t.landing.Rows(ctx, rows))
	})
}

// produce sends the rows of a split that are kept, then the error that ended it, if any.
func (t *transfer) produce(ctx context.Context, n int, split tidemark.Split, items chan<- item) {
	ctx, end := trace.Begin(ctx, "split", trace.Number("split", int64(n)))
	var (
		rows int64
		err  error
	)
	defer func() { end(err, trace.Number("rows", rows)) }()
	progress := t.progress.split(n)
	progress.begin()
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
	for batch, problem := range t.Source.Read(ctx, split) {
		if err = problem; err == nil {
			rows += batch.NumRows()
			t.progress.Read.Add(batch.NumRows())
			progress.rows.Add(batch.NumRows())
			t.progress.Bytes.Add(bytesOf(batch))
			batch, err = t.keep(batch)
		}
		if err != nil {
			send(item{err: err})
			return
		}
		if batch != nil && !send(item{batch: batch}) {
			err = ctx.Err()
			return
		}
	}
	if err = ctx.Err(); err == nil {
		progress.end()
		t.progress.SplitsDone.Add(1)
	}
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
