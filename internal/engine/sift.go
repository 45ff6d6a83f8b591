package engine

import (
	"context"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

// quarantines reports whether a check or a step sets rows aside.
func (l *landing) quarantines() bool {
	s, ok := l.Transformer.(tidemark.Sifter)
	return l.checks != nil && l.checks.Quarantines() || ok && s.Quarantines()
}

// changed lets rows go through the transforms, which may mark some to be set aside.
func (l *landing) changed(ctx context.Context, rows iter.Seq2[arrow.RecordBatch, error], m *marks) iter.Seq2[arrow.RecordBatch, error] {
	if s, ok := l.Transformer.(tidemark.Sifter); ok && s.Quarantines() {
		return s.Sifted(ctx, rows, m.add)
	}
	return l.Transformer.Rows(ctx, rows)
}

// sifted are rows as they land, without those that are set aside: of these the source's own row is kept. It rests on
// transforms that make one row of each, in order, though not batch by batch.
func (l *landing) sifted(ctx context.Context, rows iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		var source origins
		var marked marks
		defer source.close()
		for b, err := range l.changed(ctx, source.beside(rows), &marked) {
			if err == nil {
				b, err = l.sift(ctx, b, &source, &marked)
			}
			if err == nil && b == nil {
				continue
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
		if source.left() > 0 && ctx.Err() == nil {
			yield(nil, fmt.Errorf("%w: %d rows are missing", errMisaligned, source.left()))
		}
	}
}

// sift takes over a batch and returns what is good of it; nil for nothing. The checks do not see what a step has marked.
func (l *landing) sift(ctx context.Context, b arrow.RecordBatch, source *origins, m *marks) (arrow.RecordBatch, error) {
	origin, err := source.next(b.NumRows())
	if err != nil {
		b.Release()
		return nil, err
	}
	rejects := m.next(b.NumRows())
	l.aside.note(rejects)
	if b, origin, err = l.split(ctx, b, origin, rejects); err != nil || b == nil || l.checks == nil {
		release(origin)
		return b, err
	}
	if rejects, err = l.checks.Sift(b); err != nil {
		b.Release()
		release(origin)
		return nil, err
	}
	b, origin, err = l.split(ctx, b, origin, rejects)
	release(origin)
	return b, err
}

// split takes over rows as they land and the source's of the same, keeps those of the latter that are rejected, and returns what
// is left of both; nil for nothing.
func (l *landing) split(ctx context.Context, b arrow.RecordBatch, origin []arrow.RecordBatch, rejects []tidemark.Reject) (arrow.RecordBatch, []arrow.RecordBatch, error) {
	if len(rejects) == 0 {
		return b, origin, nil
	}
	defer b.Release()
	defer release(origin)
	if err := l.setAside(ctx, origin, rejects); err != nil || int64(len(rejects)) == b.NumRows() {
		return nil, nil, err
	}
	good := make([]bool, b.NumRows())
	for i := range good {
		good[i] = true
	}
	for _, r := range rejects {
		good[r.Row] = false
	}
	left, err := pick(ctx, b, good)
	if err != nil {
		return nil, nil, err
	}
	var origins []arrow.RecordBatch
	for _, o := range origin {
		some, err := pick(ctx, o, good[:o.NumRows()])
		if err != nil {
			left.Release()
			release(origins)
			return nil, nil, err
		}
		origins, good = append(origins, some), good[o.NumRows():]
	}
	return left, origins, nil
}

// setAside keeps the source's rows of rejects, which are in order.
func (l *landing) setAside(ctx context.Context, origin []arrow.RecordBatch, rejects []tidemark.Reject) error {
	first := 0
	for _, o := range origin {
		behind := first + int(o.NumRows())
		n := 0
		bad := make([]bool, o.NumRows())
		for n < len(rejects) && rejects[n].Row < behind {
			bad[rejects[n].Row-first] = true
			n++
		}
		if n > 0 {
			rows, err := pick(ctx, o, bad)
			if err != nil {
				return err
			}
			if err := l.aside.add(rows, rejects[:n]); err != nil {
				return err
			}
		}
		rejects, first = rejects[n:], behind
	}
	return nil
}

// pick returns the rows of a batch that are wanted.
func pick(ctx context.Context, b arrow.RecordBatch, wanted []bool) (arrow.RecordBatch, error) {
	builder := array.NewBooleanBuilder(memory.DefaultAllocator)
	defer builder.Release()
	builder.AppendValues(wanted, nil)
	mask := builder.NewArray()
	defer mask.Release()
	picked, err := compute.FilterRecordBatch(ctx, b, mask, compute.DefaultFilterOptions())
	if err != nil {
		return nil, fmt.Errorf("take rows apart: %w", err)
	}
	return picked, nil
}

func release(batches []arrow.RecordBatch) {
	for _, b := range batches {
		b.Release()
	}
}
