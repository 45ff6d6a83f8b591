package parquet

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"math/big"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/twmb/murmur3"
)

// A reading is a partition field over one column of one batch. Exactly one of the functions is set, by the type of
// the result; row i is not NULL. The values are Iceberg's; a test compares them with Iceberg's own library, which
// only the iceberg package may carry.
type reading struct {
	column arrow.Array
	number func(i int) int64
	text   func(i int) []byte
	exact  func(i int) decimal128.Num
}

// read prepares a field for a column.
func (f PartitionField) read(column arrow.Array) reading {
	r := source(column)
	switch f.Transform {
	case Year, Month, Day, Hour:
		r.number = f.period(column, r.number)
	case Bucket:
		r = reading{column: column, number: f.bucket(r)}
	case Truncate:
		r = f.truncate(column, r)
	}
	return r
}

// source gives a column's own values: timestamps in microseconds, dates in days.
func source(column arrow.Array) reading {
	r := reading{column: column}
	switch c := column.(type) {
	case *array.Boolean:
		r.number = func(i int) int64 {
			if c.Value(i) {
				return 1
			}
			return 0
		}
	case *array.Int32:
		r.number = func(i int) int64 { return int64(c.Value(i)) }
	case *array.Int64:
		r.number = c.Value
	case *array.Date32:
		r.number = func(i int) int64 { return int64(c.Value(i)) }
	case *array.Timestamp:
		unit := c.DataType().(*arrow.TimestampType).Unit
		r.number = func(i int) int64 { return micros(int64(c.Value(i)), unit) }
	case *array.Decimal128:
		r.exact = c.Value
	default:
		v, _ := stringsOf(column) // NewPartitioning admits no other type
		r.text = v.at
	}
	return r
}

func micros(v int64, unit arrow.TimeUnit) int64 {
	switch unit {
	case arrow.Second:
		return v * 1e6
	case arrow.Millisecond:
		return v * 1e3
	case arrow.Nanosecond:
		return floorDiv(v, 1e3)
	default:
		return v
	}
}

const (
	dayMicros  = 86400 * 1e6
	hourMicros = 3600 * 1e6
)

// period counts years, months, days or hours from 1970.
func (f PartitionField) period(column arrow.Array, value func(int) int64) func(int) int64 {
	day := value
	if column.DataType().ID() == arrow.TIMESTAMP {
		day = func(i int) int64 { return floorDiv(value(i), dayMicros) }
	}
	date := func(i int) time.Time { return time.Unix(day(i)*86400, 0).UTC() }
	switch f.Transform {
	case Year:
		return func(i int) int64 { return int64(date(i).Year() - 1970) }
	case Month:
		return func(i int) int64 { d := date(i); return int64(d.Year()-1970)*12 + int64(d.Month()) - 1 }
	case Hour:
		return func(i int) int64 { return floorDiv(value(i), hourMicros) }
	default:
		return day
	}
}

// bucket is Iceberg's hash: murmur3 of eight bytes, of the text, or of a decimal's shortest bytes.
func (f PartitionField) bucket(r reading) func(int) int64 {
	of := func(hash uint32) int64 { return int64(int32(hash)&math.MaxInt32) % int64(f.Width) }
	switch {
	case r.text != nil:
		return func(i int) int64 { return of(murmur3.Sum32(r.text(i))) }
	case r.exact != nil:
		return func(i int) int64 { return of(murmur3.Sum32(shortest(r.exact(i)))) }
	default:
		return func(i int) int64 {
			var b [8]byte
			binary.LittleEndian.PutUint64(b[:], uint64(r.number(i)))
			return of(murmur3.Sum32(b[:]))
		}
	}
}

// shortest returns a number's big-endian two's complement without superfluous leading bytes.
func shortest(n decimal128.Num) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(n.HighBits()))
	b = binary.BigEndian.AppendUint64(b, n.LowBits())
	for len(b) > 1 && (b[0] == 0 && b[1] < 0x80 || b[0] == 0xff && b[1] >= 0x80) {
		b = b[1:]
	}
	return b
}

