package run_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// A mergeCase is a table that is merged by a key of some type.
type mergeCase struct {
	name    string
	columns string // the key's definitions
	key     string
	values  []string // keys, in SQL; the last one comes later
	server  string   // the key as one text, for the server
	lake    string   // the same for the lake
	only    string
}

func mergeCases(flavor string) []mergeCase {
	const plain = "CAST(k AS CHAR)"
	cases := []mergeCase{
		{name: "string", columns: "k VARCHAR(60)", key: "k", server: "HEX(k)", lake: "hex(k)",
			values: []string{"''", "'NULL'", "'it''s'", `'back\\slash'`, "'🐘'", "'ü '", "'ß'", "REPEAT('x', 60)", `'%_'`, "'late'"}},
		{name: "folded", columns: "k VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_bin", key: "k", server: "HEX(CONVERT(k USING utf8mb4))", lake: "hex(k)",
			values: []string{"'a'", "'A'", "'é'", "'e'", "'€'", "'E'"}},
		{name: "binary", columns: "k BINARY(4)", key: "k", server: "HEX(k)", lake: "hex(k)",
			values: []string{"x'00000000'", "x'00FF00FF'", "x'FFFFFFFF'", "'a'", "x'27225C00'", "x'C3280000'"}},
		{name: "varbinary", columns: "k VARBINARY(20)", key: "k", server: "HEX(k)", lake: "hex(k)",
			values: []string{"''", "x'00'", "x'0000'", "x'C328'", "REPEAT(x'FF', 20)", "'late'"}},
		{name: "composite", columns: "a INT, b VARCHAR(20), d DATE", key: "a, b, d", server: "CONCAT_WS('/', a, HEX(b), d)", lake: "concat_ws('/', a, hex(b), d)",
			values: []string{"1, '', '2024-01-01'", "1, 'x', '2024-01-01'", "1, 'x', '2024-01-02'", "-1, '2', '0001-01-01'", "11, 'é', '9999-12-31'", "2, 'x', '2024-01-01'"}},
		{name: "unsigned", columns: "k BIGINT UNSIGNED", key: "k", server: plain, lake: "CAST(k AS VARCHAR)",
			values: []string{"18446744073709551615", "9223372036854775808", "0", "9223372036854775807", "1", "18446744073709551614"}},
		{name: "bits", columns: "k BIT(64)", key: "k", server: "CAST(k + 0 AS CHAR)", lake: "CAST(k AS VARCHAR)",
			values: []string{"18446744073709551615", "9223372036854775808", "0", "1"}},
		{name: "decimal", columns: "k DECIMAL(38,10)", key: "k", server: plain, lake: "CAST(k AS VARCHAR)",
			values: []string{"9999999999999999999999999999.9999999999", "-9999999999999999999999999999.9999999999", "0", "-0.0000000001", "1.5"}},
		{name: "wide", columns: "k DECIMAL(65,30)", key: "k", server: plain, lake: "k",
			values: []string{"99999999999999999999999999999999999.999999999999999999999999999999", "0", "-1.5", "7"}},
		{name: "datetime", columns: "k DATETIME(6)", key: "k", server: plain, lake: "strftime(k, '%Y-%m-%d %H:%M:%S.%f')",
			values: []string{"'9999-12-31 23:59:59.999999'", "'1969-12-31 23:59:59.000001'", "'2024-01-01 00:00:00.1'", "'2024-01-01'"}},
		{name: "timestamp", columns: "k TIMESTAMP(6)", key: "k", server: plain, lake: "strftime(k AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S.%f')",
			values: []string{"'2038-01-19 03:14:07.999999'", "'1970-01-01 00:00:01.000001'", "'2024-03-31 01:30:00'", "'2024-01-01'"}},
		{name: "time", columns: "k TIME(2)", key: "k", server: plain, lake: "k", values: []string{"'-838:59:59'", "'838:59:59'", "'00:00:00'", "'24:00:00.55'"}},
		{name: "choice", columns: "k ENUM('b','a','ü'), f BIT(1)", key: "k, f", server: "CONCAT_WS('/', k, f + 0)", lake: "concat_ws('/', k, CAST(f AS INT))",
			values: []string{"'a', b'0'", "'a', b'1'", "'b', b'0'", "'ü', b'1'"}},
		{name: "odd", columns: "`k.``1`` \"é\"` INT, `select` VARCHAR(5)", key: "`k.``1`` \"é\"`, `select`",
			server: "CONCAT_WS('/', `k.``1`` \"é\"`, `select`)", lake: "concat_ws('/', \"k.`1` \"\"é\"\"\", \"select\")", values: []string{"1, 'a'", "1, 'b'", "2, 'a'", "3, ''"}},
		{name: "uuid", columns: "k UUID", key: "k", server: plain, lake: "k", only: "mariadb",
			values: []string{"'123e4567-e89b-12d3-a456-426655440000'", "'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"}},
	}
	return slices.DeleteFunc(cases, func(c mergeCase) bool { return c.only != "" && c.only != flavor })
}

