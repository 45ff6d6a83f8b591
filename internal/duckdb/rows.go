package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"strings"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// A Column is a column of a result.
type Column struct {
	Name string
	Type string // DuckDB's name of it, such as "DECIMAL(10,2)"
}

// Rows is the result of a query, which comes as it is read: it takes no more memory than what the statement itself needs.
// It is read once; the caller closes it, and runs nothing else on the database before.
type Rows struct {
	Columns []Column

	ctx       context.Context
	statement *Statement
	rows      *sql.Rows // of the driver, where a column has a type that is not read here
	native    *nativeRows
}

// nativeRows are a result that DuckDB makes while it is read.
type nativeRows struct {
	db       *DB
	cells    []cells
	prepared bindings.PreparedStatement
	pending  bindings.PendingResult
	result   bindings.Result
	finish   func() // ends what lets the context interrupt
	ended    bool   // all rows were read
}

// Query runs a statement that Parse has found harmless.
func (db *DB) Query(ctx context.Context, s *Statement) (*Rows, error) {
	r := &Rows{ctx: ctx, statement: s}
	prepared, err := db.prepare(ctx, s)
	if err != nil {
		return nil, s.explain(ctx, err)
	}
	n := &nativeRows{db: db, prepared: prepared}
	if r.Columns = n.columns(); r.Columns == nil {
		bindings.DestroyPrepare(&n.prepared)
		if err := r.drive(db); err != nil {
			return nil, err
		}
		return r, nil
	}
	r.native = n
	if err := n.run(ctx); err != nil {
		n.close()
		return nil, s.explain(ctx, err)
	}
	return r, nil
}

// drive runs the statement with the driver, which has all rows before it gives the first.
func (r *Rows) drive(db *DB) error {
	var err error
	if r.rows, err = db.conn.QueryContext(r.ctx, r.statement.SQL); err != nil {
		return r.statement.explain(r.ctx, err)
	}
	types, err := r.rows.ColumnTypes()
	if err != nil {
		_ = r.rows.Close()
		return r.statement.explain(r.ctx, err)
	}
	for _, t := range types {
		r.Columns = append(r.Columns, Column{Name: t.Name(), Type: t.DatabaseTypeName()})
	}
	return nil
}

// columns returns the columns of a prepared statement and how they are read, or nil where one of them cannot be.
func (n *nativeRows) columns() []Column {
	var columns []Column
	for i := range bindings.PreparedStatementColumnCount(n.prepared) {
		typ := bindings.PreparedStatementColumnLogicalType(n.prepared, i)
		read, name, ok := cellsOf(typ)
		bindings.DestroyLogicalType(&typ)
		if !ok {
			return nil
		}
		columns = append(columns, Column{Name: bindings.PreparedStatementColumnName(n.prepared, i), Type: name})
		n.cells = append(n.cells, read)
	}
	return columns
}

// run executes the statement up to its first rows.
func (n *nativeRows) run(ctx context.Context) error {
	n.finish = n.db.interruptible(ctx)
	return n.execute()
}

func (n *nativeRows) execute() error {
	if bindings.PendingPreparedStreaming(n.prepared, &n.pending) == bindings.StateError {
		return nativeError(bindings.PendingError(n.pending))
	}
	if bindings.ExecutePending(n.pending, &n.result) == bindings.StateError {
		return nativeError(bindings.ResultError(&n.result))
	}
	return nil
}

// All yields the rows, each with a Value per column, until the first error. A row is the consumer's to keep.
func (r *Rows) All() iter.Seq2[[]Value, error] {
	if r.native != nil {
		return r.native.all(r.ctx, r.statement)
	}
	return r.driven
}

func (n *nativeRows) all(ctx context.Context, s *Statement) iter.Seq2[[]Value, error] {
	return func(yield func([]Value, error) bool) {
		for {
			chunk := bindings.FetchChunk(n.result)
			if chunk.Ptr == nil {
				break
			}
			more := n.yield(chunk, yield)
			bindings.DestroyDataChunk(&chunk)
			if !more {
				return
			}
		}
		n.ended = true
		if message := bindings.ResultError(&n.result); message != "" {
			yield(nil, s.explain(ctx, n.cause(ctx, message)))
		} else if err := context.Cause(ctx); err != nil {
			yield(nil, err)
		}
	}
}

// cause returns what was wrong. Where one thread fails, DuckDB stops the others, and now and then it is their error that it
// tells: "Interrupted", though nobody has. Then the statement runs once more, for nothing but its error.
func (n *nativeRows) cause(ctx context.Context, message string) error {
	const again = 5
	for range again {
		if !strings.HasPrefix(message, "INTERRUPT Error") || ctx.Err() != nil {
			break
		}
		bindings.DestroyResult(&n.result)
		bindings.DestroyPending(&n.pending)
		n.result, n.pending = bindings.Result{}, bindings.PendingResult{}
		if err := n.execute(); err != nil {
			return err
		}
		for chunk := bindings.FetchChunk(n.result); chunk.Ptr != nil; chunk = bindings.FetchChunk(n.result) {
			bindings.DestroyDataChunk(&chunk)
		}
		if now := bindings.ResultError(&n.result); now != "" {
			message = now
		}
	}
	return nativeError(message)
}

// yield hands on the rows of a chunk, and reports whether more are wanted.
func (n *nativeRows) yield(chunk bindings.DataChunk, to func([]Value, error) bool) bool {
	rows := int(bindings.DataChunkGetSize(chunk))
	columns := make([]func(int) Value, len(n.cells))
	for i, c := range n.cells {
		columns[i] = c(bindings.DataChunkGetVector(chunk, bindings.IdxT(i)), rows)
	}
	for i := range rows {
		row := make([]Value, len(columns))
		for c, value := range columns {
			row[c] = value(i)
		}
		if !to(row, nil) {
			return false
		}
	}
	return true
}

// driven yields the rows of the driver.
func (r *Rows) driven(yield func([]Value, error) bool) {
	scanned, pointers := make([]any, len(r.Columns)), make([]any, len(r.Columns))
	for i := range scanned {
		pointers[i] = &scanned[i]
	}
	for r.rows.Next() {
		if err := r.rows.Scan(pointers...); err != nil {
			yield(nil, fmt.Errorf("read a row: %w", err))
			return
		}
		row := make([]Value, len(scanned))
		for i, c := range scanned {
			row[i] = valueOf(c, r.Columns[i].Type)
		}
		if !yield(row, nil) {
			return
		}
	}
	if err := r.rows.Err(); err != nil {
		yield(nil, r.statement.explain(r.ctx, err))
	}
}

// Close ends the query. It may be called twice.
func (r *Rows) Close() error {
	if r.native == nil {
		return r.rows.Close()
	}
	r.native.close()
	return nil
}

func (n *nativeRows) close() {
	if n.finish == nil {
		return
	}
	if n.pending.Ptr != nil && !n.ended {
		bindings.Interrupt(n.db.native)
	}
	bindings.DestroyResult(&n.result)
	bindings.DestroyPending(&n.pending)
	bindings.DestroyPrepare(&n.prepared)
	n.finish()
	n.finish = nil
}
