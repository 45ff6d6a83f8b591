package duckdb

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	bindings "github.com/duckdb/duckdb-go-bindings"
)

// view returns n values of a vector.
func view[T any](v bindings.Vector, n int) []T {
	return unsafe.Slice((*T)(bindings.VectorGetData(v)), n)
}

// fill copies n values of an array, from one on, to the beginning of a vector.
func (c *bridge) fill(v bindings.Vector, a arrow.Array, from, n int) error {
	if n == 0 {
		return nil
	}
	if a.NullN() == a.Len() && len(c.children) == 0 && len(part(a, 1)) == 0 {
		fillNothing(v, n)
		return nil
	}
	if a.NullN() > 0 {
		fillNulls(v, a, from, n)
	}
	switch a := a.(type) {
	case *array.Boolean:
		fillBools(v, a, from, n)
		return nil
	case *array.Decimal128:
		c.fillDecimals(v, a, from, n)
		return nil
	case *array.String:
		return fillStrings(v, a, view32(a.ValueOffsets(), from, n), part(a, 2), n, true)
	case *array.Binary:
		return fillStrings(v, a, view32(a.ValueOffsets(), from, n), part(a, 2), n, false)
	}
	if f, ok := a.DataType().(arrow.FixedWidthDataType); ok && a.DataType().ID() != arrow.FIXED_SIZE_BINARY {
		width := f.Bytes()
		first := (a.Data().Offset() + from) * width
		copy(view[byte](v, n*width), part(a, 1)[first:first+n*width])
		return nil
	}
	return c.fillParts(v, a, from, n)
}

// part returns the bytes of an array's part; nil when it has none.
func part(a arrow.Array, i int) []byte {
	if b := a.Data().Buffers()[i]; b != nil {
		return b.Bytes()
	}
	return nil
}

// fillNothing makes n values NULL: Arrow may leave out the values of an array that has none.
func fillNothing(v bindings.Vector, n int) {
	bindings.VectorEnsureValidityWritable(v)
	clear(unsafe.Slice((*uint64)(bindings.VectorGetValidity(v)), (n+63)/64))
}

// fillNulls marks what is NULL: both sides have a bit for each value.
func fillNulls(v bindings.Vector, a arrow.Array, from, n int) {
	bindings.VectorEnsureValidityWritable(v)
	mask := unsafe.Slice((*byte)(bindings.VectorGetValidity(v)), (n+63)/64*8)
	bitutil.CopyBitmap(a.NullBitmapBytes(), a.Data().Offset()+from, n, mask, 0)
}

func fillBools(v bindings.Vector, a *array.Boolean, from, n int) {
	out := view[byte](v, n)
	bits, first := part(a, 1), a.Data().Offset()+from
	for i := range out {
		out[i] = bits[(first+i)/8] >> ((first + i) % 8) & 1
	}
}

func (c *bridge) fillDecimals(v bindings.Vector, a *array.Decimal128, from, n int) {
	values := a.Values()[from : from+n]
	switch c.physical {
	case bindings.TypeSmallInt:
		narrow[int16](v, values)
	case bindings.TypeInteger:
		narrow[int32](v, values)
	case bindings.TypeBigInt:
		narrow[int64](v, values)
	default:
		copy(view[decimal128.Num](v, n), values) // the lower half first, both
	}
}

func narrow[T int16 | int32 | int64](v bindings.Vector, values []decimal128.Num) {
	out := view[T](v, len(values))
	for i, x := range values {
		out[i] = T(x.LowBits())
	}
}

// view32 returns the n+1 places between which n values lie.
func view32(offsets []int32, from, n int) []int32 {
	if len(offsets) == 0 {
		return make([]int32, n+1)
	}
	return offsets[from : from+n+1]
}

// A text is DuckDB's string: up to 12 bytes are in it, of a longer one the first four and where it lies.
type text16 struct {
	length uint32
	inline [12]byte
}

const inlined = 12

var errUTF8 = errors.New("a value is not text in UTF-8: a column of bytes keeps it")

