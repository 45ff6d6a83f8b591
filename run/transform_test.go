package run_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

// changedPipeline is the items table with another schema in the lake.
func changedPipeline(format, mode, more string) string {
	return fmt.Sprintf(`
  items:
    source: {connection: shop, table: DB.items, cursor: at}
    transforms:
      - change_schema:
          id: {rename: item_id, type: bigint}
          status: {rename: state}
          price: {type: double}
          secret: {drop: true}
          born: {type: date}
          at: {rename: changed_at}
        order: [changed_at, item_id]
    target: {connection: lake, table: shop.items, format: %s, mode: %s%s}
`, format, mode, more)
}

func fillChanged(t *testing.T, s *shop) {
	t.Helper()
	s.exec(t,
		"CREATE TABLE items (id INT NOT NULL PRIMARY KEY, status VARCHAR(20) NOT NULL, price DECIMAL(10,2) NULL, secret VARCHAR(20) NOT NULL, "+
			"born DATETIME NOT NULL, at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), KEY (at))",
		"INSERT INTO items VALUES (1, 'open', 1.25, 'x', '2024-02-29 23:59:59', '2024-01-01'), (2, 'closed', NULL, 'y', '2024-03-01 00:00:00', '2024-01-02'), "+
			"(3, 'open', 3.50, 'z', '2024-03-01 12:00:00', '2024-01-03')")
}

// TestChangeSchema loads rows through change_schema, increments too, and then does all that compares the table with its
// source or reads it again.
func TestChangeSchema(t *testing.T) {
	for _, way := range []struct{ format, mode, more string }{
		{"iceberg", "append", ""},
		{"iceberg", "merge", ""},
		{"iceberg", "merge", ", key: [item_id], deletes: sweep, sweep_every: 0s"},
		{"iceberg", "merge", ", deletes: mark, sweep_every: 0s"},
		{"iceberg", "replace", ", partition_by: state"},
		{"parquet", "append", ", partition_by: state"},
	} {
		t.Run(way.format+" "+way.mode+way.more, func(t *testing.T) {
			s := newShop(t, changedPipeline(way.format, way.mode, way.more))
			fillChanged(t, s)
			s.mustRun(t)
			if got := strings.Join(s.query(t, "SELECT column_name, column_type FROM (DESCRIBE shop.items) LIMIT 5"), ", "); got !=
				"changed_at|TIMESTAMP, item_id|BIGINT, state|VARCHAR, price|DOUBLE, born|DATE" {
				t.Errorf("the table has %s", got)
			}
			want := []string{"2024-01-01 00:00:00|1|open|1.25|2024-02-29", "2024-01-02 00:00:00|2|closed|NULL|2024-03-01", "2024-01-03 00:00:00|3|open|3.5|2024-03-01"}
			if got := s.query(t, "SELECT changed_at, item_id, state, price, born FROM shop.items ORDER BY item_id"); strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Fatalf("got %q", got)
			}
			s.exec(t, "UPDATE items SET status = 'sold' WHERE id = 1", "INSERT INTO items VALUES (4, 'open', 9, 'x', '2024-03-02', NOW(6))")
			s.mustRun(t)
			s.mustRun(t)
			if got := s.one(t, "SELECT count(DISTINCT item_id) || ' ' || max(state) FROM shop.items WHERE item_id = 1 OR item_id > 3"); got != "2 sold" {
				t.Errorf("behind an increment: %s", got)
			}
			s.mended(t, way.mode, way.more)
		})
	}
}

// mended plants differences in the source, and wants them found and mended.
func (s *shop) mended(t *testing.T, mode, more string) {
	t.Helper()
	if r := s.verified(t, run.VerifyOptions{}); !r.Clean() || mode != "replace" && (len(r.Key) != 1 || r.Key[0] != "id") {
		t.Fatalf("nothing was changed: %+v", r)
	}
	if mode == "replace" {
		return
	}
	s.exec(t, "UPDATE items SET status = 'lost', at = at WHERE id = 2", "DELETE FROM items WHERE id = 3")
	if r := s.verified(t, run.VerifyOptions{}); r.Clean() {
		t.Fatal("differences were not found")
	}
	if strings.Contains(more, "deletes") {
		if r := s.mustRun(t)[0]; r.Deleted+r.Marked != 1 {
			t.Errorf("a sweep took out %d and marked %d", r.Deleted, r.Marked)
		}
	}
	s.repaired(t, run.RepairOptions{Deletes: true})
	if r := s.verified(t, run.VerifyOptions{}); !r.Clean() {
		t.Errorf("behind a repair: %+v", r)
	}
	if got := s.one(t, "SELECT state FROM shop.items WHERE item_id = 2"); got != "lost" {
		t.Errorf("the row that was mended is %s", got)
	}
	s.exec(t, "UPDATE items SET price = 7, at = at WHERE id = 2")
	b := s.backfill(t, run.BackfillRange{})
	if b.Loaded() == 0 {
		t.Error("a backfill loaded nothing")
	}
	if got := s.one(t, "SELECT price FROM shop.items WHERE item_id = 2"); got != "7" && got != "7.0" {
		t.Errorf("the row that was read again has price %s", got)
	}
	if r := s.verified(t, run.VerifyOptions{}); !r.Clean() {
		t.Errorf("behind a backfill: %+v", r)
	}
}

