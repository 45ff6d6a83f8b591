package config

import (
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tidemark-data/tidemark"
)

var update = flag.Bool("update", false, "write what comes out into testdata")

// TestEdits plays testdata/edit.txtar: "before: WHAT" sets the text, "put KIND NAME" and "remove KIND NAME" change it, and
// "after" has what comes out, "refused" the error instead. "section KIND NAME" has what Section gives.
func TestEdits(t *testing.T) {
	const path = "testdata/edit.txtar"
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var title string
	var text, after []byte
	var failed error
	for i, f := range archive.Files {
		words := strings.Fields(f.Name)
		switch words[0] {
		case "before:":
			title, text = f.Name, f.Data
		case "put":
			after, failed = Put(text, words[1], words[2], f.Data)
		case "remove":
			after, failed = Remove(text, words[1], words[2])
		case "after":
			if *update && failed == nil {
				archive.Files[i].Data = after
			} else if failed != nil {
				t.Errorf("%s: %v", title, failed)
			} else if diff := cmp.Diff(string(f.Data), string(after)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", title, diff)
			}
		case "refused":
			got := "nothing\n"
			if failed != nil {
				got = failed.Error() + "\n"
			}
			if *update {
				archive.Files[i].Data = []byte(got)
			} else if got != string(f.Data) {
				t.Errorf("%s: got %swant %s", title, got, f.Data)
			}
		case "section":
			got, err := Section(text, words[1], words[2])
			if *update && err == nil {
				archive.Files[i].Data = got
			} else if err != nil {
				t.Errorf("%s: %v", title, err)
			} else if diff := cmp.Diff(string(f.Data), string(got)); diff != "" {
				t.Errorf("%s, the section (-want +got):\n%s", title, diff)
			}
			if back, err := Put(text, words[1], words[2], got); err != nil || string(back) != string(text) {
				t.Errorf("%s: the section put back: %v\n%s", title, err, cmp.Diff(string(text), string(back)))
			}
		default:
			t.Fatalf("%s: %s", title, f.Name)
		}
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEditsBytes(t *testing.T) {
	for _, test := range []struct{ name, before, op, value, want string }{
		{"line ends of Windows", "pipelines:\r\n  a: {x: 1} # é\r\n  b:\r\n    x: 2\r\n", "put", "# new\nx: 3\ny: |\n  t\n", "pipelines:\r\n  a: {x: 1} # é\r\n  b:\r\n    # new\r\n    x: 3\r\n    y: |\r\n      t\r\n"},
		{"a new one on Windows", "pipelines:\r\n  a: {x: 1}\r\n", "put", "x: 3\r\ny: 4\r\n", "pipelines:\r\n  a: {x: 1}\r\n  b:\r\n    x: 3\r\n    y: 4\r\n"},
		{"no final newline", "pipelines:\n  b:\n    x: 1", "put", "x: 2\n", "pipelines:\n  b:\n    x: 2"},
		{"no final newline, one more", "pipelines:\n  a:\n    x: 1", "put", "x: 2\n", "pipelines:\n  a:\n    x: 1\n  b:\n    x: 2"},
		{"no final newline, none left", "pipelines:\n  a:\n    x: 1\n  b: {x: 1}", "remove", "", "pipelines:\n  a:\n    x: 1\n"},
		{"no final newline, no value", "pipelines:\n  b:", "put", "x: 2\n", "pipelines:\n  b:\n    x: 2"},
		{"no final newline, no kind", "connections:\n    a:\n        type: file", "put", "x: 2\n", "connections:\n    a:\n        type: file\npipelines:\n    b:\n        x: 2"},
		{"nothing", "", "put", "x: 2\n", "pipelines:\n  b:\n    x: 2\n"},
		{"spaces behind words", "pipelines:  \n  b:\t\n    x: 1  \n\n  \n", "put", "x: 2\n", "pipelines:  \n  b:\t\n    x: 2\n\n  \n"},
		{"a tab in a comment", "pipelines:\n  b: {x: 1}\t# a\tb\n  c: {}\t# c\n", "put", "{x: 2}", "pipelines:\n  b: {x: 2}\n  c: {}\t# c\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []byte
			var err error
			if test.op == "put" {
				got, err = Put([]byte(test.before), "pipelines", "b", []byte(test.value))
			} else {
				got, err = Remove([]byte(test.before), "pipelines", "b")
			}
			if err != nil || string(got) != test.want {
				t.Errorf("got %q, %v\nwant %q", got, err, test.want)
			}
		})
	}
}

// TestEditsOfExamples puts each section of the examples back, and removes it and adds it again.
func TestEditsOfExamples(t *testing.T) {
	files, err := filepath.Glob("../../examples/*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	entries := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f, _ := parse(file, text, nil)
		if f == nil {
			t.Fatal(file)
		}
		names := map[string][]string{"pipelines": slices.Collect(maps.Keys(f.Pipelines)), "connections": slices.Collect(maps.Keys(f.Connections))}
		for kind := range names {
			for _, name := range names[kind] {
				entries++
				section, err := Section(text, kind, name)
				if err != nil {
					t.Fatalf("%s: %v", file, err)
				}
				if back, err := Put(text, kind, name, section); err != nil || string(back) != string(text) {
					t.Errorf("%s, %s: %v\n%s", file, name, err, cmp.Diff(string(text), string(back)))
				}
				without, err := Remove(text, kind, name)
				if err != nil {
					t.Fatalf("%s: %v", file, err)
				}
				again, err := Put(without, kind, name, section)
				if err != nil {
					t.Fatalf("%s: %v", file, err)
				}
				if g, _ := parse(file, again, nil); g == nil || !reflect.DeepEqual(f, g) {
					t.Errorf("%s, %s removed and added:\n%s", file, name, again)
				}
			}
		}
	}
	if entries < 5 {
		t.Errorf("%d entries in %v", entries, files)
	}
}

func TestEditErrors(t *testing.T) {
	const text = "pipelines:\n  a: {x: 1}\n"
	for _, test := range []struct {
		name, text, kind, entry, value string
		want                           error
	}{
		{"another kind", text, "defaults", "a", "x: 1", tidemark.ErrInvalid},
		{"no name", text, "pipelines", "", "x: 1", tidemark.ErrInvalid},
		{"no YAML", "a: b: c", "pipelines", "a", "x: 1", tidemark.ErrInvalid},
		{"two documents", text + "---\n" + text, "pipelines", "a", "x: 1", tidemark.ErrInvalid},
		{"a text", text, "pipelines", "a", "x", tidemark.ErrInvalid},
		{"a list", text, "pipelines", "a", "[x]", tidemark.ErrInvalid},
		{"nothing", text, "pipelines", "a", "# x", tidemark.ErrInvalid},
		{"a value that is no YAML", text, "pipelines", "a", "x: y: z", tidemark.ErrInvalid},
		{"a value of two documents", text, "pipelines", "a", "x: 1\n---\ny: 1", tidemark.ErrInvalid},
		{"a value with a key twice", text, "pipelines", "a", "x: {y: 1, y: 2}", tidemark.ErrInvalid},
		{"a name twice", text + "  a: {}\n", "pipelines", "a", "x: 1", tidemark.ErrInvalid},
		{"no section", "pipelines: 5\n", "pipelines", "a", "x: 1", tidemark.ErrInvalid},
		{"an alias that leads nowhere", text, "pipelines", "b", "x: *gone", nil}, // Parse says so
		{"an alias that bites its tail", "pipelines:\n  b: &b {x: *b}\n", "pipelines", "a", "x: 1", tidemark.ErrInvalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Put([]byte(test.text), test.kind, test.entry, []byte(test.value)); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	for _, name := range []string{"b", "x"} {
		if _, err := Section([]byte(text), "pipelines", name); !errors.Is(err, tidemark.ErrNotFound) {
			t.Errorf("section %s: got %v", name, err)
		}
		if _, err := Remove([]byte(text), "connections", name); !errors.Is(err, tidemark.ErrNotFound) {
			t.Errorf("remove %s: got %v", name, err)
		}
	}
}
