package mysql

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

// A columnBuffer holds one column of the batch that is being filled: one of the slices, in Arrow's own layout, so that
// the finished batch takes them over as they are.
type columnBuffer struct {
	*column
	op operationCode

	int32s   []int32
	int64s   []int64
	float32s []float32 // of a vector: all elements
	float64s []float64
	decimals []decimal128.Num
	bools    []byte // a bit per row
	offsets  []int32
	bytes    []byte

	valid []byte // a bit per row, all set to begin with
	nulls int

	day       uint32 // the last DATETIME's date as on the wire, and its first microsecond
	dayMicros int64
	dayKnown  bool

	zeros      int64 // dates that do not exist and became NULL
	refuseZero bool  // zero_dates: error
	cursor     bool  // a date that does not exist cannot order
	refuseNull bool  // of a cursor under NullsError
}

// reset gives the column fresh memory for so many rows.
func (c *columnBuffer) reset(rows int) {
	bytes := min(len(c.bytes)+len(c.bytes)/8, maxBatchBytes)
	c.int32s, c.int64s, c.float32s, c.float64s, c.decimals = nil, nil, nil, nil, nil
	c.bools, c.offsets, c.bytes, c.valid, c.nulls = nil, nil, nil, nil, 0
	if c.offsetted() && c.kind != kindVector {
		c.bytes = make([]byte, 0, bytes)
	}
	c.grow(rows)
}

// grow makes room for so many rows, keeping those that are there.
func (c *columnBuffer) grow(rows int) {
	switch c.kind {
	case kindInt32, kindDate:
		c.int32s = resized(c.int32s, rows)
	case kindInt64, kindBits, kindDatetime, kindTimestamp:
		c.int64s = resized(c.int64s, rows)
	case kindFloat32:
		c.float32s = resized(c.float32s, rows)
	case kindFloat64:
		c.float64s = resized(c.float64s, rows)
	case kindUint64, kindDecimal:
		c.decimals = resized(c.decimals, rows)
	case kindBool:
		c.bools = resized(c.bools, (rows+7)/8)
	default:
		c.offsets = resized(c.offsets, rows+1)
	}
	if c.Nullable {
		had := len(c.valid)
		c.valid = resized(c.valid, (rows+7)/8)
		for i := had; i < len(c.valid); i++ {
			c.valid[i] = 0xff
		}
	}
}

func resized[T any](s []T, n int) []T {
	out := make([]T, n)
	copy(out, s)
	return out
}

// offsetted reports whether the column's values differ in length.
func (c *columnBuffer) offsetted() bool {
	switch c.kind {
	case kindString, kindTime, kindBinary, kindGeometry, kindVector:
		return true
	default:
		return false
	}
}

func (c *columnBuffer) setNull(row int) error {
	if !c.Nullable {
		return &badValue{column: c.Name, what: "NULL, where the schema has none", kind: tidemark.ErrRestart}
	}
	if c.refuseNull {
		return c.bad("NULL in the cursor")
	}
	bitutil.ClearBit(c.valid, row)
	c.nulls++
	switch {
	case c.kind == kindVector:
		c.offsets[row+1] = int32(len(c.float32s))
	case c.offsets != nil:
		c.offsets[row+1] = int32(len(c.bytes))
	}
	return nil
}

func (c *columnBuffer) bad(what string) error {
	return &badValue{column: c.Name, what: what, kind: tidemark.ErrInvalid}
}

// noDate deals with a date that does not exist: NULL, or an error where it may not be that.
func (c *columnBuffer) noDate(row int, t clock, raw []byte) error {
	shown := value{typ: typeDatetime, data: raw, decimals: byte(c.scale)}
	if c.kind == kindDate {
		shown.typ = typeDate
	}
	text := shown.clockText()
	switch {
	case c.refuseZero:
		return c.bad(text + " is no date")
	case c.cursor && !t.zero():
		return c.bad("the cursor's value " + text + " is no date, and so has no place in the order")
	}
	c.zeros++
	return c.setNull(row)
}

func (c *columnBuffer) setUnsigned(row int, v uint64) { c.decimals[row] = decimal128.New(0, v) }

