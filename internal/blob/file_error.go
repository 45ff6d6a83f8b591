package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/tidemark-data/tidemark"
)

// fail gives an error of the file system its kind, says what was being done to which file, and what to do about it.
// It is the only place that knows the system's error numbers.
func (f *File) fail(doing, key string, err error) error {
	if err == nil {
		return nil
	}
	var u unknown
	if errors.As(err, &u) {
		return unknown{f.fail(doing, key, u.err)}
	}
	what := f.path
	if key != "" {
		what += "/" + key
	}
	kind, hint := fileKind(err)
	switch {
	case kind == nil:
		return fmt.Errorf("%s %s: %w", doing, what, err)
	case errors.Is(err, kind):
		err = fmt.Errorf("%s %s: %w", doing, what, err)
	default:
		err = fmt.Errorf("%s %s: %w: %w", doing, what, kind, pathless(err))
	}
	if hint == "" {
		return err
	}
	return tidemark.WithHint(err, hint)
}

func fileKind(err error) (kind error, hint string) {
	switch {
	case errors.Is(err, ErrExist), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil, ""
	case errors.Is(err, tidemark.ErrNotFound), isMissing(err):
		return tidemark.ErrNotFound, ""
	case errors.Is(err, syscall.ENOSPC):
		return tidemark.ErrInvalid, "the disk is full: free some space there, then run again; nothing half-written is visible"
	case errors.Is(err, syscall.EDQUOT):
		return tidemark.ErrInvalid, "the disk quota is used up: free some space there or ask for more, then run again"
	case errors.Is(err, syscall.EROFS):
		return tidemark.ErrDenied, "the file system is mounted read-only"
	case errors.Is(err, syscall.EXDEV):
		return tidemark.ErrInvalid, "the folder must be one file system: no other may be mounted below it"
	case errors.Is(err, syscall.ENAMETOOLONG):
		return tidemark.ErrInvalid, "the file system does not allow names of this length: use a shorter table or pipeline name"
	case errors.Is(err, errNoLink):
		return tidemark.ErrInvalid, "commits need hard links (link(2)), which this file system does not have: use ext4, XFS, APFS or NFS"
	case errors.Is(err, fs.ErrPermission):
		return tidemark.ErrDenied, "give this user the right to read and write the folder and what is below it"
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR):
		return tidemark.ErrInvalid, "a file is where a folder is needed, or a folder where a file is"
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.ESTALE), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return tidemark.ErrTransient, ""
	}
	return nil, ""
}

// isMissing reports whether a file is not there. A file in the place of one of its folders comes to the same.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// pathless takes the operation and the path off an error of package os: the message names both already.
func pathless(err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &l):
		return l.Err
	}
	return err
}
