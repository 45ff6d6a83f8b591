package iceberg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/tidemark-data/tidemark/internal/blob"
)

// memoryFile is an object that was read whole.
type memoryFile struct {
	*bytes.Reader
	info fileInfo
}

func (f *memoryFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *memoryFile) Close() error               { return nil }

// rangedFile is an object of which each read fetches a range.
type rangedFile struct {
	ctx    context.Context
	store  blob.Store
	object blob.Object
	at     int64
}

func (f *rangedFile) Stat() (fs.FileInfo, error) { return infoOf(f.object), nil }
func (f *rangedFile) Close() error               { return nil }

func (f *rangedFile) ReadAt(p []byte, off int64) (int, error) {
	if off >= f.object.Size {
		return 0, io.EOF
	}
	r, err := f.store.Get(f.ctx, f.object.Key, off, int64(len(p)))
	if err != nil {
		return 0, pathError("read", f.object.Key, err)
	}
	n, err := io.ReadFull(r, p[:min(int64(len(p)), f.object.Size-off)])
	if closed := r.Close(); err == nil {
		err = closed
	}
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

func (f *rangedFile) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := f.ReadAt(p, f.at)
	f.at += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

func (f *rangedFile) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.at
	case io.SeekEnd:
		offset += f.object.Size
	}
	if offset < 0 {
		return 0, pathError("seek", f.object.Key, fs.ErrInvalid)
	}
	f.at = offset
	return offset, nil
}

// fileWriter is an object that iceberg-go writes.
type fileWriter struct {
	object *objectWriter
	name   string
}

func (w *fileWriter) Write(p []byte) (int, error) {
	n, err := w.object.Write(p)
	return n, pathError("write", w.name, err)
}

func (w *fileWriter) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{w}, r) // hidden, or io.Copy would call ReadFrom again
}

func (w *fileWriter) Close() error { return pathError("close", w.name, w.object.Close()) }

// objectWriter writes one new object: a small one with one request, a large one staged, in parts. Nobody overwrites
// what it wrote, and it overwrites nothing.
type objectWriter struct {
	ctx    context.Context
	store  Storage
	key    string
	buffer []byte            // what was written as long as it is small
	staged blob.StagedWriter // nil while the object is small
	record blob.Staged       // of a staged object that is written to its end
	ended  bool
}

func newObjectWriter(ctx context.Context, store Storage, key string) *objectWriter {
	return &objectWriter{ctx: ctx, store: store, key: key}
}

func (w *objectWriter) Write(p []byte) (int, error) {
	if w.staged == nil && len(w.buffer)+len(p) <= wholeFile {
		w.buffer = append(w.buffer, p...)
		return len(p), nil
	}
	if w.staged == nil {
		staged, err := w.store.Stage(w.ctx, w.key)
		if err != nil {
			return 0, fmt.Errorf("begin %s: %w", w.key, err)
		}
		w.staged = staged
		if _, err := staged.Write(w.buffer); err != nil {
			return 0, fmt.Errorf("write %s: %w", w.key, err)
		}
		w.buffer = nil
	}
	n, err := w.staged.Write(p)
	if err != nil {
		err = fmt.Errorf("write %s: %w", w.key, err)
	}
	return n, err
}

// Close makes the object durable and visible under its key. A second Close does nothing.
func (w *objectWriter) Close() error {
	if w.ended {
		return nil
	}
	w.ended = true
	if w.staged == nil {
		if err := w.store.Put(w.ctx, w.key, w.buffer, blob.PutOptions{IfAbsent: true}); err != nil {
			return fmt.Errorf("store %s: %w", w.key, err)
		}
		w.buffer = nil
		return nil
	}
	var err error
	if w.record, err = w.staged.Close(w.ctx); err == nil {
		err = w.store.Complete(w.ctx, w.record)
	}
	if err != nil {
		return fmt.Errorf("store %s: %w", w.key, err)
	}
	return nil
}

// Abort removes what was written, also after Close. Best effort: a killed process leaves it too.
func (w *objectWriter) Abort() {
	ctx := context.WithoutCancel(w.ctx)
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
