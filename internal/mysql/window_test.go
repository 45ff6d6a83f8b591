package mysql

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// rangedTables have cursors of all kinds, with rows that have none; n counts from 0 to 999. Bounds are in the cursor's form
// and divide the rows; the first lies below all of them.
var rangedTables = []struct {
	name, column, value string
	bounds              []string
	shown               string // the last bound in a statement
}{
	{"ints", "c INT NULL", "IF(n % 50 = 7, NULL, n DIV 3 - 100)", []string{"-1000", "-100", "-99", "0", "101", "234"}, "234"},
	{"wides", "c BIGINT UNSIGNED NULL", "IF(n % 50 = 7, NULL, 18446744073709551615 - n * 9223372036854775)", []string{"0", "5", "9223372036854775807", "9223372036854775808", "18446744073709551615"}, "18446744073709551615"},
	{"years", "c YEAR NULL", "IF(n % 50 = 7, NULL, 1901 + n % 200)", []string{"0", "1901", "1999", "2000", "2101"}, "2101"},
	{"days", "c DATE NULL", "IF(n % 50 = 7, NULL, IF(n % 50 = 9, 0, IF(n = 11, '0001-01-01', '2024-01-01' + INTERVAL n DIV 4 DAY)))", []string{"0001-01-01", "2024-01-01", "2024-02-29", "2024-03-01", "2025-01-01"}, "'2025-01-01'"},
	{"times", "c DATETIME(6) NULL", "IF(n % 50 = 7, NULL, IF(n % 50 = 9, 0, IF(n = 11, '0001-01-01', '2024-01-01' + INTERVAL n DIV 4 * 500001 MICROSECOND)))", []string{"0001-01-01 00:00:00", "2024-01-01 00:00:00.000001", "2024-01-01 00:00:00.500001", "2024-01-01 00:00:01", "2024-01-02 00:00:00"}, "'2024-01-02 00:00:00.000000'"},
	{"instants", "c TIMESTAMP(3) NULL", "IF(n % 50 = 7, NULL, IF(n % 50 = 9, 0, IF(n = 11, '1970-01-01 00:00:01', '2024-01-01' + INTERVAL n DIV 4 SECOND)))", []string{"1970-01-01T00:00:01Z", "2024-01-01T00:00:00Z", "2024-01-01T00:00:30.500000Z", "2024-01-01T00:02:00Z", "2024-01-02T00:00:00Z"}, "'2024-01-02 00:00:00.000000'"},
}

// TestRangesAreTheTable divides tables into ranges of the cursor: each row with a cursor is in exactly one of them, and none
// without; through the cursor's index, along the key, and by a scan.
func TestRangesAreTheTable(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := server.NewDatabase(t)
		makeKeyed(t, server, database)
		for _, r := range rangedTables {
			server.Exec(t, "SET sql_mode = '', time_zone = '+00:00'", "USE "+database)
			for _, way := range []string{", PRIMARY KEY (n), KEY (c)", ", PRIMARY KEY (n)", ""} {
				name := fmt.Sprintf("%s%d", r.name, len(way))
				server.Exec(t, "SET sql_mode = '', time_zone = '+00:00'", "USE "+database,
					fmt.Sprintf("CREATE TABLE %s (n INT NOT NULL, %s%s)", name, r.column, way),
					fmt.Sprintf("INSERT INTO %s SELECT n, %s FROM numbers", name, r.value), "ANALYZE TABLE "+name)
				t.Run(name, func(t *testing.T) {
					source := openSource(t, configOf(server), incremental(database, name, "c"))
					checkRanges(t, source, r.bounds, r.shown)
				})
			}
		}
	})
}

