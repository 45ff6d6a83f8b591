package overlap

import (
	"math/big"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

// canonical returns the bytes of one value in a column of the type.
func canonical(t *testing.T, typ arrow.DataType, v any) string {
	t.Helper()
	b := newBatch(t, &tidemark.Schema{Columns: []tidemark.Column{col("c", typ)}}, []any{nil}, []any{v})
	defer b.Release()
	return string(appenderOf(b.Column(0))(nil, 1))
}

func unscaled(s string) *big.Int {
	n, _ := new(big.Int).SetString(s, 10)
	return n
}

func decimal(p, s int32) arrow.DataType { return &arrow.Decimal128Type{Precision: p, Scale: s} }

const day = 86_400_000_000 // in microseconds

type typed struct {
	typ   arrow.DataType
	value any
}

// TestCanonical: values in one row are equal, values of two rows differ.
func TestCanonical(t *testing.T) {
	i32, i64, str, bin := arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String, arrow.BinaryTypes.Binary
	dict := &arrow.DictionaryType{IndexType: i32, ValueType: str}
	floats, strs := arrow.ListOf(arrow.PrimitiveTypes.Float32), arrow.ListOf(str)
	long := strings.Repeat("x", longValue+1)
	groups := [][]typed{
		{{i32, nil}, {str, nil}, {floats, nil}, {datetimeType, nil}},
		{{i32, 1}, {i64, 1}, {arrow.PrimitiveTypes.Int8, 1}, {arrow.PrimitiveTypes.Uint64, 1}, {unsignedType, 1}, {decimal(10, 2), 100}, {decimal(38, 30), unscaled("1" + strings.Repeat("0", 30))}},
		{{i32, 0}, {i64, 0}, {decimal(10, 2), 0}, {decimal(38, 38), 0}},
		{{i32, -1}, {i64, -1}, {decimal(10, 4), -10000}},
		{{decimal(10, 1), 1}, {decimal(10, 4), 1000}, {decimal(38, 30), unscaled("1" + strings.Repeat("0", 29))}},
		{{decimal(10, 2), 1}},
		{{decimal(10, 1), -1}, {decimal(12, 3), -100}},
		{{decimal(20, 0), unscaled("18446744073709551615")}, {decimal(22, 2), unscaled("1844674407370955161500")}, {arrow.PrimitiveTypes.Uint64, "18446744073709551615"}},
		{{decimal(38, 0), unscaled("-18446744073709551615")}},
		{{i64, 9223372036854775807}, {unsignedType, unscaled("9223372036854775807")}},
		{{unsignedType, unscaled("9223372036854775808")}},
		{{arrow.PrimitiveTypes.Float32, 16777216}, {arrow.PrimitiveTypes.Float64, 16777216.0}},
		{{arrow.PrimitiveTypes.Float64, 16777217.0}},
		{{arrow.PrimitiveTypes.Float64, 0.1}},
		{{arrow.PrimitiveTypes.Float32, 0.1}}, // not the double nearest to 0.1
		{{str, ""}, {dict, ""}}, {{bin, ""}},
		{{str, "1"}, {dict, "1"}, {arrow.BinaryTypes.LargeString, "1"}}, {{bin, "1"}, {&arrow.FixedSizeBinaryType{ByteWidth: 1}, "1"}},
		{{str, "é"}}, {{str, "e\u0301"}}, {{str, "1 "}}, {{bin, "\x00\xff"}},
		{{str, long}, {arrow.BinaryTypes.LargeString, long}}, {{bin, long}}, {{str, long + "x"}},
		{{arrow.FixedWidthTypes.Boolean, true}}, {{arrow.FixedWidthTypes.Boolean, false}},
		{{datetimeType, day}, {arrow.PrimitiveTypes.Date32, 1}, {&arrow.TimestampType{Unit: arrow.Second}, 86400}},
		{{timestampType, day}, {&arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}, 86_400_000}},
		{{datetimeType, day + 1}}, {{arrow.PrimitiveTypes.Date32, -719162}},
		{{floats, []any{}}}, {{floats, []any{1.5}}}, {{floats, []any{1.5, nil}}}, {{floats, []any{nil, 1.5}}},
		{{strs, []any{"ab", "c"}}}, {{strs, []any{"a", "bc"}}}, {{strs, []any{"abc"}}},
	}
	seen := map[string]int{}
	for g, group := range groups {
		for _, v := range group {
			got := canonical(t, v.typ, v.value)
			if want := canonical(t, group[0].typ, group[0].value); got != want {
				t.Errorf("%s %v is %x, but %s %v is %x", v.typ, v.value, got, group[0].typ, group[0].value, want)
			}
			if other, ok := seen[got]; ok && other != g {
				t.Errorf("%s %v has the bytes %x of %v", v.typ, v.value, got, groups[other])
			}
			seen[got] = g
		}
	}
}

// TestCanonicalPrefixFree: no value is the beginning of another, so a row is not to be read in two ways.
func TestCanonicalPrefixFree(t *testing.T) {
	values := []typed{
		{arrow.BinaryTypes.String, ""}, {arrow.BinaryTypes.String, "a"}, {arrow.BinaryTypes.String, "a\x00\x00\x00"},
		{arrow.PrimitiveTypes.Int32, 0}, {arrow.PrimitiveTypes.Int32, nil}, {decimal(10, 1), 1}, {unsignedType, unscaled("9223372036854775808")},
		{arrow.FixedWidthTypes.Boolean, false}, {arrow.ListOf(arrow.BinaryTypes.String), []any{}}, {arrow.ListOf(arrow.BinaryTypes.String), []any{""}},
		{arrow.BinaryTypes.String, strings.Repeat("a", longValue)}, {arrow.BinaryTypes.String, strings.Repeat("a", longValue+1)},
	}
	for i, a := range values {
		for j, b := range values {
			if i != j && strings.HasPrefix(canonical(t, a.typ, a.value), canonical(t, b.typ, b.value)) {
				t.Errorf("%s %.9v begins with %s %.9v", a.typ, a.value, b.typ, b.value)
			}
		}
	}
}

func TestKindOf(t *testing.T) {
	got := map[string]kind{}
	for _, typ := range []arrow.DataType{
		arrow.PrimitiveTypes.Int32, arrow.ListOf(arrow.PrimitiveTypes.Float32), timestampType, datetimeType,
		arrow.PrimitiveTypes.Date32, arrow.FixedWidthTypes.Time64us,
		&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String},
	} {
		k, err := kindOf(typ)
		if err != nil {
			t.Errorf("kindOf(%s): %v", typ, err)
		}
		got[typ.Name()] = k
	}
	want := map[string]kind{
		"int32": "number", "list": "list<float>", "timestamp": "datetime", "date32": "datetime", "time64": "time", "dictionary": "string",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, typ := range []arrow.DataType{
		arrow.StructOf(), arrow.FixedWidthTypes.Timestamp_ns, arrow.FixedWidthTypes.Time64ns, arrow.FixedWidthTypes.MonthInterval,
		arrow.ListOf(arrow.StructOf()), arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String),
	} {
		if k, err := kindOf(typ); err == nil {
			t.Errorf("kindOf(%s) = %s, want an error", typ, k)
		}
	}
}

// TestTrimWide compares the fast and the slow way of taking zeros away.
func TestTrimWide(t *testing.T) {
	big := canonical(t, decimal(38, 20), unscaled("12345678901234567890"+strings.Repeat("0", 15)))
	small := canonical(t, decimal(38, 5), unscaled("12345678901234567890"))
	if big != small {
		t.Errorf("%x, want %x", big, small)
	}
}
