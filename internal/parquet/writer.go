package parquet

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet/metadata"

	"github.com/tidemark-data/tidemark"
)

// A Writer encodes batches of one schema into one Parquet file. It is not safe for concurrent use. After an error
// the file is worthless and the Writer only good for being dropped; it owns nothing that must be closed.
type Writer struct {
	w      io.Writer
	schema *arrow.Schema
	opts   Options

	enc      encoder // nil until the first batch has shown which columns repeat
	rows     int64
	open     int64 // rows of the open row group; 0 when there is none
	buffered int64 // its bytes
}

// An encoder lays batches out as row groups of one file.
type encoder interface {
	begin() error                    // a row group, in memory
	write(b arrow.RecordBatch) error // into the open row group
	buffered() int64                 // bytes of the open row group, with its open pages as far as they can be told
	memory() int64                   // what the open row group takes, with scratch buffers
	flush() error                    // writes the open row group
	written() int64                  // bytes that the underlying writer has got
	close() error                    // writes the footer; no row group is open
	footer() (*metadata.FileMetaData, error)
}

// NewWriter returns a Writer of a file with the given schema. A field's number under the key "PARQUET:field_id"
// becomes the column's field id, of nested fields too. A timestamp without a time zone is a wall clock
// (isAdjustedToUTC is false), one with a zone is an instant. Nothing is written before the first batch, and then in
// large pieces.
func NewWriter(w io.Writer, schema *arrow.Schema, o Options) (*Writer, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	return &Writer{w: w, schema: schema, opts: o}, nil
}

// Write encodes b. It does not release b and keeps nothing of it. A batch that does not fit the schema, by its
// columns or by a NULL where the schema has none, is tidemark.ErrInvalid.
func (w *Writer) Write(b arrow.RecordBatch) error {
	if err := fits(b, w.schema); err != nil {
		return err
	}
	if err := w.start(b); err != nil {
		return err
	}
	if b.NumRows() == 0 {
		return nil
	}
	if w.open == 0 {
		if err := w.enc.begin(); err != nil {
			return fmt.Errorf("begin row group: %w", err)
		}
	}
	if err := w.enc.write(b); err != nil {
		return err
	}
	w.rows, w.open = w.rows+b.NumRows(), w.open+b.NumRows()
	w.buffered = w.enc.buffered()
	if w.buffered >= w.opts.rowGroupBytes() || w.open >= RowGroupRows {
		return w.Flush()
	}
	return nil
}

// Flush ends the row group that is in memory and writes it. Without one it does nothing.
func (w *Writer) Flush() error {
	if w.open == 0 {
		return nil
	}
	w.open, w.buffered = 0, 0
	if err := w.enc.flush(); err != nil {
		return fmt.Errorf("write row group: %w", err)
	}
	return nil
}

// Rows returns how many rows were written.
func (w *Writer) Rows() int64 { return w.rows }

// Size returns the bytes so far, written and buffered; after Close the size of the file.
func (w *Writer) Size() int64 {
	if w.enc == nil {
		return 0
	}
	return w.enc.written() + w.buffered
}

// Memory returns about how many bytes the Writer holds in memory: the open row group and the buffers to compress it.
func (w *Writer) Memory() int64 {
	if w.open == 0 {
		return 0
	}
	return w.enc.memory()
}

// Close ends the file with its footer, which it returns. It does not close the underlying writer.
func (w *Writer) Close() (*metadata.FileMetaData, error) {
	if err := w.start(nil); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	if err := w.enc.close(); err != nil {
		return nil, fmt.Errorf("write footer: %w", err)
	}
	return w.enc.footer()
}

// start begins the file. Its first batch, which may be nil, decides which columns get a dictionary.
func (w *Writer) start(first arrow.RecordBatch) (err error) {
	if w.enc != nil {
		return nil
	}
	props := w.opts.properties(w.schema, first)
	if nested(w.schema) {
		w.enc, err = newNested(onlyWriter{w.w}, w.schema, props, w.opts.pairs())
	} else {
		w.enc, err = newFlat(onlyWriter{w.w}, w.schema, props, w.opts.pairs())
	}
	if err != nil {
		return fmt.Errorf("begin file: %w", err)
	}
	return nil
}

// fits checks what arrow-go would take for granted.
func fits(b arrow.RecordBatch, schema *arrow.Schema) error {
	if int(b.NumCols()) != schema.NumFields() {
		return fmt.Errorf("batch of %d columns for a file of %d: %w", b.NumCols(), schema.NumFields(), tidemark.ErrInvalid)
	}
	for i, field := range schema.Fields() {
		column := b.Column(i)
		if column.DataType().ID() != field.Type.ID() {
			return fmt.Errorf("column %q: batch holds %s, file %s: %w", field.Name, column.DataType(), field.Type, tidemark.ErrInvalid)
		}
		if !field.Nullable && column.NullN() > 0 {
			return fmt.Errorf("column %q: NULL in a column that has none: %w", field.Name, tidemark.ErrInvalid)
		}
	}
	return nil
}

// onlyWriter hides a Close method, which arrow-go would call.
type onlyWriter struct{ io.Writer }
