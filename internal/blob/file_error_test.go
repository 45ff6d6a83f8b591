package blob

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/tidemark-data/tidemark"
)

// TestFileErrors has errors of the system that a test cannot bring about.
func TestFileErrors(t *testing.T) {
	f := &File{path: "/lake"}
	for _, test := range []struct {
		err     error
		want    error
		hint    string
		unknown bool
	}{
		{err: syscall.EDQUOT, want: tidemark.ErrInvalid, hint: "quota"},
		{err: syscall.EXDEV, want: tidemark.ErrInvalid, hint: "one file system"},
		{err: syscall.ENAMETOOLONG, want: tidemark.ErrInvalid, hint: "shorter"},
		{err: syscall.EACCES, want: tidemark.ErrDenied, hint: "right to read and write"},
		{err: errNoLink, want: tidemark.ErrInvalid, hint: "hard links"},
		{err: syscall.EIO, want: tidemark.ErrTransient},
		{err: unknown{syscall.EIO}, want: tidemark.ErrTransient, unknown: true}, // the sync after the link
	} {
		wrapped := test.err
		if !test.unknown {
			wrapped = &fs.PathError{Op: "openat", Path: "orders/.tidemark-tmp-1", Err: test.err}
		}
		err := f.fail("put", "orders/1", wrapped)
		if !errors.Is(err, test.want) || !strings.Contains(tidemark.Hint(err), test.hint) {
			t.Errorf("%v: got %v, hint %q", test.err, err, tidemark.Hint(err))
		}
		if errors.Is(err, ErrUnknown) != test.unknown {
			t.Errorf("%v: unknown = %v", test.err, !test.unknown)
		}
		if !strings.HasPrefix(err.Error(), "put /lake/orders/1: ") || strings.Contains(err.Error(), "tmp") {
			t.Errorf("message %q", err)
		}
	}
	if f.fail("put", "a", nil) != nil {
		t.Error("no error became one")
	}
}
