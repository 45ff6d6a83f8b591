package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strings"
	"syscall"

	"github.com/tidemark-data/tidemark"
)

var (
	errNoLink  = errors.New("hard links are not supported")
	errBlocked = fmt.Errorf("a file is where a folder is needed, or a folder where a file is: %w", tidemark.ErrInvalid)
)

// Put implements Store. The bytes go to a temporary file beside the object, and onto the disk, before the object gets
// its name: a crash leaves the old object or the new one, and perhaps a temporary file that Sweep removes.
func (f *File) Put(ctx context.Context, key string, data []byte, o PutOptions) error {
	if err := first(checkKey(key), ctx.Err()); err != nil {
		return err
	}
	root, err := f.make()
	if err == nil && o.IfAbsent && exists(root, key) {
		err = ErrExist // the usual way to lose; the link below decides
	}
	if err == nil {
		err = f.put(root, key, data, o)
	}
	return f.fail("put", key, err)
}

func (f *File) put(root *os.Root, key string, data []byte, o PutOptions) error {
	dir := path.Dir(key)
	temp := path.Join(dir, tempPrefix+rand.Text())
	file, err := f.create(root, temp)
	if err != nil {
		return err
	}
	defer func() { _ = root.Remove(temp) }() // gone after a rename; else Sweep's, should it stay
	_, err = file.Write(data)
	if err := first(err, syncClose(file)); err != nil {
		return err
	}
	if o.IfAbsent {
		err = link(root, temp, key)
	} else {
		err = root.Rename(temp, key)
	}
	if errors.Is(err, fs.ErrExist) && !errors.Is(err, ErrExist) {
		err = errBlocked
	}
	if err != nil {
		return err
	}
	return uncertain(syncDir(root, dir))
}

// uncertain marks an error that comes after the step by which a write took effect.
func uncertain(err error) error {
	if err == nil {
		return nil
	}
	return unknown{err}
}

// link gives a file a second name, unless that is taken: ErrExist. This is the compare-and-swap of a file system.
func link(root *os.Root, from, to string) error {
	err := root.Link(from, to)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist):
		if sameFile(root, from, to) { // NFS may lose the reply and send the request again
			return nil
		}
		return ErrExist
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.EMLINK):
		return fmt.Errorf("%w: %w", errNoLink, err)
	}
	return err
}

func sameFile(root *os.Root, a, b string) bool {
	x, errX := root.Lstat(a)
	y, errY := root.Lstat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

func exists(root *os.Root, key string) bool {
	_, err := root.Lstat(key)
	return err == nil
}

// create makes a new file, and its folders where needed. Another process that completes a staged object may remove a
// folder that is still empty, so it tries again.
func (f *File) create(root *os.Root, name string) (*os.File, error) {
	for attempt := 1; ; attempt++ {
		err := f.mkdir(root, path.Dir(name))
		var file *os.File
		if err == nil {
			file, err = root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		}
		if attempt == 100 || !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
	}
}

// mkdir makes a folder and those above it. When it returns, their names are on the disk: a file is not durable in a
// folder that a power failure takes away.
func (f *File) mkdir(root *os.Root, dir string) error {
	if dir == "." {
		return nil
	}
	err := root.Mkdir(dir, 0o777)
	switch {
	case errors.Is(err, fs.ErrExist):
		return f.adopt(root, dir)
	case errors.Is(err, syscall.ENOTDIR):
		return errBlocked
	case errors.Is(err, fs.ErrNotExist):
		if err := f.mkdir(root, path.Dir(dir)); err != nil {
			return err
		}
		if err := root.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	case err != nil:
		return err
	}
	f.setDurable(dir)
	return syncDir(root, path.Dir(dir))
}

// adopt makes sure of a folder that somebody else has made, perhaps a moment ago and not yet on the disk.
func (f *File) adopt(root *os.Root, dir string) error {
	if f.isDurable(dir) {
		return nil
	}
	info, err := root.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return errBlocked
	}
	for d := dir; d != "."; d = path.Dir(d) {
		if err := syncDir(root, path.Dir(d)); err != nil {
			return err
		}
	}
	f.setDurable(dir)
	return nil
}

func (f *File) isDurable(dir string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.durable[dir]
}

func (f *File) setDurable(dir string) {
	if dir == stagedRoot || strings.HasPrefix(dir, stagedRoot+"/") {
		return // these come and go
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.durable[dir] = true
}

// syncClose brings a file's bytes onto the disk and closes it.
func syncClose(file *os.File) error {
	return first(file.Sync(), file.Close())
}

// syncDir brings the names in a folder onto the disk.
func syncDir(root *os.Root, dir string) error {
	if runtime.GOOS == "windows" {
		return nil // it has no such call, and journals names by itself
	}
	d, err := root.Open(dir)
	if err != nil {
		return err
	}
	return first(d.Sync(), d.Close())
}
