package overlap

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

// Apply takes over a batch and returns the rows of it that no earlier run has loaded, in their order, and the number
// of those it left out. The fresh rows may be the batch itself; they are nil when there are none. The caller releases
// them. Several goroutines may call Apply at once.
//
// An error makes the pass worthless: a part of the batch may be counted already. Begin a new one.
func (p *Pass) Apply(b arrow.RecordBatch) (fresh arrow.RecordBatch, suppressed int64, err error) {
	defer func() {
		if fresh != b {
			b.Release()
		}
	}()
	if int(b.NumCols()) != len(p.opts.Schema.Columns) {
		return nil, 0, fmt.Errorf("overlap: batch of %d columns, want %d: %w", b.NumCols(), len(p.opts.Schema.Columns), tidemark.ErrInvalid)
	}
	if b.NumRows() == 0 {
		return nil, 0, nil
	}
	s := p.scratch.Get().(*scratch)
	defer p.scratch.Put(s)

	cursors := b.Column(p.opts.Cursor.Index)
	keys, err := p.domain.keys(cursors, &s.keys)
	if err != nil {
		return nil, 0, fmt.Errorf("overlap: column %q: %w", p.opts.Cursor.Column, err)
	}
	floor, err := p.raise(highest(keys, cursors))
	if err != nil {
		return nil, 0, err
	}
	p.pick(s, keys, cursors, p.domain.key(floor))
	if len(s.rows) == 0 {
		return b, 0, nil
	}
	if suppressed, err = p.handle(s, b, keys, floorOf(floor)); err != nil {
		return nil, 0, err
	}
	switch suppressed {
	case 0:
		return b, 0, nil
	case b.NumRows():
		return nil, suppressed, nil
	}
	fresh, err = without(b, s.drop)
	return fresh, suppressed, err
}

// highest returns the largest key of a batch, and whether there is one at all, and the number of NULLs.
func highest(keys []int64, cursors arrow.Array) (top int64, ok bool, nulls int) {
	nulls = cursors.NullN()
	top = math.MinInt64
	if nulls == 0 {
		return slices.Max(keys), true, 0
	}
	for i, k := range keys {
		if k >= top && cursors.IsValid(i) {
			top = k
		}
	}
	return top, nulls < len(keys), nulls
}

// raise takes note of a batch and returns the threshold: settled will not be below it at the end of the run, whatever
// comes, because high only grows. Rows below it need not be remembered.
func (p *Pass) raise(top int64, ok bool, nulls int) (tidemark.CursorValue, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return tidemark.CursorValue{}, fmt.Errorf("overlap: the pass has ended: %w", tidemark.ErrInvalid)
	}
	p.nulls += int64(nulls)
	if ok {
		p.high = p.high.Max(p.domain.value(top))
	}
	p.floor = p.floor.Max(p.opts.Bound.Min(p.high))
	return p.floor, nil
}

// pick collects the rows whose hash is needed: those to remember, and those that may be among the previous entries,
// none of which is above the previous high.
func (p *Pass) pick(s *scratch, keys []int64, cursors arrow.Array, floor int64) {
	rows := s.rows[:0]
	nulls := cursors.NullN() > 0
	ceiling, lookup := p.domain.key(p.opts.Previous.High), p.table != nil
	for i, k := range keys {
		if k >= floor || lookup && k <= ceiling || nulls && cursors.IsNull(i) {
			rows = append(rows, int32(i))
		}
	}
	s.rows = rows
}

// handle hashes the picked rows, looks them up and remembers them. It marks in s.drop what was loaded before.
func (p *Pass) handle(s *scratch, b arrow.RecordBatch, keys []int64, floor ordinal) (suppressed int64, err error) {
	s.drop = grow(&s.drop, len(keys))
	clear(s.drop)
	cursors := b.Column(p.opts.Cursor.Index)
	ordinalAt := func(row int32) ordinal {
		if cursors.IsNull(int(row)) {
			return ordinal{}
		}
		return p.domain.ordinal(keys[row])
	}
	values := p.hasher.bind(b)
	for rows := range slices.Chunk(s.rows, p.hasher.chunkRows()) {
		p.hasher.hash(s, values, rows, ordinalAt, p.wide())
		if p.table != nil {
			n, err := p.table.take(s.lookups, func(i int) { s.drop[rows[i]] = true })
			if err != nil {
				return 0, fmt.Errorf("look up the overlap: %w", err)
			}
			suppressed += n
		}
		if err := p.remember(s, floor); err != nil {
			return 0, fmt.Errorf("store the overlap: %w", err)
		}
	}
	return suppressed, nil
}

func (p *Pass) wide() bool {
	p.keep.Lock()
	defer p.keep.Unlock()
	return p.next.width > 0
}

// remember stores the entries at or above the threshold and those without a cursor.
func (p *Pass) remember(s *scratch, floor ordinal) error {
	p.keep.Lock()
	defer p.keep.Unlock()
	width := len(p.hasher.columns)
	for i, e := range s.entries {
		if e.class != classNull && e.less(floor) {
			continue
		}
		var hashes []uint64
		if p.next.width > 0 {
			hashes = s.columns[i*width : (i+1)*width]
		}
		if err := p.next.add(e, hashes, floor); err != nil {
			return err
		}
	}
	return nil
}

// without returns the rows of b that are not marked.
func without(b arrow.RecordBatch, drop []bool) (arrow.RecordBatch, error) {
	mask := array.NewBooleanBuilder(memory.DefaultAllocator)
	defer mask.Release()
	mask.Reserve(len(drop))
	for _, d := range drop {
		mask.UnsafeAppend(!d)
	}
	keep := mask.NewArray()
	defer keep.Release()
	fresh, err := compute.FilterRecordBatch(context.Background(), b, keep, compute.DefaultFilterOptions())
	if err != nil {
		return nil, fmt.Errorf("leave out the rows of the overlap: %w", err)
	}
	return fresh, nil
}
