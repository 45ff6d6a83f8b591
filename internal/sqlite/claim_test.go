package sqlite

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidemark-data/tidemark"
)

// TestClaimByLink: a store is one process's by whatever name it goes.
func TestClaimByLink(t *testing.T) {
	folder := t.TempDir()
	real := filepath.Join(folder, "real")
	for link, target := range map[string]string{"folder": "real", "file.db": "real/store.db", "absolute.db": filepath.Join(real, "store.db"), "twice.db": "file.db", "loop.db": "loop.db"} {
		if err := os.Symlink(target, filepath.Join(folder, link)); err != nil {
			t.Fatal(err)
		}
	}
	names := []string{"real/store.db", "folder/store.db", "file.db", "absolute.db", "twice.db"}
	for _, first := range names { // also the one that makes the file
		if err := os.RemoveAll(real); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(real, 0o700); err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), filepath.Join(folder, first), Options{})
		if err != nil {
			t.Fatal(err)
		}
		id := want(t, s, "orders", "1")
		for _, name := range names {
			if second, err := Open(t.Context(), filepath.Join(folder, name), Options{}); !errors.Is(err, tidemark.ErrConflict) {
				t.Errorf("Open of %s beside %s: %v, %v; want ErrConflict", name, first, second, err)
			}
			reader, err := Read(t.Context(), filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := reader.Run(t.Context(), id); err != nil {
				t.Errorf("%s beside %s: %v", name, first, err)
			}
			if err := reader.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for _, left := range []string{"file.db.lock", "twice.db.lock"} {
			if _, err := os.Lstat(filepath.Join(folder, left)); err == nil {
				t.Errorf("%s is there: the claim is that of a link", left)
			}
		}
	}
	if _, err := Open(t.Context(), filepath.Join(folder, "loop.db"), Options{}); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("a link to itself: %v, want ErrInvalid", err)
	}
}

// TestNoStore: a file that is something else is refused, told so, and left as it is.
func TestNoStore(t *testing.T) {
	folder := t.TempDir()
	other := filepath.Join(folder, "other.db")
	db, err := sql.Open("sqlite", other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE runs (x); PRAGMA user_version = 1"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(folder, "damaged.db")
	s, err := Open(t.Context(), damaged, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(damaged)
	if err != nil {
		t.Fatal(err)
	}
	for i := 100; i < 4096; i++ { // its first page has the schema
		content[i] = 0xaa
	}
	text := filepath.Join(folder, "tidemark.yaml")
	for path, content := range map[string][]byte{text: []byte(strings.Repeat("connections:\n", 100)), damaged: content} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{text, damaged, other} {
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), path, Options{}); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "server.store") {
			t.Errorf("Open of %s: %v (hint %q), want ErrInvalid and a hint", path, err, tidemark.Hint(err))
		}
		if _, err := Read(t.Context(), path); !errors.Is(err, tidemark.ErrInvalid) || tidemark.Hint(err) == "" {
			t.Errorf("Read of %s: %v (hint %q), want ErrInvalid and a hint", path, err, tidemark.Hint(err))
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
			t.Errorf("%s was changed, %v", path, err)
		}
	}
}
