package profile

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// look makes a profile of a table that a SELECT makes.
func look(t *testing.T, table string, sample float64, key []string, fields ...arrow.Field) *Profile {
	t.Helper()
	db, err := duckdb.Open(t.Context(), duckdb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Exec(t.Context(), "CREATE TABLE t AS "+table); err != nil {
		t.Fatal(err)
	}
	p, err := Of(t.Context(), Subject{From: "t", Columns: fields, Key: key, Sample: sample}, func(ctx context.Context, sql string) ([]duckdb.Value, error) {
		s, err := db.Parse(ctx, sql)
		if err != nil {
			return nil, err
		}
		rows, err := db.Query(ctx, s)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		for row, err := range rows.All() {
			return row, err
		}
		return nil, fmt.Errorf("no row")
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func yamlOf(rules []Rule) string {
	var lines []string
	for _, r := range rules {
		lines = append(lines, r.YAML()+" # "+r.Seen)
	}
	return strings.Join(lines, "\n")
}

var (
	number = arrow.PrimitiveTypes.Int32
	text   = arrow.BinaryTypes.String
)

// TestRules: what is proposed is what a person would say of the rows, and never what they break.
func TestRules(t *testing.T) {
	columns := []arrow.Field{
		{Name: "id", Type: number}, {Name: "Half Id", Type: arrow.PrimitiveTypes.Int64}, {Name: "state", Type: text}, {Name: "tricky", Type: text},
		{Name: "price", Type: &arrow.Decimal128Type{Precision: 5, Scale: 2}}, {Name: "delta", Type: arrow.PrimitiveTypes.Float64}, {Name: "born", Type: arrow.FixedWidthTypes.Date32},
		{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}}, {Name: "nothing", Type: text}, {Name: "zero", Type: number}, {Name: "huge", Type: arrow.PrimitiveTypes.Int64},
		{Name: "raw", Type: arrow.BinaryTypes.Binary}, {Name: "nan", Type: arrow.PrimitiveTypes.Float64}, {Name: "nearly", Type: number}, {Name: "long", Type: text},
	}
	p := look(t, `SELECT CAST(range + 1 AS INTEGER) AS id, CASE WHEN range % 2 = 0 THEN range END AS "Half Id", ['OPEN', 'CLOSED', 'yes'][1 + range % 3] AS state,
		['a, b', 'it''s', '"q"', '', ' ', '1', 'é<&'][1 + range % 7] AS tricky, CAST(range % 600 AS DECIMAL(5,2)) AS price, CAST(range % 7 - 3 AS DOUBLE) / 4 AS delta, DATE '1999-05-05' + CAST(range % 1000 AS INTEGER) AS born,
		TIMESTAMPTZ '2024-02-01 00:00:00+00' + INTERVAL 1 MINUTE * range AS at, CAST(NULL AS VARCHAR) AS nothing, 0 AS zero, 6000000000000000000 AS huge,
		'x'::BLOB AS raw, CASE WHEN range = 5 THEN 'NaN'::DOUBLE ELSE 1 END AS nan, CAST(greatest(range, 1) AS INTEGER) AS nearly, repeat('x', 61) AS long FROM range(3000)`, 1, nil, columns...)
	want := `- not_null: [id, state, tricky, price, delta, born, at, zero, huge, raw, "nan", nearly, long] # 3,000 rows without NULL
- unique: [id] # 3,000 rows, 3,000 values, all different
- unique: ["Half Id"] # 3,000 rows, 1,500 values, all different
- accepted_values: {column: state, values: [CLOSED, OPEN, "yes"]} # 3,000 rows, 3 values
- accepted_values: {column: tricky, values: ["", " ", "\"q\"", "1", "a, b", "it's", "é<&"]} # 3,000 rows, 7 values
- range: {column: id, min: 0} # 1 to 3,000
- range: {column: "Half Id", min: 0} # 0 to 2,998
- range: {column: price, min: 0} # 0.00 to 599.00
- range: {column: delta, min: -2, max: 2} # -0.75 to 0.75
- range: {column: born, min: "1999-01-01"} # 1999-05-05 to 2002-01-28
- range: {column: at, min: "2024-01-01"} # 2024-02-01 00:00:00+00 to 2024-02-03 01:59:00+00
- range: {column: huge, min: 0} # 6,000,000,000,000,000,000 to 6,000,000,000,000,000,000
- range: {column: "nan", min: 0} # 1.0 to nan
- range: {column: nearly, min: 0, max: 10000} # 1 to 2,999`
	if diff := cmp.Diff(want, yamlOf(p.Rules())); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestRulesOfFew: of few rows chance says nothing, but the key of a merge is what it is.
func TestRulesOfFew(t *testing.T) {
	columns := []arrow.Field{{Name: "a", Type: number}, {Name: "b", Type: number}, {Name: "c", Type: text}}
	p := look(t, "SELECT * FROM (VALUES (1, 1, 'x'), (1, 2, 'y'), (2, 1, 'x')) AS t(a, b, c)", 1, []string{"a", "b"}, columns...)
	want := `- not_null: [a, b, c] # 3 rows without NULL
- unique: [a, b] # 3 rows, and no two share the key
- range: {column: a, min: 0} # 1 to 2
- range: {column: b, min: 0} # 1 to 2`
	if got := yamlOf(p.Rules()); got != want {
		t.Errorf("got\n%s", got)
	}
	if p := look(t, "SELECT 1 AS a, 2 AS b, 'x' AS c WHERE false", 1, []string{"a"}, columns...); p.Rows != 0 || p.Rules() != nil {
		t.Errorf("an empty table: %+v", p)
	}
}

// TestRulesOfASample: what a sample suggests is tried on all rows: a value that is there once is not overlooked.
func TestRulesOfASample(t *testing.T) {
	columns := []arrow.Field{{Name: "id", Type: number}, {Name: "state", Type: text}, {Name: "rare", Type: text}, {Name: "v", Type: number}}
	p := look(t, `SELECT CAST(range AS INTEGER) AS id, ['a', 'b'][1 + range % 2] AS state, CASE WHEN range % 100000 = 777 THEN 'rare' || range ELSE 'often' END AS rare,
		CASE WHEN range = 777 THEN NULL WHEN range = 778 THEN -9 ELSE 1 END AS v FROM range(1000000)`, 0.002, nil, columns...)
	if p.Sampled > 10_000 || p.Sampled < 100 {
		t.Errorf("a sample of %d rows", p.Sampled)
	}
	got := strings.ReplaceAll(yamlOf(p.Rules()), thousands(p.Sampled), "N")
	want := `- not_null: [id, state, rare] # 1,000,000 rows without NULL
- accepted_values: {column: state, values: [a, b]} # 1,000,000 rows, 2 values in a sample of N and no other one in the rest
- range: {column: id, min: 0, max: 2000000} # 0 to 999,999
- range: {column: v, min: -20, max: 2} # -9 to 1`
	if got != want {
		t.Errorf("got\n%s", got)
	}
}

// TestHistoryRules: commits tell how many rows a run has, and how often there is news.
func TestHistoryRules(t *testing.T) {
	start := time.Date(2024, 7, 31, 12, 0, 0, 0, time.UTC)
	commits := func(n int, every time.Duration, rows int64, behind time.Duration) (list []tidemark.Change) {
		for i := range n {
			at := start.Add(time.Duration(n-i) * every)
			high, err := tidemark.ParseCursorValue(at.Add(-behind).Format("2006-01-02 15:04:05"))
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, tidemark.Change{At: at, Commit: int64(n - i), Loaded: rows + int64(i), High: high})
		}
		return list
	}
	aside := commits(2, time.Hour, 100, 0)
	aside[0].Aside, aside[0].Loaded = true, 1e9
	for i, c := range []struct {
		history []tidemark.Change
		mode    tidemark.Mode
		want    string
	}{
		{nil, tidemark.ModeAppend, ""},
		{commits(1, time.Hour, 68_883, 0), tidemark.ModeAppend, "- {row_count: {max: 200000}, on_fail: warn} # 68,883 rows in the largest of 1 commit"},
		{aside, tidemark.ModeMerge, "- {row_count: {max: 500}, on_fail: warn} # 101 rows in the largest of 1 commit"},
		{commits(3, time.Hour, 100, 0), tidemark.ModeReplace, "- row_count: {min: 50, max: 500} # 100 in the newest, 102 rows in the largest of 3 commits"},
		{commits(6, time.Hour, 1, 7*time.Hour), tidemark.ModeAppend, "- {row_count: {max: 20}, on_fail: warn} # 6 rows in the largest of 6 commits\n- {freshness: 2h, on_fail: warn} # news at least every 1h0m0s in 6 commits"},
		{commits(6, 20*time.Hour, 1, 0), tidemark.ModeAppend, "- {row_count: {max: 20}, on_fail: warn} # 6 rows in the largest of 6 commits\n- {freshness: 2d, on_fail: warn} # news at least every 20h0m0s in 6 commits"},
		{commits(6, time.Minute, 1, 10*365*24*time.Hour), tidemark.ModeAppend, "- {row_count: {max: 20}, on_fail: warn} # 6 rows in the largest of 6 commits"},
		{commits(6, 100*24*time.Hour, 1, 0), tidemark.ModeAppend, "- {row_count: {max: 20}, on_fail: warn} # 6 rows in the largest of 6 commits"},
	} {
		if got := yamlOf(HistoryRules(c.history, c.mode)); got != c.want {
			t.Errorf("%d: got\n%s", i, got)
		}
	}
}
