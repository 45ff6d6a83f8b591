package mysql

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// keyedTables are tables of a thousand rows with keys of every form that splits are cut along. n counts from 0.
var keyedTables = []struct{ name, key, value string }{
	{"dense", "k INT, PRIMARY KEY (k)", "n"},
	{"sparse", "k BIGINT, PRIMARY KEY (k)", "n * n * 1000003"},
	{"negative", "k BIGINT, PRIMARY KEY (k)", "IF(n < 2, IF(n = 0, -9223372036854775808, 9223372036854775807), n - 500)"},
	{"huge", "k BIGINT UNSIGNED, PRIMARY KEY (k)", "18446744073709551615 - n"},
	{"folded", "k VARCHAR(50) COLLATE utf8mb4_general_ci, PRIMARY KEY (k)", "CONCAT(ELT(1 + n % 4, 'Straße', 'apfel ', 'Äpfel', 'ZEBRA_'), n)"},
	{"exact", "k VARCHAR(50) COLLATE utf8mb4_bin, PRIMARY KEY (k)", "CONCAT(ELT(1 + n % 4, 'é', 'E', '🐘', ' '), n)"},
	{"latin", "k VARCHAR(50) CHARACTER SET latin1 COLLATE latin1_swedish_ci, PRIMARY KEY (k)", "CONCAT(ELT(1 + n % 4, 'é', 'Ü', 'z', 'A'), n)"},
	{"bytes", "k VARBINARY(20), PRIMARY KEY (k)", "UNHEX(SHA2(n, 256))"},
	{"fixed", "k BINARY(6), PRIMARY KEY (k)", "CONCAT(CHAR(n % 256), CHAR(0), CHAR(n DIV 256))"},
	{"exactly", "k DECIMAL(40,10), PRIMARY KEY (k)", "n * 1.0000000001 - 500"},
	{"moment", "k DATETIME(6), PRIMARY KEY (k)", "IF(n = 0, 0, '2024-01-01' + INTERVAL n * 1000003 MICROSECOND)"},
	{"instant", "k TIMESTAMP(3), PRIMARY KEY (k)", "'2024-01-01' + INTERVAL n SECOND"},
	{"day", "k DATE, PRIMARY KEY (k)", "'2024-01-01' - INTERVAL n DAY"},
	{"duration", "k TIME(2), PRIMARY KEY (k)", "SEC_TO_TIME(n * 100 - 50000)"},
	{"pair", "k VARCHAR(20) COLLATE utf8mb4_general_ci, j INT, PRIMARY KEY (k, j)", "ELT(1 + n % 3, 'a', 'B', 'c'), n"},
	{"triple", "j INT, k VARCHAR(20), i BIGINT UNSIGNED, PRIMARY KEY (j, k, i)", "n % 5, CONCAT('x', n % 7), n"},
}

func makeKeyed(t *testing.T, server *testenv.Server, database string) {
	t.Helper()
	statements := []string{"SET sql_mode = '', NAMES utf8mb4", "USE " + database,
		"CREATE TABLE numbers (n INT PRIMARY KEY)",
		"INSERT INTO numbers WITH RECURSIVE c AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 999) SELECT n FROM c"}
	for _, k := range keyedTables {
		statements = append(statements,
			fmt.Sprintf("CREATE TABLE %s (n INT, %s) CHARACTER SET utf8mb4", k.name, k.key),
			fmt.Sprintf("INSERT INTO %s SELECT n, %s FROM numbers", k.name, k.value))
	}
	server.Exec(t, statements...)
}

func incremental(database, table string, cursors ...string) tidemark.Pipeline {
	p := pipelineOf(database, table)
	p.Mode, p.Cursors = tidemark.ModeAppend, cursors
	return p
}

// TestSplitsAreTheTable cuts tables along keys of all kinds: each row is in exactly one split, in every split in the order
// of the key, and no split scans the table.
func TestSplitsAreTheTable(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := server.NewDatabase(t)
		makeKeyed(t, server, database)
		for _, k := range keyedTables {
			t.Run(k.name, func(t *testing.T) {
				p := incremental(database, k.name, "n")
				p.Columns = []string{"n"} // the key is read for the order only
				source := openSource(t, configOf(server), p)
				for _, n := range []int{1, 2, 7} {
					checkSplits(t, source, n)
				}
			})
		}
	})
}

