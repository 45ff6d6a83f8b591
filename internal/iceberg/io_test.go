package iceberg

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	icebergio "github.com/apache/iceberg-go/io"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

func testIO(t *testing.T, o Options) fileIO {
	t.Helper()
	f, err := open(t, o).io(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return f.(fileIO)
}

func TestIO(t *testing.T) {
	everyStore := map[string]func(*testing.T) Options{"mem": func(*testing.T) Options { return memOptions() }, "file": fileOptions, "s3": s3Options}
	for name, options := range everyStore {
		t.Run(name, func(t *testing.T) {
			f := testIO(t, options(t))
			base := string(f.root) + "/a/data/"
			contents := map[string]string{"x.parquet": "parquet", "y.avro": "avro", "z.bin": strings.Repeat("0123456789", wholeFile/4), "empty.bin": ""}
			for name, content := range contents {
				w, err := f.Create(base + name)
				if err != nil {
					t.Fatal(err)
				}
				if n, err := w.ReadFrom(iotest.HalfReader(strings.NewReader(content))); err != nil || n != int64(len(content)) {
					t.Fatalf("%s: wrote %d, %v", name, n, err)
				}
				if err := errors.Join(w.Close(), w.Close()); err != nil {
					t.Fatal(err)
				}
			}
			for name, content := range contents {
				checkFile(t, f, base+name, content)
			}
			checkWalk(t, f, base)
			if deleted, err := f.DeleteFiles(t.Context(), []string{base + "x.parquet", base + "gone"}); err != nil || len(deleted) != 2 {
				t.Errorf("deleted %v, %v", deleted, err)
			}
			for _, err := range []error{second(f.Open(base + "x.parquet")), second(f.Stat(base + "x.parquet")), second(f.ReadFile(base + "x.parquet"))} {
				if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, tidemark.ErrNotFound) {
					t.Errorf("a file that is gone: %v, want fs.ErrNotExist and ErrNotFound", err)
				}
			}
			if _, err := f.Open("/etc/passwd"); !errors.Is(err, tidemark.ErrInvalid) {
				t.Errorf("a file outside: %v, want ErrInvalid", err)
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

func checkFile(t *testing.T, f icebergio.IO, name, content string) {
	t.Helper()
	file, err := f.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || info.Size() != int64(len(content)) {
		t.Errorf("%s: %v bytes, %v", name, info.Size(), err)
	}
	if len(content) > 1000 { // iotest reads byte by byte
		if at, err := file.Seek(-5, io.SeekEnd); err != nil || at != int64(len(content))-5 {
			t.Errorf("%s: seek to %d, %v", name, at, err)
		}
		rest, err := io.ReadAll(file)
		if err != nil || string(rest) != content[len(content)-5:] {
			t.Errorf("%s ends with %q, %v", name, rest, err)
		}
		return
	}
	if err := iotest.TestReader(file, []byte(content)); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

func checkWalk(t *testing.T, f fileIO, base string) {
	t.Helper()
	var walked []string
	err := f.WalkDir(base, func(path string, d fs.DirEntry, err error) error {
		if !d.IsDir() {
			walked = append(walked, strings.TrimPrefix(path, base))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"empty.bin", "x.parquet", "y.avro", "z.bin"}, slices.Sorted(slices.Values(walked))); diff != "" {
		t.Errorf("walked (-want +got):\n%s", diff)
	}
	n := 0
	if err := f.WalkDir(base, func(string, fs.DirEntry, error) error {
		if n++; n == 3 {
			return fs.SkipAll
		}
		return nil
	}); err != nil || n != 3 {
		t.Errorf("a walk that is ended early: %d entries, %v", n, err)
	}
}

func TestRoot(t *testing.T) {
	tests := []struct{ root, uri, key string }{
		{"/lake", "/lake/a/b", "a/b"},
		{"/lake/", "file:///lake/a", "a"},
		{"file:///lake", "file:/lake/a", "a"},
		{"s3://b/p", "s3://b/p/a", "a"},
		{"s3://b/p", "s3a://b/p/a", "a"},
		{"s3://b", "s3n://b/a", "a"},
		{"s3://b/p", "s3://b/prefix/a", ""},
		{"/lake", "/lake2/a", ""},
		{"/lake", "/lake/", ""},
		{"/lake", "s3://lake/a", ""},
	}
	for _, tt := range tests {
		r, err := newRoot(tt.root)
		if err != nil {
			t.Fatal(err)
		}
		key, err := r.key(tt.uri)
		if key != tt.key && err == nil || (err == nil) != (tt.key != "") {
			t.Errorf("%s in %s = %q, %v, want %q", tt.uri, tt.root, key, err, tt.key)
		}
	}
}
