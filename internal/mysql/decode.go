package mysql

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// operation is how one column is decoded: the form on the wire and the form in the batch together.
type operationCode uint8

const (
	opInt8 operationCode = iota
	opUint8
	opInt16
	opUint16
	opInt32
	opUint32 // into int64
	opInt64
	opUint64 // into decimal
	opFloat32
	opFloat64
	opString
	opDatetime
	opOther // by kind, see columnBuffer.other
)

func operation(c *column, f field) operationCode {
	switch {
	case f.typ == typeTiny && f.unsigned():
		return opUint8
	case f.typ == typeTiny:
		return opInt8
	case (f.typ == typeShort || f.typ == typeYear) && f.unsigned():
		return opUint16
	case f.typ == typeShort, f.typ == typeYear:
		return opInt16
	case f.typ == typeLong && f.unsigned():
		return opUint32
	case f.typ == typeLong, f.typ == typeInt24:
		return opInt32
	case f.typ == typeLongLong && f.unsigned():
		return opUint64
	case f.typ == typeLongLong:
		return opInt64
	case f.typ == typeFloat:
		return opFloat32
	case f.typ == typeDouble:
		return opFloat64
	case c.kind == kindString:
		return opString
	case c.kind == kindDatetime, c.kind == kindTimestamp:
		return opDatetime
	default:
		return opOther
	}
}

// decode adds one row. This is the hot path: a few comparisons and stores per value, and nothing that allocates but the
// growth of the buffers. An error leaves the batch without the row.
func (b *batch) decode(payload []byte) error {
	width := (b.fields + 9) / 8
	if len(payload) < 1+width {
		return malformed("a cut row")
	}
	if b.rows == b.space {
		b.grow()
	}
	row, nulls, p := b.rows, payload[1:1+width], payload[1+width:]
	for i := range b.cols {
		c := &b.cols[i]
		if nulls[(i+2)>>3]&(1<<((i+2)&7)) != 0 {
			if err := c.setNull(row); err != nil {
				return err
			}
			continue
		}
		used, err := c.value(row, p)
		if err != nil {
			return err
		}
		if used == 0 {
			return malformed("a cut row")
		}
		p = p[used:]
	}
	b.rows++
	b.bytes += len(payload)
	return nil
}

// value decodes the value at the head of p into the row and returns its length, 0 when p is too short.
func (c *columnBuffer) value(row int, p []byte) (int, error) {
	switch c.op {
	case opInt32:
		if len(p) < 4 {
			return 0, nil
		}
		c.int32s[row] = int32(binary.LittleEndian.Uint32(p))
		return 4, nil
	case opInt64:
		if len(p) < 8 {
			return 0, nil
		}
		c.int64s[row] = int64(binary.LittleEndian.Uint64(p))
		return 8, nil
	case opString:
		return c.text(row, p)
	case opDatetime:
		return c.datetime(row, p)
	case opInt8, opUint8, opInt16, opUint16, opUint32, opUint64, opFloat32, opFloat64:
		return c.number(row, p), nil
	default:
		return c.other(row, p)
	}
}

// number decodes the rarer numbers.
func (c *columnBuffer) number(row int, p []byte) int {
	le := binary.LittleEndian
	size := [...]int{opInt8: 1, opUint8: 1, opInt16: 2, opUint16: 2, opInt32: 4, opUint32: 4, opInt64: 8, opUint64: 8, opFloat32: 4, opFloat64: 8}[c.op]
	if len(p) < size {
		return 0
	}
	switch c.op {
	case opInt8:
		c.int32s[row] = int32(int8(p[0]))
	case opUint8:
		c.int32s[row] = int32(p[0])
	case opInt16:
		c.int32s[row] = int32(int16(le.Uint16(p)))
	case opUint16:
		c.int32s[row] = int32(le.Uint16(p))
	case opUint32:
		c.int64s[row] = int64(le.Uint32(p))
	case opUint64:
		c.setUnsigned(row, le.Uint64(p))
	case opFloat32:
		c.float32s[row] = math.Float32frombits(le.Uint32(p))
	case opFloat64:
		c.float64s[row] = math.Float64frombits(le.Uint64(p))
	}
	return size
}

// text decodes a string. The session's character set is utf8mb4, so what is not UTF-8 was stored wrongly.
func (c *columnBuffer) text(row int, p []byte) (int, error) {
	var s []byte
	var used int
	if len(p) > 0 && p[0] < 0xfb && int(p[0]) < len(p) {
		used = 1 + int(p[0])
		s = p[1:used]
	} else {
		value, rest, ok := lengthEncodedBytes(p)
		if !ok {
			return 0, nil
		}
		s, used = value, len(p)-len(rest)
	}
	if !utf8.Valid(s) {
		return 0, c.bad("the value is not valid UTF-8")
	}
	c.bytes = append(c.bytes, s...)
	c.offsets[row+1] = int32(len(c.bytes))
	return used, nil
}

// datetime decodes a DATETIME or TIMESTAMP. Rows that follow each other often share the day, whose number is kept.
func (c *columnBuffer) datetime(row int, p []byte) (int, error) {
	if len(p) < 8 || p[0] != 7 {
		return c.rareClock(row, p)
	}
	day := binary.LittleEndian.Uint32(p[1:]) // year, month and day
	if day != c.day || !c.dayKnown {
		days, ok := clock{year: int(uint16(day)), month: int(p[3]), day: int(p[4])}.days()
		if !ok {
			return c.rareClock(row, p)
		}
		c.day, c.dayMicros, c.dayKnown = day, int64(days)*microsPerDay, true
	}
	if p[5] > 23 || p[6] > 59 || p[7] > 59 {
		return c.rareClock(row, p)
	}
	seconds := int64(p[5])*3600 + int64(p[6])*60 + int64(p[7])
	c.int64s[row] = c.dayMicros + seconds*microsPerSecond
	return 8, nil
}

// rareClock decodes dates, times with a fraction, midnights, and what is no date at all.
func (c *columnBuffer) rareClock(row int, p []byte) (int, error) {
	start, end := extent(typeDatetime, p)
	if end < 0 {
		return 0, nil
	}
	t, ok := parseClock(p[start:end])
	if !ok {
		return 0, malformed("the length of a date")
	}
	if c.kind == kindDate {
		days, ok := t.days()
		if !ok {
			return end, c.noDate(row, t, p[:end])
		}
		c.int32s[row] = days
		return end, nil
	}
	micros, ok := t.microseconds()
	if !ok {
		return end, c.noDate(row, t, p[:end])
	}
	c.int64s[row] = micros
	return end, nil
}
