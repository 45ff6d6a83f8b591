package duckdb

import (
	"errors"
	"fmt"
	"math"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	bindings "github.com/duckdb/duckdb-go-bindings"

	"github.com/tidemark-data/tidemark"
)

// drain appends n values of a vector, from one on, to what is built of the column.
func (c *bridge) drain(to array.Builder, v bindings.Vector, from, n int) error {
	valid := validity(v, from, n)
	switch to := to.(type) {
	case *array.Int8Builder:
		to.AppendValues(view[int8](v, from+n)[from:], valid)
	case *array.Int16Builder:
		to.AppendValues(view[int16](v, from+n)[from:], valid)
	case *array.Int32Builder:
		to.AppendValues(view[int32](v, from+n)[from:], valid)
	case *array.Int64Builder:
		to.AppendValues(view[int64](v, from+n)[from:], valid)
	case *array.Uint8Builder:
		to.AppendValues(view[uint8](v, from+n)[from:], valid)
	case *array.Uint16Builder:
		to.AppendValues(view[uint16](v, from+n)[from:], valid)
	case *array.Uint32Builder:
		to.AppendValues(view[uint32](v, from+n)[from:], valid)
	case *array.Uint64Builder:
		to.AppendValues(view[uint64](v, from+n)[from:], valid)
	case *array.Float32Builder:
		to.AppendValues(view[float32](v, from+n)[from:], valid)
	case *array.Float64Builder:
		to.AppendValues(view[float64](v, from+n)[from:], valid)
	case *array.BooleanBuilder:
		to.AppendValues(bools(view[byte](v, from+n)[from:], valid), valid)
	case *array.Date32Builder:
		days := view[arrow.Date32](v, from+n)[from:]
		to.AppendValues(days, valid)
		return finite(days, valid, math.MaxInt32)
	case *array.TimestampBuilder:
		return c.drainTimes(to, view[arrow.Timestamp](v, from+n)[from:], valid)
	case *array.Decimal128Builder:
		return c.drainDecimals(to, v, valid, from, n)
	default:
		return c.drainParts(to, v, valid, from, n)
	}
	return nil
}

// bools returns what is a bool in Go: under a NULL DuckDB leaves any byte, and Arrow packs eight of them at once.
func bools(values []byte, valid []bool) []bool {
	out := make([]bool, len(values))
	for i, x := range values {
		out[i] = x == 1 && (valid == nil || valid[i])
	}
	return out
}

// validity says of each value whether it is there; nil: they all are.
func validity(v bindings.Vector, from, n int) []bool {
	mask := bindings.VectorGetValidity(v)
	if mask == nil {
		return nil
	}
	words := unsafe.Slice((*uint64)(mask), (from+n+63)/64)
	valid, all := make([]bool, n), true
	for i := range valid {
		valid[i] = words[(from+i)/64]>>((from+i)%64)&1 == 1
		all = all && valid[i]
	}
	if all {
		return nil
	}
	return valid
}

var errInfinite = fmt.Errorf("a date or time is infinite, and no table can hold that: %w", tidemark.ErrInvalid)

// finite refuses the two values with which DuckDB means infinity.
func finite[T ~int32 | ~int64](values []T, valid []bool, infinity T) error {
	for i, x := range values {
		if (x == infinity || x == -infinity) && (valid == nil || valid[i]) {
			return errInfinite
		}
	}
	return nil
}

var errRange = fmt.Errorf("a time is out of the range of a timestamp: %w", tidemark.ErrInvalid)

func (c *bridge) drainTimes(to *array.TimestampBuilder, times []arrow.Timestamp, valid []bool) error {
	if err := finite(times, valid, math.MaxInt64); err != nil {
		return err
	}
	var scale arrow.Timestamp
	switch c.id {
	case bindings.TypeTimestampS:
		scale = 1e6
	case bindings.TypeTimestampMS:
		scale = 1e3
	default:
		to.AppendValues(times, valid)
		return nil
	}
	for i, t := range times {
		switch {
		case valid != nil && !valid[i]:
			to.AppendNull()
		case t > math.MaxInt64/scale || t < math.MinInt64/scale:
			return errRange
		default:
			to.Append(t * scale)
		}
	}
	return nil
}

func (c *bridge) drainDecimals(to *array.Decimal128Builder, v bindings.Vector, valid []bool, from, n int) error {
	switch c.physical {
	case bindings.TypeSmallInt:
		widen(to, view[int16](v, from+n)[from:], valid)
	case bindings.TypeInteger:
		widen(to, view[int32](v, from+n)[from:], valid)
	case bindings.TypeBigInt:
		widen(to, view[int64](v, from+n)[from:], valid)
	default:
		values := view[decimal128.Num](v, from+n)[from:]
		if c.id != bindings.TypeDecimal {
			if err := c.fits(values, valid); err != nil {
				return err
			}
		}
		to.AppendValues(values, valid)
	}
	return nil
}

func widen[T int16 | int32 | int64](to *array.Decimal128Builder, values []T, valid []bool) {
	to.Reserve(len(values))
	for i, x := range values {
		if valid != nil && !valid[i] {
			to.UnsafeAppendBoolToBitmap(false)
			continue
		}
		to.UnsafeAppend(decimal128.FromI64(int64(x)))
	}
}

