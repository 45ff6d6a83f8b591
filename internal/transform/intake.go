package transform

import (
	"context"
	"iter"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
)

// An intake hands batches from several goroutines to a reader that runs on one of its own, from the first batch on. It
// holds none: who hands one over waits until the reader takes it.
type intake struct {
	read    func(context.Context, iter.Seq2[arrow.RecordBatch, error]) error
	ctx     context.Context // of the reader
	cancel  context.CancelFunc
	start   sync.Once
	batches chan arrow.RecordBatch
	ended   sync.Once
	done    chan struct{} // closed when the reader has ended
	err     error         // of the reader, once done is closed
}

func newIntake(ctx context.Context, read func(context.Context, iter.Seq2[arrow.RecordBatch, error]) error) *intake {
	i := &intake{read: read, batches: make(chan arrow.RecordBatch), done: make(chan struct{})}
	i.ctx, i.cancel = context.WithCancel(ctx)
	return i
}

func (i *intake) begin() {
	i.start.Do(func() {
		go func() {
			defer close(i.done)
			i.err = i.read(i.ctx, i.rows)
		}()
	})
}

// rows are the batches in the order in which they come.
func (i *intake) rows(yield func(arrow.RecordBatch, error) bool) {
	for {
		select {
		case b, more := <-i.batches:
			if !more || !yield(b, nil) {
				return
			}
		case <-i.ctx.Done():
			yield(nil, context.Cause(i.ctx))
			return
		}
	}
}

// put hands a batch over, which stays the caller's. A reader that has seen enough takes no more, which is no error.
func (i *intake) put(b arrow.RecordBatch) error {
	i.begin()
	b.Retain()
	select {
	case i.batches <- b:
		return nil
	case <-i.done:
		b.Release()
		return i.err
	}
}

// end tells the reader that this was all, and waits for it. No put is under way, and none comes.
func (i *intake) end() error {
	i.begin()
	i.ended.Do(func() { close(i.batches) })
	<-i.done
	return i.err
}

// close stops the reader.
func (i *intake) close() error {
	i.cancel()
	i.start.Do(func() { close(i.done) }) // it never began
	<-i.done
	return nil
}
