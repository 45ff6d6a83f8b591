package query

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

// TestEvolution: a column was added, one renamed, one widened, one dropped, and one took the name of another.
func TestEvolution(t *testing.T) {
	l := newLake(t)
	s := l.table("shop", "items",
		field(1, "id", i64), field(2, "title", str), field(4, "price", &arrow.Decimal128Type{Precision: 12, Scale: 2}), field(5, "name", str))
	s.Data = append(s.Data,
		l.file("items/1.parquet", 1, []arrow.Field{field(1, "id", i32), field(2, "name", str), field(3, "gone", str)}, `{"id":1,"name":"a","gone":"x"}`),
		l.file("items/2.parquet", 2, []arrow.Field{field(2, "title", str), field(1, "id", i64), field(4, "price", &arrow.Decimal128Type{Precision: 10, Scale: 2})}, `{"title":"b","id":5000000000,"price":"1.50"}`),
		l.file("items/3.parquet", 3, s.Schema.Fields(), `{"id":3,"title":"c","price":"9999999999.99","name":"new"}`))
	l.check("SELECT * FROM shop.items ORDER BY id", "1,a,,", "3,c,9999999999.99,new", "5000000000,b,1.50,")
	l.check("SELECT typeof(id), typeof(price) FROM shop.items LIMIT 1", `BIGINT,"DECIMAL(12,2)"`)
	l.check("SELECT title FROM shop.items WHERE name IS NULL AND price > 1", "b")
}

// TestEvolutionByName: the files of a folder of Parquet have no field ids.
func TestEvolutionByName(t *testing.T) {
	l := newLake(t)
	s := l.table("shop", "items", field(0, "id", i64), field(0, "file", str), field(0, "later", arrow.FixedWidthTypes.Timestamp_us))
	s.Data = append(s.Data,
		l.file("items/year=2024/1.parquet", 0, []arrow.Field{field(0, "file", str), field(0, "id", i32)}, `{"id":1,"file":"a"}`),
		l.file("items/year=2024/2.parquet", 0, []arrow.Field{field(0, "id", i64), field(0, "file", str)}, `{"id":5000000000,"file":"b"}`))
	l.check("SELECT * FROM shop.items ORDER BY id", "1,a,", "5000000000,b,")
	l.check("SELECT column_name || ' ' || column_type FROM (DESCRIBE shop.items)", "id BIGINT", "file VARCHAR", "later TIMESTAMP WITH TIME ZONE")
	s.Data = append(s.Data, l.file("items/year=2025/3.parquet", 0, s.Schema.Fields(), `{"id":3,"file":"c","later":"2024-07-31T17:50:18Z"}`))
	l.check("SELECT later FROM shop.items WHERE later IS NOT NULL", "2024-07-31T17:50:18Z")
}

// TestEqualityDeletes: a delete file takes the rows of earlier commits with its keys, and none of its own commit or
// of a later one.
func TestEqualityDeletes(t *testing.T) {
	for _, ids := range []bool{true, false} {
		l := newLake(t)
		n := func(id int) int {
			if ids {
				return id
			}
			return 0
		}
		fields := []arrow.Field{field(n(1), "id", i32), field(n(2), "region", str), field(n(3), "v", str), field(n(4), "tidemark_seq", i32)}
		s := l.table("shop", "items", append([]arrow.Field{field(n(1), "id", i64)}, fields[1:]...)...)
		row := func(id int, region, v string) string {
			return fmt.Sprintf(`{"id":%d,"region":%s,"v":"%s"}`, id, region, v)
		}
		key := func(names ...string) func(tidemark.LakeFile) tidemark.LakeFile {
			return func(f tidemark.LakeFile) tidemark.LakeFile { f.Equality = names; return f }
		}
		s.Data = append(s.Data,
			l.file("1.parquet", 1, fields, row(1, `"eu"`, "v1"), row(2, `"eu"`, "v1"), row(3, `"us"`, "v1"), row(4, "null", "v1")),
			l.file("2.parquet", 2, fields, row(1, `"eu"`, "v2")),
			l.file("3.parquet", 3, fields, row(1, `"eu"`, "v3"), row(5, `"eu"`, "v3")),
			l.file("4.parquet", 4, fields, row(2, `"eu"`, "v4")))
		byID, byBoth := key("id"), key("id", "region")
		s.Deletes = append(s.Deletes,
			byID(l.file("d2.parquet", 2, fields[:1], `{"id":1}`)),
			byID(l.file("d3.parquet", 3, fields[:1], `{"id":1}`, `{"id":5}`)),
			byBoth(l.file("d4.parquet", 4, fields[:2], `{"id":3,"region":"us"}`, `{"id":2,"region":"us"}`, `{"id":4,"region":null}`)))
		l.check("SELECT id, region, v FROM shop.items ORDER BY id, v",
			"1,eu,v3", // v1 and v2 are deleted, v3 came with its own delete
			"2,eu,v1", // deleted is 2 in "us"
			"2,eu,v4",
			"4,,v1", // a key that is NULL in part deletes nothing
			"5,eu,v3")
		l.check("SELECT count(*), count(tidemark_seq) FROM shop.items", "5,0")
		l.check("SELECT typeof(id) FROM shop.items LIMIT 1", "BIGINT")
	}
}

