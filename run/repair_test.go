package run_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark/internal/verify"
	"github.com/tidemark-data/tidemark/run"
)

// repaired repairs the only pipeline's table.
func (s *shop) repaired(t *testing.T, o run.RepairOptions) *run.Repaired {
	t.Helper()
	done, err := s.open(t).Repair(context.Background(), "items", o, run.By{Who: "test"})
	if err != nil {
		t.Fatalf("repair: %v", err)
	}
	return done
}

// clean wants source and lake to be equal, and returns how many rows they have.
func (s *shop) clean(t *testing.T, when string) int64 {
	t.Helper()
	r := s.verified(t, run.VerifyOptions{})
	if !r.Clean() || r.SourceRows != r.LakeRows {
		t.Errorf("%s: %d rows in the source, %d in the lake, found %v: %+v", when, r.SourceRows, r.LakeRows, r.Found, r.Rows[:min(len(r.Rows), 5)])
	}
	return r.SourceRows
}

// TestRepairMendsWhatDiffers plants every kind of difference that a cursor cannot see, and wants the lake to be what the
// source is, without and with deletes, while the watermark stays where it is.
func TestRepairMendsWhatDiffers(t *testing.T) {
	for _, way := range verifyWays {
		t.Run(fmt.Sprintf("%s %s, key %v", way.format, way.mode, way.key), func(t *testing.T) {
			s := newShop(t, itemsPipeline(way.format, way.mode))
			n := verifyRows()
			fillForVerify(t, s, n, way.key)
			s.mustRun(t)
			plant(t, s, n)
			tamper(t, s.lake)
			before := s.watermark(t)

			done := s.repaired(t, run.RepairOptions{})
			found := done.Report.Found
			if want := found[verify.Missing] + found[verify.Different]; done.Load < want || done.Stay != found[verify.Deleted] || done.Delete != 0 || done.Commit == 0 {
				t.Errorf("without deletes: %+v, found %v", done.RepairPlan, found)
			}
			r := s.verified(t, run.VerifyOptions{})
			if r.Total() != r.Found[verify.Deleted] || r.Total() != found[verify.Deleted] {
				t.Errorf("repaired without deletes: found %v, want %d deleted", r.Found, found[verify.Deleted])
			}
			done = s.repaired(t, run.RepairOptions{Deletes: true})
			if done.Delete != found[verify.Deleted] || done.Load != 0 || done.Stay != 0 {
				t.Errorf("with deletes: %+v", done.RepairPlan)
			}
			rows := s.clean(t, "repaired with deletes")
			if want := fmt.Sprintf("%d|%d", rows, rows); s.one(t, "SELECT count(*), count(DISTINCT id) FROM shop.items WHERE \"at\" < '"+before.Settled.String()+"'") != want {
				t.Errorf("the lake does not hold each of %d rows once", rows)
			}
			after := s.watermark(t)
			if after.High != before.High || after.Settled != before.Settled || after.Seq != before.Seq+2 {
				t.Errorf("the watermark went from %+v to %+v", before, after)
			}
			if again := s.repaired(t, run.RepairOptions{Deletes: true}); again.Commit != 0 {
				t.Errorf("repaired once more: %+v", again)
			}
			if r := s.mustRun(t)[0]; r.New != 0 && way.mode != "merge" {
				t.Errorf("the next run has loaded %d rows", r.New)
			}
			s.clean(t, "after the next run")
		})
	}
}