// fits refuses integers of 128 bits that have more than 38 digits.
func (c *bridge) fits(values []decimal128.Num, valid []bool) error {
	for i, x := range values {
		unsignedTop := c.id == bindings.TypeUHugeInt && x.HighBits() < 0
		if (valid == nil || valid[i]) && (unsignedTop || !x.FitsInPrecision(38)) {
			err := fmt.Errorf("an integer has more than 38 digits, and no table can hold that: %w", tidemark.ErrInvalid)
			return tidemark.WithHint(err, "CAST(… AS VARCHAR), or AS DOUBLE")
		}
	}
	return nil
}

// bytes returns the string's bytes, which are DuckDB's.
func (t *text16) bytes() []byte {
	if t.length <= inlined {
		return t.inline[:t.length]
	}
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&t.inline[4])), t.length)
}

func drainStrings(to *array.BinaryBuilder, texts []text16, valid []bool) {
	total := 0
	for i := range texts {
		if valid == nil || valid[i] {
			total += int(texts[i].length)
		}
	}
	to.Reserve(len(texts))
	if to.DataLen()+total > to.DataCap() {
		to.ReserveData(max(total, to.DataLen())) // it would not double by itself
	}
	for i := range texts {
		if valid != nil && !valid[i] {
			to.AppendNull()
			continue
		}
		to.Append(texts[i].bytes())
	}
}

// drainParts appends values of what is kept in parts, and strings.
func (c *bridge) drainParts(to array.Builder, v bindings.Vector, valid []bool, from, n int) error {
	switch to := to.(type) {
	case *array.BinaryBuilder:
		drainStrings(to, view[text16](v, from+n)[from:], valid)
	case *array.StringBuilder:
		if c.id != bindings.TypeVarchar {
			return c.drainWords(to, v, valid, from, n)
		}
		drainStrings(to.BinaryBuilder, view[text16](v, from+n)[from:], valid)
	case *array.StructBuilder:
		to.AppendValues(orAll(valid, n))
		for i, child := range c.children {
			if err := child.drain(to.FieldBuilder(i), bindings.StructVectorGetChild(v, bindings.IdxT(i)), from, n); err != nil {
				return err
			}
		}
	case *array.MapBuilder:
		pairs := bindings.ListVectorGetChild(v)
		keys, items := bindings.StructVectorGetChild(pairs, 0), bindings.StructVectorGetChild(pairs, 1)
		return c.eachList(v, valid, from, n, to.Append, func(from, n int) error {
			if err := c.children[0].drain(to.KeyBuilder(), keys, from, n); err != nil {
				return err
			}
			return c.children[1].drain(to.ItemBuilder(), items, from, n)
		})
	case *array.ListBuilder:
		child := bindings.Vector{}
		if c.id == bindings.TypeArray {
			child = bindings.ArrayVectorGetChild(v)
		} else {
			child = bindings.ListVectorGetChild(v)
		}
		return c.eachList(v, valid, from, n, to.Append, func(from, n int) error {
			return c.children[0].drain(to.ValueBuilder(), child, from, n)
		})
	default:
		return errors.New("no way out of DuckDB for " + to.Type().String())
	}
	return nil
}

func orAll(valid []bool, n int) []bool {
	if valid != nil {
		return valid
	}
	all := make([]bool, n)
	for i := range all {
		all[i] = true
	}
	return all
}

// eachList begins a list for each value and says which elements are in it.
func (c *bridge) eachList(v bindings.Vector, valid []bool, from, n int, begin func(bool), elements func(from, n int) error) error {
	var entries [][2]uint64
	if c.id != bindings.TypeArray {
		entries = view[[2]uint64](v, from+n)
	}
	for i := range n {
		isThere := valid == nil || valid[i]
		begin(isThere)
		at, length := (from+i)*c.length, c.length
		if entries != nil {
			at, length = int(entries[from+i][0]), int(entries[from+i][1])
		}
		if !isThere || length == 0 {
			continue
		}
		if err := elements(at, length); err != nil {
			return err
		}
	}
	return nil
}

// drainWords appends values that DuckDB keeps as numbers and that are written as words.
func (c *bridge) drainWords(to *array.StringBuilder, v bindings.Vector, valid []bool, from, n int) error {
	var word func(i int) string
	switch {
	case c.id == bindings.TypeTime:
		micros := view[int64](v, from+n)
		word = func(i int) string { return clock(micros[i]) }
	case c.id == bindings.TypeUUID:
		halves := view[[2]uint64](v, from+n)
		word = func(i int) string { return uuid(halves[i]) }
	case c.physical == bindings.TypeUTinyInt:
		numbers := view[uint8](v, from+n)
		word = func(i int) string { return c.words[numbers[i]] }
	case c.physical == bindings.TypeUSmallInt:
		numbers := view[uint16](v, from+n)
		word = func(i int) string { return c.words[numbers[i]] }
	default:
		numbers := view[uint32](v, from+n)
		word = func(i int) string { return c.words[numbers[i]] }
	}
	for i := range n {
		if valid != nil && !valid[i] {
			to.AppendNull()
			continue
		}
		to.Append(word(from + i))
	}
	return nil
}

// clock writes a time of day as DuckDB does.
func clock(micros int64) string {
	seconds := micros / 1e6
	s := fmt.Sprintf("%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
	if rest := micros % 1e6; rest != 0 {
		f := fmt.Sprintf(".%06d", rest)
		for f[len(f)-1] == '0' {
			f = f[:len(f)-1]
		}
		s += f
	}
	return s
}

// uuid writes what DuckDB keeps with the top bit turned over, so that it sorts as a number does.
func uuid(halves [2]uint64) string {
	low, high := halves[0], halves[1]^(1<<63)
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", high>>32, high>>16&0xffff, high&0xffff, low>>48, low&(1<<48-1))
}
