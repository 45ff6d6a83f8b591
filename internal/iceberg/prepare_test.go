package iceberg

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

func column(name string, t arrow.DataType, nullable bool) tidemark.Column {
	return tidemark.Column{Name: name, Type: t, Nullable: nullable, SourceType: strings.ToLower(t.String())}
}

func columns(c ...tidemark.Column) *tidemark.Schema { return &tidemark.Schema{Columns: c} }

var (
	int32s   = arrow.PrimitiveTypes.Int32
	int64s   = arrow.PrimitiveTypes.Int64
	float32s = arrow.PrimitiveTypes.Float32
	float64s = arrow.PrimitiveTypes.Float64
	text     = arrow.BinaryTypes.String
	instant  = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	wall     = &arrow.TimestampType{Unit: arrow.Microsecond}
)

func decimal(p, s int32) arrow.DataType { return &arrow.Decimal128Type{Precision: p, Scale: s} }

func fieldsOf(s *iceberg.Schema) []string {
	var fields []string
	for _, f := range s.Fields() {
		need := "optional"
		if f.Required {
			need = "required"
		}
		fields = append(fields, fmt.Sprintf("%d %s %s %s %q", f.ID, f.Name, need, f.Type, f.Doc))
	}
	return fields
}

func TestFirstSchema(t *testing.T) {
	l := open(t, memOptions())
	target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
	s := columns(
		column("i", int32s, false), column("l", int64s, true), column("f", float32s, true), column("d", float64s, true),
		column("n", decimal(20, 0), false), column("b", arrow.FixedWidthTypes.Boolean, true), column("odd `name", text, true),
		column("raw", arrow.BinaryTypes.Binary, true), column("on", arrow.FixedWidthTypes.Date32, true),
		column("at", wall, true), column("when", instant, true), column("v", arrow.ListOf(float32s), true), column("a.b", text, true),
	)
	s.Columns[0].Comment = "the key"
	if err := target.Prepare(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	tbl := loadTable(t, l)
	want := []string{
		`1 i required int "int32: the key"`, `2 l optional long "int64"`, `3 f optional float "float32"`, `4 d optional double "float64"`,
		`5 n required decimal(20, 0) "decimal(20, 0)"`, `6 b optional boolean "bool"`, "7 odd `name optional string \"utf8\"",
		`8 raw optional binary "binary"`, `9 on optional date "date32"`, `10 at optional timestamp "timestamp[us]"`,
		`11 when optional timestamptz "timestamp[us, tz=utc]"`, `12 v optional list<float> "list<item: float32, nullable>"`, `14 a.b optional string "utf8"`,
	}
	if diff := cmp.Diff(want, fieldsOf(tbl.Schema())); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if tbl.Metadata().Version() != 2 || tbl.Location() != "s3://lake/warehouse/shop/orders" || tbl.Properties()["commit.retry.num-retries"] != "0" {
		t.Errorf("version %d at %s with %v", tbl.Metadata().Version(), tbl.Location(), tbl.Properties())
	}
}

// TestEvolve changes the source of a table of the first columns to the second ones.
func TestEvolve(t *testing.T) {
	id := column("id", int64s, false)
	tests := []struct {
		name  string
		from  []tidemark.Column
		to    []tidemark.Column
		want  []string // the schema after it
		wrong string   // in the error's message; then the table stays as it is
		drift bool     // only a frozen table minds
	}{
		{"nothing", []tidemark.Column{id}, []tidemark.Column{id}, nil, "", false},
		{"new column", []tidemark.Column{id}, []tidemark.Column{column("x", text, false), id},
			[]string{`1 id required long "int64"`, `2 x optional string "utf8"`}, "", false},
		{"new list", []tidemark.Column{id}, []tidemark.Column{id, column("v", arrow.ListOf(float32s), true), column("x", text, true)},
			[]string{`1 id required long "int64"`, `2 v optional list<float> "list<item: float32, nullable>"`, `4 x optional string "utf8"`}, "", false},
		{"dropped column", []tidemark.Column{id, column("x", text, false), column("y", text, true)}, []tidemark.Column{id},
			[]string{`1 id required long "int64"`, `2 x optional string "utf8"`, `3 y optional string "utf8"`}, "", false},
		{"wider", []tidemark.Column{column("i", int32s, false), column("f", float32s, true), column("n", decimal(10, 2), true)},
			[]tidemark.Column{column("i", int64s, false), column("f", float64s, true), column("n", decimal(12, 2), true)},
			[]string{`1 i required long "int64"`, `2 f optional double "float64"`, `3 n optional decimal(12, 2) "decimal(12, 2)"`}, "", false},
		{"nullable", []tidemark.Column{id}, []tidemark.Column{column("id", int64s, true)}, []string{`1 id optional long "int64"`}, "", false},
		{"not nullable", []tidemark.Column{column("id", int64s, true)}, []tidemark.Column{id}, nil, "", false},
		{"narrower in the source", []tidemark.Column{id}, []tidemark.Column{column("id", int32s, false)}, nil, "", true},
		{"dropped optional column", []tidemark.Column{id, column("x", text, true)}, []tidemark.Column{id}, nil, "", true},
		{"the doc alone", []tidemark.Column{id}, []tidemark.Column{{Name: "id", Type: int64s, SourceType: "bigint"}}, nil, "", false},
		{"integer to text", []tidemark.Column{id, column("x", int64s, true)}, []tidemark.Column{id, column("x", text, true)}, nil, `column "x"`, false},
		{"text to integer", []tidemark.Column{id, column("x", text, true)}, []tidemark.Column{id, column("x", int64s, true)}, nil, `column "x"`, false},
		{"scale", []tidemark.Column{id, column("x", decimal(10, 2), true)}, []tidemark.Column{id, column("x", decimal(12, 3), true)}, nil, `column "x"`, false},
		{"integer to double", []tidemark.Column{column("x", int32s, true)}, []tidemark.Column{column("x", float64s, true)}, nil, `column "x"`, false},
		{"wall to instant", []tidemark.Column{column("x", wall, true)}, []tidemark.Column{column("x", instant, true)}, nil, `column "x"`, false},
		{"list to text", []tidemark.Column{column("x", arrow.ListOf(float32s), true)}, []tidemark.Column{column("x", text, true)}, nil, `column "x"`, false},
		{"first good, then bad", []tidemark.Column{id, column("x", text, true)}, []tidemark.Column{id, column("w", text, true), column("x", int64s, true)}, nil, `column "x"`, false},
		{"case", []tidemark.Column{id}, []tidemark.Column{id, column("ID", int64s, true)}, nil, `"id" and "ID"`, false},
		{"other case", []tidemark.Column{id}, []tidemark.Column{column("Id", int64s, true)}, nil, `"id" and "Id"`, false},
		{"unknown type", []tidemark.Column{id}, []tidemark.Column{id, column("u", arrow.PrimitiveTypes.Uint64, true)}, nil, `column "u"`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := open(t, memOptions())
			if err := l.Target(pipeline(tidemark.ModeAppend), testLog(t)).Prepare(t.Context(), columns(tt.from...)); err != nil {
				t.Fatal(err)
			}
			before := loadTable(t, l)
			frozen := pipeline(tidemark.ModeAppend)
			frozen.Evolution = tidemark.SchemaFreeze
			err := l.Target(frozen, testLog(t)).Prepare(t.Context(), columns(tt.to...))
			if (err == nil) != (tt.wrong == "" && tt.want == nil && !tt.drift) || err != nil && !errors.Is(err, tidemark.ErrInvalid) {
				t.Errorf("frozen: %v", err)
			}
			if loadTable(t, l).MetadataLocation() != before.MetadataLocation() {
				t.Error("a frozen table was changed")
			}
			err = l.Target(pipeline(tidemark.ModeAppend), testLog(t)).Prepare(t.Context(), columns(tt.to...))
			if tt.wrong != "" && (!errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(err.Error(), tt.wrong)) {
				t.Errorf("err = %v, want ErrInvalid with %s", err, tt.wrong)
			}
			if tt.wrong == "" && err != nil {
				t.Fatal(err)
			}
			after := loadTable(t, l)
			if tt.want == nil {
				if after.MetadataLocation() != before.MetadataLocation() {
					t.Errorf("the table was changed to %v", fieldsOf(after.Schema()))
				}
				return
			}
			if diff := cmp.Diff(tt.want, fieldsOf(after.Schema())); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWritesAcrossEvolution loads rows before and after each kind of change and reads all of them.
func TestWritesAcrossEvolution(t *testing.T) {
	l := open(t, memOptions())
	p := pipeline(tidemark.ModeAppend)
	load := func(s *tidemark.Schema, values ...any) {
		t.Helper()
		target := l.Target(p, testLog(t))
		base, err := target.Watermark(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := target.Prepare(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		run := tidemark.NewRunID(testTime)
		files, err := target.Write(t.Context(), run, one(t, s, values...))
		if err != nil {
			t.Fatal(err)
		}
		w := tidemark.Watermark{Pipeline: p.ID, Seq: base.Seq + 1, Run: run}
		if err := target.Commit(t.Context(), tidemark.Commit{Base: base, Watermark: w, Files: files}); err != nil {
			t.Fatal(err)
		}
	}
	load(columns(column("id", int32s, false), column("f", float32s, true), column("n", decimal(6, 2), true), column("old", text, true)),
		int32(1), float32(0.5), decimal128.FromI64(150), "x")
	load(columns(column("id", int64s, false), column("f", float64s, true), column("n", decimal(30, 2), true), column("new", text, true)),
		int64(1)<<40, 0.25, decimal128.FromI64(1e15), "y")
	// The source is back at narrow types; the table is not narrowed, the batches are cast.
	load(columns(column("new", text, true), column("id", int32s, false), column("f", float32s, true), column("n", decimal(6, 2), true)),
		"z", int32(3), float32(2), decimal128.FromI64(7))

	_, records, err := loadTable(t, l).Scan().ToArrowRecords(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for b, err := range records {
		if err != nil {
			t.Fatal(err)
		}
		for i := range int(b.NumRows()) {
			var cells []string
			for _, c := range b.Columns() {
				cells = append(cells, c.ValueStr(i))
			}
			got[cells[0]] = strings.Join(cells[1:], " ")
		}
	}
	want := map[string]string{
		"1":             "0.5 1.5 x (null)",
		"1099511627776": "0.25 10000000000000 (null) y",
		"3":             "2 0.07 (null) z",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// one returns a batch of one row.
func one(t *testing.T, s *tidemark.Schema, values ...any) func(func(arrow.RecordBatch, error) bool) {
	b := array.NewRecordBuilder(memory.DefaultAllocator, s.Arrow())
	defer b.Release()
	for i, v := range values {
		switch f := b.Field(i).(type) {
		case *array.Int32Builder:
			f.Append(v.(int32))
		case *array.Int64Builder:
			f.Append(v.(int64))
		case *array.Float32Builder:
			f.Append(v.(float32))
		case *array.Float64Builder:
			f.Append(v.(float64))
		case *array.Decimal128Builder:
			f.Append(v.(decimal128.Num))
		case *array.StringBuilder:
			f.Append(v.(string))
		default:
			t.Fatalf("no value for %T", f)
		}
	}
	batch := b.NewRecordBatch()
	return func(yield func(arrow.RecordBatch, error) bool) { yield(batch, nil) }
}

func TestPrepareRefuses(t *testing.T) {
	noKey := source()
	noKey.Key = nil
	tests := []struct {
		name   string
		change func(p *tidemark.Pipeline)
		s      *tidemark.Schema
		want   string
	}{
		{"merge without a key", func(p *tidemark.Pipeline) { p.Mode = tidemark.ModeMerge }, noKey, "without a key"},
		{"key that is not there", func(p *tidemark.Pipeline) { p.Mode, p.Key = tidemark.ModeMerge, []string{"nr"} }, source(), `"nr"`},
		{"key of floats", func(p *tidemark.Pipeline) { p.Mode, p.Key = tidemark.ModeMerge, []string{"f"} }, columns(column("f", float64s, false)), `"f"`},
		{"partition by nothing", func(p *tidemark.Pipeline) { p.PartitionBy = []string{"day(nope)"} }, source(), `"nope"`},
		{"partition by week", func(p *tidemark.Pipeline) { p.PartitionBy = []string{"week(day)"} }, source(), "week(day)"},
		{"hours of a date", func(p *tidemark.Pipeline) { p.PartitionBy = []string{"hour(day)"} }, source(), "hour"},
		{"odd table name", func(p *tidemark.Pipeline) { p.Target.Name = "a/b" }, source(), `"a/b"`},
		{"table name with a space", func(p *tidemark.Pipeline) { p.Target.Name = "a b" }, source(), `"a b"`},
		{"no columns", func(*tidemark.Pipeline) {}, columns(), "needs a column"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := open(t, memOptions())
			p := pipeline(tidemark.ModeAppend)
			tt.change(&p)
			err := l.Target(p, testLog(t)).Prepare(t.Context(), tt.s)
			if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Prepare = %v, want ErrInvalid with %s", err, tt.want)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, r := range []string{"", "lake", "./lake", "/my lake", "/a%20b", "/a/../b", "s3://", "gs://b/c", "/a?b", "s3://b/c d"} {
		if _, err := Open(t.Context(), Options{Root: r}); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("Open at %q = %v, want ErrInvalid", r, err)
		}
	}
	if _, err := Open(t.Context(), Options{Root: "/lake", Catalog: CatalogSQLite}); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("a SQLite catalog without a file: %v, want ErrInvalid", err)
	}
	if _, err := Open(t.Context(), Options{Root: "/lake", Catalog: "hive"}); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("an unknown catalog: %v, want ErrInvalid", err)
	}
}