func checkRanges(t *testing.T, source *Source, texts []string, shown string) {
	t.Helper()
	var without, with []string
	for _, row := range readRows(t, source, tidemark.Window{}, 1) {
		if row[1] == "NULL" {
			without = append(without, row[0])
		} else {
			with = append(with, row[0])
		}
	}
	if len(without) < 20 || len(with) < 900 {
		t.Fatalf("%d rows without a cursor and %d with one", len(without), len(with))
	}
	schema, err := source.Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bounds := make([]tidemark.CursorValue, len(texts))
	for i, text := range texts {
		if bounds[i], err = schema.Cursor.Kind.Parse(text); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(with)
	for _, along := range []bool{false, true} {
		var got []string
		last := tidemark.CursorValue{}
		for _, b := range bounds {
			got = append(got, rangeOf(t, source, tidemark.Window{From: last, Until: b}, along, b)...)
			last = b
		}
		for _, row := range readRows(t, source, tidemark.Window{From: last}, 1) { // what lies above the last one
			if row[1] != "NULL" {
				got = append(got, row[0])
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(with, got); diff != "" {
			t.Errorf("along the key %v: the union of the ranges is not the table (-want +got):\n%.2000s", along, diff)
		}
		if none := rangeOf(t, source, tidemark.Window{From: last, Until: last}, along, last); len(none) > 0 {
			t.Errorf("an empty range has rows %v", none)
		}
	}
	splits, err := source.Splits(t.Context(), tidemark.Window{Until: last(bounds), Nulls: tidemark.NullsError}, 4)
	if err != nil || !strings.Contains(splits[0].String(), "`c` < "+shown) {
		t.Errorf("split %s, %v: want it to show `c` < %s", splits, err, shown)
	}
}

func last[T any](s []T) T { return s[len(s)-1] }

// rangeOf returns n of the rows of a range, each as often as it is in a split. Each must be within.
func rangeOf(t *testing.T, source *Source, w tidemark.Window, along bool, until tidemark.CursorValue) []string {
	t.Helper()
	tab, err := source.current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	splits, err := source.plan(t.Context(), tab, w, 4)
	if err != nil {
		t.Fatal(err)
	}
	if along && tab.order != nil {
		whole := *splits[0]
		whole.order, whole.force, whole.limit = tab.order, tab.orderIndex(), 90
		tab.schema.Rows = 1000
		if splits, err = source.alongKey(t.Context(), &whole, 3); err != nil || len(splits) != 3 {
			t.Fatalf("%d splits, %v", len(splits), err)
		}
	}
	forecast, err := source.Forecast(t.Context(), w, 4)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, sp := range splits {
		for _, row := range rowsOf(t, source, sp) {
			got = append(got, row[0])
			if row[1] == "NULL" {
				t.Errorf("range up to %s has row %s, which has no cursor: %s", until, row[0], sp)
			}
		}
	}
	if !forecast.Exact || forecast.Rows != int64(len(got)) || forecast.Nulls > 0 {
		t.Errorf("range up to %s: forecast %d rows, %d without a cursor, exact %v, read %d", until, forecast.Rows, forecast.Nulls, forecast.Exact, len(got))
	}
	return got
}

// TestRangeOfFilledColumn: of a range, only rows that have a value in a column.
func TestRangeOfFilledColumn(t *testing.T) {
	onServers(t, func(t *testing.T, server *testenv.Server) {
		database := server.NewDatabase(t)
		makeKeyed(t, server, database)
		server.Exec(t, "USE "+database, "CREATE TABLE filled (n INT PRIMARY KEY, at INT NOT NULL, `Extra` VARCHAR(9), KEY (at))",
			"INSERT INTO filled SELECT n, n, IF(n % 4 = 0, 'x', NULL) FROM numbers")
		p := incremental(database, "filled", "at")
		p.Where = "n <> 8"
		source := openSource(t, configOf(server), p)
		if _, err := source.Column("extra"); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("before the schema was read: %v", err)
		}
		if rows := readRows(t, source, tidemark.Window{Until: tidemark.IntegerValue(20), Has: "Extra"}, 1); len(rows) != 4 {
			t.Errorf("%d rows, want those of 0, 4, 12 and 16: %v", len(rows), rows)
		}
		if c, err := source.Column("extra"); err != nil || c.Name != "Extra" {
			t.Errorf("column %+v, %v", c, err)
		}
		_, err := source.Column("extr")
		if !errors.Is(err, tidemark.ErrNotFound) || tidemark.Hint(err) != `did you mean "Extra"?` {
			t.Errorf("a column that is not there: %v, %s", err, tidemark.Hint(err))
		}
		p.Columns = []string{"n", "at"}
		some := openSource(t, configOf(server), p)
		if _, err := some.Schema(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := some.Column("Extra"); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "columns") {
			t.Errorf("a column that is not read: %v, %s", err, tidemark.Hint(err))
		}
		_, err = source.Splits(t.Context(), tidemark.Window{Until: tidemark.TemporalValue(tidemark.CursorDate, 0)}, 1)
		if !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("a bound of another kind: %v", err)
		}
	})
}
