package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tidemark-data/tidemark"
)

// errTooLarge is an object that is larger than its reader wants.
var errTooLarge = errors.New("larger than expected")

// Read returns a whole object: for small ones. limit bounds what is taken into memory; a larger object is
// tidemark.ErrInvalid.
func Read(ctx context.Context, s Store, key string, limit int64) ([]byte, error) {
	r, err := s.Get(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", key, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("read %q: more than %d bytes: %w: %w", key, limit, tidemark.ErrInvalid, errTooLarge)
	}
	return data, nil
}

// sleep waits for a while or until ctx ends, which is an error.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
