package mysql

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/tidemark-data/tidemark"
)

// Types of values on the wire.
const (
	typeTiny       = 0x01
	typeShort      = 0x02
	typeLong       = 0x03
	typeFloat      = 0x04
	typeDouble     = 0x05
	typeNull       = 0x06
	typeTimestamp  = 0x07
	typeLongLong   = 0x08
	typeInt24      = 0x09
	typeDate       = 0x0a
	typeTime       = 0x0b
	typeDatetime   = 0x0c
	typeYear       = 0x0d
	typeBit        = 0x10
	typeVector     = 0xf2
	typeJSON       = 0xf5
	typeNewDecimal = 0xf6
	typeBlob       = 0xfc
	typeVarString  = 0xfd
	typeString     = 0xfe
	typeGeometry   = 0xff
)

// A value is one value of the binary protocol, kept as the server wrote it. Results and arguments have the same form
// there, so that a key which was read can be sent back bit by bit: nothing of it is ever converted on the way.
type value struct {
	typ      byte
	unsigned bool
	null     bool
	decimals byte   // digits that String shows of a time
	data     []byte // without the length of a string, with the length byte of a time
}

// binaryRow splits a row into its values; they point into the payload.
func binaryRow(payload []byte, fields []field) ([]value, error) {
	nulls := (len(fields) + 9) / 8
	if len(payload) < 1+nulls {
		return nil, malformed("a cut row")
	}
	bitmap, p := payload[1:1+nulls], payload[1+nulls:]
	values := make([]value, len(fields))
	for i, f := range fields {
		values[i] = value{typ: f.typ, unsigned: f.unsigned(), decimals: f.decimals}
		if isText(f.typ) && f.binary() {
			values[i].typ = typeBlob // sent back as what it is, it is not taken for characters
		}
		if bitmap[(i+2)/8]&(1<<((i+2)%8)) != 0 {
			values[i].null = true
			continue
		}
		start, end := extent(f.typ, p)
		if end < 0 {
			return nil, malformed("a cut row")
		}
		values[i].data, p = p[start:end], p[end:]
	}
	return values, nil
}

// extent returns where a value of that type lies in p, -1 as the end when p is too short.
func extent(typ byte, p []byte) (start, end int) {
	switch typ {
	case typeNull:
		return 0, 0
	case typeTiny:
		end = 1
	case typeShort, typeYear:
		end = 2
	case typeLong, typeInt24, typeFloat:
		end = 4
	case typeLongLong, typeDouble:
		end = 8
	case typeDate, typeDatetime, typeTimestamp, typeTime:
		if len(p) == 0 {
			return 0, -1
		}
		end = 1 + int(p[0])
	default:
		length, n := lengthEncoded(p)
		if n == 0 || length > uint64(len(p)-n) {
			return 0, -1
		}
		return n, n + int(length)
	}
	if end > len(p) {
		return 0, -1
	}
	return 0, end
}

// encodeArguments writes the values of a COM_STMT_EXECUTE: which are NULL, their types, the rest.
func encodeArguments(args []value) []byte {
	if len(args) == 0 {
		return nil
	}
	out := make([]byte, (len(args)+7)/8, 64)
	for i, v := range args {
		if v.null {
			out[i/8] |= 1 << (i % 8)
		}
	}
	out = append(out, 1) // the types follow
	for _, v := range args {
		var sign byte
		if v.unsigned {
			sign = 0x80
		}
		out = append(out, v.parameterType(), sign)
	}
	for _, v := range args {
		if v.null {
			continue
		}
		if v.variable() {
			out = appendLengthEncoded(out, uint64(len(v.data)))
		}
		out = append(out, v.data...)
	}
	return out
}

// parameterType differs from the type of a result for the few that servers accept in results only.
func (v value) parameterType() byte {
	switch v.typ {
	case typeYear:
		return typeShort
	case typeInt24:
		return typeLong
	default:
		return v.typ
	}
}

// variable reports whether the value's length stands before it.
func (v value) variable() bool {
	switch v.typ {
	case typeTiny, typeShort, typeYear, typeLong, typeInt24, typeLongLong, typeFloat, typeDouble, typeNull,
		typeDate, typeDatetime, typeTimestamp, typeTime:
		return false
	default:
		return true
	}
}

// clone returns a value that does not point into a packet.
func (v value) clone() value {
	v.data = append([]byte(nil), v.data...)
	return v
}

func valueOf(arg any) (value, error) {
	switch arg := arg.(type) {
	case nil:
		return value{typ: typeNull, null: true}, nil
	case int:
		return intValue(int64(arg)), nil
	case int64:
		return intValue(arg), nil
	case uint64:
		return value{typ: typeLongLong, unsigned: true, data: binary.LittleEndian.AppendUint64(nil, arg)}, nil
	case string:
		return value{typ: typeVarString, data: []byte(arg)}, nil
	case []byte:
		return value{typ: typeVarString, data: arg}, nil
	case tidemark.CursorValue:
		return cursorArgument(arg)
	case value:
		return arg, nil
	default:
		return value{}, fmt.Errorf("statement argument of type %T: %w", arg, tidemark.ErrInvalid)
	}
}

func valuesOf(args []any) ([]value, error) {
	values := make([]value, len(args))
	for i, arg := range args {
		var err error
		if values[i], err = valueOf(arg); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func intValue(v int64) value {
	return value{typ: typeLongLong, data: binary.LittleEndian.AppendUint64(nil, uint64(v))}
}

// String returns the value as the server would write it in text.
func (v value) String() string {
	if v.null {
		return ""
	}
	le := binary.LittleEndian
	var n int64
	switch v.typ {
	case typeTiny:
		n = int64(int8(v.data[0]))
		if v.unsigned {
			n = int64(v.data[0])
		}
	case typeShort, typeYear:
		n = int64(int16(le.Uint16(v.data)))
		if v.unsigned {
			n = int64(le.Uint16(v.data))
		}
	case typeLong, typeInt24:
		n = int64(int32(le.Uint32(v.data)))
		if v.unsigned {
			n = int64(le.Uint32(v.data))
		}
	case typeLongLong:
		if v.unsigned {
			return strconv.FormatUint(le.Uint64(v.data), 10)
		}
		n = int64(le.Uint64(v.data))
	case typeFloat:
		return strconv.FormatFloat(float64(math.Float32frombits(le.Uint32(v.data))), 'g', -1, 32)
	case typeDouble:
		return strconv.FormatFloat(math.Float64frombits(le.Uint64(v.data)), 'g', -1, 64)
	case typeDate, typeDatetime, typeTimestamp:
		return v.clockText()
	case typeTime:
		return string(appendTime(nil, v.data, int(v.decimals)))
	default:
		return string(v.data)
	}
	return strconv.FormatInt(n, 10)
}