// TestRepairBesideWritersAndRuns: writers change the source and runs commit while the table is repaired. What runs load is
// not undone, and in the end both sides are equal.
func TestRepairBesideWritersAndRuns(t *testing.T) {
	for _, way := range verifyWays {
		if !way.key {
			continue // an older version counts as deleted there
		}
		t.Run(way.format+" "+way.mode, func(t *testing.T) {
			s := newShop(t, itemsPipeline(way.format, way.mode))
			fillForVerify(t, s, 20_000, way.key)
			s.mustRun(t)
			ctx, stop := context.WithCancel(t.Context())
			var others sync.WaitGroup
			db := s.server.DB(t, s.database)
			for w := range 2 {
				others.Go(func() {
					for i := 0; ctx.Err() == nil; i++ {
						_, err := db.ExecContext(ctx, fmt.Sprintf("INSERT INTO items (id, parent, price) VALUES (%d, 1, 1)", 100_000*(w+1)+i))
						if err == nil {
							_, err = db.ExecContext(ctx, fmt.Sprintf("UPDATE items SET price = price + 1 WHERE id = %d", 1000+(i*7919+w)%10_000))
						}
						if err != nil && ctx.Err() == nil {
							t.Error(err)
						}
						time.Sleep(2 * time.Millisecond)
					}
				})
			}
			runs := func() { // fewer than a repair has attempts
				for range 4 {
					for _, o := range s.run(t) {
						if o.Err != nil && !strings.Contains(o.Err.Error(), "conflict") {
							t.Error(o.Err)
						}
					}
				}
			}
			attempts := 0
			for round := range 4 {
				from := 12_000 + 100*round
				s.exec(t,
					fmt.Sprintf("UPDATE items SET note = 'changed', at = at WHERE id BETWEEN %d AND %d", from, from+9),
					fmt.Sprintf("DELETE FROM items WHERE id BETWEEN %d AND %d", from+20, from+29),
					fmt.Sprintf("INSERT INTO items SELECT id + 1000000, parent, note, price, '2024-01-01 00:00:01' FROM items WHERE id BETWEEN %d AND %d", from+40, from+49))
				var beside sync.WaitGroup
				beside.Go(runs)
				attempts += s.repaired(t, run.RepairOptions{Deletes: true}).Attempts
				beside.Wait()
			}
			stop()
			others.Wait()
			s.mustRun(t)
			s.repaired(t, run.RepairOptions{Deletes: true})
			s.clean(t, "in the end")
			t.Logf("4 repairs in %d attempts, %d commits", attempts, s.watermark(t).Seq)
		})
	}
}

// TestRepairKeepsOtherColumns: a file that is written anew keeps a column that the source has dropped; and one that it has
// got since is filled.
func TestRepairKeepsOtherColumns(t *testing.T) {
	for _, way := range verifyWays {
		t.Run(fmt.Sprintf("%s %s, key %v", way.format, way.mode, way.key), func(t *testing.T) {
			s := newShop(t, itemsPipeline(way.format, way.mode))
			fillForVerify(t, s, 1000, way.key)
			s.mustRun(t)
			s.exec(t, "ALTER TABLE items DROP COLUMN note, ADD COLUMN extra INT NULL", "UPDATE items SET at = at, extra = id WHERE id % 10 = 3",
				"DELETE FROM items WHERE id = 7")
			s.repaired(t, run.RepairOptions{Deletes: true})
			s.repaired(t, run.RepairOptions{Deletes: true}) // now that the lake has the new column
			s.clean(t, "repaired")
			if got := s.one(t, "SELECT count(extra), count(*) FROM shop.items"); got != "100|999" {
				t.Errorf("the new column has %s values, want 100 of 999", got)
			}
			if got := s.one(t, "SELECT note FROM shop.items WHERE id = 8"); got != "note, 8" {
				t.Errorf("the dropped column of a row that nobody changed is %q", got)
			}
		})
	}
}

// marking is a pipeline whose runs deal with deleted rows.
func marking(format, mode, more string) string {
	return strings.Replace(itemsPipeline(format, mode), "mode: "+mode, "mode: "+mode+", "+more, 1)
}

// TestSweep: rows that the source has deleted leave the lake with the next run, and only those, however often it runs.
func TestSweep(t *testing.T) {
	for _, way := range verifyWays {
		if !way.key {
			continue
		}
		t.Run(way.format+" "+way.mode, func(t *testing.T) {
			s := newShop(t, marking(way.format, way.mode, "deletes: sweep, sweep_every: 1ms"))
			fillForVerify(t, s, 5000, true)
			if r := s.mustRun(t)[0]; r.Deleted != 0 {
				t.Errorf("the first load swept: %+v", r)
			}
			s.exec(t, "UPDATE items SET price = 5, at = '2024-02-01' + INTERVAL id SECOND WHERE id BETWEEN 190 AND 210")
			s.mustRun(t) // rows of which there are two versions
			s.exec(t, "DELETE FROM items WHERE id BETWEEN 100 AND 199", "INSERT INTO items (id, parent, price) VALUES (90000, 1, 1), (90001, 1, 1)")
			r := s.mustRun(t)[0]
			want := int64(100)
			if way.mode == "append" {
				want += 10
			}
			if r.New != 2 || r.Deleted != want || !r.Committed {
				t.Errorf("%d new, %d deleted, want 2 and %d: %v", r.New, r.Deleted, want, r.Notices)
			}
			if r := s.mustRun(t)[0]; r.Deleted != 0 || r.New != 0 && way.mode != "merge" {
				t.Errorf("once more: %d new, %d deleted", r.New, r.Deleted)
			}
			if got := s.one(t, "SELECT count(*), count(DISTINCT id) FROM shop.items WHERE id BETWEEN 100 AND 199"); got != "0|0" {
				t.Errorf("deleted rows are still there: %s", got)
			}
			s.clean(t, "swept")

			// A row that comes back as it was is loaded again, though its cursor is among the newest.
			s.exec(t, "CREATE TABLE kept AS SELECT * FROM items WHERE id = 90001", "DELETE FROM items WHERE id = 90001")
			s.mustRun(t)
			s.exec(t, "INSERT INTO items SELECT * FROM kept")
			s.mustRun(t)
			if got := s.one(t, "SELECT count(*) FROM shop.items WHERE id = 90001"); got != "1" {
				t.Errorf("a row that was deleted and came back is there %s times", got)
			}
			if s.watermark(t).Swept.IsZero() {
				t.Error("the watermark does not say when it was swept")
			}
		})
	}
}

