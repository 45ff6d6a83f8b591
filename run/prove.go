package run

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// provenKey is an object in every bucket that was seen to honour conditional writes. Who moves the lake to another
// server copies it along: `check` proves the new one anew.
const provenKey = "_tidemark/conditional-writes"

// proof makes sure, once per process, that a bucket honours conditional writes before the first commit relies on them.
type proof struct {
	once sync.Once
	err  error
}

// proven returns nil when the lake may be committed to. A folder needs no proof: link(2) has done this since ever.
func (l *lake) proven(ctx context.Context) error {
	s, ok := l.store.(*blob.S3)
	if !ok {
		return nil
	}
	l.proof.once.Do(func() { l.proof.err = prove(ctx, s) })
	return l.proof.err
}

func prove(ctx context.Context, s *blob.S3) error {
	_, err := s.Stat(ctx, provenKey)
	if !errors.Is(err, tidemark.ErrNotFound) {
		return err
	}
	if err := blob.ProbeConditional(ctx, s); err != nil {
		return err
	}
	if err := s.Put(ctx, provenKey, []byte("ok\n"), blob.PutOptions{}); err != nil {
		return fmt.Errorf("remember that conditional writes work: %w", err)
	}
	return nil
}
