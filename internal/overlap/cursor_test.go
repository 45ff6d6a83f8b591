package overlap

import (
	"errors"
	"math"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

// TestDomain: keys, ordinals and cursor values have the same order and turn into one another.
func TestDomain(t *testing.T) {
	integers := []any{nil, 0, 1, 255}
	tests := []struct {
		name   string
		typ    arrow.DataType
		values []any // ascending
		want   []string
	}{
		{"int8", arrow.PrimitiveTypes.Int8, []any{-128, -1, 0, 127}, []string{"-128", "-1", "0", "127"}},
		{"int16", arrow.PrimitiveTypes.Int16, []any{-32768, 0}, []string{"-32768", "0"}},
		{"int32", arrow.PrimitiveTypes.Int32, []any{math.MinInt32, 7}, []string{"-2147483648", "7"}},
		{"int64", arrow.PrimitiveTypes.Int64, []any{math.MinInt64, -1, 0, math.MaxInt64}, []string{"-9223372036854775808", "-1", "0", "9223372036854775807"}},
		{"uint8", arrow.PrimitiveTypes.Uint8, integers[1:], []string{"0", "1", "255"}},
		{"uint16", arrow.PrimitiveTypes.Uint16, integers[1:], []string{"0", "1", "255"}},
		{"uint32", arrow.PrimitiveTypes.Uint32, integers[1:], []string{"0", "1", "255"}},
		{"uint64", arrow.PrimitiveTypes.Uint64, []any{0, "9223372036854775808", "18446744073709551615"}, []string{"0", "9223372036854775808", "18446744073709551615"}},
		{"bigint unsigned", unsignedType, []any{0, unscaled("9223372036854775807"), unscaled("9223372036854775808"), unscaled("18446744073709551615")},
			[]string{"0", "9223372036854775807", "9223372036854775808", "18446744073709551615"}},
		{"date", arrow.PrimitiveTypes.Date32, []any{-719162, 0, 19000}, []string{"0001-01-01", "1970-01-01", "2022-01-08"}},
		{"datetime", datetimeType, []any{-1, 0, 1}, []string{"1969-12-31 23:59:59.999999", "1970-01-01 00:00:00", "1970-01-01 00:00:00.000001"}},
		{"datetime s", &arrow.TimestampType{Unit: arrow.Second}, []any{-1, 0}, []string{"1969-12-31 23:59:59", "1970-01-01 00:00:00"}},
		{"timestamp", timestampType, []any{0, day}, []string{"1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := schemaOf("c", col("c", tt.typ))
			d, err := domainOf(s.Columns[0], *s.Cursor)
			if err != nil {
				t.Fatal(err)
			}
			rows := [][]any{{nil}}
			for _, v := range tt.values {
				rows = append(rows, []any{v})
			}
			batch := newBatch(t, s, rows...)
			defer batch.Release()
			keys, err := d.keys(batch.Column(0), new([]int64))
			if err != nil {
				t.Fatal(err)
			}
			checkDomain(t, d, keys[1:], tt.want)
		})
	}
}

func checkDomain(t *testing.T, d domain, keys []int64, want []string) {
	t.Helper()
	var got []string
	for i, k := range keys {
		v := d.value(k)
		got = append(got, v.String())
		if d.key(v) != k {
			t.Errorf("key(%s) = %d, want %d", v, d.key(v), k)
		}
		if d.ordinal(k) != floorOf(v) {
			t.Errorf("ordinal of %s is %v, floorOf %v", v, d.ordinal(k), floorOf(v))
		}
		if i > 0 && (keys[i-1] >= k || !d.ordinal(keys[i-1]).less(d.ordinal(k))) {
			t.Errorf("%s does not come after %s", v, got[i-1])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestForeignThreshold: a threshold that the column cannot hold lets too many rows through, never too few.
func TestForeignThreshold(t *testing.T) {
	signed, unsigned := domain{kind: tidemark.CursorInteger}, domain{kind: tidemark.CursorInteger, unsigned: true}
	if got := signed.key(tidemark.UnsignedValue(1 << 63)); got != math.MaxInt64 {
		t.Errorf("a wide threshold in a signed column is %d, want the highest", got)
	}
	if got := unsigned.key(tidemark.IntegerValue(-1)); got != math.MinInt64 {
		t.Errorf("a negative threshold in an unsigned column is %d, want the lowest", got)
	}
	if got := signed.key(tidemark.CursorValue{}); got != math.MinInt64 {
		t.Errorf("no threshold is %d, want the lowest", got)
	}
}

func TestBeginRefuses(t *testing.T) {
	good := schemaOf("c", col("c", arrow.PrimitiveTypes.Int64))
	tests := []struct {
		name string
		opts func() Options
	}{
		{"no cursor", func() Options { return Options{Schema: good} }},
		{"cursor index", func() Options {
			return Options{Schema: good, Cursor: tidemark.Cursor{Column: "c", Index: 1, Kind: tidemark.CursorInteger}}
		}},
		{"string cursor", func() Options {
			s := schemaOf("c", col("c", arrow.BinaryTypes.String))
			return Options{Schema: s, Cursor: *s.Cursor}
		}},
		{"decimal cursor", func() Options {
			s := schemaOf("c", col("c", decimal(10, 2)))
			return Options{Schema: s, Cursor: *s.Cursor}
		}},
		{"kind of the cursor", func() Options {
			return Options{Schema: good, Cursor: tidemark.Cursor{Column: "c", Kind: tidemark.CursorDatetime}}
		}},
		{"kind of high", func() Options {
			return Options{Schema: good, Cursor: *good.Cursor, Previous: tidemark.Watermark{High: tidemark.TemporalValue(tidemark.CursorDate, 0)}}
		}},
		{"kind of bound", func() Options {
			return Options{Schema: good, Cursor: *good.Cursor, Bound: tidemark.TemporalValue(tidemark.CursorDate, 0)}
		}},
		{"column type", func() Options {
			s := schemaOf("c", col("c", arrow.PrimitiveTypes.Int64), col("d", arrow.StructOf()))
			return Options{Schema: s, Cursor: *s.Cursor}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Begin(t.Context(), tt.opts()); !errors.Is(err, tidemark.ErrInvalid) {
				t.Errorf("err = %v, want ErrInvalid", err)
			}
		})
	}
}
