package parquet

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

// Without returns the rows of a batch of a file that are not in a set; the batch's first row has the number first in its
// file. It takes over the batch, and returns it as it is where all rows stay.
func Without(ctx context.Context, b arrow.RecordBatch, rows tidemark.RowSet, first int64) (arrow.RecordBatch, error) {
	return filter(ctx, b, func(row int64) bool { return !rows.Has(first + row) })
}

// Only is Without for the rows that are in the set.
func Only(ctx context.Context, b arrow.RecordBatch, rows tidemark.RowSet, first int64) (arrow.RecordBatch, error) {
	return filter(ctx, b, func(row int64) bool { return rows.Has(first + row) })
}

func filter(ctx context.Context, b arrow.RecordBatch, keep func(row int64) bool) (arrow.RecordBatch, error) {
	mask := array.NewBooleanBuilder(memory.DefaultAllocator)
	defer mask.Release()
	mask.Reserve(int(b.NumRows()))
	kept := int64(0)
	for row := range b.NumRows() {
		stays := keep(row)
		mask.UnsafeAppend(stays)
		if stays {
			kept++
		}
	}
	if kept == b.NumRows() {
		return b, nil
	}
	defer b.Release()
	rows := mask.NewBooleanArray()
	defer rows.Release()
	return compute.FilterRecordBatch(ctx, b, rows, compute.DefaultFilterOptions())
}
