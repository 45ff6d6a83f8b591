package duckdb

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	bindings "github.com/duckdb/duckdb-go-bindings"
)

const (
	maxBatchRows  = 1 << 16
	maxBatchBytes = 8 << 20 // the batch may be larger by what DuckDB gives at once
)

// Describe returns the columns that a statement yields, without running it: no row of a registered table is read. Any
// column may be NULL. A result that no table can hold is tidemark.ErrInvalid.
func (db *DB) Describe(ctx context.Context, s *Statement) (*arrow.Schema, error) {
	prepared, err := db.prepare(ctx, s)
	if err != nil {
		return nil, err
	}
	defer bindings.DestroyPrepare(&prepared)
	schema, _, err := describe(prepared)
	return schema, err
}

// prepare binds a statement; the caller destroys it.
func (db *DB) prepare(ctx context.Context, s *Statement) (bindings.PreparedStatement, error) {
	var prepared bindings.PreparedStatement
	if err := context.Cause(ctx); err != nil {
		return prepared, err
	}
	if bindings.Prepare(db.native, s.SQL, &prepared) == bindings.StateError {
		err := nativeError(bindings.PrepareError(prepared))
		bindings.DestroyPrepare(&prepared)
		return prepared, explain(ctx, err, s.SQL)
	}
	return prepared, nil
}

func describe(prepared bindings.PreparedStatement) (*arrow.Schema, []*bridge, error) {
	var columns []*bridge
	var fields []arrow.Field
	for i := range bindings.PreparedStatementColumnCount(prepared) {
		typ := bindings.PreparedStatementColumnLogicalType(prepared, i)
		name := bindings.PreparedStatementColumnName(prepared, i)
		c, err := bridgeOut(typ)
		bindings.DestroyLogicalType(&typ)
		if err != nil {
			return nil, nil, fmt.Errorf("column %q: %w", name, err)
		}
		columns = append(columns, c)
		fields = append(fields, arrow.Field{Name: name, Type: c.typ, Nullable: true})
	}
	return arrow.NewSchema(fields, nil), columns, nil
}

// Stream runs a statement that Parse has found harmless and yields its result as it comes, until the first error. The
// registered tables that it names are read meanwhile; those that it names more than once are first read to their end
// into the database. Each batch is the consumer's to release. The database runs nothing else until the consumer is done.
func (db *DB) Stream(ctx context.Context, s *Statement) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		r := &run{db: db, statement: s, to: yield}
		err := r.all(ctx)
		if closed := r.close(); err == nil || r.failed {
			err = closed
		}
		if err != nil && !r.stopped {
			yield(nil, err)
		}
	}
}

// A run is a statement that runs.
type run struct {
	db        *DB
	statement *Statement
	to        func(arrow.RecordBatch, error) bool
	stopped   bool // the consumer wants no more
	failed    bool // a feed has an error, which says more than DuckDB's

	feeds    []*feed
	spooled  []*feed
	prepared bindings.PreparedStatement
	pending  bindings.PendingResult
	result   bindings.Result
	columns  []*bridge
	batch    *array.RecordBuilder
	rows     int
	bytes    int
}

func (r *run) all(ctx context.Context) error {
	for _, f := range r.db.feeds {
		switch r.statement.reads(f.name) {
		case 0:
		case 1:
			r.feeds = append(r.feeds, f)
		default:
			r.spooled = append(r.spooled, f)
			if err := r.db.spool(ctx, f, f.function+"_spooled"); err != nil {
				return err
			}
		}
	}
	var err error
	if r.prepared, err = r.db.prepare(ctx, r.statement); err != nil {
		return err
	}
	schema, columns, err := describe(r.prepared)
	if err != nil {
		return err
	}
	r.columns, r.batch = columns, array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for _, f := range r.feeds {
		f.begin(ctx)
	}
	finish := r.db.interruptible(ctx)
	defer finish()
	if bindings.PendingPreparedStreaming(r.prepared, &r.pending) == bindings.StateError {
		return explain(ctx, nativeError(bindings.PendingError(r.pending)), r.statement.SQL)
	}
	if bindings.ExecutePending(r.pending, &r.result) == bindings.StateError {
		return explain(ctx, nativeError(bindings.ResultError(&r.result)), r.statement.SQL)
	}
	return r.fetch(ctx)
}

