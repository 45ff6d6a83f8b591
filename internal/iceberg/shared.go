package iceberg

import (
	"context"
	"errors"
	"slices"

	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
)

var _ tidemark.SharedTarget = (*Target)(nil)

// Watermarks implements tidemark.SharedTarget.
func (t *Target) Watermarks(ctx context.Context) ([]tidemark.Watermark, error) {
	tbl, err := t.lake.load(ctx, t.p.Target)
	if errors.Is(err, tidemark.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return watermarksOf(tbl)
}

// watermarksOf returns the watermarks that a table holds, by pipeline.
func watermarksOf(tbl *table.Table) ([]tidemark.Watermark, error) {
	var all []tidemark.Watermark
	for _, id := range slices.Sorted(slices.Values(pipelinesOf(tbl))) {
		w, ok, err := watermarkOf(tbl, id)
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, w)
		}
	}
	return all, nil
}
