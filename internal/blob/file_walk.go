package blob

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// errStopped ends a walk whose consumer has seen enough.
var errStopped = errors.New("stopped")

// A walk yields the objects of a folder in the byte order of their keys.
type walk struct {
	root   *os.Root
	prefix string
	yield  func(Object) bool
}

// folder walks dir, which is "" for the root. What vanishes meanwhile is left out, as an object would be.
func (w *walk) folder(ctx context.Context, dir string) error {
	entries, err := readDir(w.root, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		key := path.Join(dir, e.Name())
		if reserved(key) {
			continue
		}
		if e.IsDir() {
			if overlaps(key+"/", w.prefix) {
				err = w.folder(ctx, key)
			}
		} else if strings.HasPrefix(key, w.prefix) {
			err = w.object(key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) object(key string) error {
	info, err := regular(w.root, key)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !w.yield(fileObject(key, info)) {
		return errStopped
	}
	return nil
}

// overlaps reports whether keys below the folder can have the prefix.
func overlaps(folder, prefix string) bool {
	return strings.HasPrefix(folder, prefix) || strings.HasPrefix(prefix, folder)
}

// readDir returns a folder's entries in the order of the keys that they lead to: "a-b" is before "a/b", although the
// folder's name "a" is before "a-b". A folder that is not there has none.
func readDir(root *os.Root, dir string) ([]fs.DirEntry, error) {
	if dir == "" {
		dir = "."
	}
	f, err := root.Open(dir)
	if isMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if isMissing(err) {
		return nil, nil
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	return entries, err
}

func sortName(e fs.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}
