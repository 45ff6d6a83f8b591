package iceberg

import (
	"iter"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

// writeBatches writes batches of s through a fresh target and returns what manifests would say of the files.
func writeBatches(t *testing.T, p tidemark.Pipeline, s *tidemark.Schema, build func(b *array.RecordBuilder) iter.Seq[int]) (*Lake, []*dataFile) {
	t.Helper()
	l := open(t, memOptions())
	target := l.Target(p, testLog(t))
	if err := target.Prepare(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, s.Arrow())
	defer b.Release()
	files, err := target.Write(t.Context(), tidemark.NewRunID(testTime), func(yield func(arrow.RecordBatch, error) bool) {
		for range build(b) {
			if !yield(b.NewRecordBatch(), nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	own, err := ownFiles(files)
	if err != nil {
		t.Fatal(err)
	}
	return l, own
}

// once lets fill append the rows of one batch.
func once(fill func(b *array.RecordBuilder)) func(b *array.RecordBuilder) iter.Seq[int] {
	return func(b *array.RecordBuilder) iter.Seq[int] {
		return func(yield func(int) bool) { fill(b); yield(0) }
	}
}

func bound(t *testing.T, bounds map[int][]byte, id int, typ iceberg.Type) string {
	t.Helper()
	raw, ok := bounds[id]
	if !ok {
		return ""
	}
	v, err := iceberg.LiteralFromBytes(typ, raw)
	if err != nil {
		t.Fatalf("field %d: bound %x: %v", id, raw, err)
	}
	return v.String()
}

// TestBounds reads what a manifest says of each type by the format's own rules.
func TestBounds(t *testing.T) {
	type values struct {
		typ    arrow.DataType
		fill   func(b array.Builder)
		lo, hi string
		nulls  int64
	}
	long := strings.Repeat("é", 16)
	tests := map[string]values{
		"int": {int32s, func(b array.Builder) {
			b.(*array.Int32Builder).AppendValues([]int32{3, math.MinInt32, math.MaxInt32}, nil)
		}, "-2147483648", "2147483647", 0},
		"long": {int64s, func(b array.Builder) {
			b.(*array.Int64Builder).AppendValues([]int64{3, math.MinInt64, math.MaxInt64}, nil)
		}, "-9223372036854775808", "9223372036854775807", 0},
		"bool":         {arrow.FixedWidthTypes.Boolean, func(b array.Builder) { b.(*array.BooleanBuilder).AppendValues([]bool{false, true, true}, nil) }, "false", "true", 0},
		"float":        {float32s, func(b array.Builder) { b.(*array.Float32Builder).AppendValues([]float32{-1.5, 2, 0}, nil) }, "-1.5", "2", 0},
		"double nan":   {float64s, func(b array.Builder) { b.(*array.Float64Builder).AppendValues([]float64{-1.5, math.NaN(), 7}, nil) }, "-1.5", "7", 0},
		"date":         {arrow.FixedWidthTypes.Date32, func(b array.Builder) { b.(*array.Date32Builder).AppendValues([]arrow.Date32{-719162, 0, 2932896}, nil) }, "0001-01-01", "9999-12-31", 0},
		"wall":         {wall, func(b array.Builder) { b.(*array.TimestampBuilder).AppendValues([]arrow.Timestamp{-1, 0, 1}, nil) }, "1969-12-31 23:59:59.999999", "1970-01-01 00:00:00.000001", 0},
		"small number": {decimal(9, 2), func(b array.Builder) { decimals(b, -150, 3, 999999999) }, "-1.50", "9999999.99", 0},
		"number":       {decimal(18, 2), func(b array.Builder) { decimals(b, -150, 3, 99999999999) }, "-1.50", "999999999.99", 0},
		"wide number":  {decimal(38, 0), func(b array.Builder) { decimals(b, -1, 3, math.MaxInt64) }, "-1", "9223372036854775807", 0},
		"text":         {text, func(b array.Builder) { b.(*array.StringBuilder).AppendValues([]string{"b", "a", "c"}, nil) }, "a", "c", 0},
		"nulls":        {text, func(b array.Builder) { b.AppendNull(); b.(*array.StringBuilder).Append("x"); b.AppendNull() }, "x", "x", 2},
		"all null":     {text, func(b array.Builder) { b.AppendNulls(3) }, "", "", 3},
		"long text": {text, func(b array.Builder) {
			b.(*array.StringBuilder).AppendValues([]string{"m", long + "aaa", long + "zzz"}, nil)
		}, "m", strings.Repeat("é", 15) + "ê", 0},
		"highest text": {text, func(b array.Builder) {
			b.(*array.StringBuilder).AppendValues([]string{"m", strings.Repeat("\U0010ffff", 20), "n"}, nil)
		}, "m", "", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := columns(column("v", tt.typ, true))
			l, files := writeBatches(t, pipeline(tidemark.ModeAppend), s, once(func(b *array.RecordBuilder) { tt.fill(b.Field(0)) }))
			if len(files) != 1 {
				t.Fatalf("%d files, want 1", len(files))
			}
			f, typ := files[0], loadTable(t, l).Schema().Field(0).Type
			if lo := bound(t, f.LowerBoundValues(), 1, typ); lo != tt.lo {
				t.Errorf("lower bound %q, want %q", lo, tt.lo)
			}
			if hi := bound(t, f.UpperBoundValues(), 1, typ); hi != tt.hi {
				t.Errorf("upper bound %q, want %q", hi, tt.hi)
			}
			if f.NullValueCounts()[1] != tt.nulls || f.ValueCounts()[1] != 3 || f.Count() != 3 || f.ColumnSizes()[1] <= 0 {
				t.Errorf("nulls %v, values %v, rows %d, sizes %v", f.NullValueCounts(), f.ValueCounts(), f.Count(), f.ColumnSizes())
			}
			object, err := l.store.Stat(t.Context(), f.key)
			if err != nil || object.Size != f.FileSizeBytes() {
				t.Errorf("the file has %d bytes, the manifest says %d: %v", object.Size, f.FileSizeBytes(), err)
			}
			if !slices.Equal(f.SplitOffsets(), []int64{4}) {
				t.Errorf("split offsets %v, want [4]", f.SplitOffsets())
			}
		})
	}
}

func decimals(b array.Builder, values ...int64) {
	for _, v := range values {
		b.(*array.Decimal128Builder).Append(decimal128.FromI64(v))
	}
}

// TestLongValues: a row group whose values are too long for statistics has no bounds, and then the file must have none,
// or a reader would skip rows that are there.
func TestLongValues(t *testing.T) {
	s := columns(column("id", int64s, false), column("v", text, true))
	p := pipeline(tidemark.ModeAppend)
	p.FileSize = 1 << 40
	l, files := writeBatches(t, p, s, func(b *array.RecordBuilder) iter.Seq[int] {
		batch := func(prefix string, size int) {
			for i := range int64(64) {
				b.Field(0).(*array.Int64Builder).Append(i)
				b.Field(1).(*array.StringBuilder).Append(prefix + noise(size))
			}
		}
		return func(yield func(int) bool) {
			for size := 0; size < 40<<20; size += 64 * 3000 { // more than one row group with bounds
				if batch("m", 3000); !yield(0) {
					return
				}
			}
			b.Field(0).(*array.Int64Builder).Append(1)
			b.Field(1).(*array.StringBuilder).Append("n") // and one with a lower bound alone
			batch("z", 8000)
			yield(0)
		}
	})
	if len(files) != 1 || len(files[0].SplitOffsets()) < 2 {
		t.Fatalf("%d files, the first with row groups at %v; want one with several", len(files), files[0].SplitOffsets())
	}
	if hi, ok := files[0].UpperBoundValues()[2]; ok {
		t.Errorf("upper bound %q of a column with longer values", hi)
	}
	if _, ok := files[0].UpperBoundValues()[1]; !ok {
		t.Error("the other column has no bounds")
	}
	target := l.Target(p, testLog(t))
	c := tidemark.Commit{Watermark: tidemark.Watermark{Pipeline: p.ID, Seq: 1, Run: "r"}, Files: []tidemark.DataFile{files[0]}}
	if err := target.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	filter := iceberg.GreaterThanEqual(iceberg.Reference("v"), "z")
	tasks, err := loadTable(t, l).Scan(table.WithRowFilter(filter)).PlanFiles(t.Context())
	if err != nil || len(tasks) != 1 {
		t.Errorf("a search for the long values plans %d files, %v; want 1", len(tasks), err)
	}
}

// TestPartitionValues compares the partitions of written files with what iceberg-go's own transforms say.
func TestPartitionValues(t *testing.T) {
	s := columns(column("i", int32s, true), column("l", int64s, true), column("s", text, true), column("raw", arrow.BinaryTypes.Binary, true),
		column("n", decimal(20, 2), true), column("day", arrow.FixedWidthTypes.Date32, true), column("at", wall, true),
		column("when", instant, true), column("b", arrow.FixedWidthTypes.Boolean, true))
	for _, by := range []string{
		"i", "bucket(7, i)", "truncate(10, i)", "l", "bucket(7, l)", "truncate(10, l)", "s", "bucket(7, s)", "truncate(3, s)",
		"raw", "bucket(7, raw)", "truncate(2, raw)", "n", "bucket(7, n)", "truncate(50, n)", "day", "year(day)", "month(day)", "day(day)", "bucket(7, day)",
		"at", "year(at)", "month(at)", "day(at)", "hour(at)", "bucket(7, at)", "year(when)", "hour(when)", "bucket(7, when)", "b",
	} {
		t.Run(by, func(t *testing.T) {
			p := pipeline(tidemark.ModeAppend)
			p.PartitionBy = []string{by}
			l, files := writeBatches(t, p, s, once(partitionRows))
			tbl := loadTable(t, l)
			spec := tbl.Spec()
			field := spec.Field(0)
			source, _ := tbl.Schema().FindFieldByID(field.SourceID())
			c := tidemark.Commit{Watermark: tidemark.Watermark{Pipeline: p.ID, Seq: 1, Run: "r"}}
			for _, f := range files {
				c.Files = append(c.Files, f)
			}
			if err := l.Target(p, testLog(t)).Commit(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if n := len(l.mustSnapshot(t).Data); n != len(files) || n < 2 {
				t.Errorf("%d files in the snapshot of %d, want all, at least 2", n, len(files))
			}
			tasks, err := loadTable(t, l).Scan(table.WithSelectedFields(source.Name)).PlanFiles(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, task := range tasks { // as the manifest gives them back
				got := task.File.Partition()[field.FieldID]
				if d, ok := got.(iceberg.DecimalLiteral); ok {
					got = iceberg.Decimal(d)
				}
				for _, v := range valuesOf(t, tbl, task, source.Name) {
					if v == nil {
						if got != nil {
							t.Errorf("NULL lies in partition %v", got)
						}
						continue
					}
					want := field.Transform.Apply(iceberg.Optional[iceberg.Literal]{Valid: true, Val: v})
					if !want.Valid || !cmp.Equal(want.Val.Any(), got, cmp.Comparer(func(a, b decimal128.Num) bool { return a == b })) {
						t.Errorf("%v lies in partition %v (%T), want %v (%T)", v, got, got, want.Val, want.Val.Any())
					}
				}
			}
		})
	}
}

// partitionRows appends rows around zero, and a row of NULLs.
func partitionRows(b *array.RecordBuilder) {
	for i := range 40 {
		n := int64(i*i*i) - 9000
		b.Field(0).(*array.Int32Builder).Append(int32(n))
		b.Field(1).(*array.Int64Builder).Append(n << 20)
		b.Field(2).(*array.StringBuilder).Append([]string{"", "äöü€", "abc/def=x", "éclair", "zebra"}[i%5])
		b.Field(3).(*array.BinaryBuilder).Append([]byte{byte(i % 3), 0xff, byte(i)})
		b.Field(4).(*array.Decimal128Builder).Append(decimal128.FromI64(n * 7))
		b.Field(5).(*array.Date32Builder).Append(arrow.Date32(n))
		b.Field(6).(*array.TimestampBuilder).Append(arrow.Timestamp(n * 3600e6 * 5))
		b.Field(7).(*array.TimestampBuilder).Append(arrow.Timestamp(n * 3600e6 * 5))
		b.Field(8).(*array.BooleanBuilder).Append(i%2 == 0)
	}
	for _, f := range b.Fields() {
		f.AppendNull()
	}
}

// valuesOf reads one column of a file; nil for NULL.
func valuesOf(t *testing.T, tbl *table.Table, task table.FileScanTask, name string) []iceberg.Literal {
	t.Helper()
	_, records, err := tbl.Scan(table.WithSelectedFields(name)).ReadTasks(t.Context(), []table.FileScanTask{task})
	if err != nil {
		t.Fatal(err)
	}
	var values []iceberg.Literal
	for b, err := range records {
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Column(0).Len() {
			values = append(values, literalAt(t, b.Column(0), i))
		}
		b.Release()
	}
	return values
}

func literalAt(t *testing.T, column arrow.Array, i int) iceberg.Literal {
	t.Helper()
	if column.IsNull(i) {
		return nil
	}
	switch c := column.(type) {
	case *array.Int32:
		return iceberg.NewLiteral(c.Value(i))
	case *array.Int64:
		return iceberg.NewLiteral(c.Value(i))
	case *array.String:
		return iceberg.NewLiteral(c.Value(i))
	case *array.Binary:
		return iceberg.NewLiteral(slices.Clone(c.Value(i)))
	case *array.Decimal128:
		return iceberg.NewLiteral(iceberg.Decimal{Val: c.Value(i), Scale: 2})
	case *array.Date32:
		return iceberg.NewLiteral(iceberg.Date(c.Value(i)))
	case *array.Timestamp:
		return iceberg.NewLiteral(iceberg.Timestamp(c.Value(i)))
	case *array.Boolean:
		return iceberg.NewLiteral(c.Value(i))
	}
	t.Fatalf("no literal for %T", column)
	return nil
}

func (l *Lake) mustSnapshot(t *testing.T) *tidemark.Snapshot {
	t.Helper()
	s, err := l.Snapshot(t.Context(), pipeline("").Target)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
