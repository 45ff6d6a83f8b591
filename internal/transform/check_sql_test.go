package transform

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

// sqlCheck is a check of the rows of numbers, or of others with the columns k and v.
func sqlCheck(t *testing.T, text string) Check {
	t.Helper()
	return Check{Name: "c", SQL: &SQL{Text: text, Table: tidemark.TableName{Database: "db", Name: "numbers"}, Dir: t.TempDir()}}
}

// lookAt lets several goroutines look at batches of 100 numbers each, and returns what the checks find.
func lookAt(t *testing.T, mem memory.Allocator, w tidemark.Window, batches int, o tidemark.Observed, checks ...Check) (results []tidemark.CheckResult, err error) {
	t.Helper()
	k, err := NewChecks(checks, t.TempDir()).Begin(t.Context(), numbers(), w)
	if err != nil {
		return nil, err
	}
	var wait sync.WaitGroup
	errs := make([]error, batches)
	for i := range batches {
		wait.Go(func() {
			b := array.NewInt64Builder(mem)
			defer b.Release()
			for n := range 100 {
				b.Append(int64(i*100 + n))
			}
			a := b.NewArray()
			batch := array.NewRecordBatch(numbers().Arrow(), []arrow.Array{a}, 100)
			a.Release()
			errs[i] = k.Look(batch)
			batch.Release()
		})
	}
	wait.Wait()
	if at := slices.IndexFunc(errs, func(e error) bool { return e != nil }); at >= 0 {
		err = errs[at]
	} else {
		results, err = k.Results(o)
	}
	return results, errors.Join(err, k.Close())
}

// TestSQLCheck: the rows that a statement returns are counted and the first is named, whether the statement streams or needs
// all rows, and no batch is left behind.
func TestSQLCheck(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	for _, c := range []struct {
		sql     string
		batches int
		failed  int64
		detail  string
		message string
	}{
		{"SELECT * FROM rows WHERE n < 0", 5, 0, "", ""},
		{"SELECT n, n * 2 AS twice FROM rows WHERE n = 77", 5, 1, "the first row is n=77, twice=154", ""},
		{"SELECT 'x' AS t FROM rows WHERE n % 2 = 0", 5, 250, `the first row is t="x"`, ""},
		{"SELECT count(*) AS rows FROM numbers HAVING count(*) <> 500", 5, 0, "", ""},
		{"SELECT count(*) AS many FROM rows HAVING count(*) > 10", 5, 1, "the first row is many=500", ""},
		{"SELECT a.n FROM rows a JOIN rows b ON a.n = b.n + 1 WHERE a.n = 3", 5, 1, "the first row is n=3", ""},
		{"SELECT count(*) AS none FROM rows HAVING count(*) = 0", 0, 1, "the first row is none=0", ""},
		{"SELECT n FROM rows LIMIT 2", 50, 2, "", ""},
		{"SELECT n, n, n, n, n, n, n, n, n, n FROM rows WHERE n = 4", 1, 1, "the first row is n=4, n=4, n=4, n=4, n=4, n=4, n=4, n=4, and 2 columns more", ""},
		{"SELECT CAST('x' || n AS INTEGER) AS i FROM rows", 50, 0, "", "check c: line 1, column 8: Conversion Error: "},
		{"SELECT nope\nFROM rows", 1, 0, "", `check c: line 1, column 8: Binder Error: Referenced column "nope"`},
		{"SELECT n FROM others", 1, 0, "", "check c: line 1, column 15: there is no table others here"},
		{"SELECT n FROM rows; SELECT 1", 1, 0, "", "check c: one statement is wanted, not 2"},
		{"DELETE FROM rows", 1, 0, "", "check c: only SELECT is allowed"},
		{"SELECT n FROM rows, read_csv('/etc/passwd')", 1, 0, "", "check c: line 1, column 21: function read_csv is not allowed in FROM"},
		{"SELECT 1 AS one", 1, 0, "", "check c: the statement does not read the rows"},
	} {
		results, err := lookAt(t, mem, tidemark.Window{}, c.batches, tidemark.Observed{Run: true}, sqlCheck(t, c.sql))
		if c.message != "" {
			if err == nil || !strings.HasPrefix(err.Error(), c.message) {
				t.Errorf("%s: error %v, want %s", c.sql, err, c.message)
			}
			continue
		}
		if err != nil || results[0].Failed != c.failed || c.detail != "" && results[0].Detail != c.detail {
			t.Errorf("%s: %+v, %v, want %d, %s", c.sql, results, err, c.failed, c.detail)
		}
	}
}