// truncate rounds numbers down to a multiple of the width, and cuts texts to as many characters, or bytes.
func (f PartitionField) truncate(column arrow.Array, r reading) reading {
	width := int64(f.Width)
	out := reading{column: column}
	switch {
	case r.number != nil:
		out.number = func(i int) int64 { return floorDiv(r.number(i), width) * width }
	case r.exact != nil:
		out.exact = func(i int) decimal128.Num {
			n := r.exact(i).BigInt()
			return decimal128.FromBigInt(n.Sub(n, new(big.Int).Mod(n, big.NewInt(width)))) // Mod is never negative
		}
	case column.DataType().ID() == arrow.BINARY:
		out.text = func(i int) []byte { b := r.text(i); return b[:min(len(b), f.Width)] }
	default:
		out.text = func(i int) []byte { return characters(r.text(i), f.Width) }
	}
	return out
}

func characters(text []byte, n int) []byte {
	end := 0
	for ; n > 0 && end < len(text); n-- {
		_, size := utf8.DecodeRune(text[end:])
		end += size
	}
	return text[:end]
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// appendKey appends bytes that are equal for equal values of the field and for no others.
func (r reading) appendKey(key []byte, i int) []byte {
	if r.column.IsNull(i) {
		return append(key, 0)
	}
	key = append(key, 1)
	switch {
	case r.number != nil:
		return binary.LittleEndian.AppendUint64(key, uint64(r.number(i)))
	case r.exact != nil:
		n := r.exact(i)
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(key, n.LowBits()), uint64(n.HighBits()))
	default:
		text := r.text(i)
		return append(binary.LittleEndian.AppendUint32(key, uint32(len(text))), text...)
	}
}

// value returns the field's value of row i.
func (f PartitionField) value(r reading, i int) PartitionValue {
	v := PartitionValue{Field: f}
	if r.column.IsNull(i) {
		return v
	}
	switch {
	case r.text != nil && r.column.DataType().ID() == arrow.BINARY:
		b := append([]byte{}, r.text(i)...)
		v.Value, v.Text = b, base64.StdEncoding.EncodeToString(b)
	case r.text != nil:
		v.Text = string(r.text(i))
		v.Value = v.Text
	case r.exact != nil:
		n := r.exact(i)
		v.Value, v.Text = n, n.ToString(r.column.DataType().(*arrow.Decimal128Type).Scale)
	default:
		v.Value, v.Text = f.number(r.number(i), r.column.DataType())
	}
	return v
}

// number gives a numeric result its type and its text.
func (f PartitionField) number(n int64, t arrow.DataType) (any, string) {
	const day = "2006-01-02"
	switch f.Transform {
	case Year:
		return int32(n), strconv.FormatInt(1970+n, 10)
	case Month:
		return int32(n), time.Date(1970, time.Month(1+n), 1, 0, 0, 0, 0, time.UTC).Format("2006-01")
	case Day:
		return arrow.Date32(n), time.Unix(n*86400, 0).UTC().Format(day)
	case Hour:
		return int32(n), time.Unix(n*3600, 0).UTC().Format(day + "-15")
	case Bucket:
		return int32(n), strconv.FormatInt(n, 10)
	}
	switch t.ID() {
	case arrow.BOOL:
		return n != 0, strconv.FormatBool(n != 0)
	case arrow.INT32:
		return int32(n), strconv.FormatInt(n, 10)
	case arrow.DATE32:
		return arrow.Date32(n), time.Unix(n*86400, 0).UTC().Format(day)
	case arrow.TIMESTAMP:
		return arrow.Timestamp(n), time.UnixMicro(n).UTC().Format(day + "T15:04:05.999999")
	default:
		return n, strconv.FormatInt(n, 10)
	}
}
