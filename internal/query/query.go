// Package query answers SQL over the tables of a lake. It only reads: the statement must be one SELECT, and the
// database that runs it sees the data files of the tables that the statement names, and nothing else of the machine.
//
// The way of a statement: DuckDB parses it and says which tables it names (internal/duckdb); the catalog says which
// files hold their rows; those of a bucket are fetched into a cache (stage.go, cache.go); a view per table is made of them
// (view.go); then the database is locked, and the statement runs.
package query

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// Options say what is queried, and with what.
type Options struct {
	Catalog tidemark.Catalog
	Store   blob.Store // where the catalog's files lie

	// Folder is the Store's own folder on this machine, whose files are read where they lie; "" for a bucket.
	Folder string

	Cache      string // a folder for files of a bucket and temporary ones; "": the user's cache folder
	CacheLimit int64  // bytes of a bucket's files that stay there; 0: 2 GiB

	Memory  int64 // bytes that a query may take; 0: 512 MiB
	Threads int   // 0: one per processor

	Timeout time.Duration // how long a query may take until its last row is read; 0: no limit

	// Watermarks returns the watermarks of all pipelines that have loaded into the lake. It is called when a statement
	// asks for them; nil: there are none.
	Watermarks func(context.Context) ([]tidemark.Watermark, error)

	everyFile bool // read also the files that cannot have a row that is wanted: for tests
}

// A Result is the answer to a query. Its rows are read once; the caller closes it.
type Result struct {
	Columns []duckdb.Column
	Read    Read // what it took to answer

	rows *duckdb.Rows
	done func() error
}

// Read counts the files of the tables that a statement names, data and deletes, each once per state of its table.
type Read struct {
	Files, Of      int   // those that were needed, and all
	Bytes, OfBytes int64 // likewise
	Fetched        int   // of those that were needed, those that were not in the cache
	FetchedBytes   int64 // likewise
}

// Rows yields the rows in order, each with a value per column, until the first error.
func (r *Result) Rows() iter.Seq2[[]duckdb.Value, error] { return r.rows.All() }

// Close ends the query and removes its temporary files. It may be called twice.
func (r *Result) Close() error {
	if r.done == nil {
		return nil
	}
	err := errors.Join(r.rows.Close(), r.done())
	r.done = nil
	return err
}

// Run answers one SELECT. A statement that is wrong, or more than a SELECT, is tidemark.ErrInvalid with the place; a
// table that is not in the lake is tidemark.ErrInvalid too, with those that are as a hint. What takes longer than
// Options.Timeout is ErrTimeout. ctx must live until the Result is closed.
func Run(ctx context.Context, o Options, statement string) (*Result, error) {
	s, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	rows, err := s.run(statement)
	if err != nil {
		return nil, errors.Join(s.because(err), s.close())
	}
	return &Result{Columns: rows.Columns, Read: s.counts(), rows: rows, done: s.close}, nil
}

// A session is the database that answers one statement.
type session struct {
	o      Options
	ctx    context.Context
	cancel context.CancelFunc
	db     *duckdb.DB
	stage  *stage
	read   Read
}

func open(ctx context.Context, o Options) (*session, error) {
	s := &session{o: o, cancel: func() {}}
	if s.ctx = ctx; o.Timeout > 0 {
		s.ctx, s.cancel = context.WithTimeoutCause(ctx, o.Timeout, tidemark.WithHint(fmt.Errorf("%w of %s", ErrTimeout, o.Timeout),
			"let it read or compute less, by a WHERE or a LIMIT, or give it more time with --timeout"))
	}
	var err error
	if s.stage, err = newStage(o); err != nil {
		s.cancel()
		return nil, err
	}
	if s.db, err = duckdb.Open(s.ctx, duckdb.Options{Memory: o.Memory, Threads: o.Threads, Temp: s.stage.spill()}); err != nil {
		err = s.because(err)
		s.cancel()
		return nil, errors.Join(err, s.stage.close())
	}
	return s, nil
}

// ErrTimeout says that a query took longer than it may.
var ErrTimeout = errors.New("the query takes longer than its limit")

// because returns why the session failed: whatever the error, it was the time limit that has run out.
func (s *session) because(err error) error {
	if cause := context.Cause(s.ctx); errors.Is(cause, ErrTimeout) {
		return cause
	}
	return err
}

func (s *session) close() error {
	err := errors.Join(s.db.Close(), s.stage.close())
	s.cancel()
	return err
}

func (s *session) counts() Read {
	s.read.Fetched, s.read.FetchedBytes = s.stage.cache.fetched()
	return s.read
}

func (s *session) run(statement string) (*duckdb.Rows, error) {
	parsed, err := s.prepare(statement)
	if err != nil {
		return nil, err
	}
	if err := s.db.Lock(s.ctx, s.stage.files); err != nil {
		return nil, err
	}
	return s.db.Query(s.ctx, parsed)
}

// prepare parses a statement and makes what it names.
func (s *session) prepare(statement string) (*duckdb.Statement, error) {
	parsed, err := s.db.Parse(s.ctx, statement, watermarkName)
	if err != nil {
		return nil, err
	}
	if err := s.defineWatermarks(parsed); err != nil {
		return nil, err
	}
	tables, err := s.resolve(parsed)
	if err != nil {
		return nil, err
	}
	for _, t := range tables {
		if err := s.makeView(t); err != nil {
			return nil, fmt.Errorf("read table %s: %w", t.id, err)
		}
	}
	return parsed, nil
}

// cacheFolder returns Options.Cache or the default.
func (o Options) cacheFolder() (string, error) {
	if o.Cache != "" {
		return o.Cache, nil
	}
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	return filepath.Join(base, "tidemark"), nil
}
