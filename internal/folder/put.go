package folder

import (
	"context"
	"errors"
	"fmt"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// put makes the commit. A put whose outcome is not known is put again: as the bytes are the same and hold the
// run, either this put or the one before succeeded, or the record that lies there says who was faster.
func (l commitLog) put(ctx context.Context, next *record, data []byte) (*record, error) {
	key := recordKey(l.pipeline, next.seq())
	err := l.store.Put(ctx, key, data, blob.PutOptions{IfAbsent: true})
	if errors.Is(err, blob.ErrUnknown) {
		ctx, cancel := detached(ctx)
		defer cancel()
		for range resolveTries {
			if err = l.store.Put(ctx, key, data, blob.PutOptions{IfAbsent: true}); !errors.Is(err, blob.ErrUnknown) {
				break
			}
		}
		return l.judge(ctx, next, err)
	}
	return l.judge(ctx, next, err)
}

const resolveTries = 3

// judge turns the outcome of the put into the record that lies there.
func (l commitLog) judge(ctx context.Context, next *record, err error) (*record, error) {
	seq := next.seq()
	switch {
	case err == nil:
		return next, nil
	case errors.Is(err, blob.ErrUnknown):
		return nil, fmt.Errorf("whether commit %d of %q is made is not known: %w: %w", seq, l.pipeline, tidemark.ErrFatal, err)
	case !errors.Is(err, blob.ErrExist):
		return nil, fmt.Errorf("make commit %d of %q: %w", seq, l.pipeline, err)
	}
	there, err := l.get(ctx, seq)
	if err == nil && there == nil {
		err = errors.New("it is gone")
	}
	if err != nil {
		return nil, fmt.Errorf("read back commit %d of %q: %w: %w", seq, l.pipeline, tidemark.ErrFatal, err)
	}
	return there, nil
}
