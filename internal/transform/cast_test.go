package transform

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

// column makes a column of a type from texts; "NULL" is none.
func column(t *testing.T, typ arrow.DataType, values ...string) arrow.Array {
	t.Helper()
	b := array.NewBuilder(memory.DefaultAllocator, typ)
	defer b.Release()
	for _, v := range values {
		if v == "NULL" {
			b.AppendNull()
		} else if err := b.AppendValueFromString(v); err != nil {
			t.Fatal(err)
		}
	}
	return b.NewArray()
}

func typeOf(t *testing.T, name string) arrow.DataType {
	t.Helper()
	typ, err := tidemark.ParseType(name)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

// TestCasts: what fits comes out as it should, what does not is named, and NULL stays NULL.
func TestCasts(t *testing.T) {
	for _, c := range []struct{ from, to, value, want string }{
		{"int", "bigint", "-2147483648", "-2147483648"},
		{"bigint", "int", "2147483647", "2147483647"},
		{"bigint", "int", "2147483648", "misfit"},
		{"bigint", "int", "-2147483649", "misfit"},
		{"boolean", "int", "true", "1"},
		{"int", "boolean", "0", "false"},
		{"int", "boolean", "2", "misfit"},
		{"string", "boolean", "TRUE", "true"},
		{"string", "boolean", "yes", "misfit"},
		{"double", "bigint", "3", "3"},
		{"double", "bigint", "3.5", "misfit"},
		{"double", "bigint", "9223372036854775808", "misfit"},
		{"double", "bigint", "NaN", "misfit"},
		{"string", "bigint", " 42 ", "42"},
		{"string", "bigint", "42x", "misfit"},
		{"string", "bigint", "", "misfit"},
		{"string", "int", "99999999999", "misfit"},
		{"decimal(20,0)", "bigint", "9223372036854775807", "9223372036854775807"},
		{"decimal(20,0)", "bigint", "9223372036854775808", "misfit"},
		{"decimal(20,0)", "bigint", "-9223372036854775808", "-9223372036854775808"},
		{"decimal(10,2)", "int", "17.00", "17"},
		{"decimal(10,2)", "int", "17.01", "misfit"},
		{"decimal(10,2)", "decimal(12,4)", "12345678.91", "12345678.9100"},
		{"decimal(10,2)", "decimal(10,1)", "5.50", "5.5"},
		{"decimal(10,2)", "decimal(10,1)", "5.55", "misfit"},
		{"decimal(10,2)", "decimal(3,2)", "10.00", "misfit"},
		{"decimal(38,0)", "decimal(38,5)", "99999999999999999999999999999999999999", "misfit"},
		{"decimal(38,0)", "decimal(38,38)", "1", "misfit"},
		{"decimal(38,0)", "decimal(38,38)", "0", "0.00000000000000000000000000000000000000"},
		{"decimal(38,5)", "decimal(38,0)", "7.00000", "7"},
		{"decimal(10,2)", "double", "0.10", "0.1"},
		{"decimal(10,2)", "string", "-0.10", "-0.10"},
		{"bigint", "double", "9007199254740992", "9.007199254740992e+15"},
		{"bigint", "double", "9007199254740993", "misfit"},
		{"int", "float", "16777217", "misfit"},
		{"double", "float", "1e39", "misfit"},
		{"double", "float", "0.1", "0.1"},
		{"string", "double", "-1.5e3", "-1500"},
		{"string", "double", "many", "misfit"},
		{"string", "decimal(5,2)", "123.45", "123.45"},
		{"string", "decimal(5,2)", "-1.2e2", "-120.00"},
		{"string", "decimal(5,2)", "123.450", "123.45"},
		{"string", "decimal(5,2)", "123.456", "misfit"},
		{"string", "decimal(5,2)", "1234.5", "misfit"},
		{"string", "decimal(5,2)", "--1", "misfit"},
		{"string", "decimal(5,2)", ".", "misfit"},
		{"string", "decimal(5,2)", "0x1", "misfit"},
		{"double", "decimal(10,3)", "0.1", "0.100"},
		{"double", "decimal(10,3)", "NaN", "misfit"},
		{"double", "decimal(10,3)", "0.0001", "misfit"},
		{"bigint", "decimal(5,2)", "999", "999.00"},
		{"bigint", "decimal(5,2)", "1000", "misfit"},
		{"int", "string", "-7", "-7"},
		{"double", "string", "1e21", "1e+21"},
		{"date", "string", "2024-02-29", "2024-02-29"},
		{"timestamp", "string", "2024-02-29 12:00:00.5", "2024-02-29 12:00:00.5"},
		{"timestamptz", "string", "2024-02-29 12:00:00Z", "2024-02-29 12:00:00Z"},
		{"timestamp", "date", "2024-02-29 23:59:59", "2024-02-29"},
		{"timestamp", "date", "1969-12-31 23:59:59", "1969-12-31"},
		{"date", "timestamp", "1969-12-31", "1969-12-31 00:00:00"},
		{"timestamp", "timestamptz", "2024-02-29 12:00:00", "2024-02-29 12:00:00Z"},
		{"string", "date", "2024-02-29", "2024-02-29"},
		{"string", "date", "2023-02-29", "misfit"},
		{"string", "timestamp", "2024-02-29 12:34:56.123456", "2024-02-29 12:34:56.123456"},
		{"string", "timestamp", "2024-02-29T12:34:56", "2024-02-29 12:34:56"},
		{"string", "timestamp", "2024-02-29 12:34:56.1234567", "misfit"},
		{"string", "timestamp", "2024-02-29T12:34:56+01:00", "misfit"},
		{"string", "timestamptz", "2024-02-29T12:34:56+01:00", "2024-02-29 11:34:56Z"},
		{"string", "binary", "ab", "ab"},
	} {
		t.Run(fmt.Sprintf("%s of %s to %s", c.value, c.from, c.to), func(t *testing.T) {
			from := column(t, typeOf(t, c.from), "NULL", c.value)
			defer from.Release()
			cast, err := castOf(from.DataType(), typeOf(t, c.to))
			if err != nil {
				t.Fatal(err)
			}
			got, err := cast(from, nil)
			var misfit misfitError
			if errors.As(err, &misfit) {
				if c.want != "misfit" || misfit.row != 1 {
					t.Errorf("%v, want %s", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer got.Release()
			if text := strings.Trim(valueText(got, 1), `"`); text != c.want || !got.IsNull(0) || got.DataType().String() != typeOf(t, c.to).String() {
				t.Errorf("got %s of %s, want %s", text, got.DataType(), c.want)
			}
		})
	}
}

// TestCastsBack: whatever fits into another type comes back from it as it was, if the cast keeps values apart.
func TestCastsBack(t *testing.T) {
	names := []string{"boolean", "int", "bigint", "decimal(20,0)", "decimal(38,10)", "string", "date", "timestamp", "timestamptz"}
	random := rand.New(rand.NewPCG(1, 2))
	for _, from := range names {
		for _, to := range names {
			there, err := castOf(typeOf(t, from), typeOf(t, to))
			back, berr := castOf(typeOf(t, to), typeOf(t, from))
			if err != nil || berr != nil || from == to || !keepsApart(typeOf(t, from), typeOf(t, to)) {
				continue
			}
			for range 200 {
				was := column(t, typeOf(t, from), someValue(random, from))
				other, err := there(was, nil)
				if err != nil {
					continue // does not fit
				}
				is, err := back(other, nil)
				if err != nil || !array.Equal(was, is) {
					t.Fatalf("%s %s to %s %s and back to %v: %v", from, was, to, other, is, err)
				}
			}
		}
	}
}

func someValue(r *rand.Rand, typ string) string {
	n := r.Int64() >> r.IntN(63)
	switch typ {
	case "boolean":
		return fmt.Sprint(n%2 == 0)
	case "int":
		return fmt.Sprint(int32(n))
	case "decimal(38,10)":
		return fmt.Sprintf("%d.%010d", n, r.IntN(2)*r.IntN(1e10))
	case "date":
		return arrow.Date32(n % 100000).FormattedString()
	case "timestamp", "timestamptz":
		zone := strings.TrimPrefix(typ, "timestamp")
		return arrow.Timestamp(n%(4e9*1e6)).ToTime(arrow.Microsecond).Format("2006-01-02 15:04:05.999999") + strings.Replace(zone, "tz", "Z", 1)
	case "string":
		return fmt.Sprint(n)
	}
	return fmt.Sprint(n)
}

// TestNothingLeaks: every batch is released, whether it fits or not.
func TestNothingLeaks(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	in := &tidemark.Schema{Columns: []tidemark.Column{{Name: "a", Type: arrow.PrimitiveTypes.Int64}, {Name: "b", Type: arrow.PrimitiveTypes.Int64}}}
	steps, err := New([]Step{{Name: "s", Change: &Change{Columns: []ColumnChange{{Column: "a", Type: arrow.PrimitiveTypes.Int32}, {Column: "b", Drop: true}}}}}).
		Begin(t.Context(), in, tidemark.Window{})
	if err != nil {
		t.Fatal(err)
	}
	batches := func(yield func(arrow.RecordBatch, error) bool) {
		for _, v := range []int64{1, 2, math.MaxInt64, 3} {
			b := array.NewInt64Builder(mem)
			b.Append(v)
			a := b.NewArray()
			batch := array.NewRecordBatch(in.Arrow(), []arrow.Array{a, a}, 1)
			a.Release()
			b.Release()
			if !yield(batch, nil) {
				return
			}
		}
	}
	n := 0
	for b, err := range steps.Rows(context.Background(), batches) {
		if err != nil {
			if n != 2 || !strings.Contains(err.Error(), "step s: column \"a\", row with a 9223372036854775807") {
				t.Errorf("after %d batches: %v", n, err)
			}
			break
		}
		n++
		b.Release()
	}
}

// TestSiftedCast: a value that does not fit is told by the number of its row among all that were read, and the rows come out as
// they are cut.
func TestSiftedCast(t *testing.T) {
	in := &tidemark.Schema{Columns: []tidemark.Column{{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: "code", Type: arrow.BinaryTypes.String}}, Key: []string{"id"}}
	tr, err := New([]Step{
		{Name: "casts", Change: &Change{Columns: []ColumnChange{{Column: "code", Type: arrow.PrimitiveTypes.Int32, Quarantine: true}}}},
		{Name: "again", Change: &Change{Columns: []ColumnChange{{Column: "id", Rename: "key"}}}},
	}).Begin(t.Context(), in, tidemark.Window{})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	s, ok := tr.(tidemark.Sifter)
	if !ok || !s.Quarantines() {
		t.Fatal("the step sets nothing aside")
	}
	source := func(yield func(arrow.RecordBatch, error) bool) {
		for i, codes := range [][]string{{"1", "2"}, {"x", "4"}, {"5"}, {"6", "7", "99999999999"}} {
			b := array.NewRecordBuilder(memory.DefaultAllocator, in.Arrow())
			for range codes {
				b.Field(0).(*array.Int64Builder).Append(int64(i))
			}
			b.Field(1).(*array.StringBuilder).AppendValues(codes, nil)
			batch := b.NewRecordBatch()
			b.Release()
			if !yield(batch, nil) {
				return
			}
		}
	}
	rejected := map[int64]string{}
	var rows []int64
	for b, err := range s.Sifted(t.Context(), source, func(row int64, r tidemark.Reject) { rejected[row] = r.Check + ": " + r.Reason }) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, b.NumRows())
		b.Release()
	}
	want := map[int64]string{
		2: `cast(code): column "code", row with id 1: "x" does not fit into int`, 7: `cast(code): column "code", row with id 3: "99999999999" does not fit into int`,
	}
	if diff := cmp.Diff(want, rejected); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int64{2, 2, 1, 3}, rows); diff != "" {
		t.Error(diff)
	}
}