// TestSweepIsNotRash: a source that was emptied by mistake does not empty the lake.
func TestSweepIsNotRash(t *testing.T) {
	s := newShop(t, marking("iceberg", "merge", "deletes: sweep, sweep_every: 1ms"))
	fillForVerify(t, s, 5000, true)
	s.mustRun(t)
	s.exec(t, "DELETE FROM items WHERE id < 8000")
	r := s.mustRun(t)[0]
	if r.Deleted != 0 || !slices.ContainsFunc(r.Notices, func(n string) bool { return strings.Contains(n, "8000 of 10000 rows") }) {
		t.Errorf("%d deleted, notices %q", r.Deleted, r.Notices)
	}
	s.repaired(t, run.RepairOptions{Deletes: true})
	s.clean(t, "repaired")
}

// TestSweepWaits: the server is not asked for all keys in each run.
func TestSweepWaits(t *testing.T) {
	s := newShop(t, marking("iceberg", "merge", "deletes: sweep, sweep_every: 1h"))
	fillForVerify(t, s, 1000, true)
	s.mustRun(t)
	s.mustRun(t)
	swept := s.watermark(t).Swept
	s.exec(t, "DELETE FROM items WHERE id < 10", "INSERT INTO items (id, parent, price) VALUES (9000, 1, 1)")
	if r := s.mustRun(t)[0]; r.Deleted != 0 || swept.IsZero() || s.watermark(t).Swept != swept {
		t.Errorf("%d deleted, swept at %v and %v", r.Deleted, swept, s.watermark(t).Swept)
	}
}

// TestMark: rows that the source has deleted stay, with the time at which that was found; one that comes back is as new.
func TestMark(t *testing.T) {
	for _, way := range verifyWays {
		if !way.key {
			continue
		}
		t.Run(way.format+" "+way.mode, func(t *testing.T) {
			s := newShop(t, marking(way.format, way.mode, "deletes: mark, sweep_every: 1ms, mark_column: gone_at"))
			fillForVerify(t, s, 1000, true)
			s.mustRun(t)
			s.exec(t, "DELETE FROM items WHERE id BETWEEN 100 AND 109")
			if r := s.mustRun(t)[0]; r.Marked != 10 || r.Deleted != 0 {
				t.Errorf("%d marked, %d deleted: %v", r.Marked, r.Deleted, r.Notices)
			}
			if total := s.watermark(t).Total; way.mode == "append" && total != 1000 {
				t.Errorf("%d rows are loaded after 10 of 1000 were marked", total)
			}
			if got := s.one(t, "SELECT count(*), count(gone_at), min(id), max(note) FROM shop.items WHERE gone_at IS NOT NULL OR id = 104"); got != "10|10|100|note, 109" {
				t.Errorf("marked rows: %s", got)
			}
			if r := s.mustRun(t)[0]; r.Marked != 0 {
				t.Errorf("%d rows were marked again", r.Marked)
			}
			s.clean(t, "marked")
			s.exec(t, "INSERT INTO items (id, parent, price) VALUES (105, 1, 1)")
			s.mustRun(t)
			if got := s.one(t, "SELECT count(*) FROM shop.items WHERE id = 105 AND gone_at IS NULL"); got != "1" {
				t.Errorf("the row that came back is there %s times unmarked", got)
			}
			s.clean(t, "one came back")
			s.exec(t, "DELETE FROM items WHERE id = 200")
			if done := s.repaired(t, run.RepairOptions{Deletes: true}); done.Mark != 1 || done.Delete != 0 {
				t.Errorf("repair: %+v", done.RepairPlan)
			}
			s.clean(t, "repaired")
		})
	}
}