// TestMisfitStops: a value that does not fit stops the run, names its row and column, and leaves the lake as it was.
func TestMisfitStops(t *testing.T) {
	s := newShop(t, `
  items:
    source: {connection: shop, table: DB.items, cursor: at}
    transforms:
      - {name: tidy, change_schema: {code: {type: int}}}
    target: {connection: lake, table: shop.items, mode: merge}
`)
	s.exec(t, "CREATE TABLE items (id INT NOT NULL PRIMARY KEY, code VARCHAR(20) NULL, at DATETIME(6) NOT NULL, KEY (at))",
		"INSERT INTO items VALUES (1, '17', '2024-01-01'), (2, NULL, '2024-01-02')")
	s.mustRun(t)
	s.exec(t, "INSERT INTO items VALUES (3, '4711', '2024-01-03'), (4, '12a', '2024-01-04')")
	o := s.run(t)[0]
	want := `step tidy: column "code", row with id 4: "12a" does not fit into int`
	if !errors.Is(o.Err, tidemark.ErrInvalid) || !strings.Contains(o.Err.Error(), want) {
		t.Errorf("error %v, want %q", o.Err, want)
	}
	if got := s.one(t, "SELECT count(*) || ' ' || sum(code) FROM shop.items"); got != "2 17" {
		t.Errorf("the lake has %s", got)
	}
	s.exec(t, "UPDATE items SET code = '12' WHERE id = 4")
	s.mustRun(t)
	if got := s.one(t, "SELECT count(*) || ' ' || sum(code) FROM shop.items"); got != "4 4740" {
		t.Errorf("once it is mended the lake has %s", got)
	}
}

// TestTransformsThatCannotBe: steps that do not fit the table stop before anything is read or made.
func TestTransformsThatCannotBe(t *testing.T) {
	for i, c := range []struct{ change, target, want string }{
		{"nope: {drop: true}", "", `there is no column "nope"`},
		{"status: {rename: ID}", "", `two columns would be called "id" and "ID"`},
		{"born: {type: boolean}", "", `timestamp cannot be cast to boolean`},
		{"id: {drop: true}", ", mode: merge", `does not come through the transforms`},
		{"id: {rename: item}", ", mode: merge, key: id", `key column "id" of pipeline items is not a column`},
		{"born: {type: date}", ", mode: merge, key: [born]", `unique`},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			s := newShop(t, fmt.Sprintf(`
  items:
    source: {connection: shop, table: DB.items, cursor: at}
    transforms: [{change_schema: {%s}}]
    target: {connection: lake, table: shop.items%s}
`, c.change, c.target))
			fillChanged(t, s)
			s.exec(t, "ALTER TABLE items ADD UNIQUE (born)")
			if o := s.run(t)[0]; !errors.Is(o.Err, tidemark.ErrInvalid) && !errors.Is(o.Err, tidemark.ErrNotFound) || !strings.Contains(o.Err.Error()+tidemark.Hint(o.Err), c.want) {
				t.Errorf("%s: error %v (%s), want %q", c.change+c.target, o.Err, tidemark.Hint(o.Err), c.want)
			}
		})
	}
}

// TestChecksOfRepairAndBackfill: what a person loads is checked like what a run loads.
func TestChecksOfRepairAndBackfill(t *testing.T) {
	s := newShop(t, `
  items:
    source: {connection: shop, table: DB.items, cursor: at}
    checks: [{range: {column: price, min: 0}}, {row_count: {min: 3}}]
    target: {connection: lake, table: shop.items, mode: merge}
`)
	fillChanged(t, s)
	s.mustRun(t)
	s.exec(t, "UPDATE items SET price = -1, at = at WHERE id = 1")
	r := s.open(t)
	_, err := r.Repair(t.Context(), "items", run.RepairOptions{}, run.By{})
	if !errors.Is(err, tidemark.ErrChecks) {
		t.Errorf("repair: %v", err)
	}
	b := s.planBackfill(t, run.BackfillRange{})
	if _, err := b.Commit(t.Context(), run.By{}); !errors.Is(err, tidemark.ErrChecks) {
		t.Errorf("backfill: %v", err)
	}
	if got := s.one(t, "SELECT count(*) || ' ' || min(price) FROM shop.items"); got != "3 1.25" {
		t.Errorf("the lake has %s", got)
	}
	s.exec(t, "UPDATE items SET price = 1, at = at WHERE id = 1")
	s.repaired(t, run.RepairOptions{}) // of one row, whatever row_count says
	if got := s.one(t, "SELECT min(price) FROM shop.items"); got != "1.00" {
		t.Errorf("once it is mended the lake has %s", got)
	}
}

