package duckdb

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"strconv"
	"time"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	bindings "github.com/duckdb/duckdb-go-bindings"
)

// A cells function returns the values of a vector of n rows, by the row. They do not hang on the vector afterwards.
type cells func(v bindings.Vector, n int) func(i int) Value

// cellsOf returns how values of a type are read out of vectors, and DuckDB's name of the type. It knows the types without
// parts; false for the others.
func cellsOf(t bindings.LogicalType) (cells, string, bool) {
	id := bindings.GetTypeId(t)
	if known, ok := plainCells[id]; ok {
		return known.read, known.name, true
	}
	switch id {
	case bindings.TypeDecimal:
		scale := int(bindings.DecimalScale(t))
		return decimalCells(bindings.DecimalInternalType(t), scale), fmt.Sprintf("DECIMAL(%d,%d)", bindings.DecimalWidth(t), scale), true
	case bindings.TypeEnum:
		return enumCells(t), "ENUM", true
	}
	return nil, "", false
}

// plainCells are the types of which there is one each.
var plainCells = map[bindings.Type]struct {
	name string
	read cells
}{
	bindings.TypeBoolean:     {"BOOLEAN", each(func(x *byte) Value { return *x == 1 })},
	bindings.TypeTinyInt:     {"TINYINT", each(signed[int8])},
	bindings.TypeSmallInt:    {"SMALLINT", each(signed[int16])},
	bindings.TypeInteger:     {"INTEGER", each(signed[int32])},
	bindings.TypeBigInt:      {"BIGINT", each(signed[int64])},
	bindings.TypeUTinyInt:    {"UTINYINT", each(unsigned[uint8])},
	bindings.TypeUSmallInt:   {"USMALLINT", each(unsigned[uint16])},
	bindings.TypeUInteger:    {"UINTEGER", each(unsigned[uint32])},
	bindings.TypeUBigInt:     {"UBIGINT", each(unsigned[uint64])},
	bindings.TypeHugeInt:     {"HUGEINT", each(func(x *decimal128.Num) Value { return Number(x.BigInt().String()) })},
	bindings.TypeUHugeInt:    {"UHUGEINT", each(huge)},
	bindings.TypeFloat:       {"FLOAT", each(func(x *float32) Value { return float(float64(*x), 32) })},
	bindings.TypeDouble:      {"DOUBLE", each(func(x *float64) Value { return float(*x, 64) })},
	bindings.TypeVarchar:     {"VARCHAR", each(func(x *text16) Value { return string(x.bytes()) })},
	bindings.TypeBlob:        {"BLOB", each(func(x *text16) Value { return hex.EncodeToString(x.bytes()) })},
	bindings.TypeUUID:        {"UUID", each(func(x *[2]uint64) Value { return uuid(*x) })},
	bindings.TypeDate:        {"DATE", each(func(x *int32) Value { return dateText(*x) })},
	bindings.TypeTime:        {"TIME", each(func(x *int64) Value { return moment(time.UnixMicro(*x).UTC(), "TIME") })},
	bindings.TypeTimestamp:   {"TIMESTAMP", timeCells("TIMESTAMP", time.UnixMicro)},
	bindings.TypeTimestampS:  {"TIMESTAMP_S", timeCells("TIMESTAMP_S", func(s int64) time.Time { return time.Unix(s, 0) })},
	bindings.TypeTimestampMS: {"TIMESTAMP_MS", timeCells("TIMESTAMP_MS", time.UnixMilli)},
	bindings.TypeTimestampNS: {"TIMESTAMP_NS", timeCells("TIMESTAMP_NS", func(ns int64) time.Time { return time.Unix(0, ns) })},
	bindings.TypeTimestampTZ: {"TIMESTAMPTZ", timeCells("TIMESTAMPTZ", time.UnixMicro)},
}

// each reads vectors of values that DuckDB keeps as T.
func each[T any](read func(*T) Value) cells {
	return func(v bindings.Vector, n int) func(int) Value {
		values := view[T](v, n)
		mask := bindings.VectorGetValidity(v)
		if mask == nil {
			return func(i int) Value { return read(&values[i]) }
		}
		words := unsafe.Slice((*uint64)(mask), (n+63)/64)
		return func(i int) Value {
			if words[i/64]>>(i%64)&1 == 0 {
				return nil
			}
			return read(&values[i])
		}
	}
}

func signed[T int8 | int16 | int32 | int64](x *T) Value {
	return Number(strconv.FormatInt(int64(*x), 10))
}

func unsigned[T uint8 | uint16 | uint32 | uint64](x *T) Value {
	return Number(strconv.FormatUint(uint64(*x), 10))
}

func huge(x *[2]uint64) Value {
	high := new(big.Int).Lsh(new(big.Int).SetUint64(x[1]), 64)
	return Number(high.Or(high, new(big.Int).SetUint64(x[0])).String())
}

func dateText(days int32) Value {
	if word := infinity(days); word != "" {
		return word
	}
	return moment(time.Unix(int64(days)*24*60*60, 0).UTC(), "DATE")
}

func timeCells(name string, of func(int64) time.Time) cells {
	return each(func(x *int64) Value {
		if word := infinity(*x); word != "" {
			return word
		}
		return moment(of(*x).UTC(), name)
	})
}

// infinity returns the word for the two values with which DuckDB means that, "" for all others.
func infinity[T int32 | int64](x T) string {
	top := ^(T(1) << (8*unsafe.Sizeof(x) - 1))
	switch x {
	case top:
		return "infinity"
	case -top:
		return "-infinity"
	}
	return ""
}

func decimalCells(kept bindings.Type, scale int) cells {
	switch kept {
	case bindings.TypeSmallInt:
		return each(func(x *int16) Value { return Number(shortDecimal(int64(*x), scale)) })
	case bindings.TypeInteger:
		return each(func(x *int32) Value { return Number(shortDecimal(int64(*x), scale)) })
	case bindings.TypeBigInt:
		return each(func(x *int64) Value { return Number(shortDecimal(*x, scale)) })
	}
	return each(func(x *decimal128.Num) Value { return Number(decimal(x.BigInt(), scale)) })
}

// shortDecimal is decimal for what fits 64 bits.
func shortDecimal(unscaled int64, scale int) string {
	if scale == 0 {
		return strconv.FormatInt(unscaled, 10)
	}
	var b [48]byte
	digits := strconv.AppendUint(b[24:24], magnitude(unscaled), 10)
	from := 24
	for len(digits) <= scale { // zeros before the point
		from--
		b[from] = '0'
		digits = b[from : from+len(digits)+1]
	}
	point := len(digits) - scale
	sign := ""
	if unscaled < 0 {
		sign = "-"
	}
	return sign + string(digits[:point]) + "." + string(digits[point:])
}

func magnitude(x int64) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}

func enumCells(t bindings.LogicalType) cells {
	words := make([]string, bindings.EnumDictionarySize(t))
	for i := range words {
		words[i] = bindings.EnumDictionaryValue(t, bindings.IdxT(i))
	}
	switch bindings.EnumInternalType(t) {
	case bindings.TypeUTinyInt:
		return each(func(x *uint8) Value { return words[*x] })
	case bindings.TypeUSmallInt:
		return each(func(x *uint16) Value { return words[*x] })
	}
	return each(func(x *uint32) Value { return words[*x] })
}
