package iceberg

import (
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/parquet"
)

// A keyWriter writes files of equality deletes: the keys of the rows that a merge brings. A delete applies to the rows
// of earlier commits alone, so the rows of this commit stay, also if one key came twice.
type keyWriter struct {
	*writer
	sink *sink
	file *parquet.Writer // nil between files
	done []parquet.File[*sink]
}

// tee yields rows and writes their keys on the way.
func (k *keyWriter) tee(rows iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for b, err := range rows {
			if err == nil && b.NumRows() > 0 {
				if err = k.write(b); err != nil {
					b.Release()
					b = nil
				}
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

func (k *keyWriter) write(b arrow.RecordBatch) (err error) {
	if k.file == nil {
		k.sink = k.open("", fmt.Sprintf("%s-%d-deletes.parquet", k.name, len(k.done)), true)
		// A small row group: the data file beside it takes most of the memory that a writer may use.
		if k.file, err = parquet.NewWriter(k.sink, k.l.keySchema, parquet.Options{RowGroupBytes: 4 << 20}); err != nil {
			return err
		}
	}
	columns := make([]arrow.Array, len(k.l.key))
	for i, at := range k.l.key {
		if columns[i] = b.Column(at); columns[i].NullN() > 0 {
			return fmt.Errorf("key column %q holds NULL: %w", b.ColumnName(at), tidemark.ErrInvalid)
		}
	}
	keys := array.NewRecordBatch(k.l.keySchema, columns, b.NumRows())
	defer keys.Release()
	if err := k.file.Write(keys); err != nil {
		return err
	}
	if k.file.Size() >= k.p.FileSize {
		return k.end()
	}
	return nil
}

// end finishes the current file.
func (k *keyWriter) end() error {
	meta, err := k.file.Close()
	if err != nil {
		return err
	}
	if err := k.sink.Close(); err != nil {
		return fmt.Errorf("close file of deletes: %w", err)
	}
	k.done = append(k.done, parquet.File[*sink]{Sink: k.sink, Rows: k.file.Rows(), Bytes: k.file.Size(), Meta: meta})
	k.sink, k.file = nil, nil
	return nil
}

// finish ends the last file and returns all.
func (k *keyWriter) finish() ([]tidemark.DataFile, error) {
	if k.file != nil {
		if err := k.end(); err != nil {
			return nil, err
		}
	}
	made := make([]tidemark.DataFile, len(k.done))
	for i, f := range k.done {
		d, err := k.describe(f, iceberg.EntryContentEqDeletes)
		if err != nil {
			return nil, err
		}
		made[i] = d
	}
	return made, nil
}

func (k *keyWriter) abort() {
	if k.sink != nil {
		k.sink.Abort()
	}
	abort(k.done)
}
