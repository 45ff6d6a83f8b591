package iceberg

import (
	"bytes"
	"context"
	"errors"
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
