package blob

import (
	"context"
	"fmt"
	"io"

	"github.com/tidemark-data/tidemark"
)

// A SideFolder keeps a pipeline's side files under _tidemark/<pipeline>/ at the root of the lake, outside every table,
// so that no clean-up of a table by Spark or Glue takes them for orphans. It is a tidemark.SideFiles.
type SideFolder struct {
	store interface {
		Store
		Stager
	}
	folder string
}

var _ tidemark.SideFiles = SideFolder{}

// NewSideFolder returns the side files of a pipeline in a lake.
func NewSideFolder(lake interface {
	Store
	Stager
}, id tidemark.PipelineID) SideFolder {
	return SideFolder{store: lake, folder: "_tidemark/" + string(id) + "/"}
}

// Put implements tidemark.SideFiles. A file of any size goes through memory in parts. Names are unique by the run and
// attempt in them, so a store that would replace an object never gets to.
func (s SideFolder) Put(ctx context.Context, name string, r io.Reader, size int64) error {
	w, err := s.store.Stage(ctx, s.folder+name)
	if err != nil {
		return err
	}
	n, err := io.Copy(w, r)
	if err == nil && n != size {
		err = fmt.Errorf("side file %s has %d bytes, want %d: %w", name, n, size, tidemark.ErrInvalid)
	}
	var staged Staged
	if err == nil {
		staged, err = w.Close(ctx)
	}
	if err != nil {
		_ = w.Abort(context.WithoutCancel(ctx)) // best effort: a sweep finds what stays behind
		return err
	}
	return s.store.Complete(ctx, staged)
}

// Get implements tidemark.SideFiles.
func (s SideFolder) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	return s.store.Get(ctx, s.folder+name, 0, -1)
}
