package engine

import (
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

var errMisaligned = errors.New("a transform did not make one row of each")

// origins are the rows that went into the transforms and have not come out yet. A transform may read them from another
// goroutine than the one that takes what comes out.
type origins struct {
	mu      sync.Mutex
	batches []arrow.RecordBatch
}

// beside yields rows and keeps them.
func (o *origins) beside(rows iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for b, err := range rows {
			if err == nil {
				b.Retain()
				o.mu.Lock()
				o.batches = append(o.batches, b)
				o.mu.Unlock()
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// next takes out the first n rows, for the caller to release.
func (o *origins) next(n int64) (taken []arrow.RecordBatch, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for n > 0 {
		if len(o.batches) == 0 {
			release(taken)
			return nil, fmt.Errorf("%w: %d rows are too many", errMisaligned, n)
		}
		b := o.batches[0]
		if b.NumRows() <= n {
			taken, o.batches, n = append(taken, b), o.batches[1:], n-b.NumRows()
			continue
		}
		taken, o.batches[0] = append(taken, b.NewSlice(0, n)), b.NewSlice(n, b.NumRows())
		b.Release()
		n = 0
	}
	return taken, nil
}

func (o *origins) left() (n int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, b := range o.batches {
		n += b.NumRows()
	}
	return n
}

func (o *origins) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	release(o.batches)
	o.batches = nil
}

// marks are rows that a step has marked to be set aside, by their numbers, until they come out.
type marks struct {
	mu      sync.Mutex
	rejects map[int64]tidemark.Reject
	out     int64 // rows that have come out
}

// add marks a row. The first reason counts.
func (m *marks) add(row int64, r tidemark.Reject) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rejects == nil {
		m.rejects = map[int64]tidemark.Reject{}
	}
	if _, there := m.rejects[row]; !there {
		m.rejects[row] = r
	}
}

// next takes out the marks of the next n rows, in order.
func (m *marks) next(n int64) (rejects []tidemark.Reject) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for row := range n {
		if len(m.rejects) == 0 {
			break
		}
		if r, ok := m.rejects[m.out+row]; ok {
			r.Row = int(row)
			rejects = append(rejects, r)
			delete(m.rejects, m.out+row)
		}
	}
	m.out += n
	return rejects
}
