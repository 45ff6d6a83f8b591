package parquet_test

import (
	"errors"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/parquet"
)

func icebergBucket(v int64, n int) int32 {
	return int32(iceberg.BucketTransform{NumBuckets: n}.Apply(literal(iceberg.Int64Literal(v))).Val.(iceberg.Int32Literal))
}

func literal(l iceberg.Literal) iceberg.Optional[iceberg.Literal] {
	return iceberg.Optional[iceberg.Literal]{Valid: true, Val: l}
}

func TestParsePartition(t *testing.T) {
	tests := map[string]parquet.PartitionField{
		"region":            {Name: "region", Column: "region", Transform: parquet.Identity},
		"day(order_date)":   {Name: "order_date_day", Column: "order_date", Transform: parquet.Day},
		"YEAR( order date)": {Name: "order date_year", Column: "order date", Transform: parquet.Year},
		"bucket(16, id)":    {Name: "id_bucket_16", Column: "id", Transform: parquet.Bucket, Width: 16},
		"truncate(3,name)":  {Name: "name_trunc_3", Column: "name", Transform: parquet.Truncate, Width: 3},
	}
	for spec, want := range tests {
		got, err := parquet.ParsePartition(spec)
		if err != nil || got != want {
			t.Errorf("ParsePartition(%q) = %+v, %v; want %+v", spec, got, err, want)
		}
	}
	for _, spec := range []string{"", "week(d)", "bucket(id)", "bucket(0, id)", "day(3, d)", "day()", "bucket(99999999999, id)"} {
		if got, err := parquet.ParsePartition(spec); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("ParsePartition(%q) = %+v, %v; want ErrInvalid", spec, got, err)
		}
	}
}

// TestTransformsAgree writes one row per value and compares the partition that it lands in with what Iceberg's own
// library says, by value and by text.
func TestTransformsAgree(t *testing.T) {
	wall := &arrow.TimestampType{Unit: arrow.Microsecond}
	money := &arrow.Decimal128Type{Precision: 20, Scale: 2}
	moments := []int64{0, -1, 1, 1374710400e6, -62135596800e6, 253402300799999999, -86400e6, -86400e6 - 1, 951782399e6}
	tests := map[string]struct {
		t        arrow.DataType
		iceberg  iceberg.Type
		specs    []string
		literals []iceberg.Literal
	}{
		"int":  {arrow.PrimitiveTypes.Int32, iceberg.PrimitiveTypes.Int32, []string{"c", "bucket(7, c)", "truncate(10, c)"}, literals(moments, func(v int64) iceberg.Literal { return iceberg.Int32Literal(int32(v)) })},
		"long": {arrow.PrimitiveTypes.Int64, iceberg.PrimitiveTypes.Int64, []string{"c", "bucket(7, c)", "truncate(10, c)"}, literals(moments, func(v int64) iceberg.Literal { return iceberg.Int64Literal(v) })},
		"timestamp": {wall, iceberg.PrimitiveTypes.Timestamp, []string{"c", "year(c)", "month(c)", "day(c)", "hour(c)", "bucket(7, c)"},
			literals(moments, func(v int64) iceberg.Literal { return iceberg.TimestampLiteral(v) })},
		"date": {arrow.FixedWidthTypes.Date32, iceberg.PrimitiveTypes.Date, []string{"c", "year(c)", "month(c)", "day(c)", "bucket(7, c)"},
			literals([]int64{0, -1, 16275, -719162, 2932896, 59, 60}, func(v int64) iceberg.Literal { return iceberg.DateLiteral(v) })},
		"string": {arrow.BinaryTypes.String, iceberg.PrimitiveTypes.String, []string{"c", "bucket(7, c)", "truncate(2, c)"},
			[]iceberg.Literal{iceberg.StringLiteral(""), iceberg.StringLiteral("a"), iceberg.StringLiteral("äöü"), iceberg.StringLiteral("🌊🌊🌊"), iceberg.StringLiteral("a/b=c %")}},
		"binary": {arrow.BinaryTypes.Binary, iceberg.PrimitiveTypes.Binary, []string{"c", "bucket(7, c)", "truncate(2, c)"},
			[]iceberg.Literal{iceberg.BinaryLiteral{}, iceberg.BinaryLiteral{0, 255, 7}}},
		"decimal": {money, iceberg.DecimalTypeOf(20, 2), []string{"c", "bucket(7, c)", "truncate(50, c)"},
			literals([]int64{0, 1, -1, 127, 128, -128, -129, 1 << 40, -(1 << 40)}, func(v int64) iceberg.Literal {
				return iceberg.DecimalLiteral{Val: decimal128.FromI64(v), Scale: 2}
			})},
		"bool": {arrow.FixedWidthTypes.Boolean, iceberg.PrimitiveTypes.Bool, []string{"c"}, []iceberg.Literal{iceberg.BoolLiteral(true), iceberg.BoolLiteral(false)}},
	}
	for name, test := range tests {
		for _, spec := range test.specs {
			t.Run(name+" "+spec, func(t *testing.T) {
				for _, l := range test.literals {
					agree(t, test.t, test.iceberg, spec, l)
				}
			})
		}
	}
}

