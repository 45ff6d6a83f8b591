package duckdb

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	bindings "github.com/duckdb/duckdb-go-bindings"

	"github.com/tidemark-data/tidemark"
)

var (
	errNoFunction = errors.New("duckdb takes no function for the rows")
	errRescan     = errors.New("the rows are read more than once, which this statement does not tell beforehand")
	errRead       = errors.New("the rows were read by a statement before")
	errEnded      = errors.New("the rows are not there for this statement")
)

// A feed is a table whose rows come from outside while a statement runs: DuckDB asks for them on a thread of its own,
// and a goroutine pulls them.
type feed struct {
	name     string
	function string // DuckDB's name of it
	schema   *arrow.Schema
	columns  []*bridge

	// Of one statement; set by begin. What DuckDB's threads do to it, they do behind the lock.
	mu     sync.Mutex
	ctx    context.Context
	rows   iter.Seq2[arrow.RecordBatch, error] // nil when there are none
	wanted []int                               // by column of the scan, that of the schema; -1: none
	opened bool
	stop   chan struct{} // closed when no more rows are wanted
	pulled chan arrow.RecordBatch
	done   chan struct{} // closed when the goroutine is gone; nil until it is there
	ended  error         // why pulled is closed
	batch  arrow.RecordBatch
	at     int   // rows of the batch that DuckDB has
	err    error // what ended the statement
}

// Register makes a table that the next statement may read: its rows are pulled while that statement runs, at most once
// and never beyond what it needs. Each batch is the table's to release. An error of rows ends the statement with that
// error. A table of the same name is replaced; with no rows at all, nil, it is empty and serves Describe.
//
// A type that DuckDB does not have is tidemark.ErrInvalid.
func (db *DB) Register(ctx context.Context, name string, schema *arrow.Schema, rows iter.Seq2[arrow.RecordBatch, error]) error {
	f := db.feed(name)
	if f == nil || !f.schema.Equal(schema) {
		var err error
		if f, err = db.newFeed(ctx, name, schema); err != nil {
			return err
		}
	}
	f.rows, f.ctx = rows, nil
	return nil
}

func (db *DB) feed(name string) *feed {
	for _, f := range db.feeds {
		if strings.EqualFold(f.name, name) {
			return f
		}
	}
	return nil
}

func (db *DB) newFeed(ctx context.Context, name string, schema *arrow.Schema) (*feed, error) {
	db.made++
	f := &feed{name: name, function: fmt.Sprintf("tidemark_rows_%d", db.made), schema: schema}
	for _, field := range schema.Fields() {
		c, err := bridgeIn(field.Type)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", field.Name, err)
		}
		f.columns = append(f.columns, c)
	}
	if len(f.columns) == 0 {
		return nil, fmt.Errorf("table %q has no columns: %w", name, tidemark.ErrInvalid)
	}
	if err := f.export(db.native); err != nil {
		return nil, err
	}
	if err := db.show(ctx, name, f.function+"()"); err != nil {
		return nil, err
	}
	db.forget(name)
	db.feeds = append(db.feeds, f)
	return f, nil
}

func (db *DB) forget(name string) {
	db.feeds = slices.DeleteFunc(db.feeds, func(f *feed) bool { return strings.EqualFold(f.name, name) })
}

// show lets a table's name stand for something that can be in FROM.
func (db *DB) show(ctx context.Context, name, what string) error {
	return db.Exec(ctx, "CREATE OR REPLACE TEMP VIEW "+Ident(name)+" AS FROM "+what)
}

// Load reads all rows into a table of the name, which statements may read as often as they like. The database holds
// it, within its memory and then in its folder. A table of the same name is replaced.
func (db *DB) Load(ctx context.Context, name string, schema *arrow.Schema, rows iter.Seq2[arrow.RecordBatch, error]) error {
	if err := db.Register(ctx, name, schema, rows); err != nil {
		return err
	}
	f := db.feed(name)
	db.forget(name)
	if err := db.spool(ctx, f, "tidemark_table_"+strings.ToLower(name)); err != nil {
		return fmt.Errorf("load table %q: %w", name, err)
	}
	return nil
}

