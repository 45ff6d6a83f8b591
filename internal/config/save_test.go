package config

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// What the test binary does when it is a process of its own.
var (
	childFile = flag.String("save-file", "", "the file that TestSaveAsChild adds entries to")
	childName = flag.String("save-name", "", "what their names begin with")
	childArm  = flag.String("save-arm", "", "the failpoint that it dies at")
)

const saved = `# ours
pipelines:
  orders: {source: {connection: shop, table: db.orders, cursor: at}, target: {connection: lake, table: a.b}}
connections:
  shop: {type: mysql, url: "mysql://etl@db/db"}
  lake: {type: file, path: lake} # here
`

func parses(text []byte) error {
	_, err := Parse("/etc/tidemark.yaml", text)
	return err
}

func write(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "tidemark.yaml")
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// lone fails if anything lies beside the file.
func lone(t *testing.T, path string) {
	t.Helper()
	list, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(list) != 1 {
		t.Errorf("beside the file: %v, %v", list, err)
	}
}

func TestSave(t *testing.T) {
	path := write(t, saved)
	if err := os.Chmod(path, 0o664); err != nil { // more than most umasks leave
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(path, 12, 34); err != nil {
			t.Fatal(err)
		}
	}
	text, err := Put([]byte(saved), "connections", "more", []byte("type: file\npath: more\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := Save(path, Version([]byte(saved)), text, parses); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != string(text) || !strings.Contains(got, "more:") {
		t.Errorf("got %s", got)
	}
	lone(t, path)
	about, err := os.Stat(path)
	if err != nil || about.Mode() != 0o664 {
		t.Errorf("mode %v, %v", about.Mode(), err)
	}
	if is := about.Sys().(*syscall.Stat_t); os.Getuid() == 0 && (is.Uid != 12 || is.Gid != 34) {
		t.Errorf("owner %d, group %d", is.Uid, is.Gid)
	}
	err = Save(path, Version([]byte(saved)), []byte(saved), parses)
	if !errors.Is(err, tidemark.ErrConflict) || tidemark.Hint(err) == "" {
		t.Errorf("of an old version: %v", err)
	}
	if err := Save(path, Version(text), text, parses); err != nil {
		t.Errorf("the same again: %v", err)
	}
}

func TestSaveRefuses(t *testing.T) {
	path := write(t, saved)
	version := Version([]byte(saved))
	wrong := []byte(saved + "  a: {tipe: file}\n  b: {type: file, bath: x}\n")
	var all *Errors
	if err := Save(path, version, wrong, parses); !errors.As(err, &all) || len(all.Problems) < 2 {
		t.Errorf("what is wrong: %v", err)
	}
	if err := Save(path+".gone", version, []byte(saved), parses); !errors.Is(err, tidemark.ErrNotFound) {
		t.Errorf("no file: %v", err)
	}
	if err := Save("/dev/null", Version(nil), []byte(saved), parses); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("no regular file: %v", err)
	}
	defer failpoint.Arm("")
	for _, at := range []string{"config.save.written", "config.save.synced"} {
		if err := failpoint.Arm(at + "=error"); err != nil {
			t.Fatal(err)
		}
		if err := Save(path, version, []byte(saved+"# more\n"), parses); !errors.Is(err, failpoint.ErrHit) {
			t.Errorf("%s: %v", at, err)
		}
	}
	if got := read(t, path); got != saved {
		t.Errorf("got %s", got)
	}
	lone(t, path)
}

