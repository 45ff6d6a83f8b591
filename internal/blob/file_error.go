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
	v := fileVerdict(err)
	switch {
	case v.kind == nil:
		return fmt.Errorf("%s %s: %w", doing, what, err)
	case errors.Is(err, v.kind):
		err = fmt.Errorf("%s %s: %w", doing, what, err)
	default:
		err = fmt.Errorf("%s %s: %w: %w", doing, what, v.kind, pathless(err))
	}
	if v.hint == "" {
		return err
	}
	return tidemark.WithHint(err, v.hint)
}

// fileVerdict returns no kind for what it does not know.
func fileVerdict(err error) verdict {
	switch {
	case errors.Is(err, ErrExist), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return verdict{}
	case errors.Is(err, tidemark.ErrNotFound), isMissing(err):
		return verdict{tidemark.ErrNotFound, ""}
	case errors.Is(err, syscall.ENOSPC):
		return verdict{tidemark.ErrInvalid, "the disk is full: free some space there, then run again; nothing half-written is visible"}
	case errors.Is(err, syscall.EDQUOT):
		return verdict{tidemark.ErrInvalid, "the disk quota is used up: free some space there or ask for more, then run again"}
	case errors.Is(err, syscall.EROFS):
		return verdict{tidemark.ErrDenied, "the file system is mounted read-only"}
	case errors.Is(err, syscall.EXDEV):
		return verdict{tidemark.ErrInvalid, "the folder must be one file system: no other may be mounted below it"}
	case errors.Is(err, syscall.ENAMETOOLONG):
		return verdict{tidemark.ErrInvalid, "the file system does not allow names of this length: use a shorter table or pipeline name"}
	case errors.Is(err, errNoLink):
		return verdict{tidemark.ErrInvalid, "commits need hard links (link(2)), which this file system does not have: use ext4, XFS, APFS or NFS"}
	case errors.Is(err, fs.ErrPermission):
		return verdict{tidemark.ErrDenied, "give this user the right to read and write the folder and what is below it"}
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR):
		return verdict{tidemark.ErrInvalid, "a file is where a folder is needed, or a folder where a file is"}
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.ESTALE), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return verdict{tidemark.ErrTransient, ""}
	}
	return verdict{}
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
