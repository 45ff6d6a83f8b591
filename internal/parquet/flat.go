package parquet

import (
	"context"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// flat encodes tables whose columns are all simple values, which is what a database has. Without lists there is one
// definition level per value, so the general machinery for levels, and its cost per value, is left aside.
type flat struct {
	ctx      context.Context // carries arrow-go's own scratch buffer
	file     *file.Writer
	group    file.BufferedRowGroupWriter
	fields   []arrow.Field
	words    []*words // by column; nil for columns that are not strings with a dictionary
	decimals decimals
	levels   []int16 // scratch
	full     []int16 // all ones: the levels of a column without NULL
}

func newFlat(w io.Writer, schema *arrow.Schema, props *parquet.WriterProperties, pairs metadata.KeyValueMetadata) (*flat, error) {
	arrowProps := pqarrow.NewArrowWriterProperties()
	columns, err := pqarrow.ToParquet(schema, props, arrowProps)
	if err != nil {
		return nil, err
	}
	f, err := file.NewParquetWriterWithError(w, columns.Root(), file.WithWriterProps(props), file.WithWriteMetadata(pairs))
	if err != nil {
		return nil, err
	}
	return &flat{
		ctx: pqarrow.NewArrowWriteContext(context.Background(), &arrowProps), file: f,
		fields: schema.Fields(), words: make([]*words, schema.NumFields()),
	}, nil
}

func (f *flat) begin() (err error) {
	if f.group, err = f.file.AppendBufferedRowGroupChecked(); err != nil {
		return err
	}
	for i := range f.fields {
		column, err := f.group.Column(i)
		if err != nil {
			return err
		}
		f.words[i] = nil
		if c, ok := column.(*file.ByteArrayColumnChunkWriter); ok {
			f.words[i] = newWords(c)
		}
	}
	return nil
}

func (f *flat) write(b arrow.RecordBatch) error {
	for i, field := range f.fields {
		column, err := f.group.Column(i)
		if err != nil {
			return err
		}
		values := b.Column(i)
		levels := f.definitionLevels(field, values)
		done, err := f.words[i].write(values, levels)
		if !done {
			done, err = f.decimals.write(column, values, levels)
		}
		if !done {
			err = pqarrow.WriteArrowToColumn(f.ctx, column, values, levels, nil, field.Nullable)
			f.words[i].learn(values)
		}
		if err != nil {
			return fmt.Errorf("encode column %q: %w", field.Name, err)
		}
	}
	return nil
}

// definitionLevels returns 1 for each value and 0 for each NULL; nil for a column that has no NULL by its schema.
func (f *flat) definitionLevels(field arrow.Field, values arrow.Array) []int16 {
	n := values.Len()
	switch {
	case !field.Nullable:
		return nil
	case values.NullN() == 0:
		for len(f.full) < n {
			f.full = append(f.full, 1)
		}
		return f.full[:n]
	}
	if cap(f.levels) < n {
		f.levels = make([]int16, n)
	}
	levels := f.levels[:n]
	bits, offset := values.NullBitmapBytes(), values.Data().Offset()
	for i := range levels {
		levels[i] = 0
		if bits != nil && bitutil.BitIsSet(bits, offset+i) {
			levels[i] = 1
		}
	}
	return levels
}

func (f *flat) buffered() int64 {
	encoded, pages, _ := f.sizes()
	return encoded + pages
}

func (f *flat) memory() int64 {
	encoded, pages, scratch := f.sizes()
	return encoded + pages + scratch
}

// sizes returns the bytes of the open row group that are encoded, those of the open pages and dictionaries, and the
// buffers for compression: two pages for each column that has cut one.
func (f *flat) sizes() (encoded, pages, scratch int64) {
	for i := range f.fields {
		column, err := f.group.Column(i)
		if err != nil {
			continue // cannot happen: the row group has a column for each field
		}
		if n := column.TotalBytesWritten(); n > 0 {
			encoded += n
			scratch += 2 * column.Properties().DataPageSize()
		}
		pages += column.CurrentEncoder().EstimatedDataEncodedSize()
		if d, ok := column.CurrentEncoder().(interface{ DictEncodedSize() int }); ok {
			pages += int64(d.DictEncodedSize())
		}
	}
	return encoded, pages, scratch
}

func (f *flat) flush() error   { return f.group.Close() }
func (f *flat) written() int64 { return f.file.TotalBytesWritten() }
func (f *flat) close() error   { return f.file.Close() }

func (f *flat) footer() (*metadata.FileMetaData, error) { return f.file.FileMetadata() }