// spool copies the rows of a feed into a table and shows that in its place.
func (db *DB) spool(ctx context.Context, f *feed, table string) error {
	f.begin(ctx)
	err := db.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+Ident(table)+" AS FROM "+f.function+"()")
	if failed := f.end(); failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	return db.show(ctx, f.name, Ident(table))
}

// begin readies the feed for a statement.
func (f *feed) begin(ctx context.Context) {
	f.opened, f.err, f.ended = false, nil, nil
	if f.ctx != nil {
		f.err, f.rows = nil, func(yield func(arrow.RecordBatch, error) bool) { yield(nil, errRead) }
	}
	f.ctx, f.stop, f.pulled, f.done = ctx, make(chan struct{}), make(chan arrow.RecordBatch), nil
}

// halt tells the feed that no more rows are wanted, while the statement still runs.
func (f *feed) halt() {
	select {
	case <-f.stop:
	default:
		close(f.stop)
	}
}

// failed reports whether an error of the rows has reached the statement. The statement does not run any more.
func (f *feed) failed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err != nil
}

// end waits until nobody reads any more, lets go of what was not used and returns the error that ended the statement,
// if it was one of the rows. DuckDB has no scan of the feed by then.
func (f *feed) end() error {
	f.halt()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done != nil {
		<-f.done
	}
	if f.batch != nil {
		f.batch.Release()
		f.batch = nil
	}
	f.stop = nil
	return f.err
}

// open begins a scan.
func (f *feed) open(wanted []int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.stop == nil:
		return errEnded
	case f.opened:
		f.err = errRescan
		return f.err
	}
	f.opened, f.wanted, f.at = true, wanted, 0
	return nil
}

// pull is the goroutine that reads. It holds at most one batch that DuckDB has not got.
func (f *feed) pull() {
	defer close(f.done)
	defer close(f.pulled)
	if f.rows == nil {
		return
	}
	for b, err := range f.rows {
		if err != nil {
			f.ended = err
			return
		}
		select {
		case f.pulled <- b:
		case <-f.stop:
			b.Release()
			return
		}
	}
}

// fill puts the next rows into a chunk, and none at the end. DuckDB calls it on one thread at a time.
func (f *feed) fill(chunk bindings.DataChunk) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done == nil {
		f.done = make(chan struct{})
		go f.pull()
	}
	for f.batch == nil || f.at == int(f.batch.NumRows()) {
		more, err := f.next()
		if err != nil || !more {
			return 0, err
		}
	}
	n := min(int(f.batch.NumRows())-f.at, vectorSize)
	for i, c := range f.wanted {
		if c < 0 {
			continue
		}
		vector := bindings.DataChunkGetVector(chunk, bindings.IdxT(i))
		if err := f.columns[c].fill(vector, f.batch.Column(c), f.at, n); err != nil {
			f.err = fmt.Errorf("column %q: %w", f.schema.Field(c).Name, err)
			return 0, f.err
		}
	}
	f.at += n
	return n, nil
}

// next waits for a batch.
func (f *feed) next() (bool, error) {
	if f.batch != nil {
		f.batch.Release()
		f.batch = nil
	}
	select {
	case b, more := <-f.pulled:
		if !more {
			f.err = f.ended
			return false, f.err
		}
		if !b.Schema().Equal(f.schema) && !sameTypes(b.Schema(), f.schema) {
			b.Release()
			f.err = fmt.Errorf("a batch has columns %s, and table %q has %s", b.Schema(), f.name, f.schema)
			return false, f.err
		}
		f.batch, f.at = b, 0
		return true, nil
	case <-f.stop:
		return false, errEnded
	case <-f.ctx.Done():
		return false, context.Cause(f.ctx)
	}
}

// sameTypes reports whether two schemas differ at most in names, metadata and what may be NULL.
func sameTypes(a, b *arrow.Schema) bool {
	if a.NumFields() != b.NumFields() {
		return false
	}
	for i := range a.NumFields() {
		if !arrow.TypeEqual(a.Field(i).Type, b.Field(i).Type) {
			return false
		}
	}
	return true
}
