package duckdb

import (
	"errors"
	"fmt"
	"iter"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

// allTypes are the types of columns that come out of a statement as they go in.
var allTypes = []arrow.DataType{
	arrow.FixedWidthTypes.Boolean,
	arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64,
	arrow.PrimitiveTypes.Uint8, arrow.PrimitiveTypes.Uint16, arrow.PrimitiveTypes.Uint32, arrow.PrimitiveTypes.Uint64,
	arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64,
	&arrow.Decimal128Type{Precision: 3, Scale: 1}, &arrow.Decimal128Type{Precision: 9, Scale: 9}, &arrow.Decimal128Type{Precision: 18},
	&arrow.Decimal128Type{Precision: 20}, &arrow.Decimal128Type{Precision: 38, Scale: 10},
	arrow.FixedWidthTypes.Date32, &arrow.TimestampType{Unit: arrow.Microsecond}, &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"},
	arrow.BinaryTypes.String, arrow.BinaryTypes.Binary,
	listOf(arrow.PrimitiveTypes.Float32), listOf(arrow.BinaryTypes.String), listOf(listOf(&arrow.Decimal128Type{Precision: 9})),
	structOf(arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.String, structOf(arrow.FixedWidthTypes.Boolean, listOf(arrow.FixedWidthTypes.Date32))),
	arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64), listOf(arrow.MapOf(arrow.PrimitiveTypes.Int32, listOf(arrow.BinaryTypes.Binary))),
}

func listOf(t arrow.DataType) arrow.DataType {
	return arrow.ListOfField(arrow.Field{Name: "element", Type: t, Nullable: true})
}

func structOf(types ...arrow.DataType) arrow.DataType {
	var fields []arrow.Field
	for i, t := range types {
		fields = append(fields, arrow.Field{Name: string(rune('a' + i)), Type: t, Nullable: true})
	}
	return arrow.StructOf(fields...)
}

func schemaOf(types ...arrow.DataType) *arrow.Schema {
	return arrow.NewSchema(structOf(types...).(*arrow.StructType).Fields(), nil)
}

// random appends n values, some of them NULL.
func random(r *rand.Rand, b array.Builder, n int, nulls float64) {
	for range n {
		if r.Float64() < nulls {
			b.AppendNull()
			continue
		}
		switch b := b.(type) {
		case *array.ListBuilder:
			b.Append(true)
			random(r, b.ValueBuilder(), r.IntN(5), nulls)
		case *array.StructBuilder:
			b.Append(true)
			for i := range b.NumField() {
				random(r, b.FieldBuilder(i), 1, nulls)
			}
		case *array.MapBuilder:
			b.Append(true)
			if r.IntN(3) > 0 {
				random(r, b.KeyBuilder(), 1, 0)
				random(r, b.ItemBuilder(), 1, nulls)
			}
		default:
			randomLeaf(r, b)
		}
	}
}

func randomLeaf(r *rand.Rand, b array.Builder) {
	n := r.Uint64() >> r.IntN(64)
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(n%2 == 0)
	case *array.Int8Builder:
		b.Append(int8(n))
	case *array.Int16Builder:
		b.Append(int16(n))
	case *array.Int32Builder:
		b.Append(int32(n))
	case *array.Int64Builder:
		b.Append(int64(n))
	case *array.Uint8Builder:
		b.Append(uint8(n))
	case *array.Uint16Builder:
		b.Append(uint16(n))
	case *array.Uint32Builder:
		b.Append(uint32(n))
	case *array.Uint64Builder:
		b.Append(n)
	case *array.Float32Builder:
		b.Append(r.Float32() - 0.5)
	case *array.Float64Builder:
		b.Append(r.NormFloat64() * 1e30)
	case *array.Decimal128Builder:
		most := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(b.Type().(*arrow.Decimal128Type).Precision)), nil)
		x := new(big.Int).Mul(new(big.Int).SetUint64(n), new(big.Int).SetUint64(r.Uint64()))
		if x.Mod(x, most); n%3 == 0 {
			x.Sub(most, big.NewInt(1))
		}
		if n%2 == 0 {
			x.Neg(x)
		}
		b.Append(decimal128.FromBigInt(x))
	case *array.Date32Builder:
		b.Append(arrow.Date32(int32(n) / 1000))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(int64(n) / 100))
	case *array.StringBuilder:
		b.Append(strings.Repeat([]string{"", "a", "ä€", "\x00", "𝄞 a clef"}[n%5], r.IntN(12)))
	case *array.BinaryBuilder:
		bytes := make([]byte, r.IntN(30))
		for i := range bytes {
			bytes[i] = byte(r.Uint32())
		}
		b.Append(bytes)
	default:
		panic("no random " + b.Type().String())
	}
}

