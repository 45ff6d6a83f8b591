package iceberg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tidemark-data/tidemark/internal/blob"
)

const (
	// wholeFile is the size up to which an object is held in memory and stored with one request. Manifests and the
	// files of small runs are below it.
	wholeFile = 1 << 20

	// wholeSpooled is the same for objects of which many grow at the same time.
	wholeSpooled = 128 << 10
)

// objectWriter writes one new object. A small one is stored with one request. A large one is staged in parts, of which
// a store may hold two of 8 MiB in memory; so where many objects grow at the same time they are spooled, that is, they
// grow in local files and are staged one after the other. Nobody overwrites what it wrote, and it overwrites nothing.
type objectWriter struct {
	ctx   context.Context
	store Storage
	key   string
	limit int    // of the buffer, in bytes
	spool bool   // grow in a file
	dir   string // of that file

	buffer []byte            // what was written as long as it is small
	staged blob.StagedWriter // nil while the object is small or spooled
	file   *os.File          // nil while the object is small or staged
	record blob.Staged       // of a staged object that is written to its end
	ended  bool
}

func (w *objectWriter) Write(p []byte) (n int, err error) {
	if w.staged == nil && w.file == nil && len(w.buffer)+len(p) <= w.limit {
		w.buffer = append(w.buffer, p...)
		return len(p), nil
	}
	if err := w.outgrow(); err != nil {
		return 0, err
	}
	if w.file != nil {
		n, err = w.file.Write(p)
	} else {
		n, err = w.staged.Write(p)
	}
	if err != nil {
		err = fmt.Errorf("write %s: %w", w.key, err)
	}
	return n, err
}

// outgrow moves what was written from memory to where a large object grows.
func (w *objectWriter) outgrow() (err error) {
	if w.staged != nil || w.file != nil {
		return nil
	}
	var to io.Writer
	if w.spool {
		if w.file, err = os.CreateTemp(w.dir, "tidemark-*.spool"); err != nil {
			return fmt.Errorf("spool %s: %w", w.key, err)
		}
		to = w.file
	} else {
		if w.staged, err = w.store.Stage(w.ctx, w.key); err != nil {
			return fmt.Errorf("begin %s: %w", w.key, err)
		}
		to = w.staged
	}
	if _, err := to.Write(w.buffer); err != nil {
		return fmt.Errorf("write %s: %w", w.key, err)
	}
	w.buffer = nil
	return nil
}

// Close makes the object durable and visible under its key. A second Close does nothing.
func (w *objectWriter) Close() error {
	if w.ended {
		return nil
	}
	w.ended = true
	if err := w.end(); err != nil {
		return fmt.Errorf("store %s: %w", w.key, err)
	}
	return nil
}

func (w *objectWriter) end() (err error) {
	if w.file != nil {
		if err := w.unspool(); err != nil {
			return err
		}
	}
	if w.staged == nil {
		err := w.store.Put(w.ctx, w.key, w.buffer, blob.PutOptions{IfAbsent: true})
		w.buffer = nil
		return err
	}
	if w.record, err = w.staged.Close(w.ctx); err != nil {
		return err
	}
	return w.store.Complete(w.ctx, w.record)
}

// unspool stages what was spooled.
func (w *objectWriter) unspool() (err error) {
	defer func() { err = errors.Join(err, w.dropSpool()) }()
	if _, err := w.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if w.staged, err = w.store.Stage(w.ctx, w.key); err != nil {
		return err
	}
	_, err = io.Copy(struct{ io.Writer }{w.staged}, struct{ io.Reader }{w.file})
	return err
}

func (w *objectWriter) dropSpool() error {
	if w.file == nil {
		return nil
	}
	name := w.file.Name()
	err := errors.Join(w.file.Close(), os.Remove(name))
	w.file = nil
	return err
}

// Abort removes what was written, also after Close. Best effort: a killed process leaves it too.
func (w *objectWriter) Abort() {
	ctx := context.WithoutCancel(w.ctx)
	_ = w.dropSpool()
	if w.staged != nil {
		_ = w.staged.Abort(ctx)
	}
	if w.record.Key != "" {
		_ = w.store.Abort(ctx, w.record)
	}
	if w.ended {
		_ = w.store.Delete(ctx, w.key)
	}
}
