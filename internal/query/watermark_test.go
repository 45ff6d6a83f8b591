package query

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/duckdb"
)

func watermarks(t *testing.T) []tidemark.Watermark {
	mark := func(pipeline tidemark.PipelineID, table, high string) tidemark.Watermark {
		v, err := tidemark.ParseCursorValue(high)
		if err != nil {
			t.Fatal(err)
		}
		return tidemark.Watermark{Pipeline: pipeline, Origin: tidemark.Origin{Table: table}, High: v}
	}
	return []tidemark.Watermark{
		mark("orders", "shop.orders", "2014-07-24 00:00:00.5"), mark("old", "archive.orders", "2013-01-01"), mark("events", "shop.events", "2024-07-31T17:50:18Z"),
		mark("items", "shop.it'ems", "42"), mark("wide", "shop.wide", "18446744073709551615"), mark("states", "shop.states", ""),
	}
}

// TestWatermarks: the function has the type of the cursor, and the view the time where it is one.
func TestWatermarks(t *testing.T) {
	l := ordersLake(t)
	l.marks = watermarks(t)
	l.check("SELECT tablename, last_fetched FROM fetch_details ORDER BY ALL",
		"events,2024-07-31 17:50:18", "it'ems,", "orders,2013-01-01 00:00:00", "orders,2014-07-24 00:00:00.500000", "states,", "wide,")
	l.check("SELECT column_name || ' ' || column_type FROM (DESCRIBE FETCH_DETAILS)", "tablename VARCHAR", "last_fetched TIMESTAMP")
	l.check("WITH fetch_details AS (SELECT 7 AS n) FROM fetch_details", "7")
	for call, want := range map[string]string{
		"watermark('orders')": "2014-07-24 00:00:00.500000 TIMESTAMP", "Watermark('old')": "2013-01-01 DATE", "watermark('events')": "2024-07-31T17:50:18Z TIMESTAMP WITH TIME ZONE",
		"watermark('items')": "42 BIGINT", `watermark('wide')`: "18446744073709551615 DECIMAL(20,0)",
	} {
		header, rows, err := l.csvOf("SELECT " + call + " AS w, typeof(" + call + ") AS t")
		if err != nil || len(rows) != 1 || strings.ReplaceAll(strings.Replace(rows[0], ",", " ", 1), `"`, "") != want {
			t.Errorf("%s: %q %q, %v; want %s", call, header, rows, err, want)
		}
	}
	l.check("SELECT watermark('states') IS NULL", "true")
	l.check("SELECT count(*) FROM orders.landing WHERE order_id < watermark('items')", "3")
	for statement, want := range map[string]string{
		"SELECT watermark('nosuch')":                        `line 1, column 8: no pipeline "nosuch" has loaded into the lake`,
		"SELECT 1,\n watermark(status) FROM orders.landing": "line 2, column 2: watermark wants the name of a pipeline",
		"SELECT watermark('orders'), watermark('items')":    "line 1, column 29: watermark is a TIMESTAMP for one pipeline and a BIGINT for another",
	} {
		if _, _, err := l.csvOf(statement); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", statement, err, want)
		}
	}
	l.marks = nil
	l.check("SELECT count(*) FROM fetch_details", "0")
	if _, _, err := l.csvOf("SELECT watermark('orders')"); !strings.Contains(tidemark.Hint(err), "no watermarks yet") {
		t.Errorf("an empty lake: %v (%s)", err, tidemark.Hint(err))
	}
}

// TestTimeout: a query that runs for ever ends, wherever it is.
func TestTimeout(t *testing.T) {
	l := ordersLake(t)
	o := l.options()
	o.Timeout = 100 * time.Millisecond
	for _, statement := range []string{
		"SELECT sum(a.range * b.range) FROM range(100000000) a, range(100000000) b",
		"WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
	} {
		r, err := Run(t.Context(), o, statement)
		if err == nil {
			for _, err = range r.Rows() {
			}
			r.Close()
		}
		if !errors.Is(err, ErrTimeout) || !strings.Contains(tidemark.Hint(err), "--timeout") || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v (%s)", statement, err, tidemark.Hint(err))
		}
		if _, err := ToParquet(t.Context(), o, statement, t.TempDir()+"/x.parquet"); !errors.Is(err, ErrTimeout) {
			t.Errorf("into a file: %v", err)
		}
	}
}

// TestToParquet: what is written is a table of the same types again.
func TestToParquet(t *testing.T) {
	l := typesLake(t)
	path := t.TempDir() + "/it's [1]*.parquet"
	w, err := ToParquet(t.Context(), l.options(), "SELECT *, sum(l) OVER () AS wide, 1 AS \"I\", 'x' AS i FROM a.types ORDER BY i NULLS LAST -- all\n;", path)
	if err != nil || w.Rows != 3 || w.Bytes == 0 || w.Read.Files != 1 {
		t.Fatalf("%+v, %v", w, err)
	}
	db, err := duckdb.Open(t.Context(), duckdb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(t.Context(), &duckdb.Statement{SQL: "SELECT * FROM read_parquet(" + duckdb.Literal(duckdb.Pattern(path)) + ")"})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var types []string
	for _, c := range rows.Columns {
		types = append(types, c.Name+" "+c.Type)
	}
	want := "i INTEGER, l BIGINT, f FLOAT, d DOUBLE, m DECIMAL(38,10), u DECIMAL(20,0), b BOOLEAN, s VARCHAR, x BLOB, dt DATE, ts TIMESTAMP, tz TIMESTAMPTZ, v FLOAT[], wide DECIMAL(38,0), I_1 INTEGER, i_2 VARCHAR"
	if got := strings.Join(types, ", "); got != want {
		t.Errorf("it has %s\nwant %s", got, want)
	}
	n := 0
	for row, err := range rows.All() {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 1 && (duckdb.Text(row[4]) != "-0.0000000001" || duckdb.Text(row[13]) != "-1") {
			t.Errorf("the first row is %v", row)
		}
	}
	if n != 3 {
		t.Errorf("%d rows", n)
	}
	if _, err := ToParquet(t.Context(), l.options(), "SELECT 1,\n nosuch FROM a.types", path+"2"); err == nil || !strings.Contains(err.Error(), "line 2, column 2: ") {
		t.Errorf("a mistake: %v", err)
	}
}
