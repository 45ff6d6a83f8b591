package run_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/verify"
	"github.com/tidemark-data/tidemark/run"
)

var backfillWays = []struct{ format, mode string }{{"iceberg", "append"}, {"parquet", "append"}, {"iceberg", "merge"}}

func (s *shop) open(t *testing.T) *run.Runner {
	t.Helper()
	r, err := run.Load(s.file, run.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// planBackfill plans one of the only pipeline, "items".
func (s *shop) planBackfill(t *testing.T, o run.BackfillRange) *run.Backfill {
	t.Helper()
	b, err := s.open(t).PlanBackfill(t.Context(), "items", o)
	if err != nil {
		t.Fatalf("plan: %v (%s)", err, tidemark.Hint(err))
	}
	t.Cleanup(b.Close)
	return b
}

// backfill makes one, which must leave high and settled where they are.
func (s *shop) backfill(t *testing.T, o run.BackfillRange) *run.Backfill {
	t.Helper()
	b := s.planBackfill(t, o)
	w, err := b.Commit(t.Context(), run.By{Who: "test", Why: "why"})
	if err != nil {
		t.Fatalf("backfill: %v (%s)", err, tidemark.Hint(err))
	}
	now := b.Now
	if w.Seq != s.watermark(t).Seq || w.High != now.High || w.Settled != now.Settled {
		t.Errorf("the watermark went from %+v to %+v", now, w)
	}
	if w.Seq > now.Seq && (w.Seq != now.Seq+1 || w.Rows != b.Loaded() || w.Total != now.Total+b.Loaded()-b.Gone || len(w.Settlements) != len(now.Settlements) || !w.T0.Equal(now.T0)) {
		t.Errorf("%d came and %d went, and the watermark went from %+v to %+v", b.Loaded(), b.Gone, now, w)
	}
	return b
}

func (s *shop) watermark(t *testing.T) tidemark.Watermark {
	t.Helper()
	rows, err := s.open(t).Watermarks(t.Context(), nil)
	if err != nil || len(rows) != 1 || rows[0].Err != nil {
		t.Fatalf("%+v, %v", rows, err)
	}
	return rows[0].Watermark
}

// TestBackfillMakesRangeEqual changes rows in a range of a table in ways that no cursor sees, and outside of it. Afterwards
// the range is what the source is, and only the range.
func TestBackfillMakesRangeEqual(t *testing.T) {
	for _, way := range backfillWays {
		for _, key := range []bool{true, false} {
			if way.mode == "merge" && !key {
				continue
			}
			t.Run(fmt.Sprintf("%s %s, key %v", way.format, way.mode, key), func(t *testing.T) {
				const n = 10_000
				s := newShop(t, strings.Replace(itemsPipeline(way.format, way.mode), "cursor: at", "cursor: at, splits: 3", 1))
				fillForVerify(t, s, n, key)
				s.mustRun(t)
				s.exec(t, // the range is from 2024-01-01 00:30:00 to below 01:00:00: 1800 <= id < 3600
					"DELETE FROM items WHERE id BETWEEN 2000 AND 2009",
					"UPDATE items SET note = 'changed', at = at WHERE id BETWEEN 2100 AND 2199 OR id = 1800",
					"INSERT INTO items VALUES (20000, 1, 'new', 1, '2024-01-01 00:30:00'), (20001, 1, 'new', 1, '2024-01-01 00:59:59.999999'), (20002, 1, 'above', 1, '2024-01-01 01:00:00'), (20003, 1, 'below', 1, '2024-01-01 00:29:59.999999')",
					"UPDATE items SET note = 'outside', at = at WHERE id IN (1799, 3600)")
				if r := s.mustRun(t)[0]; r.New != 0 {
					t.Fatalf("a run sees %d of the changes", r.New)
				}
				b := s.backfill(t, run.BackfillRange{From: "2024-01-01 00:30:00", To: "2024-01-01 01:00:00"})
				if !b.Exact || b.Rows != 1792 || b.Loaded() != 1792 || b.Held != 1800 || b.Gone != map[bool]int64{false: 1800}[way.mode == "merge"] {
					t.Errorf("%d rows expected, exact %v; %d loaded, %d in the lake, %d gone", b.Rows, b.Exact, b.Loaded(), b.Held, b.Gone)
				}
				if r := s.mustRun(t)[0]; r.New != 0 || r.Committed {
					t.Errorf("a run behind the backfill: %d new rows, committed %v", r.New, r.Committed)
				}
				checkBackfilled(t, s.verified(t, run.VerifyOptions{}), way.mode, key)
				events, err := s.open(t).Events(t.Context(), nil)
				if err != nil || len(events) != 1 || events[0].Action != tidemark.ActionBackfill || events[0].Outcome != tidemark.OutcomeMade ||
					events[0].Added.Files == 0 || events[0].Why != "why" || !strings.Contains(events[0].What, "1792 rows loaded") {
					t.Errorf("audit trail: %+v, %v", events, err)
				}
				s.exec(t, "UPDATE items SET note = 'changed again' WHERE id BETWEEN 2100 AND 2109")
				if r := s.mustRun(t)[0]; r.New != 10 {
					t.Errorf("%d rows changed for the next run, want 10", r.New)
				}
			})
		}
	}
}

// checkBackfilled wants the differences that lie outside the range, and in a merge the deleted rows.
func checkBackfilled(t *testing.T, r *run.VerifyReport, mode string, key bool) {
	t.Helper()
	want := map[verify.Kind]int64{verify.Missing: 2, verify.Different: 2}
	if mode == "merge" {
		want[verify.Deleted] = 10
	}
	if !key {
		want = map[verify.Kind]int64{verify.Missing: 4, verify.Deleted: 2}
	}
	for _, kind := range verify.Kinds {
		if r.Found[kind] != want[kind] {
			t.Errorf("%s: %d rows, want %d: %+v", kind, r.Found[kind], want[kind], r.Rows)
		}
	}
}

// TestBackfillAddedColumn fills a column that came later into rows that the lake has.
func TestBackfillAddedColumn(t *testing.T) {
	for _, way := range backfillWays {
		t.Run(way.format+" "+way.mode, func(t *testing.T) {
			s := newShop(t, itemsPipeline(way.format, way.mode))
			fillForVerify(t, s, 10_000, true)
			s.mustRun(t)
			s.exec(t, "ALTER TABLE items ADD COLUMN colour VARCHAR(10) NULL", "UPDATE items SET colour = 'red', at = at WHERE id % 10 = 0")
			b := s.planBackfill(t, run.BackfillRange{Column: "Colour"})
			if len(b.Changes) != 1 || !strings.Contains(b.Changes[0], "colour") {
				t.Errorf("changes of the table: %q", b.Changes)
			}
			b = s.backfill(t, run.BackfillRange{Column: "Colour"})
			if want := map[bool]int64{true: 1_000, false: b.Held}[way.mode == "merge"]; b.Loaded() != want || b.Held < 9_000 {
				t.Errorf("%d rows loaded of %d, want %d", b.Loaded(), b.Held, want)
			}
			if r := s.verified(t, run.VerifyOptions{}); !r.Clean() {
				t.Errorf("found %v: %+v", r.Found, r.Rows)
			}
			if r := s.mustRun(t)[0]; r.New != 0 {
				t.Errorf("a run behind the backfill: %d new rows", r.New)
			}
			if got := s.one(t, "SELECT count(*), count(DISTINCT id), count(colour) FROM shop.items"); got != "10000|10000|1000" {
				t.Errorf("the lake holds %s", got)
			}
		})
	}
}

// TestBackfillYieldsToRuns: a run that has committed since the plan wins, before the rows are read or after.
func TestBackfillYieldsToRuns(t *testing.T) {
	for _, way := range backfillWays {
		t.Run(way.format+" "+way.mode, func(t *testing.T) {
			s := newShop(t, itemsPipeline(way.format, way.mode))
			fillForVerify(t, s, 1_000, true)
			s.mustRun(t)
			s.exec(t, "UPDATE items SET note = 'changed', at = at WHERE id = 5")
			b := s.planBackfill(t, run.BackfillRange{To: "2024-01-01 00:10:00"})
			s.exec(t, "INSERT INTO items (id, parent, price) VALUES (5000, 1, 1)")
			s.mustRun(t)
			before := s.one(t, "SELECT count(*), count(*) FILTER (note = 'changed') FROM shop.items")
			_, err := b.Commit(t.Context(), run.By{Who: "test"})
			if !errors.Is(err, tidemark.ErrConflict) || !strings.Contains(tidemark.Hint(err), "nothing was changed") {
				t.Errorf("the plan is old: %v (%s)", err, tidemark.Hint(err))
			}
			if got := s.one(t, "SELECT count(*), count(*) FILTER (note = 'changed') FROM shop.items"); got != before || got != "1001|0" {
				t.Errorf("the lake went from %s to %s", before, got)
			}
			s.backfill(t, run.BackfillRange{To: "2024-01-01 00:10:00"})
			if r := s.verified(t, run.VerifyOptions{}); !r.Clean() {
				t.Errorf("found %v: %+v", r.Found, r.Rows)
			}
		})
	}
}

// TestBackfillBesideWriters: rows that are changed while their range is read, again and again, between runs.
func TestBackfillBesideWriters(t *testing.T) {
	for _, way := range backfillWays {
		t.Run(way.format+" "+way.mode, func(t *testing.T) {
			s := newShop(t, strings.Replace(itemsPipeline(way.format, way.mode), "cursor: at", "cursor: at, slack: 0s, splits: 2", 1))
			fillForVerify(t, s, 10_000, true)
			s.mustRun(t)
			ctx, stop := context.WithCancel(t.Context())
			var others sync.WaitGroup
			db := s.server.DB(t, s.database)
			for w := range 2 {
				others.Go(func() {
					for i := 0; ctx.Err() == nil; i++ {
						_, err := db.ExecContext(ctx, fmt.Sprintf("UPDATE items SET price = price + 1 WHERE id IN (%d, %d)", (i*7919+w)%10_000, (i*104_729+w)%10_000))
						if err != nil && ctx.Err() == nil && !strings.Contains(err.Error(), "Deadlock") {
							t.Error(err)
						}
						time.Sleep(time.Millisecond)
					}
				})
			}
			made, late := 0, 0
			r := s.open(t)
			for end := time.Now().Add(6 * time.Second); time.Now().Before(end); {
				b, err := r.PlanBackfill(t.Context(), "items", run.BackfillRange{})
				if err != nil {
					t.Fatal(err)
				}
				if late < made {
					s.mustRun(t)
				}
				switch _, err := b.Commit(t.Context(), run.By{Who: "test"}); {
				case err == nil:
					made++
				case errors.Is(err, tidemark.ErrConflict):
					late++
				default:
					t.Errorf("backfill: %v", err)
				}
				b.Close()
				s.mustRun(t)
			}
			stop()
			others.Wait()
			s.mustRun(t)
			s.mustRun(t)
			if made == 0 || late == 0 {
				t.Errorf("%d backfills were made, %d were too late", made, late)
			}
			if r := s.verified(t, run.VerifyOptions{}); !r.Clean() {
				t.Errorf("found %v: %+v", r.Found, r.Rows)
			}
			t.Logf("%d backfills were made, %d were too late", made, late)
		})
	}
}

// TestBackfillOfRowDatedBack: the lake holds a newer version of a row that the source has dated back. Should the source
// take that back, a merge must not take the row for loaded.
func TestBackfillOfRowDatedBack(t *testing.T) {
	forItems(t, func(t *testing.T, s *shop, mode string) {
		s.exec(t, "INSERT INTO items VALUES (1, '2024-01-01', 'a'), (2, '2024-01-02', 'b'), (3, '2024-01-03', 'c'), (4, NULL, 'd')")
		s.mustRun(t)
		s.exec(t, "UPDATE items SET at = '2024-01-01', note = 'back' WHERE id = 3")
		if r := s.mustRun(t)[0]; r.New != 0 {
			t.Fatalf("%d new rows", r.New)
		}
		s.backfill(t, run.BackfillRange{To: "2024-01-02"})
		want := map[string]string{"merge": "1|a 2|b 3|back 4|d", "append": "1|a 2|b 3|back 3|c 4|d"}[mode]
		if got := s.items(t); got != want {
			t.Errorf("the lake holds %s, want %s", got, want)
		}
		s.exec(t, "UPDATE items SET at = '2024-01-03', note = 'c' WHERE id = 3")
		s.mustRun(t)
		if mode == "merge" {
			want = "1|a 2|b 3|c 4|d"
		}
		if got := s.items(t); got != want {
			t.Errorf("behind another run the lake holds %s, want %s", got, want)
		}
		s.backfill(t, run.BackfillRange{To: "2024-01-02"})
		if got := s.items(t); got != "1|a 2|b 3|c 4|d" {
			t.Errorf("behind another backfill the lake holds %s", got)
		}
	})
}

// TestBackfillLeavesRowsWithoutCursor: a zero date has no place in the order, whatever the server thinks.
func TestBackfillLeavesRowsWithoutCursor(t *testing.T) {
	forItems(t, func(t *testing.T, s *shop, _ string) {
		s.exec(t, "SET sql_mode = ''", "INSERT INTO items VALUES (1, '2024-01-01', 'a'), (2, NULL, 'b'), (3, '0000-00-00', 'c'), (4, NULL, 'd'), (5, '2024-01-02', 'e')")
		s.mustRun(t)
		for range 2 {
			if b := s.backfill(t, run.BackfillRange{To: "2024-01-02"}); b.Loaded() != 1 || b.Held != 1 {
				t.Errorf("%d rows loaded, %d in the lake, want one", b.Loaded(), b.Held)
			}
			s.mustRun(t)
			if got := s.items(t); got != "1|a 2|b 3|c 4|d 5|e" {
				t.Errorf("the lake holds %s", got)
			}
		}
	})
}

// TestBackfillLeavesMarkedRows: the source cannot bring again what it has deleted.
func TestBackfillLeavesMarkedRows(t *testing.T) {
	for _, mode := range []string{"append", "merge"} {
		t.Run(mode, func(t *testing.T) {
			s := newShop(t, strings.Replace(itemsPipeline("iceberg", mode), "mode: "+mode, "mode: "+mode+", deletes: mark, sweep_every: 1s", 1))
			s.exec(t, "CREATE TABLE items "+itemsColumns+", PRIMARY KEY (id))", "INSERT INTO items VALUES (1, '2024-01-01', 'a'), (2, '2024-01-01', 'b'), (3, '2024-01-03', 'c')")
			s.mustRun(t)
			s.exec(t, "DELETE FROM items WHERE id = 1", "UPDATE items SET note = 'x', at = at WHERE id = 2")
			s.mustRun(t)
			s.backfill(t, run.BackfillRange{To: "2024-01-02"})
			if got := strings.Join(s.query(t, "SELECT id, note, deleted_at IS NULL FROM shop.items ORDER BY id"), " "); got != "1|a|false 2|x|true 3|c|true" {
				t.Errorf("the lake holds %s", got)
			}
		})
	}
}

// TestBackfillByEveryCursor finds the rows of a range in the lake by cursors of all kinds, as each format keeps them.
func TestBackfillByEveryCursor(t *testing.T) {
	for _, c := range []struct{ name, column, value, to string }{
		{"integer", "INT NOT NULL", "n * 100000 - 300000", "200000"},
		{"unsigned", "BIGINT UNSIGNED NOT NULL", "18446744073709000000 + n * 30000", "18446744073709150000"},
		{"year", "YEAR NOT NULL", "1990 + n", "1995"},
		{"date", "DATE NULL", "'2024-01-01' + INTERVAL n DAY", "2024-01-06"},
		{"datetime", "DATETIME(3) NULL", "'2024-01-01' + INTERVAL n * 1001 * 1000 MICROSECOND", "2024-01-01 00:00:05"},
		{"timestamp", "TIMESTAMP(6) NULL", "'2024-01-01' + INTERVAL n * 1000001 MICROSECOND", "2024-01-01T00:00:05Z"},
	} {
		for _, way := range backfillWays {
			t.Run(c.name+" "+way.format+" "+way.mode, func(t *testing.T) {
				target := "mode: " + way.mode
				if way.format == "parquet" {
					target += ", partition_by: at"
				}
				s := newShop(t, strings.NewReplacer("mode: "+way.mode, target, "cursor: at", "cursor: at, lateness_rows: 1").Replace(itemsPipeline(way.format, way.mode)))
				s.exec(t, "SET time_zone = '+00:00'", "CREATE TABLE items (id INT PRIMARY KEY, at "+c.column+", note VARCHAR(20))",
					"INSERT INTO items WITH RECURSIVE s AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 11) SELECT n, "+c.value+", 'a' FROM s")
				s.mustRun(t)
				s.mustRun(t)
				s.exec(t, "UPDATE items SET note = 'b', at = at")
				if b := s.backfill(t, run.BackfillRange{To: c.to}); b.Loaded() != 5 || b.Held != 5 || b.Rows != 5 {
					t.Errorf("%d rows loaded, %d in the lake, %d expected, want 5", b.Loaded(), b.Held, b.Rows)
				}
				if got := s.one(t, "SELECT count(*), count(DISTINCT id), count(*) FILTER (note = 'b'), max(id) FILTER (note = 'b') FROM shop.items"); got != "12|12|5|4" {
					t.Errorf("the lake holds %s", got)
				}
			})
		}
	}
}

// TestRewindOverBackfill: going back to the commit before it undoes a backfill.
func TestRewindOverBackfill(t *testing.T) {
	for _, mode := range []string{"append", "merge"} {
		t.Run(mode, func(t *testing.T) {
			s := newShop(t, itemsPipeline("iceberg", mode))
			fillForVerify(t, s, 1_000, true)
			s.mustRun(t)
			const state = "SELECT count(*), count(DISTINCT id), sum(price), count(note) FROM shop.items"
			before := s.one(t, state)
			s.exec(t, "UPDATE items SET price = 7, at = at WHERE id < 900", "DELETE FROM items WHERE id < 10")
			s.backfill(t, run.BackfillRange{})
			if got := s.one(t, state); got == before {
				t.Errorf("the backfill has changed nothing")
			}
			back, err := s.open(t).PlanRewind(t.Context(), "items", run.RewindGoal{To: 1})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := back.Commit(t.Context(), run.By{Who: "test"}); err != nil {
				t.Fatal(err)
			}
			if got := s.one(t, state); got != before {
				t.Errorf("the lake holds %s, want %s", got, before)
			}
			if r := s.mustRun(t)[0]; r.New != 0 {
				t.Errorf("%d rows are new", r.New)
			}
		})
	}
}
