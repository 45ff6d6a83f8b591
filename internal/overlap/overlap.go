// Package overlap remembers which rows at or above a watermark's settled value are loaded already, so that the next
// run, which reads them again, can drop them.
//
// A run reads everything with a cursor at or above the previous settled value: the rows that are new, and the rows
// that were loaded before but whose neighbours may still come. A [Pass] tells the two apart. It looks each row up in
// the side file of the previous commit and writes the side file of the next one: the hash of every source row that
// the run read and that the next run will read again. Rows are compared as a multiset, by their source values: no
// primary key is needed, and no transform and no target format matters.
//
// The way of a row: its cursor is compared with the running threshold (cursor.go), which on a first load is all that
// happens to nearly all rows; its values are hashed in a canonical form (canon.go, hash.go); the hash is taken out of
// the previous entries (table.go) and put into the next ones (sorter.go), which are merged into a file at the end
// (finish.go, format.go). Both sides lie on disk but for a buffer and a cache: the memory does not grow with the
// rows.
package overlap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/tidemark-data/tidemark"
)

// ErrDamaged says that the previous side file is missing or not what its commit wrote. Without it the rows at and
// above the settled value cannot be told apart: merging may read on, appending must stop.
var ErrDamaged = errors.New("overlap file is damaged")

// Options is what a Pass needs to know at its start.
type Options struct {
	Schema   *tidemark.Schema // of the batches; its columns are what is hashed
	Cursor   tidemark.Cursor
	Previous tidemark.Watermark // the zero value: first load

	// Open opens the side file that Previous.Overlap describes. Nil: there is none, or the caller has decided to go
	// on without it; then every row is fresh.
	Open func(ctx context.Context) (io.ReadCloser, error)

	Bound tidemark.CursorValue // as the source settled it
	Dir   string               // an existing folder for temporary files; they have no name there for long
	Limit int64                // in rows: above it, Pass.Excess names the cause
}

// sizes bounds what is held in memory, so that tests can do with a few rows what takes millions in production. The
// worst case is the sum of the first three and a transient of the buffer's growth: below 32 MiB.
type sizes struct {
	buffer  int   // bytes of entries not yet spilled
	cache   int   // bytes of the previous entries in memory
	merge   int   // bytes of read buffers while sorted runs are merged
	runs    int   // sorted runs before they are merged into one
	columns int64 // rows up to which a hash per column is kept
	pages   int   // pages of the previous entries, and so index entries
}

var defaultSizes = sizes{
	buffer:  8 << 20,
	cache:   8 << 20,
	merge:   4 << 20,
	runs:    256,
	columns: 1_000_000,
	pages:   1 << 16,
}

// A Pass is the overlap of one attempt of a run. Apply may be called from several goroutines at once; the other
// methods that end the run (Excess, Finish, Close) after all of them have returned.
type Pass struct {
	opts   Options
	sizes  sizes
	domain domain
	hasher *hasher
	table  *table // the previous entries that no row has taken yet; nil when there are none

	mu     sync.Mutex // guards what follows
	high   tidemark.CursorValue
	floor  tidemark.CursorValue // rows below it were not kept: settled must not be lower
	nulls  int64
	ended  bool // no row is taken any more
	closed bool

	keep    sync.Mutex // guards next
	next    *sorter
	scratch sync.Pool // of *scratch
}

// Begin starts a pass. It reads the previous side file and checks its length and checksum before it believes a byte
// of it; a missing or damaged one is ErrDamaged. A file of a newer version, a cursor or column type that cannot be
// compared, and a changed schema that the file cannot be compared with are tidemark.ErrInvalid. The caller closes the
// Pass.
func Begin(ctx context.Context, opts Options) (*Pass, error) {
	return begin(ctx, opts, defaultSizes)
}

func begin(ctx context.Context, opts Options, size sizes) (*Pass, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	dom, err := domainOf(opts.Schema.Columns[opts.Cursor.Index], opts.Cursor)
	if err != nil {
		return nil, err
	}
	h, err := newHasher(opts.Schema)
	if err != nil {
		return nil, err
	}
	p := &Pass{
		opts: opts, sizes: size, domain: dom, hasher: h,
		high: opts.Previous.High, floor: opts.Previous.Settled,
		next: newSorter(opts.Dir, len(h.columns), size),
	}
	p.scratch.New = func() any { return new(scratch) }
	if opts.Open == nil || opts.Previous.Overlap.Name == "" {
		return p, nil
	}
	if p.table, err = p.previous(ctx); err != nil {
		return nil, fmt.Errorf("read overlap %q: %w", opts.Previous.Overlap.Name, err)
	}
	return p, nil
}

// check refuses what would compare values that have no order: a cursor of another column or kind stops the run
// elsewhere, with a better message; here it must not pass.
func (o Options) check() error {
	if o.Cursor.Kind == tidemark.CursorNone || o.Cursor.Index < 0 || o.Cursor.Index >= len(o.Schema.Columns) {
		return fmt.Errorf("begin overlap: no cursor: %w", tidemark.ErrInvalid)
	}
	for _, v := range []tidemark.CursorValue{o.Previous.High, o.Previous.Settled, o.Bound} {
		if !v.IsZero() && v.Kind() != o.Cursor.Kind {
			return fmt.Errorf("begin overlap: cursor %q is of kind %s, and %s of kind %s: %w",
				o.Cursor.Column, o.Cursor.Kind, v, v.Kind(), tidemark.ErrInvalid)
		}
	}
	return nil
}

// High returns the largest cursor value loaded: the previous one, or the largest that was applied.
func (p *Pass) High() tidemark.CursorValue {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.high
}

// Nulls returns the number of rows without a cursor that were applied.
func (p *Pass) Nulls() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.nulls
}

// Close removes the temporary files of the pass, not those of a File that Finish returned. It may be called twice.
func (p *Pass) Close() error {
	p.mu.Lock()
	p.ended, p.closed = true, true
	p.mu.Unlock()
	p.keep.Lock()
	defer p.keep.Unlock()
	return errors.Join(p.table.close(), p.next.close())
}
