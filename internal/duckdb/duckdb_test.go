package duckdb

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tidemark-data/tidemark"
)

func open(t testing.TB, o Options) *DB {
	t.Helper()
	db, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 2 {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return db
}

func TestParse(t *testing.T) {
	db := open(t, Options{})
	tests := []struct {
		statement string
		want      []Table
	}{
		{"SELECT 1", nil},
		{"FROM a.b", []Table{{Schema: "a", Name: "b", offset: 5}}},
		{"SELECT 'é', * FROM \"A b\".\"c\"\"d\" AS x", []Table{{Schema: "A b", Name: `c"d`, offset: 20}}},
		{"SELECT * FROM a JOIN b.a USING (x), (SELECT * FROM c) WHERE EXISTS (FROM d)",
			[]Table{{Name: "a", offset: 14}, {Schema: "b", Name: "a", offset: 21}, {Name: "c", offset: 51}, {Name: "d", offset: 73}}},
		{"WITH a AS (SELECT * FROM b), c AS (FROM a) SELECT * FROM A, c, x.a",
			[]Table{{Name: "b", offset: 25}, {Name: "a", CTE: true, offset: 40}, {Name: "A", CTE: true, offset: 57}, {Name: "c", CTE: true, offset: 60}, {Schema: "x", Name: "a", offset: 63}}},
		{"WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM r",
			[]Table{{Name: "r", CTE: true, offset: 63}, {Name: "r", CTE: true, offset: 92}}},
		{"DESCRIBE a.b", []Table{{Schema: "a", Name: "b", offset: 9}}},
		{"SELECT * FROM a.b UNION ALL BY NAME SELECT * FROM c.d ORDER BY (SELECT max(x) FROM e.f)",
			[]Table{{Schema: "a", Name: "b", offset: 14}, {Schema: "c", Name: "d", offset: 50}, {Schema: "e", Name: "f", offset: 83}}},
		{"SELECT * FROM range(3), generate_series(1, 2), unnest([1]), json_each('{}')", nil},
	}
	for _, tt := range tests {
		got, err := db.Parse(t.Context(), tt.statement)
		if err != nil {
			t.Errorf("%s: %v", tt.statement, err)
			continue
		}
		byPlace := cmpopts.SortSlices(func(a, b Table) bool { return a.offset < b.offset })
		if diff := cmp.Diff(tt.want, got.Tables, cmp.AllowUnexported(Table{}), cmpopts.IgnoreFields(Table{}, "filter"), byPlace, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", tt.statement, diff)
		}
	}
}

// TestSpill: what does not fit into memory goes to the folder, also when the database is locked, or else fails.
func TestSpill(t *testing.T) {
	const big = "SELECT count(*) FROM (SELECT range AS n, hash(range) AS h FROM range(3000000) ORDER BY h, n OFFSET 1)"
	temp := filepath.Join(t.TempDir(), "spill")
	for _, o := range []Options{{Memory: 40 << 20, Threads: 1, Temp: temp}, {Memory: 40 << 20, Threads: 1}} {
		db := open(t, o)
		if err := db.Lock(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		rows, err := db.Query(t.Context(), &Statement{SQL: big})
		var got string
		if err == nil {
			for row, rowErr := range rows.All() {
				if err = rowErr; err == nil {
					got = Text(row[0])
				}
			}
			rows.Close()
		}
		switch {
		case o.Temp != "" && (err != nil || got != "2999999"):
			t.Errorf("with a folder: %q, %v", got, err)
		case o.Temp == "" && (err == nil || tidemark.Hint(err) == "" || errors.Is(err, tidemark.ErrInvalid)):
			t.Errorf("without a folder: err = %v, want one with a hint that is not ErrInvalid", err)
		}
	}
	if _, err := os.Stat(".tmp"); err == nil {
		t.Error("something was written to the working directory")
	}
}

func TestColumn(t *testing.T) {
	long := strings.Repeat("x", 100)
	tests := []struct {
		statement, shown string
		line, caret      int
		want             int
	}{
		{"SELECT a", "SELECT a", 1, 7, 8},
		{"SELECT\n a", " a", 2, 1, 2},
		{long + "ERROR" + long, "..." + long[:10] + "ERROR" + long[:10] + "...", 1, 13, 101},
		{"SELECT a", "...not there", 1, 7, 0},
		{"SELECT a", "SELECT a", 2, 7, 0},
		{"SELECT a", "SELECT a", 1, -3, 0},
	}
	for _, tt := range tests {
		if got := column(tt.statement, tt.line, tt.shown, tt.caret); got != tt.want {
			t.Errorf("column(%.20q, %d, %.20q, %d) = %d, want %d", tt.statement, tt.line, tt.shown, tt.caret, got, tt.want)
		}
	}
}

func TestType(t *testing.T) {
	tests := []struct {
		typ  arrow.DataType
		want string
	}{
		{arrow.PrimitiveTypes.Int32, "INTEGER"},
		{&arrow.Decimal128Type{Precision: 20}, "DECIMAL(20,0)"},
		{arrow.FixedWidthTypes.Timestamp_us, "TIMESTAMPTZ"},
		{&arrow.TimestampType{Unit: arrow.Microsecond}, "TIMESTAMP"},
		{&arrow.TimestampType{Unit: arrow.Nanosecond}, "TIMESTAMP_NS"},
		{&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, "VARCHAR"},
		{arrow.ListOf(arrow.ListOf(arrow.PrimitiveTypes.Float32)), "FLOAT[][]"},
		{arrow.MapOf(arrow.BinaryTypes.String, arrow.FixedWidthTypes.Date32), "MAP(VARCHAR, DATE)"},
		{arrow.StructOf(arrow.Field{Name: `a "b"`, Type: arrow.FixedWidthTypes.Boolean}, arrow.Field{Name: "c", Type: arrow.BinaryTypes.Binary}), `STRUCT("a ""b""" BOOLEAN, "c" BLOB)`},
	}
	db := open(t, Options{})
	for _, tt := range tests {
		got, err := Type(tt.typ)
		if err != nil || got != tt.want {
			t.Errorf("Type(%s) = %s, %v, want %s", tt.typ, got, err, tt.want)
			continue
		}
		if err := db.Exec(t.Context(), "CREATE OR REPLACE TEMP TABLE probe (c "+got+")"); err != nil {
			t.Errorf("%s is no type: %v", got, err)
		}
	}
	for _, typ := range []arrow.DataType{arrow.FixedWidthTypes.MonthInterval, arrow.ListOf(arrow.Null), arrow.StructOf(arrow.Field{Name: "n", Type: arrow.Null})} {
		if got, err := Type(typ); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("Type(%s) = %s, %v, want ErrInvalid", typ, got, err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		db, err := Open(b.Context(), Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