// fillStrings copies the bytes of all n values at once, in one call, and then points into DuckDB's copy.
func fillStrings[T int32 | int64](v bindings.Vector, a arrow.Array, offsets []T, data []byte, n int, isText bool) error {
	data = data[:min(len(data), int(offsets[n]))]
	if isText && !valid(offsets, data, n) {
		return errUTF8
	}
	out := view[text16](v, n)
	block := data[offsets[0]:offsets[n]]
	var base uintptr
	if len(block) > inlined {
		bindings.UnsafeVectorAssignStringElementLen(v, 0, block)
		base = uintptr(binary.NativeEndian.Uint64(out[0].inline[4:]))
	}
	for i := range out {
		s := data[offsets[i]:offsets[i+1]]
		t := text16{length: uint32(len(s))}
		if len(s) <= inlined {
			copy(t.inline[:], s)
		} else {
			copy(t.inline[:4], s)
			binary.NativeEndian.PutUint64(t.inline[4:], uint64(base)+uint64(offsets[i]-offsets[0]))
		}
		out[i] = t
	}
	return nil
}

// valid reports whether each value is UTF-8: all bytes together are, and no value begins in the middle of a character.
func valid[T int32 | int64](offsets []T, data []byte, n int) bool {
	if !utf8.Valid(data[offsets[0]:offsets[n]]) {
		return false
	}
	for _, at := range offsets[:n] {
		if int(at) < len(data) && !utf8.RuneStart(data[at]) {
			return false
		}
	}
	return true
}

// fillParts copies values of what is kept in parts, and the rarer kinds of string.
func (c *bridge) fillParts(v bindings.Vector, a arrow.Array, from, n int) error {
	switch a := a.(type) {
	case *array.LargeString:
		return fillStrings(v, a, a.ValueOffsets()[from:from+n+1], part(a, 2), n, true)
	case *array.LargeBinary:
		return fillStrings(v, a, a.ValueOffsets()[from:from+n+1], part(a, 2), n, false)
	case *array.FixedSizeBinary:
		width := int64(a.DataType().(*arrow.FixedSizeBinaryType).ByteWidth)
		offsets := make([]int64, n+1)
		for i := range offsets {
			offsets[i] = int64(a.Data().Offset()+from+i) * width
		}
		return fillStrings(v, a, offsets, part(a, 1), n, false)
	case *array.Struct:
		for i, child := range c.children {
			field := bindings.StructVectorGetChild(v, bindings.IdxT(i))
			if err := child.fill(field, a.Field(i), from, n); err != nil {
				return err
			}
			hideNulls(field, child, a, from, n)
		}
		return nil
	case *array.Map:
		first, total := fillEntries(v, a, from, n)
		pairs := bindings.ListVectorGetChild(v)
		if err := c.children[0].fill(bindings.StructVectorGetChild(pairs, 0), a.Keys(), first, total); err != nil {
			return err
		}
		return c.children[1].fill(bindings.StructVectorGetChild(pairs, 1), a.Items(), first, total)
	case array.ListLike:
		first, total := fillEntries(v, a, from, n)
		return c.children[0].fill(bindings.ListVectorGetChild(v), a.ListValues(), first, total)
	}
	return errors.New("no way into DuckDB for " + a.DataType().String())
}

// fillEntries says where each list lies among the elements, and returns which elements of the array those are.
func fillEntries(v bindings.Vector, a array.ListLike, from, n int) (first, total int) {
	if n == 0 {
		return 0, 0
	}
	begin, _ := a.ValueOffsets(from)
	_, end := a.ValueOffsets(from + n - 1)
	bindings.ListVectorReserve(v, bindings.IdxT(end-begin))
	bindings.ListVectorSetSize(v, bindings.IdxT(end-begin))
	for i, out := 0, view[[2]uint64](v, n); i < n; i++ {
		b, e := a.ValueOffsets(from + i)
		out[i] = [2]uint64{uint64(b - begin), uint64(e - b)}
	}
	return int(begin), int(end - begin)
}

// hideNulls makes the parts of a struct NULL where the struct is: DuckDB relies on it.
func hideNulls(v bindings.Vector, c *bridge, a arrow.Array, from, n int) {
	if a.NullN() == 0 {
		return
	}
	bindings.VectorEnsureValidityWritable(v)
	mask := unsafe.Slice((*uint64)(bindings.VectorGetValidity(v)), (n+63)/64)
	for i := range n {
		if a.IsNull(from + i) {
			mask[i/64] &^= 1 << (i % 64)
		}
	}
	if c.id == bindings.TypeStruct {
		for i, child := range c.children {
			hideNulls(bindings.StructVectorGetChild(v, bindings.IdxT(i)), child, a, from, n)
		}
	}
}
