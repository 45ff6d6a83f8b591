package overlap

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tidemark-data/tidemark"
)

// Verify reads a side file to its end and checks that it is the one that a watermark names. A missing or damaged one is
// ErrDamaged.
func Verify(ctx context.Context, files tidemark.SideFiles, want tidemark.Overlap) error {
	if want.Name == "" {
		return nil
	}
	r, err := files.Get(ctx, want.Name)
	if errors.Is(err, tidemark.ErrNotFound) {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err != nil {
		return fmt.Errorf("side file %s: %w", want.Name, err)
	}
	defer r.Close()
	if err := copyChecked(io.Discard, r, want); err != nil {
		return fmt.Errorf("side file %s: %w", want.Name, err)
	}
	return nil
}