// TestDeletesAgainstModel: many small commits of a merge, and the newest version of each key is what remains.
func TestDeletesAgainstModel(t *testing.T) {
	for _, commits := range []int{3, 30, 100} {
		for _, large := range []int{0, 1, 3} { // each, or one in so many, has a SELECT of its own while there are few
			t.Run(fmt.Sprintf("%d commits, large %d", commits, large), func(t *testing.T) { deletesAgainstModel(t, commits, large) })
		}
	}
}

// deletesAgainstModel has a commit without deletes, which adds new keys alone, in front of each merge.
func deletesAgainstModel(t *testing.T, commits, large int) {
	l := newLake(t)
	fields := []arrow.Field{field(1, "k", i32), field(2, "v", i32)}
	s := l.table("a", "merged", fields...)
	want := map[int]int{}
	add := func(seq int, rows []string) {
		file := l.file(fmt.Sprintf("d/%d", seq), int64(seq), fields, rows...)
		if large > 0 && seq%large == 0 {
			file.Rows = manyRows
		}
		s.Data = append(s.Data, file)
	}
	for seq := 2; seq <= 2*commits; seq += 2 {
		want[100+seq] = seq
		appended := []string{fmt.Sprintf(`{"k":%d,"v":%d}`, 100+seq, seq)}
		if back := 100 + (seq-2)/2; seq%10 == 2 && want[back] == 0 { // what the commit before has deleted
			want[back] = seq
			appended = append(appended, fmt.Sprintf(`{"k":%d,"v":%d}`, back, seq))
		}
		add(seq-1, appended)
		var rows, keys []string
		for k := seq % 3; k < 40; k += 1 + seq%7 {
			want[k] = seq
			rows, keys = append(rows, fmt.Sprintf(`{"k":%d,"v":%d}`, k, seq)), append(keys, fmt.Sprintf(`{"k":%d}`, k))
		}
		if seq%5 == 0 { // deletes a key of an earlier commit for good
			delete(want, 100+seq/2)
			keys = append(keys, fmt.Sprintf(`{"k":%d}`, 100+seq/2))
		}
		add(seq, rows)
		del := l.file(fmt.Sprintf("x/%d", seq), int64(seq), fields[:1], keys...)
		del.Equality = []string{"k"}
		s.Deletes = append(s.Deletes, del)
	}
	var lines []string
	for _, k := range slices.Sorted(maps.Keys(want)) {
		lines = append(lines, fmt.Sprintf("%d,%d", k, want[k]))
	}
	l.check("SELECT k, v FROM a.merged ORDER BY k", lines...)
}

func TestEmptyTable(t *testing.T) {
	l := newLake(t)
	l.table("a", "b", field(1, "id", i64), field(2, "ts", arrow.FixedWidthTypes.Timestamp_us), field(3, "d", &arrow.Decimal128Type{Precision: 20}), field(4, "l", arrow.ListOf(arrow.PrimitiveTypes.Float32)))
	l.check("SELECT count(*), sum(id), max(ts) FROM a.b", "0,,")
	header, rows, err := l.csvOf("SELECT * FROM a.b")
	if err != nil || header != "id,ts,d,l" || len(rows) != 0 {
		t.Errorf("header %q, rows %q, err %v", header, rows, err)
	}
	l.check("SELECT column_type FROM (DESCRIBE a.b)", "BIGINT", "TIMESTAMP WITH TIME ZONE", `"DECIMAL(20,0)"`, "FLOAT[]")
}