func randomBatch(r *rand.Rand, mem memory.Allocator, schema *arrow.Schema, n int, nulls float64) arrow.RecordBatch {
	b := array.NewRecordBuilder(mem, schema)
	defer b.Release()
	for _, f := range b.Fields() {
		random(r, f, n, nulls)
	}
	return b.NewRecordBatch()
}

func seq(batches ...arrow.RecordBatch) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for _, b := range batches {
			b.Retain()
			if !yield(b, nil) {
				return
			}
		}
	}
}

// table puts batches together, for comparison.
func table(schema *arrow.Schema, batches []arrow.RecordBatch) arrow.Table {
	t := array.NewTableFromRecords(schema, batches)
	for _, b := range batches {
		b.Release()
	}
	return t
}

func collect(t *testing.T, db *DB, sql string) (arrow.Table, error) {
	t.Helper()
	s := parse(t, db, sql)
	schema, err := db.Describe(t.Context(), s)
	if err != nil {
		return nil, err
	}
	var batches []arrow.RecordBatch
	for b, err := range db.Stream(t.Context(), s) {
		if err != nil {
			table(schema, batches).Release()
			return nil, err
		}
		if !b.Schema().Equal(schema) {
			t.Errorf("%s: a batch has the schema %s, and %s was described", sql, b.Schema(), schema)
		}
		batches = append(batches, b)
	}
	return table(schema, batches), nil
}

// TestTypes: what goes in comes out, whatever its type and wherever the batches begin and end, and also by way of a
// table of the database, and nothing is kept.
func TestTypes(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	db := open(t, Options{})
	schema := schemaOf(allTypes...)
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 1))
		var batches []arrow.RecordBatch
		for _, n := range []int{r.IntN(3), r.IntN(3 * vectorSize), vectorSize, 0, 1 + r.IntN(10), vectorSize + 1} {
			whole := randomBatch(r, mem, schema, n+7, []float64{0, 0.1, 0.9}[seed%3])
			from := r.IntN(8)
			batches = append(batches, whole.NewSlice(int64(from), int64(from+n)))
			whole.Release()
		}
		want := array.NewTableFromRecords(schema, batches)
		for _, sql := range []string{"SELECT * FROM rows", "SELECT * FROM kept", "WITH q AS (FROM rows) SELECT * FROM q WHERE (SELECT count(*) FROM q) > 0"} {
			for name, make := range map[string]func(string) error{
				"rows": func(n string) error { return db.Register(t.Context(), n, schema, seq(batches...)) },
				"kept": func(n string) error { return db.Load(t.Context(), n, schema, seq(batches...)) },
			} {
				if err := make(name); err != nil {
					t.Fatal(err)
				}
			}
			got, err := collect(t, db, sql)
			if err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
			if !array.TableEqual(got, want) {
				t.Errorf("seed %d, %s: the rows that come out are not those that went in", seed, sql)
				for i := range schema.NumFields() {
					if !array.ChunkedEqual(got.Column(i).Data(), want.Column(i).Data()) {
						t.Errorf("%s: %s", schema.Field(i), firstDifference(got.Column(i), want.Column(i)))
					}
				}
			}
			got.Release()
		}
		want.Release()
		for _, b := range batches {
			b.Release()
		}
	}
}

func firstDifference(got, want *arrow.Column) string {
	a, b := textsOf(got), textsOf(want)
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("row %d of %d: %s, want %s", i, len(b), a[i], b[i])
		}
	}
	return fmt.Sprintf("%d rows, want %d", len(a), len(b))
}

func textsOf(c *arrow.Column) []string {
	var s []string
	for _, part := range c.Data().Chunks() {
		for i := range part.Len() {
			s = append(s, part.ValueStr(i))
		}
	}
	return s
}

