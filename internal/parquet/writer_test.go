package parquet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	pq "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/parquet"
)

// encode writes the batches as one file.
func encode(t *testing.T, batches []arrow.RecordBatch, o parquet.Options) ([]byte, *metadata.FileMetaData) {
	t.Helper()
	var out bytes.Buffer
	w, err := parquet.NewWriter(&out, batches[0].Schema(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	meta, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if w.Size() != int64(out.Len()) {
		t.Errorf("Size() = %d, the file has %d bytes", w.Size(), out.Len())
	}
	return out.Bytes(), meta
}

// decode reads a file as a table, with another reader than what wrote it stands on.
func decode(t *testing.T, data []byte) arrow.Table {
	t.Helper()
	table, err := pqarrow.ReadTable(context.Background(), bytes.NewReader(data), pq.NewReaderProperties(memory.DefaultAllocator),
		pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// cells returns all values of a column as text, NULL as "(null)".
func cells(chunks []arrow.Array) []string {
	var texts []string
	for _, a := range chunks {
		for i := range a.Len() {
			texts = append(texts, a.ValueStr(i))
		}
	}
	return texts
}

func column(batches []arrow.RecordBatch, i int) []arrow.Array {
	var chunks []arrow.Array
	for _, b := range batches {
		chunks = append(chunks, b.Column(i))
	}
	return chunks
}

// TestRoundTrip writes tables of all kinds and reads every value back.
func TestRoundTrip(t *testing.T) {
	sliced := mixed(1, 5000)[0]
	tests := map[string]struct {
		batches []arrow.RecordBatch
		options parquet.Options
	}{
		"orders":               {orders(4, 3000), parquet.Options{}},
		"25 columns":           {mixed(4, 3000), parquet.Options{}},
		"many row groups":      {mixed(20, 500), parquet.Options{RowGroupBytes: 100 << 10}},
		"slices of a batch":    {[]arrow.RecordBatch{sliced.NewSlice(3, 1000), sliced.NewSlice(1003, 1003), sliced.NewSlice(1003, 5000)}, parquet.Options{}},
		"strings of all kinds": {words(), parquet.Options{}},
		"decimals":             {decimals(), parquet.Options{}},
		"nested":               {lists(), parquet.Options{}},
		"one row":              {orders(1, 1), parquet.Options{Level: 3}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			data, _ := encode(t, test.batches, test.options)
			table := decode(t, data)
			for i, field := range test.batches[0].Schema().Fields() {
				got, want := cells(table.Column(i).Data().Chunks()), cells(column(test.batches, i))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("column %q differs (-written +read):\n%.2000s", field.Name, diff)
				}
			}
		})
	}
}

// words returns batches of one string column that walk through every state of its dictionary: a few words, batches
// that are all known, new words later on, empty strings, NULLs, only NULLs, and at last so many that the dictionary
// is dropped.
func words() []arrow.RecordBatch {
	random := rand.New(rand.NewPCG(3, 4))
	var batches []arrow.RecordBatch
	add := func(n int, word func() (string, bool)) {
		b := array.NewStringBuilder(memory.DefaultAllocator)
		defer b.Release()
		for range n {
			if w, ok := word(); ok {
				b.Append(w)
			} else {
				b.AppendNull()
			}
		}
		s := arrow.NewSchema([]arrow.Field{{Name: "word", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
		batches = append(batches, array.NewRecordBatch(s, []arrow.Array{b.NewArray()}, int64(n)))
	}
	of := func(n int, nulls int) func() (string, bool) {
		return func() (string, bool) {
			k := random.IntN(n)
			if k == 0 {
				return "", random.IntN(100) >= nulls
			}
			return fmt.Sprintf("word %d", k), random.IntN(100) >= nulls
		}
	}
	add(5000, of(5, 0))
	add(5000, of(5, 0))
	add(5000, of(5, 30))
	add(3, func() (string, bool) { return "", false })
	add(5000, of(9, 30))
	for range 20 {
		add(20000, of(9, 10)) // several pages of indices
	}
	add(300000, of(1<<30, 1))
	add(5000, of(9, 10))
	return batches
}

// decimals returns the extremes of decimals of each width, with and without NULLs.
func decimals() []arrow.RecordBatch {
	precisions := []int32{9, 18, 19, 20, 38}
	fields := make([]arrow.Field, len(precisions))
	for i, p := range precisions {
		fields[i] = arrow.Field{Name: fmt.Sprint("d", p), Type: &arrow.Decimal128Type{Precision: p, Scale: 2}, Nullable: i%2 == 1}
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for i, p := range precisions {
		most, _ := new(big.Int).SetString(strings.Repeat("9", int(p)), 10)
		for _, n := range []*big.Int{new(big.Int), big.NewInt(1), big.NewInt(-1), most, new(big.Int).Neg(most), big.NewInt(-128)} {
			b.Field(i).(*array.Decimal128Builder).Append(decimal128.FromBigInt(n))
		}
		if fields[i].Nullable {
			b.Field(i).AppendNull()
		} else {
			b.Field(i).(*array.Decimal128Builder).Append(decimal128.Num{})
		}
	}
	batch := b.NewRecordBatch()
	return []arrow.RecordBatch{batch, batch.NewSlice(2, 7)}
}

// lists returns a batch with a list and a struct.
func lists() []arrow.RecordBatch {
	s := arrow.NewSchema([]arrow.Field{
		{Name: "vector", Type: arrow.ListOf(arrow.PrimitiveTypes.Float32), Nullable: true},
		{Name: "point", Type: arrow.StructOf(
			arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int32, Nullable: true, Metadata: fieldID("3")},
			arrow.Field{Name: "y", Type: arrow.BinaryTypes.String, Nullable: true, Metadata: fieldID("4")},
		), Nullable: true, Metadata: fieldID("2")},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, s)
	defer b.Release()
	for i := range 100 {
		list := b.Field(0).(*array.ListBuilder)
		list.Append(i%7 != 0)
		for j := range i % 7 {
			list.ValueBuilder().(*array.Float32Builder).Append(float32(j) / 2)
		}
		point := b.Field(1).(*array.StructBuilder)
		point.Append(true)
		point.FieldBuilder(0).(*array.Int32Builder).Append(int32(i))
		point.FieldBuilder(1).(*array.StringBuilder).Append(fmt.Sprint(i))
	}
	return []arrow.RecordBatch{b.NewRecordBatch(), b.NewRecordBatch()}
}

func fieldID(id string) arrow.Metadata {
	return arrow.NewMetadata([]string{"PARQUET:field_id"}, []string{id})
}

// TestStatistics compares the bounds and NULL counts of each column chunk with the values in it. Readers skip a
// row group by them, so a wrong bound loses rows.
func TestStatistics(t *testing.T) {
	for name, batches := range map[string][]arrow.RecordBatch{"strings": words(), "mixed": mixed(6, 2000), "empty first": empties()} {
		t.Run(name, func(t *testing.T) {
			data, _ := encode(t, batches, parquet.Options{RowGroupBytes: 2 << 20})
			r, err := file.NewParquetReader(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			for g := range r.NumRowGroups() {
				for c := range r.MetaData().Schema.NumColumns() {
					checkChunk(t, r, g, c)
				}
			}
		})
	}
}

// empties has pages whose least value is the empty string, before pages with others: with a dictionary and without.
func empties() []arrow.RecordBatch {
	s := arrow.NewSchema([]arrow.Field{{Name: "few", Type: arrow.BinaryTypes.String}, {Name: "many", Type: arrow.BinaryTypes.Binary}}, nil)
	var batches []arrow.RecordBatch
	for _, word := range []string{"", "mm", "", "zz", "aa"} {
		b := array.NewRecordBuilder(memory.DefaultAllocator, s)
		for i := range 40000 {
			many := fmt.Sprintf("%s%030d", word, i)
			if i == 0 {
				many = word
			}
			b.Field(0).(*array.StringBuilder).Append(word)
			b.Field(1).(*array.BinaryBuilder).Append([]byte(many))
		}
		batches = append(batches, b.NewRecordBatch())
		b.Release()
	}
	return batches
}

func checkChunk(t *testing.T, r *file.Reader, group, column int) {
	t.Helper()
	chunk, err := r.MetaData().RowGroup(group).ColumnChunk(column)
	if err != nil {
		t.Fatal(err)
	}
	stats, err := chunk.Statistics()
	if err != nil || stats == nil {
		t.Fatalf("group %d column %d: no statistics: %v", group, column, err)
	}
	reader, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	read, err := reader.RowGroup(group).Column(column).Read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	nulls := int64(0)
	var least, most string
	first := true
	for _, a := range read.Chunks() {
		nulls += int64(a.NullN())
		for i := range a.Len() {
			if v, ok := raw(a, i); ok {
				if first || v < least {
					least = v
				}
				if first || v > most {
					most = v
				}
				first = false
			}
		}
	}
	if stats.NullCount() != nulls {
		t.Errorf("group %d column %d: %d NULLs counted, %d there", group, column, stats.NullCount(), nulls)
	}
	if first {
		return
	}
	if s, ok := stats.(*metadata.ByteArrayStatistics); ok {
		if !s.HasMinMax() || string(s.Min()) != least || string(s.Max()) != most {
			t.Errorf("group %d column %d: bounds %q to %q, want %q to %q", group, column, s.Min(), s.Max(), least, most)
		}
	}
}

// raw returns the bytes of a string or binary value.
func raw(a arrow.Array, i int) (string, bool) {
	if a.IsNull(i) {
		return "", false
	}
	switch a := a.(type) {
	case *array.String:
		return a.Value(i), true
	case *array.Binary:
		return string(a.Value(i)), true
	}
	return "", false
}

// TestTypes checks how the columns are described in the file.
func TestTypes(t *testing.T) {
	field := func(name string, t arrow.DataType, id string) arrow.Field {
		return arrow.Field{Name: name, Type: t, Nullable: true, Metadata: fieldID(id)}
	}
	s := arrow.NewSchema([]arrow.Field{
		field("wall", &arrow.TimestampType{Unit: arrow.Microsecond}, "7"),
		field("instant", &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, "8"),
		field("d9", &arrow.Decimal128Type{Precision: 9, Scale: 2}, "9"),
		field("d18", &arrow.Decimal128Type{Precision: 18, Scale: 2}, "10"),
		field("d38", &arrow.Decimal128Type{Precision: 38, Scale: 10}, "11"),
		field("text", arrow.BinaryTypes.String, "12"),
	}, nil)
	var out bytes.Buffer
	w, err := parquet.NewWriter(&out, s, parquet.Options{Metadata: map[string]string{"b": "2", "a": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	meta, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	type described struct {
		Name, Physical, Logical string
		ID                      int32
	}
	var got []described
	for i := range meta.Schema.NumColumns() {
		c := meta.Schema.Column(i)
		logical := c.LogicalType().String()
		if ts, ok := c.LogicalType().(schema.TimestampLogicalType); ok {
			logical = fmt.Sprintf("timestamp adjusted=%t", ts.IsAdjustedToUTC())
		}
		got = append(got, described{c.Name(), c.PhysicalType().String(), logical, c.SchemaNode().FieldID()})
	}
	want := []described{
		{"wall", "INT64", "timestamp adjusted=false", 7},
		{"instant", "INT64", "timestamp adjusted=true", 8},
		{"d9", "INT32", "Decimal(precision=9, scale=2)", 9},
		{"d18", "INT64", "Decimal(precision=18, scale=2)", 10},
		{"d38", "FIXED_LEN_BYTE_ARRAY", "Decimal(precision=38, scale=10)", 11},
		{"text", "BYTE_ARRAY", "String", 12},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a", "b"}, meta.KeyValueMetadata().Keys()); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

func TestNestedFieldIDs(t *testing.T) {
	_, meta := encode(t, lists(), parquet.Options{})
	got := map[string]int32{}
	for i := range meta.Schema.NumColumns() {
		got[meta.Schema.Column(i).Path()] = meta.Schema.Column(i).SchemaNode().FieldID()
	}
	if diff := cmp.Diff(map[string]int32{"vector.list.element": -1, "point.x": 3, "point.y": 4}, got); diff != "" {
		t.Errorf("field ids (-want +got):\n%s", diff)
	}
}

func TestRefused(t *testing.T) {
	batch := orders(1, 10)[0]
	required := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int32}}, nil)
	b := array.NewInt32Builder(memory.DefaultAllocator)
	b.AppendNull()
	null := array.NewRecordBatch(required, []arrow.Array{b.NewArray()}, 1)
	money := arrow.NewSchema([]arrow.Field{{Name: "n", Type: &arrow.Decimal128Type{Precision: 19}}}, nil)
	d := array.NewDecimal128Builder(memory.DefaultAllocator, &arrow.Decimal128Type{Precision: 19})
	d.Append(decimal128.MaxDecimal128)
	large := array.NewRecordBatch(money, []arrow.Array{d.NewArray()}, 1)
	tests := map[string]struct {
		schema *arrow.Schema
		batch  arrow.RecordBatch
		opts   parquet.Options
	}{
		"a decimal that is too large": {money, large, parquet.Options{}},
		"another number of columns":   {required, batch, parquet.Options{}},
		"NULL in a required column":   {required, null, parquet.Options{}},
		"zstd level":                  {required, null, parquet.Options{Level: 23}},
		"metadata":                    {required, null, parquet.Options{Metadata: map[string]string{"k": "\xff"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, err := parquet.NewWriter(&bytes.Buffer{}, test.schema, test.opts)
			if err == nil {
				err = w.Write(test.batch)
			}
			if !errors.Is(err, tidemark.ErrInvalid) {
				t.Errorf("got %v, want ErrInvalid", err)
			}
		})
	}
}

// TestRead reads files as another schema has their columns: found by field id under other names, wider, and new.
func TestRead(t *testing.T) {
	was := arrow.NewSchema([]arrow.Field{
		{Name: "a", Type: arrow.PrimitiveTypes.Int32, Nullable: true, Metadata: fieldID("1")},
		{Name: "b", Type: arrow.BinaryTypes.String, Nullable: true, Metadata: fieldID("2")},
		{Name: "c", Type: &arrow.Decimal128Type{Precision: 5, Scale: 2}, Nullable: true, Metadata: fieldID("3")},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, was)
	for i := range 5000 {
		b.Field(0).(*array.Int32Builder).Append(int32(i))
		if i%7 == 0 {
			b.Field(1).AppendNull()
		} else {
			b.Field(1).(*array.StringBuilder).Append(fmt.Sprint("text ", i))
		}
		b.Field(2).(*array.Decimal128Builder).Append(decimal128.FromI64(int64(i)))
	}
	data, _ := encode(t, []arrow.RecordBatch{b.NewRecordBatch()}, parquet.Options{})
	now := arrow.NewSchema([]arrow.Field{
		{Name: "text", Type: arrow.BinaryTypes.String, Nullable: true, Metadata: fieldID("2")},
		{Name: "b", Type: arrow.PrimitiveTypes.Int64, Nullable: true, Metadata: fieldID("1")},
		{Name: "fresh", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true, Metadata: fieldID("4")},
		{Name: "c", Type: &arrow.Decimal128Type{Precision: 20, Scale: 2}, Nullable: true, Metadata: fieldID("3")},
	}, nil)
	row := 0
	for b, err := range parquet.Read(t.Context(), bytes.NewReader(data), now) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range int(b.NumRows()) {
			want := []string{fmt.Sprint("text ", row), fmt.Sprint(row), array.NullValueStr, fmt.Sprintf("%g", float64(row)/100)}
			if row%7 == 0 {
				want[0] = array.NullValueStr
			}
			for c, w := range want {
				if got := b.Column(c).ValueStr(i); got != w {
					t.Fatalf("row %d, column %d: %q, want %q", row, c, got, w)
				}
			}
			row++
		}
		b.Release()
	}
	if row != 5000 {
		t.Errorf("%d rows", row)
	}
	good := arrow.Field{Name: "good", Type: arrow.PrimitiveTypes.Int32, Nullable: true, Metadata: fieldID("9")}
	for name, bad := range map[string][]arrow.Field{
		"narrower":                  {{Name: "a", Type: arrow.PrimitiveTypes.Date32, Nullable: true, Metadata: fieldID("2")}},
		"not there":                 {{Name: "n", Type: arrow.PrimitiveTypes.Int32, Metadata: fieldID("9")}},
		"without an id, beside one": {good, {Name: "a", Type: arrow.PrimitiveTypes.Int32, Nullable: true}},
		"not there, by name":        {{Name: "nosuch", Type: arrow.PrimitiveTypes.Int32}},
	} {
		var failed error
		for _, err := range parquet.Read(t.Context(), bytes.NewReader(data), arrow.NewSchema(bad, nil)) {
			failed = err
		}
		if !errors.Is(failed, tidemark.ErrInvalid) {
			t.Errorf("a column that is %s: %v", name, failed)
		}
	}
}