func checkSplits(t *testing.T, source *Source, n int) {
	t.Helper()
	splits := splitsOf(t, source, n)
	if len(splits) != n {
		t.Errorf("%d splits, want %d", len(splits), n)
	}
	var got []string
	for _, sp := range splits {
		rows := rowsOf(t, source, sp)
		if len(rows) == 0 || n > 1 && len(rows) > 1000/n*2 {
			t.Errorf("a split of %d has %d rows: %s", n, len(rows), sp)
		}
		for _, r := range rows {
			got = append(got, r[0])
		}
		if n > 1 {
			checkRange(t, source, sp)
		}
	}
	want := make([]string, 1000)
	for i := range want {
		want[i] = fmt.Sprint(i)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the union of %d splits is not the table (-want +got):\n%.2000s", n, diff)
	}
}

// splitsOf cuts the table along its key although it is small.
func splitsOf(t *testing.T, source *Source, n int) []*split {
	t.Helper()
	if _, err := source.Schema(t.Context()); err != nil {
		t.Fatal(err)
	}
	tab, err := source.current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if tab.order == nil {
		t.Fatal("the table's key gives no order")
	}
	tab.schema.Rows = 1000 // fresh tables have no statistics
	whole := &split{table: tab, columns: tab.columns, server: source.server, order: tab.order, force: tab.orderIndex(), limit: 90}
	if n == 1 {
		return []*split{whole}
	}
	splits, err := source.alongKey(t.Context(), whole, n)
	if err != nil {
		t.Fatal(err)
	}
	return splits
}

func rowsOf(t testing.TB, source *Source, sp tidemark.Split) [][]string {
	t.Helper()
	var rows [][]string
	for batch, err := range source.Read(t.Context(), sp) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, batchRows(batch)...)
		batch.Release()
	}
	return rows
}

