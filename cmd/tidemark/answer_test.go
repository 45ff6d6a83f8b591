package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark/internal/query"
)

func TestAnswer(t *testing.T) {
	for want, n := range map[string]answer{
		"1 row in 0.01 s": {rows: 1, took: 10 * time.Millisecond},
		"1,200 rows in 0.04 s · read 3 of 40 files, 1.2 MB of 18.0 MB":      {rows: 1200, took: 40 * time.Millisecond, read: query.Read{Files: 3, Of: 40, Bytes: 1.2e6, OfBytes: 18e6}},
		"0 rows in 0.00 s · read 0 of 1 file, 0 B of 812 B":                 {read: query.Read{Of: 1, OfBytes: 812}},
		"2 rows in 1.00 s · read 1 of 1 file, 812 B, 812 B from the bucket": {rows: 2, took: time.Second, read: query.Read{Files: 1, Of: 1, Bytes: 812, OfBytes: 812, Fetched: 1, FetchedBytes: 812}},
	} {
		if got := n.String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if _, err := json.Marshal(n); err != nil {
			t.Error(err)
		}
	}
}

// TestAnswerFile: a file appears when it is whole, and takes no other's place unless that was asked for.
func TestAnswerFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.csv")
	write := func(text string, force, keep bool) error {
		f, err := openAnswer(nil, path, force)
		if err != nil {
			return err
		}
		defer f.discard()
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if !keep {
			return nil
		}
		return f.keep()
	}
	holds := func(want string) {
		t.Helper()
		got, err := os.ReadFile(path)
		if err != nil && want != "" || string(got) != want {
			t.Errorf("it holds %q, %v; want %q", got, err, want)
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
	if err := write("lost", false, false); err != nil {
		t.Error(err)
	}
	holds("")
	if err := write("one", false, true); err != nil {
		t.Error(err)
	}
	holds("one")
	if err := write("two", false, true); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("err = %v", err)
	}
	if err := write("three", true, true); err != nil {
		t.Error(err)
	}
	holds("three")
	late, err := openAnswer(nil, path+"2", false) // somebody else is quicker
	if err != nil {
		t.Fatal(err)
	}
	defer late.discard()
	if err := os.WriteFile(path+"2", []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := late.keep(); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("err = %v", err)
	}
	if _, err := openAnswer(nil, filepath.Dir(path), true); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("err = %v", err)
	}
}
