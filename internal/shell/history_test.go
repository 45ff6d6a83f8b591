package shell

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidemark-data/tidemark/internal/duckdb"
)

func TestHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "history")
	open := func() *History {
		t.Helper()
		h, err := OpenHistory(path)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	one, two := open(), open()
	one.Put("SELECT 1;")
	two.Put("SELECT 2;")
	two.Put("SELECT 2;")
	two.Put("a\nb")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	h := open()
	if h.Len() != 2 || h.At(0) != "SELECT 2;" || h.At(1) != "SELECT 1;" {
		t.Errorf("got %q, want both statements", h.entries)
	}
	if entry, at, ok := h.search("select 1", 0); !ok || at != 1 || entry != "SELECT 1;" {
		t.Errorf("found %q at %d, want the older one", entry, at)
	}
	if _, _, ok := h.search("select 1", 2); ok {
		t.Error("found it once more")
	}
	for i := range mostFile {
		h.Put(fmt.Sprintf("SELECT %d;", 10+i))
	}
	h = open()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n != mostKept || h.Len() != mostKept || h.At(0) != fmt.Sprintf("SELECT %d;", 9+mostFile) {
		t.Errorf("%d lines, %d entries, the newest %q; want %d", n, h.Len(), h.At(0), mostKept)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode().Perm())
	}

	if h, err := OpenHistory(filepath.Join(path, "file")); err == nil || h == nil || h.Len() != 0 {
		t.Errorf("a folder that is a file: %v, %v; want an error and an empty history", h, err)
	}
}

func TestExcerpt(t *testing.T) {
	long := "SELECT " + strings.Repeat("1234567, ", 30) + "wrong, " + strings.Repeat("7654321, ", 30)
	for _, c := range []struct {
		text         string
		line, column int
		want         string
		at           int
	}{
		{"SELECT\n\t wrong", 2, 3, "wrong\n^", 4},
		{"SELECT ü, wrong", 1, 11, "SELECT ü, wrong\n          ^", 3},
		{"SELECT 1", 1, 0, "SELECT 1", 3},
		{"SELECT 1", 0, 0, "", 0},
		{"SELECT 1", 7, 1, "", 7},
		{long, 1, 1 + strings.Index(long, "wrong"), "..." + long[strings.Index(long, "wrong")-50:][:97] + "...\n" + strings.Repeat(" ", 53) + "^", 3},
	} {
		err := placedError(c.line, c.column)
		if got := place(fmt.Errorf("wrapped: %w", err), c.text, 3); got != c.want || err.Line != c.at {
			t.Errorf("%q: got %q at line %d, want %q at %d", c.text, got, err.Line, c.want, c.at)
		}
	}
}

func placedError(line, column int) *duckdb.Error {
	return &duckdb.Error{Message: "no", Line: line, Column: column}
}
