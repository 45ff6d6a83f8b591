package blob_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// TestFileAbsent: looking at a lake that is not there neither fails nor makes it.
func TestFileAbsent(t *testing.T) {
	root := filepath.Join(t.TempDir(), "not", "yet")
	s := openFile(t, root)
	_, err := s.Get(t.Context(), "a", 0, -1)
	if !errors.Is(err, tidemark.ErrNotFound) {
		t.Errorf("get = %v, want ErrNotFound", err)
	}
	for o, err := range s.List(t.Context(), "") {
		t.Errorf("list yields %+v, %v", o, err)
	}
	staged := blob.Staged{Key: "a", Upload: "u"}
	if state, err := s.Check(t.Context(), staged); state != blob.StagedGone || err != nil {
		t.Errorf("check = %v, %v", state, err)
	}
	if err := errors.Join(s.Delete(t.Context(), "a"), s.Abort(t.Context(), staged)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(root); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the folder was made: %v", err)
	}
	if err := s.Put(t.Context(), "a/b", []byte("x"), blob.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, openFile(t, root), "a/b"); got != "x" {
		t.Errorf("another process reads %q", got)
	}
}

func TestFileNoFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := blob.OpenFile(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("open a file as a lake: %v", err)
	}
	s := openFile(t, t.TempDir())
	if err := s.Put(t.Context(), "a", nil, blob.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	err := s.Put(t.Context(), "a/b", nil, blob.PutOptions{})
	if !errors.Is(err, tidemark.ErrInvalid) || errors.Is(err, tidemark.ErrNotFound) {
		t.Errorf("put below a file: %v, want ErrInvalid", err)
	}
	if err := s.Put(t.Context(), "d/e", nil, blob.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), "d", nil, blob.PutOptions{}); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("put in the place of a folder: %v, want ErrInvalid", err)
	}
}

// TestFileEscape: no symbolic link leads out of the folder.
func TestFileEscape(t *testing.T) {
	outside, root := t.TempDir(), t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("canary"), 0o600); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"file": secret, "folder": outside} {
		if err := os.Symlink(to, filepath.Join(root, from)); err != nil {
			t.Fatal(err)
		}
	}
	s := openFile(t, root)
	for _, key := range []string{"file", "folder/secret"} {
		if _, err := s.Get(t.Context(), key, 0, -1); err == nil {
			t.Errorf("get %s leads outside", key)
		}
	}
	if err := s.Put(t.Context(), "folder/new", nil, blob.PutOptions{}); err == nil {
		t.Error("put leads outside")
	}
	if err := s.Put(t.Context(), "file", []byte("ours"), blob.PutOptions{}); err != nil { // replaces the link itself
		t.Error(err)
	}
	if got, err := os.ReadFile(secret); string(got) != "canary" || err != nil {
		t.Errorf("outside: %q, %v", got, err)
	}
}

// TestFileFull fills a small file system: the error says so, nothing half-written is visible, and what was there
// stays as it was.
func TestFileFull(t *testing.T) {
	root := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", root).CombinedOutput(); err != nil {
		t.Skipf("a small file system cannot be mounted here: %s", bytes.TrimSpace(out))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", root).CombinedOutput(); err != nil {
			t.Errorf("umount: %s", out)
		}
	})
	s := openFile(t, root)
	t.Cleanup(func() { _ = s.Close() }) // before the umount
	if err := s.Put(t.Context(), "old", []byte("old"), blob.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	big := bytes.Repeat([]byte("x"), 2<<20)
	full := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, tidemark.ErrInvalid) || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(tidemark.Hint(err), "disk is full") {
			t.Errorf("%s = %v, hint %q", what, err, tidemark.Hint(err))
		}
	}
	full("put", s.Put(t.Context(), "old", big, blob.PutOptions{}))
	full("put if absent", s.Put(t.Context(), "new", big, blob.PutOptions{IfAbsent: true}))
	w, err := s.Stage(t.Context(), "staged")
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(big)
	full("write", err)
	_, err = w.Close(t.Context())
	full("close", err)
	if err := w.Abort(t.Context()); err != nil {
		t.Errorf("abort: %v", err)
	}
	if got := names(t, root); len(got) != 1 || got[0] != "old" {
		t.Errorf("left over: %q", got)
	}
	if got := read(t, s, "old"); got != "old" {
		t.Errorf("old = %q", got)
	}
	if err := s.Put(t.Context(), "old", big[:100], blob.PutOptions{}); err != nil {
		t.Errorf("put after the failures: %v", err)
	}
}

