package run_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

// Each hazard here doubles or loses rows in a loader that remembers the largest value it saw.

const itemsColumns = "(id INT NOT NULL, at DATETIME NULL, note VARCHAR(20)"

func itemsPipeline(format, mode string) string {
	return fmt.Sprintf(`  items:
    source: {connection: shop, table: DB.items, cursor: at}
    target: {connection: lake, table: shop.items, format: %s, mode: %s}
`, format, mode)
}

// itemsWays are the ways in which a table with a key and one without are loaded by increments.
var itemsWays = []struct{ format, mode, key string }{
	{"iceberg", "append", ")"},
	{"iceberg", "append", ", PRIMARY KEY (id))"},
	{"iceberg", "merge", ", PRIMARY KEY (id))"},
	{"parquet", "append", ")"},
}

func forItems(t *testing.T, test func(t *testing.T, s *shop, mode string)) {
	for _, way := range itemsWays {
		t.Run(way.format+" "+way.mode+way.key, func(t *testing.T) {
			s := newShop(t, itemsPipeline(way.format, way.mode))
			s.exec(t, "CREATE TABLE items "+itemsColumns+way.key)
			test(t, s, way.mode)
		})
	}
}

func (s *shop) items(t *testing.T) string {
	t.Helper()
	return strings.Join(s.query(t, "SELECT id, note FROM shop.items ORDER BY id, note"), " ")
}

func TestAddColumnWithDefaultDoublesNothing(t *testing.T) {
	forItems(t, func(t *testing.T, s *shop, _ string) {
		s.exec(t, "INSERT INTO items VALUES (1, '2024-01-01', 'a'), (2, '2024-01-02', 'b'), (3, '2024-01-02', 'c')")
		s.mustRun(t)
		s.exec(t, "ALTER TABLE items ADD COLUMN colour VARCHAR(10) NOT NULL DEFAULT 'red'")
		if r := s.mustRun(t)[0]; r.New != 0 {
			t.Errorf("the new column made %d rows new", r.New)
		}
		s.exec(t, "INSERT INTO items VALUES (4, '2024-01-02', 'd', 'blue')")
		if r := s.mustRun(t)[0]; r.New != 1 {
			t.Errorf("%d new rows, want 1", r.New)
		}
		got := strings.Join(s.query(t, "SELECT id, note, colour FROM shop.items ORDER BY id"), " ")
		if want := "1|a|NULL 2|b|NULL 3|c|NULL 4|d|blue"; got != want {
			t.Errorf("the lake holds %s, want %s", got, want)
		}
	})
}

func TestSchemaEvolves(t *testing.T) {
	forItems(t, func(t *testing.T, s *shop, _ string) {
		s.exec(t, "ALTER TABLE items ADD COLUMN n INT, ADD COLUMN gone INT", "INSERT INTO items VALUES (1, '2024-01-01', 'a', 7, 1)")
		s.mustRun(t)
		s.exec(t, "ALTER TABLE items MODIFY n BIGINT, DROP COLUMN gone", "INSERT INTO items VALUES (2, '2024-01-02', 'b', 9007199254740993)")
		if r := s.mustRun(t)[0]; r.New != 1 {
			t.Errorf("%d new rows, want 1", r.New)
		}
		got := strings.Join(s.query(t, "SELECT id, n, gone FROM shop.items ORDER BY id"), " ")
		if want := "1|7|1 2|9007199254740993|NULL"; got != want {
			t.Errorf("the lake holds %s, want %s", got, want)
		}
		s.exec(t, "ALTER TABLE items MODIFY n VARCHAR(30)", "INSERT INTO items VALUES (3, '2024-01-03', 'c', 'x')")
		o := s.run(t)[0]
		if !errors.Is(o.Err, tidemark.ErrInvalid) || !strings.Contains(o.Err.Error(), `"n"`) {
			t.Errorf("a column that changes its type must stop the run by name: %v", o.Err)
		}
		if got := s.items(t); got != "1|a 2|b" {
			t.Errorf("the lake has changed: %s", got)
		}
	})
}

