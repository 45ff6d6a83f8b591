package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/tidemark-data/tidemark"
)

// resolve returns the path without symbolic links in it, so that all names of a store have one claim. The file need not be
// there yet, and may be what a link points to.
func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for range maxLinks {
		folder, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err != nil {
			return "", err
		}
		path = filepath.Join(folder, filepath.Base(path))
		info, err := os.Lstat(path)
		if errors.Is(err, os.ErrNotExist) || err == nil && info.Mode()&os.ModeSymlink == 0 {
			return path, nil
		}
		if err != nil {
			return "", err
		}
		target, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(folder, target)
		}
		path = target
	}
	return "", fmt.Errorf("%s: more than %d links: %w", path, maxLinks, tidemark.ErrInvalid)
}

// maxLinks is how many links may point to one another.
const maxLinks = 40

// claim takes the store for this process. The kernel gives it free when the process ends, however it ends.
func claim(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		pid, _ := io.ReadAll(io.LimitReader(f, 20)) // for the message alone
		_ = f.Close()
		return nil, tidemark.WithHint(fmt.Errorf("store %s is used by another process: %w", strings.TrimSuffix(path, ".lock"), tidemark.ErrConflict),
			fmt.Sprintf("a server is running with it (process %s): stop that one, or give this one a store of its own with server.store", strings.TrimSpace(string(pid))))
	}
	if err == nil {
		if err = f.Truncate(0); err == nil {
			_, err = fmt.Fprintf(f, "%d\n", os.Getpid())
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("store: %s: %w", path, err)
	}
	return f, nil
}