// TestOtherTypes: what goes in as another type than it comes out.
func TestOtherTypes(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	db := open(t, Options{})
	fixed := &arrow.FixedSizeBinaryType{ByteWidth: 14}
	schema := schemaOf(arrow.BinaryTypes.LargeString, arrow.BinaryTypes.LargeBinary, fixed,
		&arrow.TimestampType{Unit: arrow.Second}, &arrow.TimestampType{Unit: arrow.Millisecond}, arrow.LargeListOf(arrow.PrimitiveTypes.Int64))
	b := array.NewRecordBuilder(mem, schema)
	b.Field(0).(*array.LargeStringBuilder).AppendValues([]string{"a", "longer than twelve"}, nil)
	b.Field(1).(*array.BinaryBuilder).AppendValues([][]byte{{0xff}, []byte("longer than twelve")}, nil)
	b.Field(2).(*array.FixedSizeBinaryBuilder).AppendValues([][]byte{[]byte("fourteen bytes"), []byte("and more bytes")}, nil)
	b.Field(3).(*array.TimestampBuilder).AppendValues([]arrow.Timestamp{-1, 2}, nil)
	b.Field(4).(*array.TimestampBuilder).AppendValues([]arrow.Timestamp{-1, 2}, nil)
	list := b.Field(5).(*array.LargeListBuilder)
	list.Append(true)
	list.ValueBuilder().(*array.Int64Builder).Append(5)
	list.AppendNull()
	batch := b.NewRecordBatch()
	b.Release()
	if err := db.Register(t.Context(), "rows", schema, seq(batch)); err != nil {
		t.Fatal(err)
	}
	got, err := collect(t, db, "SELECT a, b::VARCHAR AS b, c::VARCHAR AS c, d, e, f FROM rows ORDER BY a DESC")
	batch.Release()
	if err != nil {
		t.Fatal(err)
	}
	defer got.Release()
	want := [][]string{
		{"longer than twelve", "longer than twelve", "and more bytes", "1970-01-01T00:00:02", "1970-01-01T00:00:00.002", "(null)"},
		{"a", `\xFF`, "fourteen bytes", "1969-12-31T23:59:59", "1969-12-31T23:59:59.999", "[5]"},
	}
	diffRows(t, "", got, want)
	for _, typ := range []arrow.DataType{arrow.Null, arrow.FixedWidthTypes.MonthInterval, &arrow.Decimal256Type{Precision: 40}, listOf(arrow.Null),
		&arrow.TimestampType{Unit: arrow.Second, TimeZone: "UTC"}, arrow.StructOf()} {
		if err := db.Register(t.Context(), "odd", schemaOf(typ), nil); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("Register(%s) = %v, want ErrInvalid", typ, err)
		}
	}
}

// diffRows compares all cells, as Arrow writes them.
func diffRows(t *testing.T, sql string, got arrow.Table, want [][]string) {
	t.Helper()
	if int(got.NumRows()) != len(want) {
		t.Errorf("%s: %d rows, want %d", sql, got.NumRows(), len(want))
		return
	}
	for i := range int(got.NumCols()) {
		row := 0
		for _, part := range got.Column(i).Data().Chunks() {
			for j := range part.Len() {
				if text := part.ValueStr(j); text != want[row][i] {
					t.Errorf("%s: row %d, %s = %q, want %q", sql, row, got.Schema().Field(i).Name, text, want[row][i])
				}
				row++
			}
		}
	}
}