// checkRange asks the server how it would read the split: through a range of the key's index, without sorting.
func checkRange(t *testing.T, source *Source, sp *split) {
	t.Helper()
	err := source.with(t.Context(), func(c *conn) error {
		sql, args := sp.statement(nil)
		res, err := c.query(t.Context(), explain+sql, anys(args)...)
		if err != nil {
			return err
		}
		row := res.rows[0]
		typ, key, extra := row[slices.Index(res.columns, "type")], row[slices.Index(res.columns, "key")], row[slices.Index(res.columns, "Extra")]
		if typ.text != "range" || key.text != "PRIMARY" || strings.Contains(extra.text, "filesort") {
			t.Errorf("the server reads %s by %s of %s, %s", sp, typ, key, extra)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestContinuedBehindEachKey continues a split behind many of its rows: what comes is what is left.
func TestContinuedBehindEachKey(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := server.NewDatabase(t)
		makeKeyed(t, server, database)
		server.Exec(t, "SET sql_mode = ''", "USE "+database,
			"CREATE TABLE stamped (n INT, k INT PRIMARY KEY, at DATETIME NULL, KEY (at))",
			"INSERT INTO stamped SELECT n, 1000 - n, IF(n % 10 = 0, NULL, IF(n % 11 = 0, 0, '2024-01-01' + INTERVAL n DIV 20 SECOND)) FROM numbers")
		for _, k := range keyedTables {
			t.Run(k.name, func(t *testing.T) {
				checkContinued(t, server, openSource(t, configOf(server), incremental(database, k.name, "n")), nil)
			})
		}
		t.Run("cursor with NULLs", func(t *testing.T) {
			source := openSource(t, configOf(server), incremental(database, "stamped", "at"))
			checkContinued(t, server, source, func(tab *table) *split {
				window, err := source.window(tab, tidemark.Window{From: tidemark.TemporalValue(tidemark.CursorDatetime, 0)})
				if err != nil {
					t.Fatal(err)
				}
				ix := tab.indexOn("at")
				return &split{table: tab, columns: tab.columns, server: source.server, window: window, force: ix.name, order: tab.orderOf(ix), limit: 2000}
			})
		})
	})
}

func checkContinued(t *testing.T, server *testenv.Server, source *Source, make func(*table) *split) {
	t.Helper()
	whole := splitsOf(t, source, 1)[0]
	whole.limit = 2000
	if make != nil {
		whole = make(whole.table)
	}
	sql, args := whole.statement(nil)
	c := connectTo(t, server)
	all, err := c.values(t.Context(), sql, args)
	if err != nil || len(all) != 1000 {
		t.Fatalf("%d rows, %v", len(all), err)
	}
	for i := 0; i < len(all); i += 37 {
		if left := len(behindRow(t, c, whole, all[i])); left != len(all)-i-1 {
			t.Errorf("behind row %d of %d come %d rows", i, len(all), left)
		}
	}
}

func behindRow(t *testing.T, c *conn, sp *split, row []value) [][]value {
	t.Helper()
	var key []value
	for _, o := range sp.order {
		key = append(key, row[slices.IndexFunc(sp.selected(), func(c column) bool { return c.Name == o.Name })])
	}
	sql, args := sp.statement(key)
	rows, err := c.values(t.Context(), sql, args)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestPlan looks at which way the source chooses.
func TestPlan(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := server.NewDatabase(t)
		makeKeyed(t, server, database)
		server.Exec(t, "USE "+database,
			"CREATE TABLE indexed (id INT PRIMARY KEY, at TIMESTAMP(6) NULL, KEY (at)) ", "INSERT INTO indexed SELECT n, '2024-01-01' + INTERVAL n SECOND FROM numbers",
			"CREATE TABLE plain (id INT, at DATETIME)", "INSERT INTO plain SELECT n, '2024-01-01' + INTERVAL n SECOND FROM numbers",
			"ANALYZE TABLE indexed, plain")
		late := tidemark.TemporalValue(tidemark.CursorTimestamp, 1704067200e6+990e6)
		for _, c := range []struct {
			name    string
			change  func(*tidemark.Pipeline)
			table   string
			window  tidemark.Window
			want    string
			ordered bool
			rows    int
		}{
			{name: "increment", table: "indexed", window: tidemark.Window{From: late, Nulls: tidemark.NullsLoad}, rows: 10, ordered: true,
				want: "FORCE INDEX (`at`) WHERE (`at` >= '2024-01-01 00:16:30.000000' OR `at` IS NULL OR `at` < '1970-01-01 00:00:01') ORDER BY `at`, `id`"},
			{name: "merge of an increment", table: "indexed", window: tidemark.Window{From: late, Nulls: tidemark.NullsError}, rows: 10,
				change: func(p *tidemark.Pipeline) { p.Mode = tidemark.ModeMerge }, want: "FORCE INDEX (`at`) WHERE `at` >= '2024-01-01 00:16:30.000000'"},
			{name: "without nulls", table: "indexed", window: tidemark.Window{From: late, Nulls: tidemark.NullsError}, rows: 10, ordered: true,
				want: "FORCE INDEX (`at`) WHERE `at` >= '2024-01-01 00:16:30.000000' ORDER BY"},
			{name: "first load", table: "indexed", rows: 1000, ordered: true, want: "FORCE INDEX (`PRIMARY`) ORDER BY `id`"},
			{name: "no index", table: "plain", window: tidemark.Window{From: tidemark.TemporalValue(tidemark.CursorDatetime, late.Micros())}, rows: 10,
				want: "FROM %s.`plain` WHERE (`at` >= '2024-01-01 00:16:30.000000' OR `at` IS NULL OR `at` < '0001-01-01')"},
			{name: "where", table: "indexed", rows: 3, ordered: true, change: func(p *tidemark.Pipeline) { p.Where = "id < 3 or false -- not '?'" },
				want: "WHERE (id < 3 or false -- not '?'\n)"},
			{name: "replace", table: "indexed", rows: 1000, change: func(p *tidemark.Pipeline) { p.Mode = tidemark.ModeReplace }, want: "FROM %s.`indexed`"},
			{name: "merge", table: "indexed", rows: 1000, ordered: true, change: func(p *tidemark.Pipeline) { p.Mode = tidemark.ModeMerge }, want: "ORDER BY `id`"},
			{name: "integer cursor", table: "dense", window: tidemark.Window{From: tidemark.IntegerValue(995)}, rows: 5, ordered: true,
				change: func(p *tidemark.Pipeline) { p.Cursors = []string{"K"} }, want: "FORCE INDEX (`PRIMARY`) WHERE `k` >= 995 ORDER BY `k`"},
		} {
			t.Run(c.name, func(t *testing.T) {
				p := incremental(database, c.table, "at")
				if c.change != nil {
					c.change(&p)
				}
				source := openSource(t, configOf(server), p)
				splits, err := source.Splits(t.Context(), c.window, 4)
				if err != nil || len(splits) != 1 {
					t.Fatalf("%d splits, %v", len(splits), err)
				}
				want := strings.ReplaceAll(c.want, "%s", ident(database))
				if sp := splits[0].(*split); !strings.Contains(sp.String(), want) || (sp.order != nil) != c.ordered {
					t.Errorf("ordered %t: %s\nwant %s", sp.order != nil, sp, want)
				}
				if rows := rowsOf(t, source, splits[0]); len(rows) != c.rows {
					t.Errorf("%d rows, want %d", len(rows), c.rows)
				}
				forecast, err := source.Forecast(context.Background(), c.window, 4)
				if err != nil || len(forecast.Splits) != 1 || !forecast.Exact || forecast.Rows != int64(c.rows) {
					t.Fatalf("forecast %+v, %v", forecast, err)
				}
				checkSent(t, server, source, splits[0], forecast.Splits[0].SQL)
			})
		}
	})
}