func TestNullCursorsAreLoadedOnce(t *testing.T) {
	forItems(t, func(t *testing.T, s *shop, mode string) {
		s.exec(t, "INSERT INTO items VALUES (1, NULL, 'a'), (2, '2024-01-02', 'b'), (3, NULL, 'c')")
		s.mustRun(t)
		s.exec(t, "INSERT INTO items VALUES (4, NULL, 'd')")
		if r := s.mustRun(t)[0]; r.New != 1 || r.Suppressed != 3 {
			t.Errorf("%d new and %d suppressed rows, want 1 and 3", r.New, r.Suppressed)
		}
		if r := s.mustRun(t)[0]; r.New != 0 || r.Committed {
			t.Errorf("a run without news: %+v", r)
		}
		if got := s.items(t); got != "1|a 2|b 3|c 4|d" {
			t.Errorf("the lake holds %s", got)
		}
	})
}

func TestNullCursorsByPolicyError(t *testing.T) {
	s := newShop(t, strings.Replace(itemsPipeline("iceberg", "append"), "cursor: at", "cursor: at, nulls: error", 1))
	s.exec(t, "CREATE TABLE items "+itemsColumns+")", "INSERT INTO items VALUES (1, NULL, 'a'), (2, '2024-01-02', 'b')")
	if o := s.run(t)[0]; !errors.Is(o.Err, tidemark.ErrInvalid) || !strings.Contains(o.Err.Error(), "at") || o.Result.Committed {
		t.Errorf("want ErrInvalid that names the column, got %v", o.Err)
	}
}

func TestAllRowsShareOneCursorValue(t *testing.T) {
	forItems(t, func(t *testing.T, s *shop, _ string) {
		s.exec(t, "INSERT INTO items VALUES (1, '2024-01-01', 'a'), (2, '2024-01-01', 'b')")
		s.mustRun(t)
		s.exec(t, "INSERT INTO items VALUES (3, '2024-01-01', 'c')")
		if r := s.mustRun(t)[0]; r.New != 1 || r.Suppressed != 2 {
			t.Errorf("%d new and %d suppressed rows, want 1 and 2", r.New, r.Suppressed)
		}
		if got := s.items(t); got != "1|a 2|b 3|c" {
			t.Errorf("the lake holds %s", got)
		}
	})
}

// Without a key two rows may be equal in all columns; both count.
func TestEqualRowsStayTwo(t *testing.T) {
	for _, format := range []string{"iceberg", "parquet"} {
		s := newShop(t, itemsPipeline(format, "append"))
		s.exec(t, "CREATE TABLE items "+itemsColumns+")", "INSERT INTO items VALUES (1, '2024-01-01', 'a'), (1, '2024-01-01', 'a')")
		s.mustRun(t)
		s.exec(t, "INSERT INTO items VALUES (1, '2024-01-01', 'a')")
		if r := s.mustRun(t)[0]; r.New != 1 || r.Suppressed != 2 {
			t.Errorf("%s: %d new and %d suppressed rows, want 1 and 2", format, r.New, r.Suppressed)
		}
		if got := s.items(t); got != "1|a 1|a 1|a" {
			t.Errorf("%s: the lake holds %s", format, got)
		}
	}
}

// An update within the same second as the row that was loaded, and back again.
func TestSameSecondUpdates(t *testing.T) {
	forItems(t, func(t *testing.T, s *shop, mode string) {
		s.exec(t, "INSERT INTO items VALUES (1, '2024-01-01', 'a')")
		s.mustRun(t)
		s.exec(t, "UPDATE items SET note = 'b'")
		s.mustRun(t)
		s.exec(t, "UPDATE items SET note = 'a'")
		s.mustRun(t)
		want := "1|a 1|a 1|b"
		if mode == "merge" {
			want = "1|a"
		}
		if got := s.items(t); got != want {
			t.Errorf("the lake holds %s, want %s", got, want)
		}
	})
}