// fetch yields what DuckDB gives, put together to batches.
func (r *run) fetch(ctx context.Context) error {
	for !r.stopped {
		chunk := bindings.FetchChunk(r.result)
		if chunk.Ptr == nil {
			break
		}
		err := r.append(chunk)
		bindings.DestroyDataChunk(&chunk)
		if err != nil {
			return err
		}
		if r.rows >= maxBatchRows || r.bytes >= maxBatchBytes {
			r.flush()
		}
	}
	if r.stopped {
		return nil
	}
	if message := bindings.ResultError(&r.result); message != "" {
		return explain(ctx, nativeError(message), r.statement.SQL)
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	for _, f := range r.feeds {
		if f.failed() {
			return nil // what has come is not to be yielded: close returns the error
		}
	}
	r.flush()
	return nil
}

func (r *run) append(chunk bindings.DataChunk) error {
	n := int(bindings.DataChunkGetSize(chunk))
	for i, c := range r.columns {
		if err := c.drain(r.batch.Field(i), bindings.DataChunkGetVector(chunk, bindings.IdxT(i)), 0, n); err != nil {
			return fmt.Errorf("column %q: %w", r.batch.Schema().Field(i).Name, err)
		}
	}
	r.rows += n
	r.bytes = 0
	for _, b := range r.batch.Fields() {
		r.bytes += size(b)
	}
	return nil
}

// size is about what a builder holds.
func size(b array.Builder) int {
	switch b := b.(type) {
	case *array.StringBuilder:
		return b.DataLen()
	case *array.BinaryBuilder:
		return b.DataLen()
	case *array.StructBuilder:
		n := 0
		for i := range b.NumField() {
			n += size(b.FieldBuilder(i))
		}
		return n
	case *array.MapBuilder:
		return size(b.KeyBuilder()) + size(b.ItemBuilder())
	case *array.ListBuilder:
		return size(b.ValueBuilder())
	}
	return 8 * b.Len()
}

func (r *run) flush() {
	if r.rows == 0 {
		return
	}
	r.rows, r.bytes = 0, 0
	if !r.to(r.batch.NewRecordBatch(), nil) {
		r.stopped = true
	}
}

// close ends the statement, and then what it reads. It returns the error of a feed.
func (r *run) close() error {
	for _, f := range r.feeds {
		if f.stop != nil {
			f.halt()
		}
	}
	if r.pending.Ptr != nil {
		bindings.Interrupt(r.db.native)
	}
	bindings.DestroyResult(&r.result)
	bindings.DestroyPending(&r.pending)
	bindings.DestroyPrepare(&r.prepared)
	if r.batch != nil {
		r.batch.Release()
	}
	var first error
	for _, f := range r.feeds {
		if f.stop == nil {
			continue
		}
		if err := f.end(); err != nil && first == nil {
			first, r.failed = err, true
		}
	}
	if err := r.db.unspool(r.spooled); err != nil && first == nil {
		first = err
	}
	return first
}

// unspool drops the tables and shows the feeds again.
func (db *DB) unspool(feeds []*feed) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, f := range slices.Backward(feeds) {
		if err := db.show(ctx, f.name, f.function+"()"); err != nil {
			return err
		}
		if err := db.Exec(ctx, "DROP TABLE IF EXISTS "+Ident(f.function+"_spooled")); err != nil {
			return err
		}
	}
	return nil
}

// interruptible lets the context end what runs, until the function that it returns is called.
func (db *DB) interruptible(ctx context.Context) func() {
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		select {
		case <-done:
			return
		case <-ctx.Done():
		}
		again := time.NewTicker(10 * time.Millisecond) // the first may come before the statement begins
		defer again.Stop()
		for {
			bindings.Interrupt(db.native)
			select {
			case <-done:
				return
			case <-again.C:
			}
		}
	}()
	return func() { close(done); <-gone }
}
