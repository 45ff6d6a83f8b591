package mysql

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
)

// A texter appends the text of one row's value to dst, as the server writes it (checksum_sql.go).
type texter func(dst []byte, row int) []byte

// Texts implements tidemark.Comparer.
func (s *Source) Texts(b arrow.RecordBatch, columns []string) (func(dst []byte, row int) []byte, error) {
	t, err := s.known()
	if err != nil {
		return nil, err
	}
	texters := make([]texter, len(columns))
	for i, name := range columns {
		c, err := t.compared(name)
		if err != nil {
			return nil, err
		}
		if texters[i], err = s.texterOf(c, b); err != nil {
			return nil, err
		}
	}
	return func(dst []byte, row int) []byte {
		for i, text := range texters {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = text(dst, row)
		}
		return dst
	}, nil
}

// texterOf returns the texter of a column of a batch, which may be wider than the source's: the table in the lake
// keeps the widest type that the column ever had.
func (s *Source) texterOf(c *column, b arrow.RecordBatch) (texter, error) {
	at := b.Schema().FieldIndices(c.Name)
	if len(at) == 0 {
		return func(dst []byte, _ int) []byte { return append(dst, '~') }, nil
	}
	values := b.Column(at[0])
	text := s.valueText(c, values)
	if text == nil {
		return nil, fmt.Errorf("column %q is %s in the source and %s in the lake: they cannot be compared: %w",
			c.Name, c.SourceType, values.DataType(), tidemark.ErrInvalid)
	}
	if values.NullN() == 0 {
		return text, nil
	}
	return func(dst []byte, row int) []byte {
		if values.IsNull(row) {
			return append(dst, '~')
		}
		return text(dst, row)
	}, nil
}

func (s *Source) valueText(c *column, values arrow.Array) texter {
	switch a := values.(type) {
	case *array.Int32:
		return func(dst []byte, row int) []byte { return strconv.AppendInt(dst, int64(a.Value(row)), 10) }
	case *array.Int64:
		return func(dst []byte, row int) []byte { return strconv.AppendInt(dst, a.Value(row), 10) }
	case *array.Decimal128:
		return decimalText(a)
	case *array.Boolean:
		return func(dst []byte, row int) []byte {
			if a.Value(row) {
				return append(dst, '1')
			}
			return append(dst, '0')
		}
	case *array.Float32:
		return func(dst []byte, row int) []byte { return s.server.family.appendDouble(dst, float64(a.Value(row))) }
	case *array.Float64:
		return func(dst []byte, row int) []byte { return s.server.family.appendDouble(dst, a.Value(row)) }
	case *array.Date32:
		return func(dst []byte, row int) []byte { return appendDay(dst, int64(a.Value(row))) }
	case *array.Timestamp:
		return func(dst []byte, row int) []byte { return appendMicros(dst, int64(a.Value(row)), c.scale) }
	case *array.String:
		if c.kind == kindTime || c.dataType == "decimal" || c.dataType == "numeric" {
			return func(dst []byte, row int) []byte { return append(dst, a.Value(row)...) }
		}
		return stringText(a)
	case *array.Binary:
		return func(dst []byte, row int) []byte { return appendChecksum(dst, a.Value(row)) }
	case array.ListLike:
		return vectorText(a)
	}
	return nil
}

// stringText is the checksum of a string's bytes, which are not copied.
func stringText(a *array.String) texter {
	bytes := a.ValueBytes()
	return func(dst []byte, row int) []byte {
		start := a.ValueOffset(row) - a.ValueOffset(0)
		return appendChecksum(dst, bytes[start:start+len(a.Value(row))])
	}
}

func appendChecksum(dst, value []byte) []byte {
	return strconv.AppendUint(dst, uint64(crc32.ChecksumIEEE(value)), 10)
}

// decimalText writes all digits behind the point, as the server does. Most values fit 64 bits.
func decimalText(a *array.Decimal128) texter {
	scale := int(a.DataType().(*arrow.Decimal128Type).Scale)
	return func(dst []byte, row int) []byte {
		v := a.Value(row)
		n := int64(v.LowBits())
		if v.HighBits() != n>>63 || n == math.MinInt64 {
			if v.HighBits() == 0 && scale == 0 {
				return strconv.AppendUint(dst, v.LowBits(), 10)
			}
			return append(dst, v.ToString(int32(scale))...)
		}
		if n < 0 {
			dst, n = append(dst, '-'), -n
		}
		if scale == 0 {
			return strconv.AppendInt(dst, n, 10)
		}
		var digits [40]byte
		text := strconv.AppendInt(digits[:0], n, 10)
		for len(text) <= scale {
			text = append(text, 0)
			copy(text[1:], text)
			text[0] = '0'
		}
		dst = append(dst, text[:len(text)-scale]...)
		return append(append(dst, '.'), text[len(text)-scale:]...)
	}
}

// vectorText is the checksum of a VECTOR's bytes: floats, the lowest byte first.
func vectorText(a array.ListLike) texter {
	floats, ok := a.ListValues().(*array.Float32)
	if !ok {
		return nil
	}
	return func(dst []byte, row int) []byte {
		from, to := a.ValueOffsets(row)
		sum := uint32(0)
		var four [4]byte
		for i := from; i < to; i++ {
			binary.LittleEndian.PutUint32(four[:], math.Float32bits(floats.Value(int(i))))
			sum = crc32.Update(sum, crc32.IEEETable, four[:])
		}
		return strconv.AppendUint(dst, uint64(sum), 10)
	}
}

const dayMicros = 24 * 60 * 60 * 1e6

// appendMicros writes a point in time with so many digits of its fraction; with all six where the value has more than
// the column, so that it differs.
func appendMicros(dst []byte, micros int64, digits int) []byte {
	days := micros / dayMicros
	rest := micros - days*dayMicros
	if rest < 0 {
		days, rest = days-1, rest+dayMicros
	}
	dst = appendDay(dst, days)
	seconds, fraction := rest/1e6, rest%1e6
	dst = append(dst, ' ')
	dst = append(appendTwo(dst, seconds/3600), ':')
	dst = append(appendTwo(dst, seconds/60%60), ':')
	dst = appendTwo(dst, seconds%60)
	unit := int64(1e6)
	for range digits {
		unit /= 10
	}
	if fraction%unit != 0 {
		digits, unit = 6, 1
	}
	if digits == 0 {
		return dst
	}
	dst = append(dst, '.')
	for at := int64(1e5); at >= unit; at /= 10 {
		dst = append(dst, byte('0'+fraction/at%10))
	}
	return dst
}

func appendTwo(dst []byte, n int64) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

// appendDay writes a day by its number since 1970-01-01: the inverse of civilDays, with years that begin in March.
func appendDay(dst []byte, days int64) []byte {
	days += 719468 // since 0000-03-01
	era := days / 146097
	if days < 0 {
		era = (days - 146096) / 146097
	}
	dayOfEra := days - era*146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	month := (5*dayOfYear + 2) / 153
	day := dayOfYear - (153*month+2)/5 + 1
	year := yearOfEra + era*400
	if month += 3; month > 12 {
		month, year = month-12, year+1
	}
	dst = appendTwo(appendTwo(dst, year/100), year%100)
	dst = append(appendTwo(append(dst, '-'), month), '-')
	return appendTwo(dst, day)
}
