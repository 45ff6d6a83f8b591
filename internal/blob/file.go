package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/tidemark-data/tidemark"
)

// File is a store in a folder of a file system. Several processes on one machine may share it, and over a network
// file system several machines, as far as its link(2) is atomic. It implements Store, Stager and Sweeper.
//
// Keys are paths below the folder. What is staged lies under _tidemark/_staged/, so it has to be on the same file
// system. All access goes through os.Root: neither a key nor a symbolic link leads out of the folder.
type File struct {
	path string

	mu      sync.Mutex
	dir     *os.Root        // nil until the folder is there
	durable map[string]bool // folders whose own names are known to be on the disk
}

var _ interface {
	Store
	Stager
	Sweeper
} = (*File)(nil)

// OpenFile returns the store in the folder root. A folder that is not there is an empty store; the first write makes
// it, so that looking changes nothing.
func OpenFile(root string) (*File, error) {
	if root == "" {
		return nil, fmt.Errorf("open folder: its path is empty: %w", tidemark.ErrInvalid)
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("open folder %s: %w", root, err)
	}
	f := &File{path: abs, durable: make(map[string]bool)}
	if _, err := f.open(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, f.fail("open", "", err)
	}
	return f, nil
}

func (f *File) String() string { return "file:" + f.path }

// Close releases the folder. No other call may be under way or follow.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dir == nil {
		return nil
	}
	return f.dir.Close()
}

// open returns the folder, or fs.ErrNotExist.
func (f *File) open() (*os.Root, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dir != nil {
		return f.dir, nil
	}
	dir, err := os.OpenRoot(f.path)
	if err != nil {
		return nil, err
	}
	f.dir = dir
	return dir, nil
}

// make returns the folder and makes it where needed. It is not synced: a power failure that takes a new lake away
// takes its rows and its watermarks together.
func (f *File) make() (*os.Root, error) {
	dir, err := f.open()
	if !errors.Is(err, fs.ErrNotExist) {
		return dir, err
	}
	if err := os.MkdirAll(f.path, 0o777); err != nil {
		return nil, err
	}
	return f.open()
}

// Get implements Store.
func (f *File) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := first(checkKey(key), checkRange(key, offset), ctx.Err()); err != nil {
		return nil, err
	}
	file, err := f.openObject(key)
	if err != nil {
		return nil, f.fail("get", key, err)
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		_ = file.Close()
		return nil, f.fail("get", key, err)
	}
	if length < 0 {
		return file, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(file, length), file}, nil
}

// openObject opens a regular file: a folder is no object, and reading a pipe would never end.
func (f *File) openObject(key string) (*os.File, error) {
	root, err := f.open()
	if err != nil {
		return nil, err
	}
	if _, err := regular(root, key); err != nil {
		return nil, err
	}
	return root.Open(key)
}

func regular(root *os.Root, key string) (fs.FileInfo, error) {
	info, err := root.Stat(key)
	if err == nil && !info.Mode().IsRegular() {
		return nil, fs.ErrNotExist
	}
	return info, err
}

// Stat implements Store.
func (f *File) Stat(ctx context.Context, key string) (Object, error) {
	if err := first(checkKey(key), ctx.Err()); err != nil {
		return Object{}, err
	}
	root, err := f.open()
	if err != nil {
		return Object{}, f.fail("stat", key, err)
	}
	info, err := regular(root, key)
	if err != nil {
		return Object{}, f.fail("stat", key, err)
	}
	return fileObject(key, info), nil
}

func fileObject(key string, info fs.FileInfo) Object {
	return Object{
		Key: key, Size: info.Size(), Modified: info.ModTime(),
		ETag: fmt.Sprintf("%x-%x", info.ModTime().UnixNano(), info.Size()),
	}
}

// List implements Store.
func (f *File) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		root, err := f.open()
		if err := checkPrefix(prefix); err != nil {
			yield(Object{}, err)
			return
		}
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err == nil {
			var start string // the deepest folder that can hold such keys
			if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
				start = prefix[:i]
			}
			w := walk{root: root, prefix: prefix, yield: func(o Object) bool { return yield(o, nil) }}
			err = w.folder(ctx, start)
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(Object{}, f.fail("list", prefix, err))
		}
	}
}

// Delete implements Store. The deletion is durable when Delete returns: a removed data file that came back after a
// power failure would double its rows.
func (f *File) Delete(ctx context.Context, key string) error {
	if err := first(checkKey(key), ctx.Err()); err != nil {
		return err
	}
	root, err := f.open()
	if err == nil {
		_, err = regular(root, key) // Remove takes empty folders, too
	}
	if err == nil {
		err = root.Remove(key)
	}
	if isMissing(err) {
		return nil
	}
	if err == nil {
		err = uncertain(syncDir(root, path.Dir(key)))
	}
	return f.fail("delete", key, err)
}
