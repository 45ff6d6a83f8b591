package parquet

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/tidemark-data/tidemark"
)

// Footer returns what a Parquet file says of itself: its columns and the number of its rows. What is no Parquet file is
// tidemark.ErrInvalid; an error of from comes as it is, beside that.
func Footer(from parquet.ReaderAtSeeker) (schema *arrow.Schema, rows int64, err error) {
	r, err := file.NewParquetReader(from)
	if err != nil {
		return nil, 0, fmt.Errorf("read footer: %w: %w", tidemark.ErrInvalid, err)
	}
	defer r.Close()
	schema, err = pqarrow.FromParquet(r.MetaData().Schema, &pqarrow.ArrowReadProperties{}, r.MetaData().KeyValueMetadata())
	if err != nil {
		return nil, 0, fmt.Errorf("read footer: %w: %w", tidemark.ErrInvalid, err)
	}
	return schema, r.NumRows(), nil
}