func TestSaveDenied(t *testing.T) {
	for err, hint := range map[error]string{
		syscall.EROFS: "ConfigMap", syscall.EBUSY: "mount the folder", syscall.EACCES: "needs to write", syscall.EPERM: "needs to write",
	} {
		got := kindOf(&os.PathError{Op: "open", Path: "x", Err: err})
		if !errors.Is(got, tidemark.ErrDenied) || !strings.Contains(tidemark.Hint(got), hint) {
			t.Errorf("%v: %v, %s", err, got, tidemark.Hint(got))
		}
	}
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	path := write(t, saved)
	for _, mode := range []struct {
		path string
		mode os.FileMode
	}{{path, 0o400}, {filepath.Dir(path), 0o500}} {
		if err := os.Chmod(mode.path, mode.mode); err != nil {
			t.Fatal(err)
		}
		if err := Save(path, Version([]byte(saved)), []byte(saved+"# x\n"), parses); !errors.Is(err, tidemark.ErrDenied) {
			t.Errorf("%s: %v", mode.path, err)
		}
		if err := os.Chmod(mode.path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSaveLink saves a file behind links, as Kubernetes lays them.
func TestSaveLink(t *testing.T) {
	path := write(t, saved)
	folder := t.TempDir()
	data, link := filepath.Join(folder, "..data"), filepath.Join(folder, "tidemark.yaml")
	if err := errors.Join(os.Symlink(filepath.Dir(path), data), os.Symlink("..data/tidemark.yaml", link)); err != nil {
		t.Fatal(err)
	}
	if err := Save(link, Version([]byte(saved)), []byte(saved+"# more\n"), parses); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != saved+"# more\n" {
		t.Errorf("got %s", got)
	}
	if about, err := os.Lstat(link); err != nil || about.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link: %v, %v", about, err)
	}
}

// addEntries adds n connections to a file, each with a Save of its own that is repeated after a conflict.
func addEntries(path, name string, n int) error {
	for i := 0; i < n; {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		after, err := Put(text, "connections", fmt.Sprintf("%s%d", name, i), []byte(`{"type": "file", "path": "x"}`))
		if err != nil {
			return err
		}
		switch err := Save(path, Version(text), after, parses); {
		case err == nil:
			i++
		case !errors.Is(err, tidemark.ErrConflict):
			return err
		}
	}
	return nil
}

func TestSaveAsChild(t *testing.T) {
	if *childFile == "" {
		t.Skip("the other tests start it")
	}
	if err := failpoint.Arm(*childArm); err != nil {
		t.Fatal(err)
	}
	if err := addEntries(*childFile, *childName, 10); err != nil {
		t.Fatal(err)
	}
}

func child(path, name, arm string) *exec.Cmd {
	return exec.Command(os.Args[0], "-test.run=^TestSaveAsChild$", "-save-file="+path, "-save-name="+name, "-save-arm="+arm)
}

// TestSaveTogether lets two processes and two goroutines add to one file: no addition may get lost.
func TestSaveTogether(t *testing.T) {
	path := write(t, saved)
	var all sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d"} {
		all.Go(func() {
			if name < "c" {
				if out, err := child(path, name, "").CombinedOutput(); err != nil {
					t.Errorf("%s: %v\n%s", name, err, out)
				}
			} else if err := addEntries(path, name, 10); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	all.Wait()
	c, err := Parse(path, []byte(read(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Connections) != 42 {
		t.Errorf("%d connections, want 42", len(c.Connections))
	}
	lone(t, path)
}

// TestSaveKilled kills a process at each step of its fifth Save: the file is whole, and the next one saves.
func TestSaveKilled(t *testing.T) {
	for at, entries := range map[string]int{"written": 4, "synced": 4, "renamed": 5} {
		t.Run(at, func(t *testing.T) {
			path := write(t, saved)
			if out, err := child(path, "a", "config.save."+at+"=kill@5").CombinedOutput(); err == nil {
				t.Fatalf("was not killed: %s", out)
			}
			text := []byte(read(t, path))
			if n := bytes.Count(text, []byte("path: x")); parses(text) != nil || n != entries {
				t.Errorf("%d entries, want %d: %v", n, entries, parses(text))
			}
			if err := addEntries(path, "b", 1); err != nil {
				t.Fatal(err)
			}
			lone(t, path)
		})
	}
}
