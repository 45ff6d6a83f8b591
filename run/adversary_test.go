package run_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv/adversarytest"
)

// adversaryPipelines read one table in every way that there is. The writers stamp rows up to early seconds ahead of
// their commit; slack allows for that and for the second that a NOW() without a fraction is early.
const adversaryPipelines = `  appended:
    source: {connection: shop, table: DB.t, cursor: CURSOR, slack: 7s}
    target: {connection: lake, table: shop.appended, mode: append}
  folder:
    source: {connection: shop, table: DB.t, cursor: CURSOR, slack: 7s}
    target: {connection: lake, table: shop.folder, mode: append, format: parquet}
  merged:
    source: {connection: shop, table: DB.t, cursor: CURSOR, slack: 7s}
    target: {connection: lake, table: shop.merged, mode: merge}
`

// TestAdversary runs pipelines every few hundred milliseconds against writers that do all that makes a reader by cursor
// lose rows or load them twice: quick commits, slow first statements, idle open transactions, lock waits, rollbacks,
// ties, prepared XA, autocommit=0 behind LOCK TABLES, a monitor that keeps innodb_trx stale, clients with fast clocks.
// Nothing may be lost or doubled, and the control, which reads by MAX(cursor), must lose rows.
func TestAdversary(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute per cursor")
	}
	for _, kind := range []adversarytest.CursorKind{adversarytest.Datetime, adversarytest.Integer} {
		t.Run(string(kind), func(t *testing.T) { againstAdversary(t, kind, 30*time.Second) })
	}
}

func againstAdversary(t *testing.T, kind adversarytest.CursorKind, duration time.Duration) {
	s := newShop(t, strings.ReplaceAll(adversaryPipelines, "CURSOR", kind.Column()))
	adversary := adversarytest.Start(t, s.server, s.database, "t", adversarytest.Options{
		Cursor: kind, Early: 5 * time.Second, Monitor: 3 * time.Second,
	})
	control := adversarytest.StartControl(t, s.server, s.database, "t", kind, 200*time.Millisecond)
	runs, suppressed := 0, int64(0)
	by := map[tidemark.SettledBy]int{}
	for begun := time.Now(); time.Since(begun) < duration; runs++ {
		for _, o := range s.run(t) {
			if o.Err != nil && !errors.Is(o.Err, tidemark.ErrTransient) { // LOCK TABLES may outlast our lock_wait_timeout
				t.Errorf("run %s: %v", o.Result.Pipeline, o.Err)
			}
			suppressed += o.Result.Suppressed
			by[o.Result.SettledBy]++
		}
	}
	oracle := adversary.Stop()
	s.mustRun(t)
	s.mustRun(t)

	versions, rows := oracle.Committed()
	t.Logf("%d runs, settled %v, %d rows suppressed; %d versions of %d rows committed", runs, by, suppressed, versions, rows)
	if naive := oracle.Judge(control.Stop()); len(naive.Lost) == 0 {
		t.Error("the control has lost nothing: the writers are too kind, and the test shows nothing")
	} else {
		t.Logf("the control, by MAX(%s), lost %d rows", kind.Column(), len(naive.Lost))
	}
	for _, table := range []string{"shop.appended", "shop.folder", "shop.merged"} {
		if v := oracle.Judge(s.versions(t, table)); !v.OK() {
			t.Errorf("%s: %d lost %v, %d doubled %v, %d phantom %v", table,
				len(v.Lost), some(v.Lost), len(v.Doubled), some(v.Doubled), len(v.Phantom), some(v.Phantom))
		}
	}
	if got, want := s.one(t, "SELECT COUNT(*), COUNT(DISTINCT id) FROM shop.merged"), fmt.Sprintf("%d|%d", rows, rows); got != want {
		t.Errorf("merged: count and distinct ids are %s, want %s", got, want)
	}
}

func some(list []string) []string { return list[:min(len(list), 5)] }

// versions reads what the lake holds of an adversary's table.
func (s *shop) versions(t *testing.T, table string) (versions []adversarytest.Version) {
	t.Helper()
	for _, line := range s.query(t, "SELECT id, version FROM "+table) {
		id, number, _ := strings.Cut(line, "|")
		i, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, adversarytest.Version{ID: i, Number: n})
	}
	return versions
}
