package parquet

import (
	"context"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/tidemark-data/tidemark"
)

// fieldID is the key under which an Arrow field carries the Iceberg field id of its column.
const fieldID = "PARQUET:field_id"

// readRows is the most rows of a batch that Read yields.
const readRows = 1 << 16

// Read yields some columns of a data file, row by row in the file's order, in batches of at most 65,536 rows. A column is
// found by its field id where both sides have one, else by its name; in the batch it has the name that was asked for and
// the type that the file has, which may be narrower than the table's. A column that the file does not have is left out;
// it must have one of them. The consumer releases each batch. What is in memory at a time is a row group of these columns.
func Read(ctx context.Context, r parquet.ReaderAtSeeker, columns []arrow.Field) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		if err := read(ctx, r, columns, yield); err != nil {
			yield(nil, fmt.Errorf("read Parquet file: %w", err))
		}
	}
}

func read(ctx context.Context, r parquet.ReaderAtSeeker, columns []arrow.Field, yield func(arrow.RecordBatch, error) bool) error {
	f, err := file.NewParquetReader(r)
	if err != nil {
		return fmt.Errorf("%w: %w", tidemark.ErrInvalid, err)
	}
	defer f.Close()
	reader, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: readRows}, memory.DefaultAllocator)
	if err != nil {
		return fmt.Errorf("%w: %w", tidemark.ErrInvalid, err)
	}
	names, leaves, err := locate(reader, columns)
	if err != nil {
		return err
	}
	rows, err := reader.GetRecordReader(ctx, leaves, nil)
	if err != nil {
		return err
	}
	defer rows.Release()
	for rows.Next() {
		if !yield(renamed(rows.RecordBatch(), names), nil) {
			return nil
		}
	}
	return rows.Err()
}

// locate returns the columns that are wanted, by their leaves in the file and, in the file's order, their names.
func locate(reader *pqarrow.FileReader, columns []arrow.Field) (names []string, leaves []int, err error) {
	for i := range reader.Manifest.Fields {
		f := &reader.Manifest.Fields[i]
		for _, want := range columns {
			if sameColumn(*f.Field, want) {
				names, leaves = append(names, want.Name), appendLeaves(leaves, f)
				break
			}
		}
	}
	if len(leaves) == 0 {
		return nil, nil, fmt.Errorf("it has none of the columns: %w", tidemark.ErrInvalid)
	}
	return names, leaves, nil
}

func sameColumn(have, want arrow.Field) bool {
	a, okA := have.Metadata.GetValue(fieldID)
	b, okB := want.Metadata.GetValue(fieldID)
	if okA && okB && a != "-1" {
		return a == b
	}
	return have.Name == want.Name
}

// appendLeaves appends the numbers of the columns that hold the values of a field.
func appendLeaves(leaves []int, f *pqarrow.SchemaField) []int {
	if f.IsLeaf() {
		return append(leaves, f.ColIndex)
	}
	for i := range f.Children {
		leaves = appendLeaves(leaves, &f.Children[i])
	}
	return leaves
}

// renamed returns a batch with other names, which the caller releases.
func renamed(b arrow.RecordBatch, names []string) arrow.RecordBatch {
	fields := b.Schema().Fields()
	for i := range fields {
		fields[i].Name = names[i]
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), b.Columns(), b.NumRows())
}
