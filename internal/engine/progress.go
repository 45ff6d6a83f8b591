package engine

import "sync/atomic"

// Progress counts what a run has done so far, for whoever watches it. All fields may be read at any time. A new
// attempt sets the counters back to zero.
type Progress struct {
	Expected   atomic.Int64 // rows, by the server's estimate; 0 while unknown
	Read       atomic.Int64 // rows
	Suppressed atomic.Int64 // rows
	Bytes      atomic.Int64 // of the rows read, as Arrow batches
	Splits     atomic.Int64 // that the attempt has
	SplitsDone atomic.Int64
}

func (p *Progress) reset(expected int64, splits int) {
	p.Expected.Store(max(expected, 0))
	p.Read.Store(0)
	p.Suppressed.Store(0)
	p.Bytes.Store(0)
	p.Splits.Store(int64(splits))
	p.SplitsDone.Store(0)
}
