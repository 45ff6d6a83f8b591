package mysql

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/tidemark-data/tidemark"
)

// finish turns the horizon into a bound of the cursor, and writes down what later runs want to know.
func (st *settling) finish(ctx context.Context, home *conn) (tidemark.Settled, error) {
	out := tidemark.Settled{T0: st.t0, By: st.by}
	if st.cursor == nil {
		return out, nil
	}
	if st.blind != nil {
		out.By, out.Notice = tidemark.SettledLateness, st.notice()
		if st.holder == nil && len(st.suspects) > 0 {
			st.holder = &st.suspects[0]
		}
	}
	if st.holder != nil {
		out.HeldBy = st.last.describe(*st.holder)
	}
	integer := st.cursor.Kind == tidemark.CursorInteger
	if integer {
		out.Bound = st.integerBound()
	} else {
		zone, err := st.zone(ctx, home)
		if err != nil {
			return tidemark.Settled{}, err
		}
		out.Bound = temporalBound(*st.cursor, st.instant(), zone)
		out.Clock = clockAt(st.cursor.Kind, st.t0, zone)
	}
	if known := st.previous.Settled; known.Kind() == st.cursor.Kind {
		out.Bound = out.Bound.Max(known) // what was proven once stays true
	}
	out.History = prune(st.history, st.settlement(), integer)
	return out, nil
}

// integerBound returns the newest recorded m that is old enough.
func (st *settling) integerBound() tidemark.CursorValue {
	m := st.max
	if st.blind != nil {
		m = minusRows(m, st.pipeline.LatenessRows)
	} else if st.horizon.Before(st.t0) {
		m = tidemark.CursorValue{}
		for _, e := range slices.Backward(st.history) {
			if !e.T0.After(st.horizon) && e.Max.Kind() == tidemark.CursorInteger {
				m = e.Max
				break
			}
		}
	}
	if !st.cursor.ServerSet {
		m = minusRows(m, st.pipeline.LatenessRows)
	}
	return m
}

// minusRows subtracts from an integer cursor, down to the least value there is.
func minusRows(v tidemark.CursorValue, rows int64) tidemark.CursorValue {
	bits := v.Micros()
	switch {
	case v.IsZero():
		return v
	case v == tidemark.UnsignedValue(uint64(bits)) && v != tidemark.IntegerValue(bits): // at least 2^63
		return tidemark.UnsignedValue(uint64(bits) - uint64(rows))
	case bits < math.MinInt64+rows:
		return tidemark.IntegerValue(math.MinInt64)
	default:
		return tidemark.IntegerValue(bits - rows)
	}
}

// instant returns the point in time below which no row to come can be stamped.
func (st *settling) instant() time.Time {
	at := st.horizon
	if st.blind != nil {
		at = st.t0
		for _, s := range st.suspects { // who is known to be older than the guess is not guessed away
			if !s.Started.IsZero() && s.Started.Before(at) {
				at = s.Started
			}
		}
		at = at.Add(-st.pipeline.Lateness)
	}
	if !st.cursor.ServerSet {
		at = at.Add(-st.pipeline.Lateness)
	}
	return at.Add(-st.pipeline.Slack)
}

// temporalBound returns the smallest value that the cursor can take at the instant or later.
func temporalBound(c tidemark.Cursor, at time.Time, zone *time.Location) tidemark.CursorValue {
	micros := at.UnixMicro()
	if c.Kind != tidemark.CursorTimestamp {
		micros = earliestWall(at, zone)
	}
	if unit := c.Granularity.Microseconds(); unit > 1 {
		micros -= ((micros % unit) + unit) % unit
	}
	return tidemark.TemporalValue(c.Kind, micros)
}

// clockAt returns what the cursor's clock shows at an instant. Of a date it is the beginning of the day.
func clockAt(kind tidemark.CursorKind, at time.Time, zone *time.Location) tidemark.CursorValue {
	switch kind {
	case tidemark.CursorTimestamp:
		return tidemark.TemporalValue(kind, at.UnixMicro())
	case tidemark.CursorDate:
		const day = 24 * 60 * 60 * microsPerSecond
		micros := wall(at.In(zone))
		return tidemark.TemporalValue(kind, micros-(micros%day+day)%day)
	default:
		return tidemark.TemporalValue(kind, wall(at.In(zone)))
	}
}

// foldReach is how far ahead a clock that is to be set back can matter: none is set back by more than a day.
const foldReach = 25 * time.Hour

// earliestWall returns the smallest reading that a clock in the zone shows at the instant or later, as microseconds
// since 1970-01-01 00:00:00 on that clock. In autumn an hour comes twice: before its first coming ends, the smallest
// reading still to come is the beginning of the second.
func earliestWall(at time.Time, zone *time.Location) int64 {
	least := wall(at.In(zone))
	for next := at.In(zone); ; {
		_, end := next.ZoneBounds()
		if end.IsZero() || end.Sub(at) > foldReach {
			return least
		}
		next = end.In(zone)
		least = min(least, wall(next))
	}
}

func wall(t time.Time) int64 {
	_, offset := t.Zone()
	return t.UnixMicro() + int64(offset)*microsPerSecond
}
