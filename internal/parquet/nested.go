package parquet

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// nestedTypes encodes tables with lists, maps or structs, by arrow-go's general way. Transforms can make such
// columns; no MySQL table has them, but for VECTOR.
type nestedTypes struct {
	file   *pqarrow.FileWriter
	schema *arrow.Schema
}

func nested(schema *arrow.Schema) bool {
	for _, f := range schema.Fields() {
		if arrow.IsNested(f.Type.ID()) {
			return true
		}
	}
	return false
}

func newNested(w io.Writer, schema *arrow.Schema, props *parquet.WriterProperties, pairs metadata.KeyValueMetadata) (*nestedTypes, error) {
	plain := arrow.NewSchema(schema.Fields(), nil) // the schema's own metadata would go into the footer
	f, err := pqarrow.NewFileWriter(plain, w, props, pqarrow.NewArrowWriterProperties())
	if err != nil {
		return nil, err
	}
	for i, key := range pairs.Keys() {
		if err := f.AppendKeyValueMetadata(key, pairs.Values()[i]); err != nil {
			return nil, err
		}
	}
	return &nestedTypes{file: f, schema: plain}, nil
}

func (n *nestedTypes) begin() error { return n.file.NewBufferedRowGroupChecked() }

func (n *nestedTypes) write(b arrow.RecordBatch) error {
	// The batch's own schema may have other field metadata, which is no matter for its values.
	same := array.NewRecordBatch(n.schema, b.Columns(), b.NumRows())
	defer same.Release()
	if err := n.file.WriteBuffered(same); err != nil {
		return fmt.Errorf("encode batch: %w", err)
	}
	return nil
}

// flush leaves the row group to the next begin or to close: arrow-go ends one only in order to begin another.
func (n *nestedTypes) flush() error    { return nil }
func (n *nestedTypes) buffered() int64 { return n.file.RowGroupTotalBytesWritten() }
func (n *nestedTypes) memory() int64   { return n.file.RowGroupTotalBytesWritten() }
func (n *nestedTypes) written() int64  { return n.file.TotalBytesWritten() }
func (n *nestedTypes) close() error    { return n.file.Close() }

func (n *nestedTypes) footer() (*metadata.FileMetaData, error) { return n.file.FileMetadata() }
