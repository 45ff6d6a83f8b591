package main

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/duckdb"
	"github.com/tidemark-data/tidemark/internal/query"
)

// An answer is what is told of a query behind its rows.
type answer struct {
	rows int64
	took time.Duration
	read query.Read

	athena  string // the id of the execution; "" of the built-in engine
	scanned int64  // bytes, by Athena
}

// String returns the line for people.
func (n answer) String() string {
	line := fmt.Sprintf("%s in %.2f s", count(n.rows, "row"), n.took.Seconds())
	if n.athena != "" {
		return line + fmt.Sprintf(" · Athena read %s · query %s", size(n.scanned), n.athena)
	}
	if n.read.Of == 0 {
		return line
	}
	line += fmt.Sprintf(" · read %s of %s, %s", thousands(int64(n.read.Files)), count(int64(n.read.Of), "file"), size(n.read.Bytes))
	if n.read.Files < n.read.Of {
		line += " of " + size(n.read.OfBytes)
	}
	if n.read.Fetched > 0 {
		line += fmt.Sprintf(", %s from the bucket", size(n.read.FetchedBytes))
	}
	return line
}

// MarshalJSON tells the same.
func (n answer) MarshalJSON() ([]byte, error) {
	if n.athena != "" {
		return json.Marshal(struct {
			Rows  int64  `json:"rows"`
			Took  int64  `json:"took_ns"`
			Query string `json:"athena_query"`
			Bytes int64  `json:"bytes_read"`
		}{n.rows, n.took.Nanoseconds(), n.athena, n.scanned})
	}
	return json.Marshal(struct {
		Rows    int64 `json:"rows"`
		Took    int64 `json:"took_ns"`
		Read    int   `json:"files_read"`
		Of      int   `json:"files"`
		Bytes   int64 `json:"bytes_read"`
		OfBytes int64 `json:"bytes"`
		Fetched int64 `json:"bytes_fetched"`
	}{n.rows, n.took.Nanoseconds(), n.read.Files, n.read.Of, n.read.Bytes, n.read.OfBytes, n.read.FetchedBytes})
}

// printAnswer tells of a query on standard error, where it is in nobody's way.
func (a *app) printAnswer(n answer, output string) error {
	if a.quiet {
		return nil
	}
	if a.json {
		return json.NewEncoder(a.err).Encode(n)
	}
	line := n.String()
	if output != "" {
		line += " → " + printable(output)
	}
	_, err := fmt.Fprintln(a.err, line)
	return err
}

// counted counts rows as they pass.
func counted(rows iter.Seq2[[]duckdb.Value, error], n *int64) iter.Seq2[[]duckdb.Value, error] {
	return func(yield func([]duckdb.Value, error) bool) {
		for row, err := range rows {
			if err == nil {
				*n++
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

func newBuffer(w io.Writer) *bufio.Writer { return bufio.NewWriterSize(w, 64<<10) }

// An answerFile is where an answer goes: a file that appears under its name when it is whole, or a stream.
type answerFile struct {
	io.Writer
	file  *os.File // nil for a stream
	part  string   // its name until then
	path  string
	force bool
}

// openAnswer opens the file at path, or where that is "" the stream. A file that is there already is an error of usage,
// unless it is to be replaced.
func openAnswer(stream io.Writer, path string, force bool) (*answerFile, error) {
	if path == "" {
		return &answerFile{Writer: stream}, nil
	}
	if info, err := os.Lstat(path); err == nil && (!force || info.IsDir()) {
		return nil, usage(exists(path, info.IsDir()))
	}
	part := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text()+".part")
	file, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, usage(fmt.Errorf("write %s: %w", path, err))
	}
	return &answerFile{Writer: file, file: file, part: part, path: path, force: force}, nil
}

func exists(path string, folder bool) error {
	if folder {
		return fmt.Errorf("%s is a folder", path)
	}
	return tidemark.WithHint(fmt.Errorf("%s is there already", path), "name another file, or replace it with --force")
}

// keep gives a file its name, and its bytes to the disk.
func (f *answerFile) keep() error {
	if f.file == nil {
		return nil
	}
	err := errors.Join(f.file.Sync(), f.file.Close())
	if err == nil {
		if f.force {
			err = os.Rename(f.part, f.path)
		} else if err = os.Link(f.part, f.path); errors.Is(err, fs.ErrExist) {
			return exists(f.path, false) // somebody else was quicker
		}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	return nil
}

// discard removes what was not kept.
func (f *answerFile) discard() {
	if f.file != nil {
		_ = f.file.Close()
		_ = os.Remove(f.part)
	}
}
