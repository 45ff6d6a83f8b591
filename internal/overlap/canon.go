package overlap

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/zeebo/xxh3"

	"github.com/tidemark-data/tidemark"
)

// A kind is a family of column types whose values compare as equal when they mean the same. A column that changes its
// type within its kind (INT to BIGINT, DECIMAL(10,2) to DECIMAL(12,4), FLOAT to DOUBLE, DATE to DATETIME) changes no
// hash. The names are in the header of each side file.
type kind string

const (
	kindNumber   kind = "number" // integers and decimals, by value
	kindBool     kind = "bool"
	kindFloat    kind = "float"
	kindString   kind = "string"
	kindBinary   kind = "binary"
	kindDatetime kind = "datetime" // date or wall clock
	kindInstant  kind = "instant"
	kindTime     kind = "time"
)

func kindOf(t arrow.DataType) (kind, error) {
	switch t := t.(type) {
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type,
		*arrow.Uint8Type, *arrow.Uint16Type, *arrow.Uint32Type, *arrow.Uint64Type, *arrow.Decimal128Type:
		return kindNumber, nil
	case *arrow.BooleanType:
		return kindBool, nil
	case *arrow.Float32Type, *arrow.Float64Type:
		return kindFloat, nil
	case *arrow.StringType, *arrow.LargeStringType:
		return kindString, nil
	case *arrow.BinaryType, *arrow.LargeBinaryType, *arrow.FixedSizeBinaryType:
		return kindBinary, nil
	case *arrow.Date32Type, *arrow.Date64Type:
		return kindDatetime, nil
	case *arrow.Time32Type:
		return kindTime, nil
	case *arrow.Time64Type:
		if t.Unit == arrow.Microsecond {
			return kindTime, nil
		}
	case *arrow.TimestampType:
		switch {
		case t.Unit == arrow.Nanosecond: // would lose digits
		case t.TimeZone == "":
			return kindDatetime, nil
		default:
			return kindInstant, nil
		}
	case *arrow.DictionaryType:
		return kindOf(t.ValueType)
	case arrow.ExtensionType:
		return kindOf(t.StorageType())
	case arrow.ListLikeType:
		element, err := kindOf(t.Elem())
		return "list<" + element + ">", err
	}
	return "", fmt.Errorf("type %s has no canonical form: %w", t, tidemark.ErrInvalid)
}

// The first byte of each canonical value. Values of two kinds, NULL and lists never have the same bytes, and none is
// the beginning of another.
const (
	tagNull = iota
	tagInteger
	tagHuge    // an integer of more than 64 bits
	tagDecimal // with digits behind the point
	tagBool
	tagFloat
	tagString
	tagBinary
	tagLong // a string or binary of more than longValue bytes, as length and hash
	tagDatetime
	tagInstant
	tagTime
	tagList
)

// longValue is the size in bytes above which a value is hashed where it lies instead of being copied, so that a row
// of large BLOBs costs no memory.
const longValue = 4096

const microsPerDay = 24 * 60 * 60 * 1e6

// microsPer returns the microseconds of a unit that is not finer.
func microsPer(u arrow.TimeUnit) int64 {
	switch u {
	case arrow.Second:
		return 1e6
	case arrow.Millisecond:
		return 1e3
	default:
		return 1
	}
}

// An appender appends the canonical form of one row's value to dst.
type appender func(dst []byte, row int) []byte

// appenderOf returns the appender of an array of a type that kindOf accepts. It is valid as long as the array.
func appenderOf(col arrow.Array) appender {
	value := valueAppender(col)
	if col.NullN() == 0 {
		return value
	}
	return func(dst []byte, row int) []byte {
		if col.IsNull(row) {
			return append(dst, tagNull)
		}
		return value(dst, row)
	}
}

func valueAppender(col arrow.Array) appender {
	switch a := col.(type) {
	case *array.Int8:
		return fixed(tagInteger, a.Int8Values(), 1)
	case *array.Int16:
		return fixed(tagInteger, a.Int16Values(), 1)
	case *array.Int32:
		return fixed(tagInteger, a.Int32Values(), 1)
	case *array.Int64:
		return fixed(tagInteger, a.Int64Values(), 1)
	case *array.Uint8:
		return fixed(tagInteger, a.Uint8Values(), 1)
	case *array.Uint16:
		return fixed(tagInteger, a.Uint16Values(), 1)
	case *array.Uint32:
		return fixed(tagInteger, a.Uint32Values(), 1)
	case *array.Date32:
		return fixed(tagDatetime, a.Date32Values(), microsPerDay)
	case *array.Date64:
		return fixed(tagDatetime, a.Date64Values(), 1e3)
	case *array.Time32:
		return fixed(tagTime, a.Time32Values(), microsPer(a.DataType().(*arrow.Time32Type).Unit))
	case *array.Time64:
		return fixed(tagTime, a.Time64Values(), 1)
	case *array.Timestamp:
		t := a.DataType().(*arrow.TimestampType)
		tag := byte(tagDatetime)
		if t.TimeZone != "" {
			tag = tagInstant
		}
		return fixed(tag, a.TimestampValues(), microsPer(t.Unit))
	}
	return otherAppender(col)
}