// TestResultTypes: each of DuckDB's types comes out as one that a table has, or is refused with what to do.
func TestResultTypes(t *testing.T) {
	db := open(t, Options{})
	tests := []struct {
		expression string
		typ        arrow.DataType
		want       string
	}{
		{"170141183460469231731687303715884::HUGEINT", &arrow.Decimal128Type{Precision: 38}, "170141183460469231731687303715884"},
		{"-1::HUGEINT", &arrow.Decimal128Type{Precision: 38}, "-1"},
		{"sum(x::INTEGER)", &arrow.Decimal128Type{Precision: 38}, "42"},
		{"7::UHUGEINT", &arrow.Decimal128Type{Precision: 38}, "7"},
		{"1.50::DECIMAL(4,2)", &arrow.Decimal128Type{Precision: 4, Scale: 2}, "1.5"},
		{"TIME '01:02:03.5'", arrow.BinaryTypes.String, "01:02:03.5"},
		{"TIME '00:00:00'", arrow.BinaryTypes.String, "00:00:00"},
		{"UUID '00112233-4455-6677-8899-aabbccddeeff'", arrow.BinaryTypes.String, "00112233-4455-6677-8899-aabbccddeeff"},
		{"UUID 'ff112233-4455-6677-8899-aabbccddee0f'", arrow.BinaryTypes.String, "ff112233-4455-6677-8899-aabbccddee0f"},
		{"'b'::ENUM('a', 'b')", arrow.BinaryTypes.String, "b"},
		{"NULL::ENUM('a', 'b')", arrow.BinaryTypes.String, "(null)"},
		{"'{\"a\": 1}'::JSON", arrow.BinaryTypes.String, `{"a": 1}`},
		{"TIMESTAMP_S '2020-01-02 03:04:05'", &arrow.TimestampType{Unit: arrow.Microsecond}, "2020-01-02T03:04:05"},
		{"TIMESTAMP_MS '2020-01-02 03:04:05.678'", &arrow.TimestampType{Unit: arrow.Microsecond}, "2020-01-02T03:04:05.678"},
		{"TIMESTAMPTZ '2020-01-02 03:04:05+01'", &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, "2020-01-02T02:04:05Z"},
		{"DATE '0001-01-01'", arrow.FixedWidthTypes.Date32, "0001-01-01"},
		{"[1, NULL, 3]::INTEGER[3]", listOf(arrow.PrimitiveTypes.Int32), "[1,null,3]"},
		{"[[1], NULL, []]::UTINYINT[][]", listOf(listOf(arrow.PrimitiveTypes.Uint8)), "[[1],null,[]]"},
		{"{'a': 1, 'b': NULL::VARCHAR}", structOf(arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.String), `{"a":1,"b":null}`},
		{"MAP {'k': 1}", arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32), `[{"key":"k","value":1}]`},
		{"NULL", arrow.PrimitiveTypes.Int32, "(null)"},
	}
	for _, tt := range tests {
		got, err := collect(t, db, "SELECT "+tt.expression+" AS v FROM (SELECT 42 AS x)")
		if err != nil {
			t.Errorf("%s: %v", tt.expression, err)
			continue
		}
		if typ := got.Schema().Field(0).Type; !arrow.TypeEqual(typ, tt.typ) {
			t.Errorf("%s comes out as %s, want %s", tt.expression, typ, tt.typ)
		}
		diffRows(t, tt.expression, got, [][]string{{tt.want}})
		got.Release()
	}
	for expression, hint := range map[string]string{
		"INTERVAL 1 DAY": "CAST(… AS VARCHAR)", "'01'::BIT": "CAST(… AS VARCHAR)", "union_value(a := 1)": "CAST(… AS VARCHAR)",
		"TIMETZ '01:02:03+01'": "CAST(… AS VARCHAR)", "TIMESTAMP_NS '2020-01-01'": "CAST(… AS TIMESTAMP)", "[INTERVAL 1 DAY]": "CAST(… AS VARCHAR)",
		"{'a': '01'::BIT}": "CAST(… AS VARCHAR)", "MAP {1: '01'::BIT}": "CAST(… AS VARCHAR)", "1::BIGNUM": "CAST(… AS DECIMAL(38,0))",
		"DATE 'infinity'": "", "TIMESTAMP '-infinity'": "", "170141183460469231731687303715884105727::HUGEINT": "CAST(… AS VARCHAR), or AS DOUBLE",
		"340282366920938463463374607431768211455::UHUGEINT": "CAST(… AS VARCHAR), or AS DOUBLE",
	} {
		got, err := collect(t, db, "SELECT "+expression+" AS v")
		if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(err.Error(), `column "v"`) || tidemark.Hint(err) != hint {
			t.Errorf("%s = %v, %v (hint %q), want ErrInvalid about column v", expression, got, err, tidemark.Hint(err))
		}
	}
}