// Many processes run one pipeline at the same time. Some commit, the others stop with a clear word or find nothing
// new; nothing doubles.
func TestProcessesOnOnePipeline(t *testing.T) {
	forItems(t, func(t *testing.T, s *shop, _ string) {
		s.exec(t, "INSERT INTO items SELECT seq, '2024-01-01' + INTERVAL seq SECOND, 'x' FROM ("+numbers(2000)+") n")
		var wg sync.WaitGroup
		var mu sync.Mutex
		committed := 0
		for range 4 {
			wg.Go(func() {
				r, err := run.Load(s.file, run.Options{})
				if err != nil {
					t.Error(err)
					return
				}
				defer r.Close()
				outcomes, err := r.Run(context.Background(), nil)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				switch o := outcomes[0]; {
				case o.Err == nil && o.Result.Committed:
					committed++
				case o.Err != nil && (!errors.Is(o.Err, tidemark.ErrConflict) || tidemark.Hint(o.Err) == ""):
					t.Errorf("want a conflict with a hint, got %v", o.Err)
				}
			})
		}
		wg.Wait()
		if got := s.one(t, "SELECT COUNT(*), COUNT(DISTINCT id) FROM shop.items"); got != "2000|2000" || committed != 1 {
			t.Errorf("the lake holds %s after %d commits", got, committed)
		}
	})
}

// numbers is a query of the numbers 0 to n-1 as seq, on any server.
func numbers(n int) string {
	digits := "SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9"
	return fmt.Sprintf("SELECT a.d + 10*b.d + 100*c.d + 1000*e.d AS seq FROM (%[1]s) a, (%[1]s) b, (%[1]s) c, (%[1]s) e WHERE a.d + 10*b.d + 100*c.d + 1000*e.d < %[2]d", digits, n)
}

func TestWatermarkOfSomethingElse(t *testing.T) {
	s := newShop(t, itemsPipeline("iceberg", "append"))
	s.exec(t, "CREATE TABLE items "+itemsColumns+")", "CREATE TABLE others LIKE items",
		"INSERT INTO items VALUES (1, '2024-01-01', 'a')", "INSERT INTO others VALUES (1, '2023-01-01', 'z')")
	s.mustRun(t)
	s.configure(t, strings.Replace(itemsPipeline("iceberg", "append"), "DB.items", "DB.others", 1))
	o := s.run(t)[0]
	if !errors.Is(o.Err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(o.Err), "adopt") {
		t.Errorf("another table under the same name: %v (%s)", o.Err, tidemark.Hint(o.Err))
	}
	if got := s.items(t); got != "1|a" {
		t.Errorf("the lake has changed: %s", got)
	}
}

func TestPartitions(t *testing.T) {
	for _, way := range itemsWays {
		t.Run(way.format+" "+way.mode+way.key, func(t *testing.T) {
			s := newShop(t, strings.Replace(itemsPipeline(way.format, way.mode), "mode: ", `partition_by: [month(at), "bucket(4, id)"], mode: `, 1))
			s.exec(t, "CREATE TABLE items "+itemsColumns+way.key,
				"INSERT INTO items SELECT seq, '2024-01-01' + INTERVAL seq DAY, 'x' FROM ("+numbers(300)+") n")
			s.mustRun(t)
			s.exec(t, "UPDATE items SET at = '2025-06-01', note = 'moved' WHERE id = 7") // into another partition
			s.mustRun(t)
			want := "301|300"
			if way.mode == "merge" {
				want = "300|300"
			}
			if got := s.one(t, "SELECT COUNT(*), COUNT(DISTINCT id) FROM shop.items"); got != want {
				t.Errorf("the lake holds %s, want %s", got, want)
			}
			if got := s.one(t, "SELECT COUNT(*) FROM shop.items WHERE \"at\" >= '2025-01-01' AND note = 'moved'"); got != "1" {
				t.Errorf("%s rows in the new partition, want 1", got)
			}
		})
	}
}
