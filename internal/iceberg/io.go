package iceberg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	icebergio "github.com/apache/iceberg-go/io"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// fileIO is iceberg-go's I/O on a store. Its methods have no context, so a fileIO is made for one operation and
// holds the context of that.
type fileIO struct {
	ctx   context.Context
	store Storage
	root  root
}

var (
	_ icebergio.WriteFileIO     = fileIO{}
	_ icebergio.ReadFileIO      = fileIO{}
	_ icebergio.StatIO          = fileIO{}
	_ icebergio.ListableIO      = fileIO{}
	_ icebergio.BulkRemovableIO = fileIO{}
)

// Open opens an object. Metadata is small and read whole, so it is fetched with one request; of a data file only the
// ranges that are asked for.
func (f fileIO) Open(name string) (icebergio.File, error) {
	if strings.HasSuffix(name, ".avro") || strings.HasSuffix(name, ".json") {
		data, err := f.ReadFile(name)
		if err != nil {
			return nil, err
		}
		return &memoryFile{Reader: bytes.NewReader(data), info: fileInfo{name: path.Base(name), size: int64(len(data))}}, nil
	}
	key, err := f.root.key(name)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	object, err := f.store.Stat(f.ctx, key)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return &rangedFile{ctx: f.ctx, store: f.store, object: object}, nil
}

// ReadFile returns an object's bytes.
func (f fileIO) ReadFile(name string) ([]byte, error) {
	key, err := f.root.key(name)
	if err != nil {
		return nil, pathError("read", name, err)
	}
	data, err := read(f.ctx, f.store, key)
	if err != nil {
		return nil, pathError("read", name, err)
	}
	return data, nil
}

// Create begins an object. It is there when Close has returned.
func (f fileIO) Create(name string) (icebergio.FileWriter, error) {
	key, err := f.root.key(name)
	if err != nil {
		return nil, pathError("create", name, err)
	}
	return &fileWriter{object: &objectWriter{ctx: f.ctx, store: f.store, key: key, limit: wholeFile}, name: name}, nil
}

// WriteFile stores an object.
func (f fileIO) WriteFile(name string, p []byte) error {
	key, err := f.root.key(name)
	if err == nil {
		err = f.store.Put(f.ctx, key, p, blob.PutOptions{})
	}
	return pathError("write", name, err)
}

// Remove deletes an object.
func (f fileIO) Remove(name string) error {
	key, err := f.root.key(name)
	if err == nil {
		err = f.store.Delete(f.ctx, key)
	}
	return pathError("remove", name, err)
}

// DeleteFiles deletes objects, as many as can be deleted.
func (f fileIO) DeleteFiles(ctx context.Context, paths []string) ([]string, error) {
	f.ctx = ctx
	var deleted []string
	var errs []error
	for _, p := range paths {
		if err := f.Remove(p); err != nil {
			errs = append(errs, err)
			continue
		}
		deleted = append(deleted, p)
	}
	return deleted, errors.Join(errs...)
}

// Stat returns an object's size and time.
func (f fileIO) Stat(name string) (fs.FileInfo, error) {
	key, err := f.root.key(name)
	if err != nil {
		return nil, pathError("stat", name, err)
	}
	object, err := f.store.Stat(f.ctx, key)
	if err != nil {
		return nil, pathError("stat", name, err)
	}
	return infoOf(object), nil
}

// WalkDir calls fn for each object below dir. A store has no folders, so fn sees none but the root of the walk.
func (f fileIO) WalkDir(dir string, fn fs.WalkDirFunc) error {
	key, err := f.root.key(dir)
	if err != nil {
		return pathError("walk", dir, err)
	}
	key = strings.TrimRight(key, "/") + "/"
	if err := fn(dir, fs.FileInfoToDirEntry(fileInfo{name: path.Base(dir), folder: true}), nil); err != nil {
		if errors.Is(err, fs.SkipDir) || errors.Is(err, fs.SkipAll) {
			return nil
		}
		return err
	}
	prefix := strings.TrimRight(dir, "/") + "/" // as the caller writes it
	for object, err := range f.store.List(f.ctx, key) {
		if err != nil {
			return pathError("walk", dir, err)
		}
		err := fn(prefix+strings.TrimPrefix(object.Key, key), fs.FileInfoToDirEntry(infoOf(object)), nil)
		if errors.Is(err, fs.SkipAll) {
			return nil
		}
		if err != nil && !errors.Is(err, fs.SkipDir) {
			return err
		}
	}
	return nil
}

// read returns an object's bytes.
func read(ctx context.Context, store blob.Store, key string) ([]byte, error) {
	r, err := store.Get(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	if closed := r.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return data, nil
}

// pathError makes err what iceberg-go asks for: fs.ErrNotExist for what is not there.
func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, tidemark.ErrNotFound) {
		err = fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

type fileInfo struct {
	name     string
	size     int64
	modified time.Time
	folder   bool
}

func infoOf(o blob.Object) fileInfo {
	return fileInfo{name: path.Base(o.Key), size: o.Size, modified: o.Modified}
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) ModTime() time.Time { return i.modified }
func (i fileInfo) IsDir() bool        { return i.folder }
func (i fileInfo) Sys() any           { return nil }

func (i fileInfo) Mode() fs.FileMode {
	if i.folder {
		return fs.ModeDir | 0o755
	}
	return 0o644
}
