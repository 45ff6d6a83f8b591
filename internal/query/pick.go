package query

import (
	"context"
	"fmt"
	"iter"
	"os"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/parquet"
)

// Pick yields some columns of some rows, alive or not, in batches that the consumer releases.
func (s *Scan) Pick(ctx context.Context, columns []string, rows []tidemark.FileRows) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		only := make(map[string]tidemark.RowSet, len(rows))
		for _, r := range rows {
			only[r.Key] = r.Rows
		}
		schema := s.some(columns)
		for i, f := range s.snapshot.Data {
			if only[f.Key] == nil {
				continue
			}
			for b, err := range s.picked(ctx, i, schema, only[f.Key]) {
				if err != nil {
					err = fmt.Errorf("%s: %w", f.Key, err)
				}
				if !yield(b, err) || err != nil {
					return
				}
			}
		}
	}
}

// picked yields rows of one file.
func (s *Scan) picked(ctx context.Context, i int, schema *arrow.Schema, rows tidemark.RowSet) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		f, err := os.Open(s.files[i])
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.Close()
		place := int64(0)
		for b, err := range parquet.Read(ctx, f, schema) {
			if err == nil {
				n := b.NumRows()
				b, err = parquet.Only(ctx, b, rows, place)
				place += n
			}
			if err == nil && b.NumRows() == 0 {
				b.Release()
				continue
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}