// TestMergeByEveryType loads tables with keys of all types, changes half of their rows and adds one. A delete whose
// key is not exactly the row's leaves the old version, and one that fits too many takes rows away.
func TestMergeByEveryType(t *testing.T) {
	s := newShop(t, "  {}\n")
	cases := mergeCases(s.server.Flavor)
	var pipelines strings.Builder
	var create, change []string
	for _, c := range cases {
		fmt.Fprintf(&pipelines, "  %[1]s:\n    source: {connection: shop, table: DB.%[1]s_keys, cursor: at}\n    target: {connection: lake, table: merged.%[1]s, mode: merge}\n", c.name)
		create = append(create, fmt.Sprintf("CREATE TABLE %s_keys (%s, n INT NOT NULL, note VARCHAR(20), at DATETIME NOT NULL, PRIMARY KEY (%s)) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", c.name, c.columns, c.key))
		for i, value := range c.values {
			insert := fmt.Sprintf("INSERT INTO %s_keys VALUES (%s, %d, 'first', '2024-01-01' + INTERVAL %d SECOND)", c.name, value, i, i)
			if i < len(c.values)-1 {
				create = append(create, insert)
			} else {
				change = append(change, insert)
			}
		}
		change = append(change, "UPDATE "+c.name+"_keys SET note = 'second', at = '2024-01-02' WHERE n % 2 = 0 AND n < "+strconv.Itoa(len(c.values)-1))
	}
	s.configure(t, pipelines.String())
	duck := openDuckDB(t)
	session := "SET sql_mode = '', time_zone = '+00:00'"
	for _, step := range []struct {
		statements []string
		isNew      func(values int) int
	}{
		{create, func(values int) int { return values - 1 }},
		{change, func(values int) int { return values/2 + 1 }}, // the even ones but the last, and that
		{nil, func(int) int { return 0 }},
	} {
		s.exec(t, append([]string{session}, step.statements...)...)
		fresh := map[string]int64{}
		for _, r := range s.mustRun(t) {
			fresh[string(r.Pipeline)] = r.New
		}
		for _, c := range cases {
			if want := int64(step.isNew(len(c.values))); fresh[c.name] != want {
				t.Errorf("%s: %d new rows, want %d", c.name, fresh[c.name], want)
			}
		}
		s.compareMerged(t, duck, cases)
	}
}

// mergedFiles is a subquery of DuckDB's over a merged table that goes by the files alone: the rows without those whose
// key a later run deletes. Names of files begin with the run, and runs sort by time.
func (s *shop) mergedFiles(t *testing.T, c mergeCase) string {
	t.Helper()
	data, deletes := s.parquetFiles(t, "merged", c.name)
	if len(deletes) == 0 {
		return readParquet(data)
	}
	on := []string{"deleted.run > rows.run"}
	for key := range strings.SplitSeq(c.key, ", ") {
		name := duckdb.Ident(strings.ReplaceAll(strings.Trim(key, "`"), "``", "`"))
		on = append(on, "deleted."+name+" = rows."+name)
	}
	const withRun = "(SELECT *, split_part(parse_filename(filename), '-', 1) AS run FROM %s)"
	return fmt.Sprintf("(SELECT rows.* FROM "+withRun+" rows ANTI JOIN "+withRun+" deleted ON %s)", readParquet(data), readParquet(deletes), strings.Join(on, " AND "))
}

// compareMerged compares all rows of all merged tables with the server's, as the product and as DuckDB reads them.
func (s *shop) compareMerged(t *testing.T, duck *sql.DB, cases []mergeCase) {
	t.Helper()
	var server, lake, files []string
	least := 0
	for _, c := range cases {
		const row = "SELECT '%s' AS name, n, %s AS key, note, CAST(\"at\" AS VARCHAR) AS changed FROM %s"
		server = append(server, fmt.Sprintf("SELECT CONCAT_WS('|', '%[1]s', n, %[2]s, note, at) FROM %[1]s_keys", c.name, c.server))
		lake = append(lake, fmt.Sprintf(row, c.name, c.lake, "merged."+c.name))
		files = append(files, fmt.Sprintf(row, c.name, c.lake, s.mergedFiles(t, c)))
		least += len(c.values) - 1
	}
	want := oneColumn(t, s.server.DB(t, s.database), strings.Join(server, " UNION ALL "))
	for reader, got := range map[string][]string{
		"query": s.query(t, "SELECT name, n, key, note, changed FROM ("+strings.Join(lake, " UNION ALL ")+")"),
		"files": oneColumn(t, duck, "SELECT concat_ws('|', name, n, key, note, changed) FROM ("+strings.Join(files, " UNION ALL ")+")"),
	} {
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" || len(want) < least {
			t.Errorf("%s: %d rows on the server (-server +lake):\n%s", reader, len(want), diff)
		}
	}
}

// oneColumn returns the texts that a query gives, sorted.
func oneColumn(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows := scanCells(t, db, query, 1, func() any { return new(string) }, func(_ int, v any) (cell, error) { return cell{text: *v.(*string)}, nil })
	texts := make([]string, len(rows))
	for i, row := range rows {
		texts[i] = row[0].text
	}
	slices.Sort(texts)
	return texts
}
