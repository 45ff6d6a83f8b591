package transform

import (
	"math"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// integersOf returns the values of a column of integers; nil for another.
func integersOf(a arrow.Array) func(row int) int64 {
	switch a := a.(type) {
	case *array.Int8:
		return func(row int) int64 { return int64(a.Value(row)) }
	case *array.Int16:
		return func(row int) int64 { return int64(a.Value(row)) }
	case *array.Int32:
		return func(row int) int64 { return int64(a.Value(row)) }
	case *array.Int64:
		return a.Value
	case *array.Uint8:
		return func(row int) int64 { return int64(a.Value(row)) }
	case *array.Uint16:
		return func(row int) int64 { return int64(a.Value(row)) }
	case *array.Uint32:
		return func(row int) int64 { return int64(a.Value(row)) }
	}
	return nil
}

func isInteger(t arrow.DataType) bool { return arrow.IsInteger(t.ID()) && t.ID() != arrow.UINT64 }

// floatsOf returns the values of a column of floats, and how many bits they have.
func floatsOf(a arrow.Array) (values func(row int) float64, bits int) {
	switch a := a.(type) {
	case *array.Float32:
		return func(row int) float64 { return float64(a.Value(row)) }, 32
	case *array.Float64:
		return a.Value, 64
	}
	return nil, 0
}

func toBool(from arrow.DataType) appending {
	switch {
	case isInteger(from):
		return func(a arrow.Array, b array.Builder) appender {
			values, out := integersOf(a), b.(*array.BooleanBuilder)
			return func(row int) bool {
				v := values(row)
				out.Append(v == 1)
				return v == 0 || v == 1
			}
		}
	case from.ID() == arrow.STRING:
		return func(a arrow.Array, b array.Builder) appender {
			values, out := a.(*array.String), b.(*array.BooleanBuilder)
			return func(row int) bool {
				switch strings.ToLower(values.Value(row)) {
				case "true", "1":
					out.Append(true)
				case "false", "0":
					out.Append(false)
				default:
					return false
				}
				return true
			}
		}
	}
	return nil
}

// exactInteger returns what gives the values of a column as integers, false for one that is none.
func exactInteger(from arrow.DataType) func(a arrow.Array) func(row int) (int64, bool) {
	switch {
	case isInteger(from):
		return func(a arrow.Array) func(int) (int64, bool) {
			values := integersOf(a)
			return func(row int) (int64, bool) { return values(row), true }
		}
	case from.ID() == arrow.BOOL:
		return func(a arrow.Array) func(int) (int64, bool) {
			values := a.(*array.Boolean)
			return func(row int) (int64, bool) {
				if values.Value(row) {
					return 1, true
				}
				return 0, true
			}
		}
	case arrow.IsFloating(from.ID()):
		return func(a arrow.Array) func(int) (int64, bool) {
			values, _ := floatsOf(a)
			return func(row int) (int64, bool) {
				v := values(row)
				return int64(v), v == math.Trunc(v) && v >= -1<<63 && v < 1<<63
			}
		}
	case from.ID() == arrow.DECIMAL128:
		return func(a arrow.Array) func(int) (int64, bool) {
			values, scale := a.(*array.Decimal128), from.(*arrow.Decimal128Type).Scale
			return func(row int) (int64, bool) {
				whole, err := values.Value(row).Rescale(scale, 0)
				if err != nil || whole != decimal128.FromI64(int64(whole.LowBits())) {
					return 0, false
				}
				return int64(whole.LowBits()), true
			}
		}
	case from.ID() == arrow.STRING:
		return func(a arrow.Array) func(int) (int64, bool) {
			values := a.(*array.String)
			return func(row int) (int64, bool) {
				v, err := strconv.ParseInt(strings.TrimSpace(values.Value(row)), 10, 64)
				return v, err == nil
			}
		}
	}
	return nil
}

func toInteger(from, to arrow.DataType) appending {
	exact := exactInteger(from)
	if exact == nil {
		return nil
	}
	return func(a arrow.Array, b array.Builder) appender {
		value := exact(a)
		if out, ok := b.(*array.Int64Builder); ok {
			return func(row int) bool {
				v, ok := value(row)
				out.UnsafeAppend(v)
				return ok
			}
		}
		out := b.(*array.Int32Builder)
		return func(row int) bool {
			v, ok := value(row)
			out.UnsafeAppend(int32(v))
			return ok && v >= math.MinInt32 && v <= math.MaxInt32
		}
	}
}

// anyFloat returns what gives the values of a column as the nearest double, false for one that is none. An integer must
// stay the one that it is.
func anyFloat(from arrow.DataType) func(a arrow.Array) func(row int) (float64, bool) {
	switch {
	case isInteger(from):
		return func(a arrow.Array) func(int) (float64, bool) {
			values := integersOf(a)
			return func(row int) (float64, bool) {
				v := values(row)
				f := float64(v)
				return f, f < 1<<63 && int64(f) == v
			}
		}
	case arrow.IsFloating(from.ID()):
		return func(a arrow.Array) func(int) (float64, bool) {
			values, _ := floatsOf(a)
			return func(row int) (float64, bool) { return values(row), true }
		}
	case from.ID() == arrow.DECIMAL128:
		return func(a arrow.Array) func(int) (float64, bool) {
			text := textOf(a)
			return func(row int) (float64, bool) {
				v, err := strconv.ParseFloat(text(row), 64)
				return v, err == nil
			}
		}
	case from.ID() == arrow.STRING:
		return func(a arrow.Array) func(int) (float64, bool) {
			values := a.(*array.String)
			return func(row int) (float64, bool) {
				v, err := strconv.ParseFloat(strings.TrimSpace(values.Value(row)), 64)
				return v, err == nil
			}
		}
	}
	return nil
}

func toFloat(from, to arrow.DataType) appending {
	nearest := anyFloat(from)
	if nearest == nil {
		return nil
	}
	integer := isInteger(from)
	return func(a arrow.Array, b array.Builder) appender {
		value := nearest(a)
		if out, ok := b.(*array.Float64Builder); ok {
			return func(row int) bool {
				v, ok := value(row)
				out.UnsafeAppend(v)
				return ok
			}
		}
		out := b.(*array.Float32Builder)
		return func(row int) bool {
			v, ok := value(row)
			out.UnsafeAppend(float32(v))
			switch {
			case !ok, integer && float64(float32(v)) != v:
				return false
			}
			return math.IsInf(v, 0) || !math.IsInf(float64(float32(v)), 0)
		}
	}
}

func toDecimal(from arrow.DataType, to *arrow.Decimal128Type) appending {
	if from, ok := from.(*arrow.Decimal128Type); ok {
		return func(a arrow.Array, b array.Builder) appender {
			values, out := a.(*array.Decimal128), b.(*array.Decimal128Builder)
			return func(row int) bool {
				v := values.Value(row)
				// The digits that are added must have room, or they would run over unseen.
				if room := to.Precision - max(to.Scale-from.Scale, 0); v.Sign() != 0 && (room < 1 || !v.FitsInPrecision(min(room, 38))) && to.Scale >= from.Scale {
					return false
				}
				v, err := v.Rescale(from.Scale, to.Scale)
				out.UnsafeAppend(v)
				return err == nil && v.FitsInPrecision(to.Precision)
			}
		}
	}
	var texts func(arrow.Array) func(int) string
	switch {
	case isInteger(from), arrow.IsFloating(from.ID()):
		texts = textOf
	case from.ID() == arrow.STRING:
		texts = func(a arrow.Array) func(int) string {
			values := a.(*array.String)
			return func(row int) string { return strings.TrimSpace(values.Value(row)) }
		}
	default:
		return nil
	}
	return func(a arrow.Array, b array.Builder) appender {
		text, out := texts(a), b.(*array.Decimal128Builder)
		return func(row int) bool {
			v, ok := parseDecimal(text(row), to)
			out.UnsafeAppend(v)
			return ok
		}
	}
}

// parseDecimal reads a number exactly; false when it has more digits than the type.
func parseDecimal(text string, to *arrow.Decimal128Type) (decimal128.Num, bool) {
	mantissa, exponent := text, 0
	if at := strings.IndexAny(text, "eE"); at >= 0 {
		var err error
		if exponent, err = strconv.Atoi(text[at+1:]); err != nil || exponent < -400 || exponent > 400 {
			return decimal128.Num{}, false
		}
		mantissa = text[:at]
	}
	negative := strings.HasPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(strings.TrimLeft(mantissa, "+-"), ".")
	if len(mantissa)-len(strings.TrimLeft(mantissa, "+-")) > 1 || whole+fraction == "" {
		return decimal128.Num{}, false
	}
	// digits × 10^-places is the number; at the type's scale it must be whole.
	digits, places := whole+fraction, len(fraction)-exponent
	for places > int(to.Scale) && strings.HasSuffix(digits, "0") {
		digits, places = digits[:len(digits)-1], places-1
	}
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		return decimal128.Num{}, strings.Trim(whole+fraction, "0") == ""
	}
	shift := int(to.Scale) - places
	if shift < 0 || len(digits)+shift > int(to.Precision) {
		return decimal128.Num{}, false
	}
	var v decimal128.Num
	ten := decimal128.FromI64(10)
	for _, d := range digits + strings.Repeat("0", shift) {
		if d < '0' || d > '9' {
			return decimal128.Num{}, false
		}
		v = v.Mul(ten).Add(decimal128.FromI64(int64(d - '0')))
	}
	if negative {
		v = v.Negate()
	}
	return v, true
}
