package run_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/iceberg"
	"github.com/tidemark-data/tidemark/internal/testenv"
	"github.com/tidemark-data/tidemark/run"
)

const (
	maintainedRows = 100_000
	increments     = 500
	maxFiles       = 32 // of a table at any time
)

// itemsTable makes a table whose cursor the server sets, and fills it.
func (s *shop) itemsTable(t *testing.T, rows int) {
	t.Helper()
	const ten = "(SELECT 0 d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)"
	s.exec(t, `CREATE TABLE items (id INT NOT NULL PRIMARY KEY, v BIGINT NOT NULL, note VARCHAR(80),
		at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6))`,
		fmt.Sprintf(`INSERT INTO items (id, v, note)
			SELECT n, n %% 97, SHA2(n, 256) FROM (SELECT a.d + 10*b.d + 100*c.d + 1000*e.d + 10000*f.d n FROM %[1]s a, %[1]s b, %[1]s c, %[1]s e, %[1]s f) x WHERE n < %[2]d`, ten, rows))
}

// touch changes some rows of the table, any of it, and adds one.
func (s *shop) touch(t *testing.T, rows, round int) {
	t.Helper()
	ids := make([]string, rows-1)
	for i := range ids {
		ids[i] = fmt.Sprint(rand.IntN(maintainedRows))
	}
	s.exec(t, fmt.Sprintf("UPDATE items SET v = v + %d WHERE id IN (%s)", round+1, strings.Join(ids, ",")),
		fmt.Sprintf("INSERT INTO items (id, v, note) VALUES (%d, 1, 'new')", 1_000_000+round))
}

