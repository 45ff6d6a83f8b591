package mysql

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
)

const (
	maxBatchRows  = 1 << 16
	maxBatchBytes = 4 << 20 // on the wire; one row more may come on top
	firstRows     = 1 << 12
)

// A batch collects rows until they are enough for an Arrow record batch. Its memory is made anew for each batch and
// left to the garbage collector: a consumer that keeps a value behind Release then reads old rows, never other ones.
type batch struct {
	schema *arrow.Schema
	cols   []columnBuffer
	fields int // of the result: the columns, and behind them those that only the key needs
	rows   int
	bytes  int
	space  int // rows that the buffers have room for
}

// newBatch fits the columns of a table to the fields of a result, which begin with the columns. Where one does not
// match, the table has changed since the schema was read: ErrRestart.
func newBatch(schema *arrow.Schema, columns []column, fields []field) (*batch, error) {
	if len(fields) < len(columns) {
		return nil, fmt.Errorf("%d columns came in place of %d: %w", len(fields), len(columns), tidemark.ErrRestart)
	}
	b := &batch{schema: schema, cols: make([]columnBuffer, len(columns)), fields: len(fields), space: firstRows}
	for i := range columns {
		if !columns[i].matches(fields[i]) {
			return nil, fmt.Errorf("column %q is no longer %s: %w", columns[i].Name, columns[i].SourceType, tidemark.ErrRestart)
		}
		b.cols[i] = columnBuffer{column: &columns[i], op: operation(&columns[i], fields[i])}
	}
	b.reset()
	return b, nil
}

// reset makes room for the next batch, as much as the last one has used.
func (b *batch) reset() {
	if b.rows > 0 {
		b.space = min(maxBatchRows, b.rows+b.rows/8+1)
	}
	for i := range b.cols {
		b.cols[i].reset(b.space)
	}
	b.rows, b.bytes = 0, 0
}

// full reports whether the batch should be handed on.
func (b *batch) full() bool { return b.rows >= maxBatchRows || b.bytes >= maxBatchBytes }

// grow doubles the room for rows.
func (b *batch) grow() {
	b.space = min(2*b.space, maxBatchRows)
	for i := range b.cols {
		b.cols[i].grow(b.space)
	}
}

// take returns the rows as a record batch, which the caller releases, and begins the next.
func (b *batch) take() arrow.RecordBatch {
	arrays := make([]arrow.Array, len(b.cols))
	for i := range b.cols {
		data := b.cols[i].data(b.rows)
		arrays[i] = array.MakeFromData(data)
		data.Release()
	}
	record := array.NewRecordBatch(b.schema, arrays, int64(b.rows))
	for _, a := range arrays {
		a.Release()
	}
	b.reset()
	return record
}

// A badValue is a value that cannot be carried over.
type badValue struct {
	column string
	what   string
	kind   error
}

func (e *badValue) Error() string { return fmt.Sprintf("column %q: %s", e.column, e.what) }
func (e *badValue) Unwrap() error { return e.kind }