// names returns the paths of all files below root.
func names(t *testing.T, root string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			path, err = filepath.Rel(root, path)
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestFileReadOnly is a lake that this user must not change.
func TestFileReadOnly(t *testing.T) {
	root := t.TempDir()
	if err := openFile(t, root).Put(t.Context(), "a/b", []byte("x"), blob.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 { // who may write everywhere, but not into a read-only file system
		if out, err := exec.Command("mount", "--bind", "-o", "ro", root, root).CombinedOutput(); err != nil {
			t.Skipf("a read-only file system cannot be mounted here: %s", bytes.TrimSpace(out))
		}
		t.Cleanup(func() { _ = exec.Command("umount", root).Run() })
	} else if err := os.Chmod(filepath.Join(root, "a"), 0o500); err != nil {
		t.Fatal(err)
	}
	s := openFile(t, root)
	t.Cleanup(func() { _ = s.Close() })
	for what, err := range map[string]error{
		"put":    s.Put(t.Context(), "a/c", nil, blob.PutOptions{}),
		"put if": s.Put(t.Context(), "a/d", nil, blob.PutOptions{IfAbsent: true}),
		"delete": s.Delete(t.Context(), "a/b"),
	} {
		if !errors.Is(err, tidemark.ErrDenied) || tidemark.Hint(err) == "" {
			t.Errorf("%s = %v, hint %q; want ErrDenied", what, err, tidemark.Hint(err))
		}
	}
	if got := read(t, s, "a/b"); got != "x" {
		t.Errorf("a/b = %q", got)
	}
}

// TestFileLeftovers: what a killed process leaves is no object, and Sweep removes it when it is old.
func TestFileLeftovers(t *testing.T) {
	root := t.TempDir()
	s := openFile(t, root)
	if err := s.Put(t.Context(), "a/b", []byte("x"), blob.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(root, "a", ".tidemark-tmp-KILLED")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	for o, err := range s.List(t.Context(), "") {
		if o.Key != "a/b" || err != nil {
			t.Errorf("list yields %+v, %v", o, err)
		}
	}
	for _, test := range []struct {
		prefix string
		before time.Time
		want   int
	}{{"a/", time.Now().Add(-time.Hour), 0}, {"b/", farFuture(), 0}, {"a/", farFuture(), 1}} {
		if n, err := s.Sweep(t.Context(), test.prefix, test.before); n != test.want || err != nil {
			t.Errorf("sweep %s = %d, %v, want %d", test.prefix, n, err, test.want)
		}
	}
	if got := names(t, root); len(got) != 1 {
		t.Errorf("left over: %q", got)
	}
}

// TestFileKilledInComplete has the state between the two steps of a completion, the object linked and the staged name
// not yet removed, and completes it again, as another process does.
func TestFileKilledInComplete(t *testing.T) {
	for _, then := range []string{"complete", "abort", "sweep"} {
		t.Run(then, func(t *testing.T) {
			root := t.TempDir()
			w, err := openFile(t, root).Stage(t.Context(), "a/file")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(w, "bytes"); err != nil {
				t.Fatal(err)
			}
			staged, err := w.Close(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			from := filepath.Join(root, "_tidemark", "_staged", "a", "file."+staged.Upload)
			if err := errors.Join(os.Mkdir(filepath.Join(root, "a"), 0o755), os.Link(from, filepath.Join(root, "a", "file"))); err != nil {
				t.Fatal(err)
			}
			other := openFile(t, root)
			switch then {
			case "complete":
				err = other.Complete(t.Context(), staged)
			case "abort":
				err = other.Abort(t.Context(), staged)
			case "sweep":
				_, err = other.Sweep(t.Context(), "", farFuture())
			}
			if err != nil {
				t.Fatal(err)
			}
			if state, err := other.Check(t.Context(), staged); state != blob.StagedDone || err != nil {
				t.Errorf("check = %v, %v", state, err)
			}
			if got := names(t, root); len(got) != 1 || read(t, other, "a/file") != "bytes" {
				t.Errorf("files: %q", got)
			}
		})
	}
}

// TestFileTaken: a completion does not overwrite what somebody else put under the key.
func TestFileTaken(t *testing.T) {
	s := openFile(t, t.TempDir())
	w, err := s.Stage(t.Context(), "file")
	if err != nil {
		t.Fatal(err)
	}
	staged, err := w.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), "file", []byte("theirs"), blob.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Complete(t.Context(), staged); !errors.Is(err, blob.ErrExist) {
		t.Errorf("complete = %v, want ErrExist", err)
	}
	if got := read(t, s, "file"); got != "theirs" {
		t.Errorf("file = %q", got)
	}
}

// TestFileFolders has several stores, as processes have, make and remove the same folders all the time.
func TestFileFolders(t *testing.T) {
	root := t.TempDir()
	var wg sync.WaitGroup
	for i := range 4 {
		s := openFile(t, root)
		wg.Go(func() {
			for j := range 50 {
				w, err := s.Stage(t.Context(), fmt.Sprintf("deep/er/%d/%d", i, j))
				if err == nil {
					var staged blob.Staged
					if staged, err = w.Close(t.Context()); err == nil {
						err = s.Complete(t.Context(), staged)
					}
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := names(t, root); len(got) != 4*50 {
		t.Errorf("%d files, want %d", len(got), 4*50)
	}
	if _, err := os.Stat(filepath.Join(root, "_tidemark", "_staged")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the empty folder for staged objects is left: %v", err)
	}
}
