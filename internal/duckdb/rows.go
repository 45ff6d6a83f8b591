package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
)

// A Column is a column of a result.
type Column struct {
	Name string
	Type string // DuckDB's name of it, such as "DECIMAL(10,2)"
}

// Rows is the result of a query. It is read once; the caller closes it.
type Rows struct {
	Columns []Column

	ctx       context.Context
	statement *Statement
	rows      *sql.Rows
}

// Query runs a statement that Parse has found harmless.
func (db *DB) Query(ctx context.Context, s *Statement) (*Rows, error) {
	rows, err := db.conn.QueryContext(ctx, s.SQL)
	if err != nil {
		return nil, s.explain(ctx, err)
	}
	types, err := rows.ColumnTypes()
	if err != nil {
		_ = rows.Close()
		return nil, s.explain(ctx, err)
	}
	r := &Rows{ctx: ctx, statement: s, rows: rows}
	for _, t := range types {
		r.Columns = append(r.Columns, Column{Name: t.Name(), Type: t.DatabaseTypeName()})
	}
	return r, nil
}

// All yields the rows, each with a Value per column, until the first error. A row is the consumer's to keep.
func (r *Rows) All() iter.Seq2[[]Value, error] {
	return func(yield func([]Value, error) bool) {
		cells, pointers := make([]any, len(r.Columns)), make([]any, len(r.Columns))
		for i := range cells {
			pointers[i] = &cells[i]
		}
		for r.rows.Next() {
			if err := r.rows.Scan(pointers...); err != nil {
				yield(nil, fmt.Errorf("read a row: %w", err))
				return
			}
			row := make([]Value, len(cells))
			for i, c := range cells {
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
}

// Close ends the query. It may be called twice.
func (r *Rows) Close() error { return r.rows.Close() }