// live returns how many data and delete files a table has.
func (s *shop) live(t *testing.T, name string) int {
	t.Helper()
	store, err := blob.OpenFile(s.lake)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	l, err := iceberg.Open(t.Context(), iceberg.Options{Store: store, Root: s.lake})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	snapshot, err := l.Snapshot(t.Context(), tidemark.TableID{Namespace: "shop", Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return len(snapshot.Data) + len(snapshot.Deletes)
}

const upkeepPipeline = `  %[1]s:
    source: {connection: shop, table: DB.items, cursor: at, slack: 0s}
    target: {connection: lake, table: shop.%[1]s, mode: merge}
`

// TestManyIncrements merges many small increments with automatic maintenance: the number of files stays bounded, no row
// is lost or doubled, and a query takes about as long as one of a table that was loaded at once.
func TestManyIncrements(t *testing.T) {
	n := increments
	if testing.Short() || testenv.Race { // which takes many times as long
		n = 100
	}
	s := newShop(t, fmt.Sprintf(upkeepPipeline, "items"))
	s.itemsTable(t, maintainedRows)
	s.mustRun(t)
	most, behind := 0, 0
	for i := range n {
		s.touch(t, 100, i)
		r := s.mustRun(t)[0]
		if r.New < 90 {
			t.Fatalf("increment %d: %+v", i, r)
		}
		if len(r.Notices) > 0 {
			t.Errorf("increment %d: %q", i, r.Notices)
		}
		if r.Maintenance != nil {
			behind++
		}
		if i%5 == 0 {
			most = max(most, s.live(t, "items"))
		}
	}
	if most > maxFiles || behind < n/50 {
		t.Errorf("the table had %d files at a time, want at most %d; maintenance came behind %d runs", most, maxFiles, behind)
	}
	facts := "SELECT COUNT(*), CAST(SUM(v) AS BIGINT), COUNT(DISTINCT id) FROM shop."
	var rows, sum, distinct string
	if err := s.server.DB(t, s.database).QueryRow("SELECT COUNT(*), SUM(v), COUNT(DISTINCT id) FROM items").Scan(&rows, &sum, &distinct); err != nil {
		t.Fatal(err)
	}
	if got, want := s.one(t, facts+"items"), rows+"|"+sum+"|"+distinct; got != want {
		t.Errorf("the lake holds %s, the source %s", got, want)
	}
	s.configure(t, fmt.Sprintf(upkeepPipeline, "items")+fmt.Sprintf(upkeepPipeline, "fresh"))
	s.mustRun(t)
	t.Logf("at most %d files; maintenance behind %d of %d runs", most, behind, n)
	s.compareTimes(t, n)
}

// compareTimes logs how long a query of the table takes, behind each of some more increments, and of one that was loaded
// at once. It judges nothing: machines are what they are.
func (s *shop) compareTimes(t *testing.T, n int) {
	t.Helper()
	r, err := run.Load(s.file, run.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var sum, worst float64
	const more = 10 // at least one compaction is among them
	for i := range more {
		s.touch(t, 100, n+i)
		if o, err := r.Run(t.Context(), []string{"items"}); err != nil || o[0].Err != nil {
			t.Fatalf("%v, %v", err, o)
		}
		kept, fresh := s.median(t, "items"), s.median(t, "fresh")
		ratio := float64(kept) / float64(fresh)
		sum, worst = sum+ratio, max(worst, ratio)
		t.Logf("%d files: a query takes %s, of a fresh table %s: %.2f ×", s.live(t, "items"), kept, fresh, ratio)
	}
	t.Logf("on average %.2f ×, at worst %.2f ×", sum/more, worst)
}

// median returns how long a query of a table takes.
func (s *shop) median(t *testing.T, name string) time.Duration {
	t.Helper()
	took := make([]time.Duration, 9)
	for i := range took {
		began := time.Now()
		s.one(t, "SELECT SUM(v), COUNT(DISTINCT note), MAX(id) FROM shop."+name)
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// TestMaintainFolder: small files of a folder are put together when that is asked for, per partition, and nothing else
// changes: not the rows, nor what the next run loads.
func TestMaintainFolder(t *testing.T) {
	const folder = "  items:\n    source: {connection: shop, table: DB.items, cursor: at, slack: 0s}\n    target: {connection: lake, table: shop.items, format: parquet, partition_by: ['bucket(2, id)']}\n"
	s := newShop(t, folder)
	s.itemsTable(t, 2000)
	s.mustRun(t)
	for i := range 6 {
		s.touch(t, 100, i)
		s.mustRun(t)
	}
	r, err := run.Load(s.file, run.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	maintain := func(folders, dry bool) tidemark.Maintenance {
		t.Helper()
		o := run.DefaultMaintenance()
		o.Folders, o.DryRun = folders, dry
		rows, err := r.Maintain(t.Context(), nil, o)
		if err != nil || rows[0].Err != nil || len(rows[0].Notices) > 0 {
			t.Fatalf("%+v, %v", rows, err)
		}
		return rows[0].Maintenance
	}
	const facts = "SELECT count(*), CAST(sum(v) AS BIGINT), count(DISTINCT id), max(note) FROM shop.items"
	before, mark, files := s.one(t, facts), s.watermark(t), s.visible(t)
	if m := maintain(false, false); m.Done() || s.visible(t) != files {
		t.Errorf("without being asked: %+v", m)
	}
	if m := maintain(true, true); m.Files != files || s.visible(t) != files {
		t.Errorf("dry run: %+v of %d files", m, files)
	}
	if m := maintain(true, false); m.Files != files || m.Into != 2 || s.visible(t) != 2 {
		t.Errorf("%d files became %d: %+v", files, s.visible(t), m)
	}
	after := s.watermark(t)
	if got := s.one(t, facts); got != before || after.High != mark.High || after.Settled != mark.Settled || after.Seq != mark.Seq+1 || after.Total != mark.Total {
		t.Errorf("the table held %s at %+v, and holds %s at %+v", before, mark, got, after)
	}
	if m := maintain(true, false); m.Files != 0 {
		t.Errorf("once more: %+v", m)
	}
	if again := s.mustRun(t)[0]; again.New != 0 {
		t.Errorf("the next run has loaded %d rows", again.New)
	}
	s.touch(t, 100, 7)
	if again := s.mustRun(t)[0]; again.New < 1 {
		t.Errorf("the run after new rows has loaded %d", again.New)
	}
	s.clean(t, "in the end")
}

// visible is the number of data files that a listing of the table's folder shows.
func (s *shop) visible(t *testing.T) (n int) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(s.lake, "shop", "items"), func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".parquet" {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestMaintain runs the command's work on each format, before and after the first run, and refuses what would do harm.
func TestMaintain(t *testing.T) {
	const two = "  lines:\n    source: {connection: shop, table: DB.items, cursor: at, slack: 0s}\n    target: {connection: lake, table: shop.lines, format: parquet}\n    maintenance: off\n"
	s := newShop(t, fmt.Sprintf(upkeepPipeline, "items")+"    maintenance: off\n"+two)
	s.itemsTable(t, 1000)
	r, err := run.Load(s.file, run.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx := context.Background()
	maintain := func(o run.MaintainOptions) []run.MaintenanceRow {
		t.Helper()
		rows, err := r.Maintain(ctx, nil, o)
		if err != nil || len(rows) != 2 || rows[0].Err != nil || rows[1].Err != nil {
			t.Fatalf("%+v, %v", rows, err)
		}
		return rows
	}
	if rows := maintain(run.DefaultMaintenance()); rows[0].Done() || rows[1].Done() {
		t.Errorf("before the first run: %+v", rows)
	}
	for i := range 40 {
		s.touch(t, 20, i)
		for _, result := range s.mustRun(t) {
			if result.Maintenance != nil {
				t.Errorf("maintenance is off, and %+v was done", result.Maintenance)
			}
		}
	}
	o := run.DefaultMaintenance()
	o.DryRun = true
	if rows := maintain(o); rows[0].Files < 79 || !rows[0].DryRun || s.live(t, "items") < 79 {
		t.Errorf("a dry run: %+v", rows)
	}
	if rows := maintain(run.DefaultMaintenance()); rows[0].Files < 79 || rows[0].Into != 1 || s.live(t, "items") != 1 {
		t.Errorf("%+v; %d files are left", rows, s.live(t, "items"))
	}
	o = run.DefaultMaintenance()
	o.KeepAge, o.KeepLast = 0, 2
	if rows := maintain(o); rows[0].Snapshots < 38 || rows[0].Removed < 70 {
		t.Errorf("expiry: %+v", rows)
	}
	s.touch(t, 20, 41)
	s.mustRun(t)
	var want string
	if err := s.server.DB(t, s.database).QueryRow("SELECT CONCAT(COUNT(*), '|', SUM(v)) FROM items").Scan(&want); err != nil {
		t.Fatal(err)
	}
	if got := s.one(t, "SELECT COUNT(*), CAST(SUM(v) AS BIGINT) FROM shop.items"); got != want {
		t.Errorf("the lake holds %s, want %s", got, want)
	}
	for _, bad := range []run.MaintainOptions{{KeepLast: 1}, {LeftoverAge: time.Hour, KeepLast: 1}, {LeftoverAge: 48 * time.Hour}, {KeepAge: -1, KeepLast: 1, LeftoverAge: 48 * time.Hour}} {
		if _, err := r.Maintain(ctx, nil, bad); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("options %+v: %v", bad, err)
		}
	}
}