// TestOddNames: of columns, tables and files; what looks like a pattern, a partition or a quote is none.
func TestOddNames(t *testing.T) {
	l := newLake(t)
	fields := []arrow.Field{
		field(1, `we"ird 'na,me`, i32), field(2, "filename", str), field(3, "select", str), field(4, "tidemark_file", str), field(5, "größe 🌊", str),
	}
	s := l.table("my-schema", `o"dd 'table`, fields...)
	row := func(n int) string {
		return fmt.Sprintf(`{"we\"ird 'na,me":%d,"filename":"f","select":"s","tidemark_file":"t","größe 🌊":"g"}`, n)
	}
	for i, key := range []string{"a/x*.parquet", "a/xy.parquet", "a/[x]y.parquet", "a/x?y=1/it's {1,2}.parquet", "a/ä b#%20.parquet"} {
		s.Data = append(s.Data, l.file(key, 1, fields, row(i)))
	}
	l.check(`SELECT count(*), sum("we""ird 'na,me"), min(filename), max("select"), max(tidemark_file), max("größe 🌊") FROM "my-schema"."o""dd 'table"`, "5,10,f,s,t,g")
	s.Deletes = append(s.Deletes, l.file("a/d[*].parquet", 2, fields[:1], `{"we\"ird 'na,me":3}`))
	s.Deletes[0].Equality = []string{`we"ird 'na,me`}
	l.check(`SELECT count(*) FROM "o""dd 'table"`, "4")
	header, rows, err := l.csvOf(`SELECT * FROM "o""dd 'table" WHERE "we""ird 'na,me" = 0`)
	if diff := cmp.Diff([]string{"0,f,s,t,g"}, rows); err != nil || diff != "" || !strings.Contains(header, "filename") {
		t.Errorf("%s, %v: %s", header, err, diff)
	}
}

// TestNamesLikeSchemas: namespaces that DuckDB uses itself.
func TestNamesLikeSchemas(t *testing.T) {
	l := newLake(t)
	for i, namespace := range []string{"main", "memory", "temp", "Main2", "default", "pg_lake"} {
		s := l.table(namespace, fmt.Sprintf("t%d", i), field(1, "n", i32))
		s.Data = append(s.Data, l.file(namespace+".parquet", 1, s.Schema.Fields(), fmt.Sprintf(`{"n":%d}`, i)))
		l.check(fmt.Sprintf(`SELECT n FROM "%s".t%d`, namespace, i), fmt.Sprint(i))
		l.check(fmt.Sprintf(`SELECT n FROM t%d`, i), fmt.Sprint(i))
		l.check(fmt.Sprintf(`SELECT n FROM t%d UNION FROM "%s".t%d`, i, namespace, i), fmt.Sprint(i))
	}
	l.table("system", "t", field(1, "n", i32)) // is not to be had
	if _, _, err := l.csvOf("FROM system.t"); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("err = %v, want ErrInvalid", err)
	}
}

func TestBrokenCatalog(t *testing.T) {
	l := newLake(t)
	s := l.table("a", "b", field(1, "n", i32))
	s.Data = append(s.Data, tidemark.LakeFile{Key: "missing.parquet", Bytes: 10})
	if _, _, err := l.csvOf("SELECT * FROM a.b"); err == nil || !strings.Contains(err.Error(), "missing.parquet") || !strings.Contains(err.Error(), "a.b") {
		t.Errorf("missing file: err = %v", err)
	}
	s.Data[0].Key = "../outside.parquet"
	if _, _, err := l.csvOf("SELECT * FROM a.b"); err == nil || !strings.Contains(err.Error(), "outside the lake") {
		t.Errorf("outside: err = %v", err)
	}
	s.Data[0] = l.file("n.parquet", 1, s.Schema.Fields(), `{"n":1}`)
	s.Deletes = []tidemark.LakeFile{s.Data[0]}
	if _, _, err := l.csvOf("SELECT * FROM a.b"); err == nil || !strings.Contains(err.Error(), "no key columns") {
		t.Errorf("delete file without key: err = %v", err)
	}
	s.Deletes[0].Equality = []string{"nosuch"}
	if _, _, err := l.csvOf("SELECT * FROM a.b"); err == nil || !strings.Contains(err.Error(), `"nosuch"`) {
		t.Errorf("delete file with another key: err = %v", err)
	}
}