// other decodes the kinds that are neither numbers nor text nor times of day and year.
func (c *columnBuffer) other(row int, p []byte) (int, error) {
	switch c.kind {
	case kindDate:
		return c.rareClock(row, p)
	case kindTime:
		_, end := extent(typeTime, p)
		if end < 0 {
			return 0, nil
		}
		c.bytes = appendTime(c.bytes, p[:end], c.scale)
		c.offsets[row+1] = int32(len(c.bytes))
		return end, nil
	}
	raw, rest, ok := lengthEncodedBytes(p)
	if !ok {
		return 0, nil
	}
	return len(p) - len(rest), c.setBytes(row, raw)
}

// setBytes stores a value that comes as a string of bytes and means something else.
func (c *columnBuffer) setBytes(row int, raw []byte) error {
	switch c.kind {
	case kindBool, kindBits, kindUint64:
		return c.setBits(row, raw)
	case kindDecimal:
		v, err := parseDecimal(raw, c.precision, c.scale)
		if err != nil {
			return c.bad(err.Error())
		}
		c.decimals[row] = v
	case kindVector:
		if len(raw)%4 != 0 {
			return c.bad(fmt.Sprintf("a vector of %d bytes", len(raw)))
		}
		for ; len(raw) > 0; raw = raw[4:] {
			c.float32s = append(c.float32s, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
		}
		c.offsets[row+1] = int32(len(c.float32s))
	default: // kindGeometry, kindBinary
		if c.kind == kindGeometry {
			if len(raw) < 4 {
				return c.bad(fmt.Sprintf("a geometry of %d bytes", len(raw)))
			}
			raw = raw[4:]
		}
		c.bytes = append(c.bytes, raw...)
		c.offsets[row+1] = int32(len(c.bytes))
	}
	return nil
}

// setBits stores a BIT(n), which comes with its highest byte first.
func (c *columnBuffer) setBits(row int, raw []byte) error {
	if len(raw) > 8 {
		return c.bad(fmt.Sprintf("a bit field of %d bytes", len(raw)))
	}
	var v uint64
	for _, b := range raw {
		v = v<<8 | uint64(b)
	}
	switch c.kind {
	case kindBool:
		bitutil.SetBitTo(c.bools, row, v != 0)
	case kindBits:
		c.int64s[row] = int64(v)
	default:
		c.setUnsigned(row, v)
	}
	return nil
}

// data returns the column's first rows as Arrow data.
func (c *columnBuffer) data(rows int) *array.Data {
	var valid *memory.Buffer
	if c.nulls > 0 {
		valid = memory.NewBufferBytes(c.valid[:(rows+7)/8])
	}
	buffers := []*memory.Buffer{valid, nil}
	switch c.kind {
	case kindInt32, kindDate:
		buffers[1] = memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(c.int32s[:rows]))
	case kindInt64, kindBits, kindDatetime, kindTimestamp:
		buffers[1] = memory.NewBufferBytes(arrow.Int64Traits.CastToBytes(c.int64s[:rows]))
	case kindFloat32:
		buffers[1] = memory.NewBufferBytes(arrow.Float32Traits.CastToBytes(c.float32s[:rows]))
	case kindFloat64:
		buffers[1] = memory.NewBufferBytes(arrow.Float64Traits.CastToBytes(c.float64s[:rows]))
	case kindUint64, kindDecimal:
		buffers[1] = memory.NewBufferBytes(arrow.Decimal128Traits.CastToBytes(c.decimals[:rows]))
	case kindBool:
		buffers[1] = memory.NewBufferBytes(c.bools[:(rows+7)/8])
	case kindVector:
		buffers[1] = memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(c.offsets[:rows+1]))
		elements := array.NewData(arrow.PrimitiveTypes.Float32, len(c.float32s),
			[]*memory.Buffer{nil, memory.NewBufferBytes(arrow.Float32Traits.CastToBytes(c.float32s))}, nil, 0, 0)
		defer elements.Release()
		return array.NewData(c.Type, rows, buffers, []arrow.ArrayData{elements}, c.nulls, 0)
	default:
		buffers[1] = memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(c.offsets[:rows+1]))
		buffers = append(buffers, memory.NewBufferBytes(c.bytes))
	}
	return array.NewData(c.Type, rows, buffers, nil, c.nulls, 0)
}
