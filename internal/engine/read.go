package engine

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

// read moves the window from the source to the target. The splits need no common snapshot: whatever changes meanwhile has
// a cursor at or above the bound and comes again.
func (a *attempt) read(ctx context.Context) error {
	var counts counts
	erased, err := a.landing.newErased(a.Parts, a.p, a.base, a.result.Run)
	if err != nil {
		return err
	}
	t := transfer{
		Parts: a.Parts, run: a.result.Run, progress: a.progress, landing: a.landing, erased: erased,
		keep: func(batch arrow.RecordBatch) (arrow.RecordBatch, error) { return a.suppress(batch, &counts) },
	}
	files, err := t.all(ctx, a.splits, a.expected())
	a.files = append(a.files, files...)
	if source, ok := a.Source.(tidemark.Noticer); ok {
		a.result.Notices = append(a.result.Notices, source.Notices()...)
	}
	a.result.Splits = a.progress.Each()
	a.result.Read, a.result.New, a.result.Suppressed = counts.read.Load(), counts.fresh.Load(), counts.suppressed.Load()
	if a.landing.aside != nil {
		a.result.Rejected = a.landing.aside.rows
		a.result.New -= a.result.Rejected
	}
	for _, f := range a.files {
		a.result.Files++
		a.result.Bytes += f.Bytes()
	}
	return err
}

// expected is the number of rows that the first load or a replace will read; an increment is not estimated.
func (a *attempt) expected() int64 {
	if a.base.Settled.IsZero() || a.replaces() {
		return a.schema.Rows
	}
	return 0
}

type counts struct{ read, fresh, suppressed atomic.Int64 }

// suppress drops the rows that an earlier run has loaded. It takes over batch; what it returns may be nil.
func (a *attempt) suppress(batch arrow.RecordBatch, n *counts) (arrow.RecordBatch, error) {
	rows := batch.NumRows()
	n.read.Add(rows)
	if a.pass == nil {
		n.fresh.Add(rows)
		return batch, nil
	}
	fresh, dropped, err := a.pass.Apply(batch)
	if err != nil {
		return nil, fmt.Errorf("look up the overlap: %w", err)
	}
	n.suppressed.Add(dropped)
	n.fresh.Add(rows - dropped)
	a.progress.Suppressed.Add(dropped)
	if dropped == rows && fresh != nil {
		fresh.Release()
		return nil, nil
	}
	return fresh, nil
}