// TestSQL runs the rows of real runs through SELECTs.
func TestSQL(t *testing.T) {
	for _, c := range []struct{ name, sql, target, want, after string }{
		{"filter and computed column", "SELECT id, upper(status) AS state, date_trunc('month', updated) AS month FROM rows WHERE price IS NOT NULL", "",
			"1|OPEN|2024-01-01 00:00:00\n3|OPEN|2024-01-01 00:00:00", "1|OPEN|2024-01-01 00:00:00\n3|OPEN|2024-01-01 00:00:00\n4|NEW|2024-02-01 00:00:00"},
		{"by the table's name, with its database", "SELECT i.id, i.status, i.updated FROM DB.items i", "",
			"1|open|2024-01-01 00:00:00\n2|closed|2024-01-02 00:00:00\n3|open|2024-01-03 00:00:00",
			"1|open|2024-01-01 00:00:00\n2|closed|2024-01-02 00:00:00\n3|open|2024-01-03 00:00:00\n4|new|2024-02-04 00:00:00"},
		{"lookup of the source", "SELECT r.id, k.label, r.updated FROM rows r LEFT JOIN kinds k ON k.status = r.status", "",
			"1|Open!|2024-01-01 00:00:00\n2|NULL|2024-01-02 00:00:00\n3|Open!|2024-01-03 00:00:00",
			"1|Open!|2024-01-01 00:00:00\n2|NULL|2024-01-02 00:00:00\n3|Open!|2024-01-03 00:00:00\n4|NULL|2024-02-04 00:00:00"},
		{"all rows of the run", "SELECT status, count(*) AS n, max(updated) AS newest FROM rows GROUP BY status", "",
			"closed|1|2024-01-02 00:00:00\nopen|2|2024-01-03 00:00:00", "closed|1|2024-01-02 00:00:00\nnew|1|2024-02-04 00:00:00\nopen|2|2024-01-03 00:00:00"},
		{"the rows twice", "SELECT a.id, b.status, a.updated FROM rows a JOIN rows b USING (id)", "",
			"1|open|2024-01-01 00:00:00\n2|closed|2024-01-02 00:00:00\n3|open|2024-01-03 00:00:00",
			"1|open|2024-01-01 00:00:00\n2|closed|2024-01-02 00:00:00\n3|open|2024-01-03 00:00:00\n4|new|2024-02-04 00:00:00"},
		{"as it was written by hand", "select id, status, updated from items where updated >= (select max(last_fetched) from fetch_details where tablename = 'items')", "",
			"1|open|2024-01-01 00:00:00\n2|closed|2024-01-02 00:00:00\n3|open|2024-01-03 00:00:00",
			"1|open|2024-01-01 00:00:00\n2|closed|2024-01-02 00:00:00\n3|open|2024-01-03 00:00:00\n4|new|2024-02-04 00:00:00"},
		{"watermark()", "SELECT id, status, updated FROM rows WHERE updated >= watermark()", ", mode: replace",
			"1|open|2024-01-01 00:00:00\n2|closed|2024-01-02 00:00:00\n3|open|2024-01-03 00:00:00",
			"1|open|2024-01-01 00:00:00\n2|closed|2024-01-02 00:00:00\n3|open|2024-01-03 00:00:00\n4|new|2024-02-04 00:00:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t, fmt.Sprintf(`
  items:
    source: {connection: shop, table: DB.items, cursor: updated}
    transforms:
      - sql: "%s"
        lookups: {kinds: {connection: shop, table: DB.kinds}}
    target: {connection: lake, table: shop.items%s}
`, c.sql, c.target))
			fillChanged(t, s)
			s.exec(t, "ALTER TABLE items CHANGE at updated DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)",
				"CREATE TABLE kinds (status VARCHAR(20) PRIMARY KEY, label VARCHAR(20))", "INSERT INTO kinds VALUES ('open', 'Open!'), ('other', 'Other')")
			s.mustRun(t)
			if got := strings.Join(s.query(t, "SELECT * FROM shop.items ORDER BY ALL"), "\n"); got != c.want {
				t.Errorf("the lake has\n%s\nwant\n%s", got, c.want)
			}
			s.exec(t, "INSERT INTO items VALUES (4, 'new', 9, 'x', '2024-03-02', '2024-02-04')")
			s.mustRun(t)
			s.mustRun(t)
			if got := strings.Join(s.query(t, "SELECT * FROM shop.items ORDER BY ALL"), "\n"); got != c.after {
				t.Errorf("behind an increment the lake has\n%s\nwant\n%s", got, c.after)
			}
		})
	}
}
