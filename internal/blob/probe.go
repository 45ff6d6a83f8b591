package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/tidemark-data/tidemark"
)

// ProbeConditional proves that of two puts with IfAbsent the second fails, which every commit relies on: there are
// servers that take If-None-Match and ignore it. It puts a probe object twice and deletes it. A store that lets the
// second put through is tidemark.ErrInvalid; other errors are those of the store.
func ProbeConditional(ctx context.Context, s Store) (err error) {
	key := "_tidemark/probe-" + rand.Text()
	if err := s.Put(ctx, key, []byte("first"), PutOptions{IfAbsent: true}); err != nil {
		return fmt.Errorf("probe conditional put: %w", err)
	}
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if deleteErr := s.Delete(clean, key); err == nil && deleteErr != nil {
			err = fmt.Errorf("probe conditional put: %w", deleteErr)
		}
	}()
	switch err := s.Put(ctx, key, []byte("second"), PutOptions{IfAbsent: true}); {
	case errors.Is(err, ErrExist):
		return nil
	case err != nil:
		return fmt.Errorf("probe conditional put: %w", err)
	}
	return tidemark.WithHint(
		fmt.Errorf("probe conditional put: %v ignores If-None-Match, so two processes could commit at once: %w", s, tidemark.ErrInvalid),
		"update the server, or use one that honours conditional writes: AWS S3, R2, a current MinIO or Ceph, versitygw")
}