func literals(values []int64, of func(int64) iceberg.Literal) []iceberg.Literal {
	var all []iceberg.Literal
	for _, v := range values {
		all = append(all, of(v))
	}
	return all
}

func agree(t *testing.T, dt arrow.DataType, it iceberg.Type, spec string, l iceberg.Literal) {
	t.Helper()
	field, err := parquet.ParsePartition(spec)
	if err != nil {
		t.Fatal(err)
	}
	got := partitionOf(t, dt, field, l)
	var transform iceberg.Transform = iceberg.IdentityTransform{}
	switch field.Transform {
	case parquet.Year:
		transform = iceberg.YearTransform{}
	case parquet.Month:
		transform = iceberg.MonthTransform{}
	case parquet.Day:
		transform = iceberg.DayTransform{}
	case parquet.Hour:
		transform = iceberg.HourTransform{}
	case parquet.Bucket:
		transform = iceberg.BucketTransform{NumBuckets: field.Width}
	case parquet.Truncate:
		transform = iceberg.TruncateTransform{Width: field.Width}
	}
	want := transform.Apply(literal(l)).Val.Any()
	switch w := want.(type) { // the same values in our types
	case iceberg.Date:
		want = arrow.Date32(w)
	case iceberg.Timestamp:
		want = arrow.Timestamp(w)
	case iceberg.Decimal:
		want = w.Val
	}
	if diff := cmp.Diff(want, got.Value, cmp.Comparer(func(a, b decimal128.Num) bool { return a == b })); diff != "" {
		t.Errorf("%s of %v (-iceberg +ours):\n%s", spec, l, diff)
	}
	if text := transform.ToHumanStrType(transform.ResultType(it), transform.Apply(literal(l)).Val.Any()); text != got.Text {
		t.Errorf("%s of %v: text %q, Iceberg says %q", spec, l, got.Text, text)
	}
}

// partitionOf writes a single row and returns the value of the file that it is in.
func partitionOf(t *testing.T, dt arrow.DataType, field parquet.PartitionField, l iceberg.Literal) parquet.PartitionValue {
	t.Helper()
	s := arrow.NewSchema([]arrow.Field{{Name: "c", Type: dt, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, s)
	defer b.Release()
	appendLiteral(b.Field(0), l)
	return write1(t, b.NewRecordBatch(), field)[0]
}

func appendLiteral(b array.Builder, l iceberg.Literal) {
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(bool(l.(iceberg.BoolLiteral)))
	case *array.Int32Builder:
		b.Append(int32(l.(iceberg.Int32Literal)))
	case *array.Int64Builder:
		b.Append(int64(l.(iceberg.Int64Literal)))
	case *array.Date32Builder:
		b.Append(arrow.Date32(l.(iceberg.DateLiteral)))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(l.(iceberg.TimestampLiteral)))
	case *array.StringBuilder:
		b.Append(string(l.(iceberg.StringLiteral)))
	case *array.BinaryBuilder:
		b.Append(l.(iceberg.BinaryLiteral))
	case *array.Decimal128Builder:
		b.Append(l.(iceberg.DecimalLiteral).Val)
	}
}

// write1 writes a batch by one field and returns the partition of each file.
func write1(t *testing.T, b arrow.RecordBatch, field parquet.PartitionField) []parquet.PartitionValue {
	t.Helper()
	by, err := parquet.NewPartitioning(b.Schema(), []parquet.PartitionField{field})
	if err != nil {
		t.Fatal(err)
	}
	var s sinks
	files, err := parquet.WriteFiles(t.Context(), rowsOf([]arrow.RecordBatch{b}, nil), b.Schema(), by, 1<<20, s.open, parquet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var values []parquet.PartitionValue
	for _, f := range files {
		values = append(values, f.Partition[0])
	}
	return values
}

func TestPartitionPath(t *testing.T) {
	s := arrow.NewSchema([]arrow.Field{{Name: "c", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, s)
	defer b.Release()
	for _, w := range []string{"eu", "a/b=c", ""} {
		b.Field(0).(*array.StringBuilder).Append(w)
	}
	b.Field(0).AppendNull()
	field, err := parquet.ParsePartition("c")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range write1(t, b.NewRecordBatch(), field) {
		got = append(got, parquet.Partition{v}.Path())
	}
	want := []string{"c=__HIVE_DEFAULT_PARTITION__", "c=", "c=eu", "c=a%2Fb%3Dc"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
}

func TestPartitionRefused(t *testing.T) {
	s := arrow.NewSchema([]arrow.Field{
		{Name: "f", Type: arrow.PrimitiveTypes.Float64}, {Name: "d", Type: arrow.FixedWidthTypes.Date32}, {Name: "s", Type: arrow.BinaryTypes.String},
	}, nil)
	for _, spec := range []string{"f", "hour(d)", "day(s)", "truncate(2, d)", "nothere"} {
		field, err := parquet.ParsePartition(spec)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parquet.NewPartitioning(s, []parquet.PartitionField{field}); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("partition by %s: got %v, want ErrInvalid", spec, err)
		}
	}
}