// TestSQLCheckWindow: watermark() is where the window of the run begins.
func TestSQLCheckWindow(t *testing.T) {
	w := tidemark.Window{From: tidemark.IntegerValue(90)}
	results, err := lookAt(t, memory.DefaultAllocator, w, 1, tidemark.Observed{Run: true}, sqlCheck(t, "SELECT n FROM rows WHERE n < watermark()"))
	if err != nil || results[0].Failed != 90 {
		t.Errorf("%+v, %v", results, err)
	}
}

// TestChecksAbandoned: checks that were given rows and are then closed, or whose run is stopped, end.
func TestChecksAbandoned(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	ctx, stop := context.WithCancel(t.Context())
	k, err := NewChecks([]Check{sqlCheck(t, "SELECT sum(a.n * b.range) AS n FROM rows a, range(1000000) b, range(1000000) c"),
		{Name: "u", Unique: []string{"n"}, Table: &Table{}}, sqlCheck(t, "SELECT n FROM rows WHERE n < 0")}, t.TempDir()).Begin(ctx, numbers(), tidemark.Window{})
	if err != nil {
		t.Fatal(err)
	}
	for b, err := range numbered(mem, numbers().Arrow(), 10, nil) {
		if err != nil || k.Look(b) != nil {
			t.Fatal(err)
		}
		b.Release()
	}
	time.AfterFunc(300*time.Millisecond, stop) // behind the start of the statement
	if _, err := k.Results(tidemark.Observed{Run: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}

// TestUniqueInTable: values of the run are looked up in the table, and among themselves.
func TestUniqueInTable(t *testing.T) {
	table := "SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, NULL)) AS t(K, v)"
	for _, c := range []struct {
		merge  bool
		table  string
		run    bool
		values []string // of k 1, 2, …
		failed int64
		detail string
	}{
		{false, table, true, []string{"x", "y"}, 0, ""},
		{false, table, true, []string{"x", "b", "a", "NULL"}, 2, `the table has v = "a", "b"`},
		{false, table, true, []string{"x", "b", "x", "x"}, 3, `the table has v = "b", the run v = "x" 3 times`},
		{false, table, true, []string{"b", "b"}, 2, `the table has v = "b"`},
		{false, table, false, []string{"b", "a"}, 0, ""},
		{false, table, false, []string{"b", "b"}, 1, `the run has v = "b" 2 times`},
		{true, table, true, []string{"a", "b"}, 0, ""},
		{true, table, true, []string{"b", "a"}, 0, ""},
		{true, table, true, []string{"c", "b", "d"}, 0, ""},
		{true, table, false, []string{"c"}, 1, `the table has v = "c"`},
		{true, table, true, []string{"x", "c", "y", "x"}, 1, `the run has v = "x" 2 times`},
		{false, "", true, []string{"a", "a", "b"}, 1, `the run has v = "a" 2 times`},
		{false, "SELECT 1 AS k", true, []string{"a", "b"}, 0, ""},
	} {
		s, b := rowsWith(t, "string", c.values...)
		open, closed := 0, 0
		check := Check{Name: "c", Unique: []string{"v"}, Table: &Table{Merge: c.merge, Open: func(context.Context) (*OpenTable, error) {
			if open++; c.table == "" {
				closed++
				return nil, nil
			}
			fields := []arrow.Field{{Name: "K", Type: arrow.PrimitiveTypes.Int32}}
			if c.table == table {
				fields = append(fields, arrow.Field{Name: "V", Type: arrow.BinaryTypes.String})
			}
			return &OpenTable{SQL: c.table, Schema: arrow.NewSchema(fields, nil), Close: func() error { closed++; return nil }}, nil
		}}}
		k, err := NewChecks([]Check{check}, t.TempDir()).Begin(t.Context(), s, tidemark.Window{})
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Look(b); err != nil {
			t.Error(err)
		}
		results, err := k.Results(tidemark.Observed{Run: c.run})
		if err != nil || results[0].Failed != c.failed || results[0].Detail != c.detail || open != closed {
			t.Errorf("%+v: %+v, %v, opened %d times and closed %d", c, results, err, open, closed)
		}
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestUniqueNames: a message names the values that came first, in the form of their type.
func TestUniqueNames(t *testing.T) {
	for _, c := range []struct {
		unique []string
		typ    string
		values []string
		detail string
	}{
		{[]string{"v"}, "int", []string{"5", "4", "3", "2", "1", "2", "3", "3", "4", "5"}, "the run has v = 5 2 times, 4 2 times, 3 3 times, and another value"},
		{[]string{"v"}, "timestamp", []string{"2024-01-01", "2024-01-01"}, "the run has v = 2024-01-01 00:00:00 2 times"},
		{[]string{"v"}, "string", []string{strings.Repeat("é", 5000), strings.Repeat("é", 5000)}, "the run has v = \"" + strings.Repeat("é", 40) + "…\" 2 times"},
		{[]string{"v", "w"}, "string", []string{"a", "b", "a"}, `the run has (v, w) = ("a", "a") 2 times`},
	} {
		s, b := rowsWith(t, c.typ, c.values...)
		s.Columns = append(s.Columns, tidemark.Column{Name: "w", Type: s.Columns[1].Type, Nullable: true})
		b = array.NewRecordBatch(s.Arrow(), []arrow.Array{b.Column(0), b.Column(1), b.Column(1)}, b.NumRows())
		for _, in := range []*Table{nil, {Open: func(context.Context) (*OpenTable, error) { return nil, nil }}} {
			k, err := NewChecks([]Check{{Name: "c", Unique: c.unique, Table: in}}, t.TempDir()).Begin(t.Context(), s, tidemark.Window{})
			if err != nil {
				t.Fatal(err)
			}
			if err := k.Look(b); err != nil {
				t.Error(err)
			}
			results, err := k.Results(tidemark.Observed{Run: true})
			want := c.detail
			if in != nil && strings.Contains(want, "another") { // it names the least
				want = "the run has v = 2 2 times, 3 3 times, 4 2 times, and another value"
			}
			if err != nil || results[0].Detail != want {
				t.Errorf("%+v, %v, want %s", results, err, want)
			}
			if err := k.Close(); err != nil {
				t.Error(err)
			}
		}
		b.Release()
	}
}

// TestChecksOnDisk: rows that do not fit into the memory of the checks go to disk.
func TestChecksOnDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("writes some hundred megabytes")
	}
	long := strings.Repeat("x", 200)
	checks := []Check{
		sqlCheck(t, "SELECT n, count(*) FROM (SELECT n, '"+long+"' || n AS t FROM rows) GROUP BY n, t HAVING count(*) > 1"),
		{Name: "u", Unique: []string{"n"}, Table: &Table{Open: func(context.Context) (*OpenTable, error) {
			return &OpenTable{SQL: "SELECT range AS n FROM range(1999999, 8000000)", Schema: numbers().Arrow(), Close: func() error { return nil }}, nil
		}}},
	}
	results, err := lookAt(t, memory.DefaultAllocator, tidemark.Window{}, 20_000, tidemark.Observed{Run: true}, checks...)
	if err != nil || results[0].Failed != 0 || results[1].Failed != 1 || results[1].Detail != "the table has n = 1999999" {
		t.Errorf("%+v, %v", results, err)
	}
}
