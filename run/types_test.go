package run_test

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// Every type at its extremes, through the whole pipeline in both formats, against the server's own word.

var typeFormats = []string{"iceberg", "parquet"}

// backquoted returns a name as the server's SQL has it.
func backquoted(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// yamlText returns s as a scalar of the config.
func yamlText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// TestTypes loads the tables of all types, twice, and compares each value that an independent reader finds in the
// lake's files with what the server says.
func TestTypes(t *testing.T) {
	s := newShop(t, "  {}\n")
	tables := typeTables(s.server.Flavor)
	var pipelines strings.Builder
	for _, table := range tables {
		s.makeTypes(t, table)
		for _, format := range typeFormats {
			fmt.Fprintf(&pipelines, "  %[1]s-%[2]s:\n    source: {connection: shop, table: %[3]s, cursor: %[4]s}\n"+
				"    target: {connection: lake, table: %[1]s.%[2]s, format: %[1]s, mode: append}\n",
				format, table.target, yamlText("`DB`."+backquoted(table.name)), yamlText(table.cursor))
		}
	}
	s.configure(t, pipelines.String())
	s.loadTwice(t, tables)
	duck := openDuckDB(t)
	for _, table := range tables {
		want := s.said(t, table)
		for _, format := range typeFormats {
			t.Run(format+" "+table.target, func(t *testing.T) {
				got := s.readTypes(t, duck, format, table)
				compareTypes(t, table, want, got)
				s.countTypes(t, format, table, want)
			})
		}
		t.Run("metadata of "+table.target, func(t *testing.T) { s.checkMetadata(t, table) })
	}
	t.Run("verify", func(t *testing.T) { s.verifyTypes(t, tables) })
}

// makeTypes creates a table and fills it.
func (s *shop) makeTypes(t *testing.T, table typeTable) {
	t.Helper()
	// All rows share the cursor's value, so that a second run reads them all again.
	definitions := []string{"id INT NOT NULL PRIMARY KEY", backquoted(table.cursor) + " DATETIME(6) NOT NULL DEFAULT '2024-01-01 12:00:00.5'"}
	for _, c := range table.columns {
		definitions = append(definitions, backquoted(c.name)+" "+c.definition)
	}
	name := backquoted(table.name)
	statements := []string{"SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'", "CREATE TABLE " + name + " (" + strings.Join(definitions, ", ") + ") CHARACTER SET utf8mb4"}
	for row := range table.rows() {
		names, values := []string{"id"}, []string{strconv.Itoa(row + 1)}
		for _, c := range table.columns {
			if !c.generated() {
				value, _ := c.value(row)
				names, values = append(names, backquoted(c.name)), append(values, value)
			}
		}
		statements = append(statements, "INSERT INTO "+name+" ("+strings.Join(names, ", ")+") VALUES ("+strings.Join(values, ", ")+")")
	}
	s.exec(t, statements...)
}

// loadTwice runs all pipelines, and again: the hash of each value must be the same, or its row would come twice.
func (s *shop) loadTwice(t *testing.T, tables []typeTable) {
	t.Helper()
	rows := map[string]int64{}
	for _, table := range tables {
		for _, format := range typeFormats {
			rows[format+"-"+table.target] = int64(table.rows())
		}
	}
	first := s.mustRun(t)
	if len(first) != len(rows) {
		t.Fatalf("%d pipelines ran, want %d", len(first), len(rows))
	}
	for _, r := range first {
		if want := rows[string(r.Pipeline)]; r.New != want || !r.Committed {
			t.Errorf("%s: %d new rows, want %d", r.Pipeline, r.New, want)
		}
	}
	for _, r := range s.mustRun(t) {
		if want := rows[string(r.Pipeline)]; r.New != 0 || r.Suppressed != want || r.Committed {
			t.Errorf("%s again: %d new and %d suppressed rows, want 0 and %d", r.Pipeline, r.New, r.Suppressed, want)
		}
	}
}

// said returns what the server says of a table, in the order of id.
func (s *shop) said(t *testing.T, table typeTable) [][]cell {
	t.Helper()
	expressions := make([]string, len(table.columns))
	for i, c := range table.columns {
		expressions[i] = inForm(c.form.server, backquoted(c.name))
	}
	db := s.server.DB(t, s.database) // without arguments it speaks the text protocol
	return scanCells(t, db, "SELECT "+strings.Join(expressions, ", ")+" FROM "+backquoted(table.name)+" ORDER BY id", len(table.columns),
		func() any { return new(*string) },
		func(column int, v any) (cell, error) { return table.columns[column].form.saidCell(*v.(**string)) })
}

func inForm(expression, column string) string {
	if expression == "" {
		return column
	}
	return strings.ReplaceAll(expression, "@", column)
}

// scanCells reads all rows of a query, each value into what into makes, and then as a cell.
func scanCells(t *testing.T, db *sql.DB, query string, columns int, into func() any, cellOf func(column int, v any) (cell, error)) [][]cell {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var out [][]cell
	for rows.Next() {
		values := make([]any, columns)
		for i := range values {
			values[i] = into()
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		cells := make([]cell, columns)
		for i, v := range values {
			if cells[i], err = cellOf(i, v); err != nil {
				t.Fatalf("column %d of row %d: %v", i+1, len(out)+1, err)
			}
		}
		out = append(out, cells)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// compareTypes compares all cells, and what the test itself knows of them, so that equal nonsense does not pass.
func compareTypes(t *testing.T, table typeTable, want, got [][]cell) {
	t.Helper()
	if len(want) != table.rows() || len(got) != table.rows() {
		t.Fatalf("%d rows in the lake, %d on the server, want %d", len(got), len(want), table.rows())
	}
	compared := 0
	for row := range want {
		for i, c := range table.columns {
			compared++
			if got[row][i] != want[row][i] {
				t.Errorf("%q %s, row %d: the lake has %v, the server %v", c.name, c.definition, row+1, got[row][i], want[row][i])
			}
			if _, null := c.value(row); !c.generated() && got[row][i].null != null {
				t.Errorf("%q %s, row %d: the lake has %v", c.name, c.definition, row+1, got[row][i])
			}
		}
	}
	for i, c := range table.columns {
		for _, text := range table.holds[c.name] {
			if !holds(got, i, text) {
				t.Errorf("%q %s never is %q", c.name, c.definition, text)
			}
		}
	}
	if wanted := table.rows() * len(table.columns); compared != wanted || compared == 0 {
		t.Errorf("%d values were compared, want %d", compared, wanted)
	}
	t.Logf("%d values compared", compared)
}

// countTypes asks the product's own query for each column by its name.
func (s *shop) countTypes(t *testing.T, format string, table typeTable, want [][]cell) {
	t.Helper()
	counts, wanted := make([]string, len(table.columns)), make([]string, len(table.columns))
	for i, c := range table.columns {
		n := 0
		for _, row := range want {
			if !row[i].null {
				n++
			}
		}
		counts[i], wanted[i] = "COUNT("+duckdb.Ident(c.name)+")", strconv.Itoa(n)
	}
	got := s.one(t, "SELECT "+strings.Join(counts, ", ")+" FROM "+format+"."+table.target)
	if diff := cmp.Diff(strings.Join(wanted, "|"), got); diff != "" {
		t.Errorf("values that are not NULL, by query (-want +got):\n%s", diff)
	}
}

func holds(rows [][]cell, column int, text string) bool {
	for _, row := range rows {
		if row[column] == (cell{text: text}) {
			return true
		}
	}
	return false
}

// TestTypeForms holds the normalisation to account: what is not equal must not become equal by it.
func TestTypeForms(t *testing.T) {
	for _, c := range []struct {
		form form
		said string
		read any
		same bool
	}{
		{intForm, "0042", int32(42), true}, {intForm, "42", int32(-42), false}, {longForm, "4294967295", int64(-1), false},
		{bitsForm, "\x01\x00", int64(256), true}, {bitsForm, "\x01\x00", int64(1), false}, {boolForm, "\x01", true, true}, {boolForm, "\x00", true, false},
		{floatForm, "0.10000000149011612", float32(0.1), true}, {floatForm, "16777200", float32(16777216), false}, {doubleForm, "-0", 0.0, false},
		{dateForm, "2021-02-31", nil, true}, {dateForm, "2021-02-28", nil, false}, {datetimeForm, "1970-01-01 00:00:00.5", int64(500_000), true},
		{datetimeForm, "1970-01-01 00:00:01", int64(0), false}, {stringForm, "", nil, false}, {stringForm, "NULL", nil, false}, {stringForm, "a ", "a", false},
		{binaryForm, "\x00", []byte{}, false}, {binaryForm, "", []byte{}, true}, {geometryForm, "\x01\x02\x03\x04\x05", []byte{5}, true},
		{vectorForm, "\x00\x00\x80\x3f", []any{float32(1)}, true}, {vectorForm, "\x00\x00\x80\x3f", []any{float64(1)}, false},
	} {
		want, err := c.form.saidCell(&c.said)
		if err != nil {
			t.Errorf("%q: %v", c.said, err)
		}
		got, err := c.form.readCell(c.read)
		if err != nil {
			t.Errorf("%v: %v", c.read, err)
		}
		if diff := cmp.Diff(want.String(), got.String()); (got == want) != c.same {
			t.Errorf("%q and %v as %s: %s", c.said, c.read, c.form.iceberg, diff)
		}
	}
	if _, err := longForm.readCell(int32(1)); err == nil {
		t.Error("a type that is not the column's must be an error")
	}
}
