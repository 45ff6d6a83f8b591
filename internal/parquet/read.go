package parquet

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/tidemark-data/tidemark"
)

// fieldID is the key under which an Arrow field carries its field id.
const fieldID = "PARQUET:field_id"

// What bounds the memory of Read: so much of a column is fetched at once, and so much of all rows is decoded at once.
const (
	readBuffer   = 512 << 10
	batchBytes   = 4 << 20
	maxBatchRows = 16 << 10
	minBatchRows = 16
)

// Read yields all rows of a Parquet file, in the file's order, as batches of the given schema. Columns are found by
// their field ids, or by name where the schema has no ids: one that the file does not have is NULL, and one that is
// narrower in the file is cast. A file without the ids that are asked for, or with a column that does not fit, is
// tidemark.ErrInvalid. The consumer releases each batch.
func Read(ctx context.Context, from parquet.ReaderAtSeeker, schema *arrow.Schema) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		r, err := newReader(from, schema)
		if err != nil {
			yield(nil, err)
			return
		}
		for i := range r.file.ParquetReader().NumRowGroups() {
			if !r.group(ctx, i, yield) {
				return
			}
		}
	}
}

// A reader reads one file.
type reader struct {
	file    *pqarrow.FileReader
	schema  *arrow.Schema
	leaves  []int    // the columns of the file that are read
	byName  bool     // columns are found by name, not by field id
	wanted  []string // what the schema's fields are found by
	missing bool     // the file has none of the columns
}

// known is what a field is found by; "" when it has no id.
func (r *reader) known(f arrow.Field) string {
	if r.byName {
		return f.Name
	}
	if id, _ := f.Metadata.GetValue(fieldID); id != "-1" {
		return id
	}
	return ""
}

func newReader(from parquet.ReaderAtSeeker, schema *arrow.Schema) (*reader, error) {
	props := parquet.NewReaderProperties(memory.DefaultAllocator)
	props.BufferedStreamEnabled, props.BufferSize = true, readBuffer
	raw, err := file.NewParquetReader(from, file.WithReadProps(props))
	if err != nil {
		return nil, fmt.Errorf("read footer: %w", err)
	}
	r := &reader{schema: schema}
	if r.file, err = pqarrow.NewFileReader(raw, pqarrow.ArrowReadProperties{BatchSize: batchRows(raw)}, memory.DefaultAllocator); err != nil {
		return nil, err
	}
	r.byName = !slices.ContainsFunc(schema.Fields(), func(f arrow.Field) bool { return f.Metadata.FindKey(fieldID) >= 0 })
	for _, f := range schema.Fields() {
		name := r.known(f)
		if name == "" {
			return nil, fmt.Errorf("column %q has no field id, and others have: %w", f.Name, tidemark.ErrInvalid)
		}
		r.wanted = append(r.wanted, name)
	}
	any := false
	for _, f := range r.file.Manifest.Fields {
		name := r.known(*f.Field)
		any = any || name != ""
		if name != "" && slices.Contains(r.wanted, name) {
			r.leaves = appendLeaves(r.leaves, f)
		}
	}
	if !any {
		return nil, fmt.Errorf("the file has no field ids: %w", tidemark.ErrInvalid)
	}
	r.missing = len(r.leaves) == 0
	return r, nil
}

func appendLeaves(leaves []int, f pqarrow.SchemaField) []int {
	if f.IsLeaf() {
		return append(leaves, f.ColIndex)
	}
	for _, child := range f.Children {
		leaves = appendLeaves(leaves, child)
	}
	return leaves
}

// batchRows returns how many rows are decoded at once: few where rows are wide.
func batchRows(f *file.Reader) int64 {
	var bytes, rows int64
	for i := range f.NumRowGroups() {
		group := f.MetaData().RowGroup(i)
		bytes, rows = bytes+group.TotalByteSize(), rows+group.NumRows()
	}
	if rows == 0 || bytes <= 0 {
		return maxBatchRows
	}
	return min(maxBatchRows, max(minBatchRows, batchBytes/max(bytes/rows, 1)))
}

// group yields the rows of one row group, and reports whether to go on.
func (r *reader) group(ctx context.Context, at int, yield func(arrow.RecordBatch, error) bool) bool {
	if r.missing {
		rows := r.file.ParquetReader().MetaData().RowGroup(at).NumRows()
		for rows > 0 {
			n := min(rows, maxBatchRows)
			rows -= n
			if b, err := r.shape(ctx, nil, n); !yield(b, err) || err != nil {
				return false
			}
		}
		return true
	}
	records, err := r.file.GetRecordReader(ctx, r.leaves, []int{at})
	if err != nil {
		yield(nil, fmt.Errorf("read row group %d: %w", at, err))
		return false
	}
	defer records.Release()
	for records.Next() {
		read := records.RecordBatch()
		if b, err := r.shape(ctx, read, read.NumRows()); !yield(b, err) || err != nil {
			return false
		}
	}
	if err := records.Err(); err != nil {
		yield(nil, fmt.Errorf("read row group %d: %w", at, err))
		return false
	}
	return ctx.Err() == nil || yield(nil, ctx.Err())
}

// shape makes a batch of the wanted schema from what was read, which may be nil.
func (r *reader) shape(ctx context.Context, read arrow.RecordBatch, rows int64) (arrow.RecordBatch, error) {
	columns := make([]arrow.Array, 0, len(r.wanted))
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for i, f := range r.schema.Fields() {
		column, err := r.column(ctx, read, r.wanted[i], f, rows)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		columns = append(columns, column)
	}
	return array.NewRecordBatch(r.schema, columns, rows), nil
}

func (r *reader) column(ctx context.Context, read arrow.RecordBatch, name string, want arrow.Field, rows int64) (arrow.Array, error) {
	if read != nil {
		for i, f := range read.Schema().Fields() {
			if r.known(f) != name {
				continue
			}
			column := read.Column(i)
			if arrow.TypeEqual(column.DataType(), want.Type) {
				column.Retain()
				return column, nil
			}
			cast, err := compute.CastArray(ctx, column, compute.SafeCastOptions(want.Type))
			if err != nil {
				return nil, fmt.Errorf("%s as %s: %w: %w", column.DataType(), want.Type, tidemark.ErrInvalid, err)
			}
			return cast, nil
		}
	}
	if !want.Nullable {
		return nil, fmt.Errorf("the file does not have it, and it may not be NULL: %w", tidemark.ErrInvalid)
	}
	return array.MakeArrayOfNull(memory.DefaultAllocator, want.Type, int(rows)), nil
}