func otherAppender(col arrow.Array) appender {
	switch a := col.(type) {
	case *array.Uint64:
		return func(dst []byte, row int) []byte { return appendNumber(dst, decimal128.FromU64(a.Value(row)), 0) }
	case *array.Decimal128:
		scale := a.DataType().(*arrow.Decimal128Type).Scale
		return func(dst []byte, row int) []byte { return appendNumber(dst, a.Value(row), scale) }
	case *array.Boolean:
		return func(dst []byte, row int) []byte {
			if a.Value(row) {
				return append(dst, tagBool, 1)
			}
			return append(dst, tagBool, 0)
		}
	case *array.Float32:
		return func(dst []byte, row int) []byte { return appendFloat(dst, float64(a.Value(row))) }
	case *array.Float64:
		return func(dst []byte, row int) []byte { return appendFloat(dst, a.Value(row)) }
	case interface{ Value(int) string }: // String, LargeString
		return func(dst []byte, row int) []byte { return appendBytes(dst, tagString, a.Value(row)) }
	case interface{ Value(int) []byte }: // Binary, LargeBinary, FixedSizeBinary
		return func(dst []byte, row int) []byte { return appendBytes(dst, tagBinary, a.Value(row)) }
	case *array.Dictionary:
		value := appenderOf(a.Dictionary())
		return func(dst []byte, row int) []byte { return value(dst, a.GetValueIndex(row)) }
	case array.ExtensionArray:
		return valueAppender(a.Storage())
	case array.ListLike:
		return listAppender(a)
	}
	return func(dst []byte, _ int) []byte { return append(dst, tagNull) } // not reached: kindOf refuses the type
}

func fixed[T small](tag byte, values []T, factor int64) appender {
	return func(dst []byte, row int) []byte {
		return binary.LittleEndian.AppendUint64(append(dst, tag), uint64(int64(values[row])*factor))
	}
}

func appendFloat(dst []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, tagFloat), math.Float64bits(v))
}

func appendBytes[T string | []byte](dst []byte, tag byte, v T) []byte {
	if len(v) <= longValue {
		dst = binary.LittleEndian.AppendUint32(append(dst, tag), uint32(len(v)))
		return append(dst, v...)
	}
	var h xxh3.Uint128
	switch v := any(v).(type) {
	case string:
		h = xxh3.HashString128(v)
	case []byte:
		h = xxh3.Hash128(v)
	}
	dst = binary.LittleEndian.AppendUint64(append(dst, tagLong, tag), uint64(len(v)))
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(dst, h.Hi), h.Lo)
}

func listAppender(a array.ListLike) appender {
	element := appenderOf(a.ListValues())
	return func(dst []byte, row int) []byte {
		from, to := a.ValueOffsets(row)
		dst = binary.LittleEndian.AppendUint64(append(dst, tagList), uint64(to-from))
		for i := from; i < to; i++ {
			dst = element(dst, int(i))
		}
		return dst
	}
}

// appendNumber writes a number so that equal values have equal bytes, whatever the scale and width of their columns.
func appendNumber(dst []byte, v decimal128.Num, scale int32) []byte {
	v, scale = trim(v, scale)
	low, high := v.LowBits(), v.HighBits()
	switch {
	case scale == 0 && high == int64(low)>>63:
		return binary.LittleEndian.AppendUint64(append(dst, tagInteger), low)
	case scale == 0:
		dst = append(dst, tagHuge)
	default:
		dst = binary.LittleEndian.AppendUint32(append(dst, tagDecimal), uint32(scale))
	}
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(dst, uint64(high)), low)
}

// trim takes the zeros behind the point away. Most values fit 64 bits and need no big division. A negative scale
// does not come from a server.
func trim(v decimal128.Num, scale int32) (decimal128.Num, int32) {
	if n := int64(v.LowBits()); v.HighBits() == n>>63 {
		for scale > 0 && n%10 == 0 {
			n, scale = n/10, scale-1
		}
		return decimal128.FromI64(n), scale
	}
	var ten, rest, quotient = big.NewInt(10), new(big.Int), new(big.Int)
	for n := v.BigInt(); scale > 0; scale-- {
		if quotient.QuoRem(n, ten, rest); rest.Sign() != 0 {
			break
		}
		n.Set(quotient)
		v = decimal128.FromBigInt(n)
	}
	return v, scale
}
