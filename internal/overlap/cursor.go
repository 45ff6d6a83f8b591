package overlap

import (
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
)

// A domain maps the values of the cursor column to int64 keys with the same order, so that the pass over all rows is
// a loop over a slice of integers. Unsigned columns are shifted by 2^63. Values of the other kind of column (a column
// that was signed once) are brought to the nearest key: thresholds may then let too many rows through, never too few.
type domain struct {
	kind     tidemark.CursorKind
	unsigned bool
}

var firstWide = tidemark.UnsignedValue(1 << 63)

func domainOf(column tidemark.Column, c tidemark.Cursor) (domain, error) {
	d := domain{kind: c.Kind}
	kind, err := kindOf(column.Type)
	if err != nil {
		return d, fmt.Errorf("cursor %q: %w", c.Column, err)
	}
	ok := false
	switch c.Kind {
	case tidemark.CursorInteger:
		ok = kind == kindNumber
		switch t := column.Type.(type) {
		case *arrow.Uint64Type:
			d.unsigned = true
		case *arrow.Decimal128Type:
			d.unsigned = true // BIGINT UNSIGNED
			ok = ok && t.Scale == 0
		}
	case tidemark.CursorDate, tidemark.CursorDatetime:
		ok = kind == kindDatetime
	case tidemark.CursorTimestamp:
		ok = kind == kindInstant
	}
	if !ok {
		return d, fmt.Errorf("cursor %q of kind %s does not fit its type %s: %w", c.Column, c.Kind, column.Type, tidemark.ErrInvalid)
	}
	return d, nil
}

// key returns the key of a threshold. "None" is below all keys.
func (d domain) key(v tidemark.CursorValue) int64 {
	wide := v.Kind() == tidemark.CursorInteger && !v.Less(firstWide)
	switch {
	case v.IsZero():
		return math.MinInt64
	case d.unsigned && !wide && v.Micros() < 0:
		return math.MinInt64
	case d.unsigned:
		return v.Micros() ^ math.MinInt64
	case wide:
		return math.MaxInt64
	default:
		return v.Micros()
	}
}

// value is the inverse of key.
func (d domain) value(key int64) tidemark.CursorValue {
	switch {
	case d.unsigned:
		return tidemark.UnsignedValue(uint64(key ^ math.MinInt64))
	case d.kind == tidemark.CursorInteger:
		return tidemark.IntegerValue(key)
	default:
		return tidemark.TemporalValue(d.kind, key)
	}
}

// ordinal returns the key as it is stored.
func (d domain) ordinal(key int64) ordinal {
	if d.unsigned {
		n := uint64(key ^ math.MinInt64)
		return ordinalOf(int64(n), n > math.MaxInt64)
	}
	return ordinalOf(key, false)
}

// An ordinal is a cursor value as the side file stores it, independent of the type that the column has at the time.
// The zero ordinal is NULL. Ordinals order by class, then by n.
type ordinal struct {
	class uint8
	n     uint64
}

const (
	classNull     = 0
	classNegative = 1
	classPlain    = 2 // 0 to 2^63-1
	classWide     = 3 // 2^63 and more
)

func ordinalOf(n int64, wide bool) ordinal {
	switch {
	case wide:
		return ordinal{classWide, uint64(n)}
	case n < 0:
		return ordinal{classNegative, uint64(n)}
	default:
		return ordinal{classPlain, uint64(n)}
	}
}

// floorOf returns the ordinal from which on rows are kept.
func floorOf(v tidemark.CursorValue) ordinal {
	if v.IsZero() {
		return ordinal{}
	}
	return ordinalOf(v.Micros(), v.Kind() == tidemark.CursorInteger && !v.Less(firstWide))
}

func (o ordinal) less(p ordinal) bool {
	return o.class < p.class || o.class == p.class && o.n < p.n
}

// keys returns the keys of a cursor column, in the column's own memory where that is possible and else in scratch,
// which it may grow. The key of a NULL is arbitrary.
func (d domain) keys(col arrow.Array, scratch *[]int64) ([]int64, error) {
	switch a := col.(type) {
	case *array.Int64:
		return a.Int64Values(), nil
	case *array.Timestamp:
		values := a.TimestampValues()
		if unit := a.DataType().(*arrow.TimestampType).Unit; unit != arrow.Microsecond {
			return widen(values, microsPer(unit), scratch), nil
		}
		return arrow.Int64Traits.CastFromBytes(arrow.TimestampTraits.CastToBytes(values)), nil
	case *array.Int32:
		return widen(a.Int32Values(), 1, scratch), nil
	case *array.Date32:
		return widen(a.Date32Values(), microsPerDay, scratch), nil
	case *array.Date64:
		return widen(a.Date64Values(), 1e3, scratch), nil
	case *array.Int16:
		return widen(a.Int16Values(), 1, scratch), nil
	case *array.Int8:
		return widen(a.Int8Values(), 1, scratch), nil
	case *array.Uint32:
		return widen(a.Uint32Values(), 1, scratch), nil
	case *array.Uint16:
		return widen(a.Uint16Values(), 1, scratch), nil
	case *array.Uint8:
		return widen(a.Uint8Values(), 1, scratch), nil
	case *array.Uint64:
		return shifted(a.Uint64Values(), scratch), nil
	case *array.Decimal128:
		return decimalKeys(a, scratch)
	}
	return nil, fmt.Errorf("cursor of type %s: %w", col.DataType(), tidemark.ErrInvalid)
}

type small interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32
}

func widen[T small](values []T, factor int64, scratch *[]int64) []int64 {
	keys := grow(scratch, len(values))
	for i, v := range values {
		keys[i] = int64(v) * factor
	}
	return keys
}

func shifted(values []uint64, scratch *[]int64) []int64 {
	keys := grow(scratch, len(values))
	for i, v := range values {
		keys[i] = int64(v ^ 1<<63)
	}
	return keys
}

func decimalKeys(a *array.Decimal128, scratch *[]int64) ([]int64, error) {
	keys := grow(scratch, a.Len())
	for i, v := range a.Values() {
		if v.HighBits() != 0 && a.IsValid(i) {
			return nil, fmt.Errorf("cursor value %s is not a BIGINT UNSIGNED: %w", v.ToString(0), tidemark.ErrInvalid)
		}
		keys[i] = int64(v.LowBits() ^ 1<<63)
	}
	return keys, nil
}

func grow[T any](buf *[]T, n int) []T {
	if cap(*buf) < n {
		*buf = make([]T, n)
	}
	return (*buf)[:n]
}

// Values returns a function for the cursor values of a column, none for NULL: of a batch of the source, or of the lake, where
// the type may be wider. A type that cannot hold cursors of that kind is ErrInvalid.
func Values(c tidemark.Cursor, col arrow.Array) (func(row int) tidemark.CursorValue, error) {
	d, err := domainOf(tidemark.Column{Type: col.DataType()}, c)
	if err != nil {
		return nil, err
	}
	keys, err := d.keys(col, new([]int64))
	if err != nil {
		return nil, err
	}
	return func(row int) tidemark.CursorValue {
		if col.IsNull(row) {
			return tidemark.CursorValue{}
		}
		return d.value(keys[row])
	}, nil
}
