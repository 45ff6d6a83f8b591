package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// Version names the bytes of a config: two texts with the same version are the same. It is 32 hexadecimal digits.
func Version(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// Save replaces the file at path, or the one behind a symbolic link, by text, if it still has the version that the text
// was made from; ErrConflict if not. The text is given to check first, which is Parse with the options that the file
// is read with, and whatever check returns is returned: then nothing has been written.
//
// The file keeps its mode and owner, and has either its old bytes or the new ones whenever this process or the
// machine dies; when Save returns nil the new ones are on the disk. Of processes and goroutines that save at the same time
// one wins and the others get ErrConflict. People's editors ask nobody: what one of them writes in the very moment
// of the replacement is lost. A file that is not there is ErrNotFound, one that may not be replaced ErrDenied.
func Save(path, version string, text []byte, check func([]byte) error) error {
	wrap := func(err error) error {
		if err == nil {
			return nil
		}
		return fmt.Errorf("save config %s: %w", path, err)
	}
	file, err := filepath.EvalSymlinks(path)
	if err != nil {
		return wrap(kindOf(err))
	}
	old, err := os.ReadFile(file) // before it is locked: a check may take its time
	if err != nil {
		return wrap(kindOf(err))
	}
	if Version(old) != version {
		return wrap(conflict())
	}
	if err := check(text); err != nil {
		return err
	}
	locked, err := lockFile(file)
	if err != nil {
		return wrap(err)
	}
	defer locked.Close()
	if old, err = io.ReadAll(locked); err != nil {
		return wrap(err)
	}
	if Version(old) != version {
		return wrap(conflict())
	}
	if bytes.Equal(old, text) {
		return nil
	}
	return wrap(replaceFile(file, locked, text))
}

func conflict() error {
	return tidemark.WithHint(fmt.Errorf("somebody else has changed it: %w", tidemark.ErrConflict), "read it again and repeat the change")
}

// lockFile opens the file and locks it, until it is closed or the process dies. Who waited for a file that was replaced
// meanwhile takes the new one. Nothing is left behind beside the file, as a file for the lock alone would be.
func lockFile(path string) (*os.File, error) {
	for {
		about, err := os.Stat(path)
		if err != nil {
			return nil, kindOf(err)
		}
		if !about.Mode().IsRegular() {
			return nil, fmt.Errorf("it is no regular file: %w", tidemark.ErrInvalid)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return nil, kindOf(err)
		}
		if err := flock(f); err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("lock: %w", err)
		}
		mine, err := f.Stat()
		if err == nil {
			about, err = os.Stat(path)
		}
		if err == nil && os.SameFile(mine, about) {
			return f, nil
		}
		_ = f.Close()
		if err != nil {
			return nil, kindOf(err)
		}
	}
}

func flock(f *os.File) error {
	for {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// replaceFile writes the text beside the file and renames it. A process that dies leaves the text beside it at most,
// which the next one overwrites: who has the lock is alone with that name.
func replaceFile(path string, old *os.File, text []byte) (err error) {
	folder, name := filepath.Split(path)
	beside := filepath.Join(folder, "."+name+".new")
	if err := os.Remove(beside); err != nil && !os.IsNotExist(err) {
		return kindOf(err)
	}
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return kindOf(err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(beside)
		}
	}()
	if err := alike(f, old); err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := failpoint.Hit("config.save.written"); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := failpoint.Hit("config.save.synced"); err != nil {
		return err
	}
	if err := os.Rename(beside, path); err != nil {
		return kindOf(err)
	}
	if err := failpoint.Hit("config.save.renamed"); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// alike gives a file the owner, group and mode of another.
func alike(f, model *os.File) error {
	want, err := model.Stat()
	if err != nil {
		return err
	}
	is, err := f.Stat()
	if err != nil {
		return err
	}
	to, known := want.Sys().(*syscall.Stat_t)
	from, _ := is.Sys().(*syscall.Stat_t)
	if known && (to.Uid != from.Uid || to.Gid != from.Gid) {
		if err := f.Chown(int(to.Uid), int(to.Gid)); err != nil {
			return tidemark.WithHint(fmt.Errorf("it belongs to user %d and group %d: %w: %w", to.Uid, to.Gid, tidemark.ErrDenied, err),
				"let the user that runs tidemark own the file")
		}
	}
	return f.Chmod(want.Mode().Perm()) // behind the owner, whose change may take bits off
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// kindOf gives an error of the file system its kind, and a hint where people meet it often.
func kindOf(err error) error {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w: %w", tidemark.ErrNotFound, err)
	case errors.Is(err, syscall.EROFS):
		return tidemark.WithHint(fmt.Errorf("%w: %w", tidemark.ErrDenied, err),
			"the file is on a read-only mount, as a ConfigMap of Kubernetes is: change it where it comes from")
	case errors.Is(err, syscall.EBUSY):
		return tidemark.WithHint(fmt.Errorf("%w: %w", tidemark.ErrDenied, err),
			"the file is a mount of its own and cannot be replaced: mount the folder that it is in")
	case errors.Is(err, os.ErrPermission):
		return tidemark.WithHint(fmt.Errorf("%w: %w", tidemark.ErrDenied, err),
			"the user that runs tidemark needs to write to the file and to its folder")
	}
	return err
}
