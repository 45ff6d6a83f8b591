package engine

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/tidemark-data/tidemark"
)

// Progress counts what a run has done so far, for whoever watches it. All fields may be read at any time. A new
// attempt sets the counters back to zero.
type Progress struct {
	Expected   atomic.Int64 // rows, by the server's estimate; 0 while unknown
	Read       atomic.Int64 // rows
	Suppressed atomic.Int64 // rows
	Bytes      atomic.Int64 // of the rows read, as Arrow batches
	Splits     atomic.Int64 // that the attempt has
	SplitsDone atomic.Int64

	each atomic.Pointer[[]splitProgress]
}

// A splitProgress counts what was read of a split. Times are nanoseconds since 1970; 0 before.
type splitProgress struct {
	sql                string
	rows, began, ended atomic.Int64
}

func (p *Progress) reset(expected int64, splits []tidemark.Split) {
	p.Expected.Store(max(expected, 0))
	p.Read.Store(0)
	p.Suppressed.Store(0)
	p.Bytes.Store(0)
	p.Splits.Store(int64(len(splits)))
	p.SplitsDone.Store(0)
	each := make([]splitProgress, len(splits))
	for i, sp := range splits {
		each[i].sql = shortened(sp.String())
	}
	p.each.Store(&each)
}

// longestSQL bounds the statement of a split, which is kept with its run: that of a table with very many columns is cut.
const longestSQL = 4000

func shortened(sql string) string {
	if len(sql) <= longestSQL {
		return sql
	}
	const half = longestSQL / 2
	return strings.ToValidUTF8(sql[:half]+" … "+sql[len(sql)-half:], "") // columns go, and conditions stay
}

// split returns the counters of a split of this attempt.
func (p *Progress) split(n int) *splitProgress { return &(*p.each.Load())[n] }

func (s *splitProgress) begin() { s.began.Store(time.Now().UnixNano()) }
func (s *splitProgress) end()   { s.ended.Store(time.Now().UnixNano()) }

// Each returns how far the splits of the attempt have come; none before it reads.
func (p *Progress) Each() []tidemark.SplitRead {
	each := p.each.Load()
	if each == nil {
		return nil
	}
	all := make([]tidemark.SplitRead, len(*each))
	for i := range *each {
		s := &(*each)[i]
		all[i] = tidemark.SplitRead{SQL: s.sql, Rows: s.rows.Load(), Began: timeOf(s.began.Load()), Ended: timeOf(s.ended.Load())}
	}
	return all
}

// timeOf is the time of so many nanoseconds since 1970; the zero time of 0.
func timeOf(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos).UTC().Truncate(time.Millisecond)
}
