package mysql

import (
	"time"

	"github.com/tidemark-data/tidemark"
)

// rezone returns a value on the clock of another kind. zone is nil where both are of instants, or both on the wall. An hour
// that comes twice in autumn counts as the first: what is read again is known, or seen, and what is passed over is not.
func rezone(v tidemark.CursorValue, to tidemark.CursorKind, zone *time.Location) tidemark.CursorValue {
	micros := v.Micros()
	switch {
	case v.IsZero() || v.Kind() == tidemark.CursorInteger:
		return v
	case zone != nil && to == tidemark.CursorTimestamp:
		micros = instantOf(micros, zone)
	case zone != nil:
		micros = wall(time.UnixMicro(micros).In(zone))
	}
	return tidemark.TemporalValue(to, micros)
}

// instantOf returns the first instant at which a clock in the zone shows a reading of the wall, both as microseconds since
// 1970-01-01 00:00:00. A reading that is left out in spring is taken as if the clock had not been set.
func instantOf(micros int64, zone *time.Location) int64 {
	at := func(near time.Time) int64 {
		_, offset := near.In(zone).Zone()
		return micros - int64(offset)*microsPerSecond
	}
	reading := time.UnixMicro(micros)
	before, after := at(reading.Add(-foldReach)), at(reading.Add(foldReach))
	for _, instant := range []int64{min(before, after), max(before, after)} {
		if wall(time.UnixMicro(instant).In(zone)) == micros {
			return instant
		}
	}
	return before
}

// floorTo cuts a value to whole units.
func floorTo(unit time.Duration, v tidemark.CursorValue) tidemark.CursorValue {
	u := unit.Microseconds()
	if !v.Kind().Temporal() || u <= 1 {
		return v
	}
	return tidemark.TemporalValue(v.Kind(), v.Micros()-((v.Micros()%u)+u)%u)
}

// kindOnWire returns the kind of a column's values, CursorNone where they do not order changes.
func kindOnWire(f field) tidemark.CursorKind {
	switch f.typ {
	case typeTiny, typeShort, typeInt24, typeLong, typeLongLong:
		return tidemark.CursorInteger
	case typeDate:
		return tidemark.CursorDate
	case typeDatetime:
		return tidemark.CursorDatetime
	case typeTimestamp:
		return tidemark.CursorTimestamp
	default:
		return tidemark.CursorNone
	}
}
