package parquet

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// A Writer encodes batches of one schema into one Parquet file. It is not safe for concurrent use. After an error
// the file is worthless and the Writer only good for being dropped; it owns nothing that must be closed.
type Writer struct {
	w      io.Writer
	schema *arrow.Schema // with the file's metadata
	opts   Options

	file *pqarrow.FileWriter // nil until the first batch has shown which columns repeat
	rows int64
	open bool // a row group is open
}

// NewWriter returns a Writer of a file with the given schema. A field's number under the key "PARQUET:field_id"
// becomes the column's field id, of nested fields too. A timestamp without a time zone is a wall clock
// (isAdjustedToUTC is false), one with a zone is an instant. Nothing is written before the first batch. Writes to w
// come in large pieces.
func NewWriter(w io.Writer, schema *arrow.Schema, o Options) (*Writer, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	return &Writer{w: w, schema: o.fileSchema(schema), opts: o}, nil
}

// Write encodes b, which must have the Writer's columns. It does not release b and keeps nothing of it.
func (w *Writer) Write(b arrow.RecordBatch) error {
	if err := w.begin(b); err != nil {
		return err
	}
	if !w.open {
		if err := w.file.NewBufferedRowGroupChecked(); err != nil {
			return fmt.Errorf("begin row group: %w", err)
		}
		w.open = true
	}
	for i, column := range b.Columns() {
		if err := w.file.WriteColumnData(column); err != nil {
			return fmt.Errorf("encode column %q: %w", w.schema.Field(i).Name, err)
		}
	}
	w.rows += b.NumRows()
	return nil
}

// Rows returns how many rows were written.
func (w *Writer) Rows() int64 { return w.rows }

// Size returns the bytes so far, written and buffered.
func (w *Writer) Size() int64 {
	if w.file == nil {
		return 0
	}
	return w.file.TotalBytesWritten() + w.Buffered()
}

// Buffered returns the encoded bytes that the Writer holds in memory.
func (w *Writer) Buffered() int64 {
	if !w.open {
		return 0
	}
	return w.file.RowGroupTotalBytesWritten()
}

// Close ends the file with its footer, which it returns. It does not close the underlying writer.
func (w *Writer) Close() (*metadata.FileMetaData, error) {
	if err := w.begin(nil); err != nil {
		return nil, err
	}
	if err := w.file.Close(); err != nil {
		return nil, fmt.Errorf("write footer: %w", err)
	}
	return w.file.FileMetadata()
}

// begin starts the file. The first batch, if there is one, decides which columns get a dictionary.
func (w *Writer) begin(first arrow.RecordBatch) error {
	if w.file != nil {
		return nil
	}
	_ = first
	props := w.opts.properties(w.schema.NumFields(), nil)
	file, err := pqarrow.NewFileWriter(w.schema, onlyWriter{w.w}, props, arrowProperties())
	if err != nil {
		return fmt.Errorf("begin file: %w", err)
	}
	w.file = file
	return nil
}

// onlyWriter hides a Close method, which arrow-go would call.
type onlyWriter struct{ io.Writer }
