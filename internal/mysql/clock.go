package mysql

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/tidemark-data/tidemark"
)

// clock is a DATE, DATETIME or TIMESTAMP as the wire has it: it need not exist.
type clock struct {
	year, month, day, hour, minute, second int
	micros                                 int
}

// parseClock reads a value with its length byte; false when the length is none of the protocol's.
func parseClock(p []byte) (t clock, ok bool) {
	if len(p) == 0 || int(p[0]) != len(p)-1 {
		return clock{}, false
	}
	switch p[0] {
	case 0:
		return clock{}, true
	case 11:
		t.micros = int(binary.LittleEndian.Uint32(p[8:]))
		fallthrough
	case 7:
		t.hour, t.minute, t.second = int(p[5]), int(p[6]), int(p[7])
		fallthrough
	case 4:
		t.year, t.month, t.day = int(binary.LittleEndian.Uint16(p[1:])), int(p[3]), int(p[4])
		return t, true
	default:
		return clock{}, false
	}
}

const (
	microsPerSecond = 1_000_000
	microsPerDay    = 86_400 * microsPerSecond
)

// days returns the days since 1970-01-01 in the proleptic Gregorian calendar, which is MySQL's, or false for a date
// that does not exist. Year 0 counts as such: only parts of zero dates and mistakes lie there.
func (t clock) days() (int32, bool) {
	if t.year < 1 || t.year > 9999 || t.month < 1 || t.month > 12 || t.day < 1 || t.day > daysIn(t.year, t.month) {
		return 0, false
	}
	return civilDays(t.year, t.month, t.day), true
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	default:
		return 31
	}
}

// civilDays counts years from March, so that the leap day is the last of the year.
func civilDays(year, month, day int) int32 {
	if month <= 2 {
		year--
		month += 12
	}
	return int32(365*year + year/4 - year/100 + year/400 + (153*month-457)/5 + day - 719469)
}

// microseconds returns the point on the value's own clock since 1970-01-01 00:00:00, false when there is no such time.
func (t clock) microseconds() (int64, bool) {
	days, ok := t.days()
	if !ok || t.hour > 23 || t.minute > 59 || t.second > 59 || t.micros >= microsPerSecond {
		return 0, false
	}
	seconds := int64(t.hour*3600 + t.minute*60 + t.second)
	return int64(days)*microsPerDay + seconds*microsPerSecond + int64(t.micros), true
}

// zero reports whether it is a zero date, or so early that it counts as one.
func (t clock) zero() bool { return t.year < 1 }

func (v value) clockText() string {
	t, ok := parseClock(v.data)
	if !ok {
		return "?"
	}
	text := fmt.Sprintf("%04d-%02d-%02d", t.year, t.month, t.day)
	if v.typ == typeDate {
		return text
	}
	text += fmt.Sprintf(" %02d:%02d:%02d", t.hour, t.minute, t.second)
	if digits := int(v.decimals); digits > 0 && digits <= 6 {
		text += "." + fmt.Sprintf("%06d", t.micros)[:digits]
	}
	return text
}

// appendTime writes a TIME as MySQL does: a sign, at least two digits of hours, which may pass 24, and the declared
// digits of the fraction. A malformed value is written as "?"; the callers have checked its length.
func appendTime(to, p []byte, digits int) []byte {
	var negative bool
	var hours, minute, second, micros int
	switch {
	case len(p) == 1 && p[0] == 0:
	case len(p) == 9 && p[0] == 8, len(p) == 13 && p[0] == 12:
		negative = p[1] != 0
		hours = int(binary.LittleEndian.Uint32(p[2:]))*24 + int(p[6])
		minute, second = int(p[7]), int(p[8])
		if len(p) == 13 {
			micros = int(binary.LittleEndian.Uint32(p[9:]))
		}
	default:
		return append(to, '?')
	}
	if negative {
		to = append(to, '-')
	}
	if hours < 10 {
		to = append(to, '0')
	}
	to = strconv.AppendInt(to, int64(hours), 10)
	to = append(to, ':', byte('0'+minute/10%10), byte('0'+minute%10), ':', byte('0'+second/10%10), byte('0'+second%10))
	if digits <= 0 || digits > 6 {
		return to
	}
	to = append(to, '.')
	for unit := 100_000; digits > 0; digits, unit = digits-1, unit/10 {
		to = append(to, byte('0'+micros/unit%10))
	}
	return to
}

// cursorArgument returns a cursor value as a typed argument, so that the server compares it as what it is and uses the
// index.
func cursorArgument(v tidemark.CursorValue) (value, error) {
	switch v.Kind() {
	case tidemark.CursorInteger:
		if n, err := strconv.ParseInt(v.SQL(), 10, 64); err == nil {
			return intValue(n), nil
		}
		n, err := strconv.ParseUint(v.SQL(), 10, 64)
		if err != nil {
			return value{}, fmt.Errorf("cursor value %q: %w: %w", v, tidemark.ErrInvalid, err)
		}
		return valueOf(n)
	case tidemark.CursorDate, tidemark.CursorDatetime, tidemark.CursorTimestamp:
		return clockArgument(v), nil
	default:
		return value{}, fmt.Errorf("cursor value of kind %s: %w", v.Kind(), tidemark.ErrInvalid)
	}
}

func clockArgument(v tidemark.CursorValue) value {
	at := time.UnixMicro(v.Micros()).UTC()
	year := binary.LittleEndian.AppendUint16(nil, uint16(min(max(at.Year(), 0), math.MaxUint16)))
	if v.Kind() == tidemark.CursorDate {
		return value{typ: typeDate, data: []byte{4, year[0], year[1], byte(at.Month()), byte(at.Day())}}
	}
	data := []byte{11, year[0], year[1], byte(at.Month()), byte(at.Day()), byte(at.Hour()), byte(at.Minute()), byte(at.Second())}
	data = binary.LittleEndian.AppendUint32(data, uint32(at.Nanosecond()/1000))
	return value{typ: typeDatetime, decimals: 6, data: data}
}
