package duckdb

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"
)

// A Value is a cell of a result, exactly as the database has it: nil, bool, Number, string, []Value or Struct. Dates
// and times are strings in ISO form, instants in UTC with a Z; blobs are strings of hexadecimal digits; NaN and
// infinity are strings, as JSON has no numbers for them.
type Value any

// A Number is an integer, decimal or float with all its digits; decimals have as many behind the point as their type.
type Number = json.Number

// A Struct is a value with named parts, in order.
type Struct []Member

// A Member is a part of a Struct, or an entry of a map.
type Member struct {
	Name  string
	Value Value
}

// Text returns a value as people read it: "" for NULL, lists and structs as JSON.
func Text(v Value) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return string(AppendJSON(nil, v))
}

// MarshalJSON writes the members in their order.
func (s Struct) MarshalJSON() ([]byte, error) { return AppendJSON(nil, s), nil }

// AppendJSON appends a value to b as JSON, the members of a Struct in their order.
func AppendJSON(b []byte, v Value) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case Number:
		return append(b, v...)
	case string:
		return appendQuoted(b, v)
	case []Value:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = AppendJSON(b, e)
		}
		return append(b, ']')
	case Struct:
		b = append(b, '{')
		for i, m := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendQuoted(b, m.Name), ':')
			b = AppendJSON(b, m.Value)
		}
		return append(b, '}')
	}
	return appendQuoted(b, fmt.Sprint(v)) // there are no others
}

// appendQuoted appends a text as JSON has it. Most texts are what they look like.
func appendQuoted(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f || strings.IndexByte(`"\\<>&`, c) >= 0 {
			quoted, _ := json.Marshal(text) // a string can always be
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), text...), '"')
}

// valueOf converts what the driver scanned from a column of a type.
func valueOf(v any, typ string) Value {
	switch v := v.(type) {
	case nil, bool, string:
		return v
	case int8, int16, int32, int64, uint8, uint16, uint32, uint64:
		return Number(fmt.Sprint(v))
	case *big.Int:
		return Number(v.String())
	case duckdb.Decimal:
		return Number(decimal(v.Value, int(v.Scale)))
	case float32:
		return float(float64(v), 32)
	case float64:
		return float(v, 64)
	case time.Time:
		return moment(v, typ)
	case []byte:
		return blob(v, typ)
	case duckdb.UUID:
		return v.String()
	case duckdb.Interval:
		return interval(v)
	case duckdb.Union:
		return Struct{{v.Tag, valueOf(v.Value, "")}}
	case []any:
		element := typ
		if i := strings.LastIndexByte(typ, '['); i > 0 && strings.HasSuffix(typ, "]") {
			element = typ[:i]
		}
		list := make([]Value, len(v))
		for i, e := range v {
			list[i] = valueOf(e, element)
		}
		return list
	case map[string]any:
		return members(v)
	case duckdb.OrderedMap:
		keys, values := v.Keys(), v.Values()
		s := make(Struct, len(keys))
		for i := range keys {
			s[i] = Member{Text(valueOf(keys[i], "")), valueOf(values[i], "")}
		}
		return s
	}
	return fmt.Sprint(v)
}

// members returns a struct. The driver has lost its order; that of the names is at least always the same.
func members(m map[string]any) Struct {
	s := make(Struct, 0, len(m))
	for name, v := range m {
		s = append(s, Member{name, valueOf(v, "")})
	}
	sort.Slice(s, func(i, j int) bool { return s[i].Name < s[j].Name })
	return s
}

func decimal(unscaled *big.Int, scale int) string {
	digits := new(big.Int).Abs(unscaled).String()
	if scale > 0 {
		digits = strings.Repeat("0", max(0, scale+1-len(digits))) + digits
		digits = digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	}
	if unscaled.Sign() < 0 {
		return "-" + digits
	}
	return digits
}

func float(v float64, bits int) Value {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return strings.ToLower(strconv.FormatFloat(v, 'g', -1, bits))
	}
	return Number(strconv.FormatFloat(v, 'g', -1, bits))
}

func moment(t time.Time, typ string) string {
	switch typ {
	case "DATE":
		return t.Format("2006-01-02")
	case "TIME":
		return t.Format("15:04:05") + fraction(t)
	case "TIMETZ":
		return t.Format("15:04:05") + fraction(t) + t.Format("Z07:00")
	case "TIMESTAMPTZ":
		return t.UTC().Format("2006-01-02T15:04:05") + fraction(t) + "Z"
	default:
		return t.Format("2006-01-02 15:04:05") + fraction(t)
	}
}

// fraction has six digits, or nine where they are needed, and only where there is one: as watermarks are written.
func fraction(t time.Time) string {
	switch n := t.Nanosecond(); {
	case n == 0:
		return ""
	case n%1000 == 0:
		return t.Format(".000000")
	default:
		return t.Format(".000000000")
	}
}

func blob(b []byte, typ string) string {
	if typ == "UUID" && len(b) == 16 {
		return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	}
	return hex.EncodeToString(b)
}

func interval(v duckdb.Interval) string {
	var parts []string
	if v.Months != 0 {
		parts = append(parts, fmt.Sprintf("%d months", v.Months))
	}
	if v.Days != 0 {
		parts = append(parts, fmt.Sprintf("%d days", v.Days))
	}
	if v.Micros != 0 || len(parts) == 0 {
		parts = append(parts, decimal(big.NewInt(v.Micros), 6)+" seconds")
	}
	return strings.Join(parts, " ")
}
