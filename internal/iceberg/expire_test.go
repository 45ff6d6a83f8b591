package iceberg

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// TestExpiry: snapshots go by age and number, and with them what only they named. What is left is what the table needs.
func TestExpiry(t *testing.T) {
	everyLake(t, func(t *testing.T, o Options) {
		l, p := open(t, o), pipeline(tidemark.ModeMerge)
		target, model := l.Target(p, slogDiscard()), newModel(tidemark.ModeMerge)
		for i := range int32(8) {
			rows := rowsOf(i, i+5, fmt.Sprint(i))
			model.add(rows)
			mustLoad(t, target, rows)
		}
		young := maintain(t, l, p, UpkeepOptions{KeepLast: 2, KeepAge: time.Hour, LeftoverAge: time.Hour})
		if young.Snapshots != 0 || young.Removed != 0 {
			t.Errorf("of a young table, %+v went", young)
		}
		m := maintain(t, l, p, UpkeepOptions{KeepLast: 2, LeftoverAge: time.Hour})
		if got := len(loadTable(t, l).Metadata().Snapshots()); got != 2 || m.Snapshots != 7 { // 8 runs and a compaction
			t.Errorf("%d snapshots are left; %+v", got, m)
		}
		model.check(t, l)
		mustLoad(t, target, rowsOf(2, 4, "after"))
		model.add(rowsOf(2, 4, "after"))
		maintain(t, l, p, everything)
		if got := parquetFiles(t, o); len(got) != 4 { // the compacted one, and the three of the newest run's snapshot, which is kept
			t.Errorf("files are left: %q", got)
		}
		if got, want := seq(t, target), int64(9); got != want {
			t.Errorf("commit %d, want %d", got, want)
		}
		model.check(t, l)
	})
}

// stored returns the keys of all objects of a lake.
func stored(t *testing.T, o Options) []string {
	t.Helper()
	var keys []string
	for o, err := range o.Store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}

func parquetFiles(t *testing.T, o Options) []string {
	t.Helper()
	return slices.DeleteFunc(stored(t, o), func(key string) bool { return !strings.HasSuffix(key, ".parquet") })
}

// TestQuietPipeline: of two pipelines in a table one is quiet while the other's snapshots come and expire. Its newest
// snapshot stays, and it is not taken for one that was rolled back; but a rollback to before it is seen.
func TestQuietPipeline(t *testing.T) {
	l := open(t, memOptions())
	quiet, busy := pipeline(tidemark.ModeAppend), pipeline(tidemark.ModeAppend)
	quiet.ID, busy.ID = "quiet", "busy"
	mustLoad(t, l.Target(busy, slogDiscard()), rowsOf(0, 5, "before"))
	first := loadTable(t, l).CurrentSnapshot().SnapshotID
	mustLoad(t, l.Target(quiet, slogDiscard()), rowsOf(0, 5, "quiet"))
	for i := range 5 {
		mustLoad(t, l.Target(busy, slogDiscard()), rowsOf(0, 5, fmt.Sprint(i)))
	}
	tag(t, l, "start", first)
	maintain(t, l, busy, everything)
	if h := historyOf(loadTable(t, l), quiet.ID); h.complete || len(h.main) != 1 || len(h.aside) != 0 {
		t.Errorf("history of the quiet pipeline: %+v", h)
	}
	for _, p := range []tidemark.Pipeline{quiet, busy} {
		mustLoad(t, l.Target(p, slogDiscard()), rowsOf(5, 6, "more"))
	}
	maintain(t, l, busy, everything)
	publishUpdates(t, l, loadTable(t, l), table.NewSetSnapshotRefUpdate(table.MainBranch, first, table.BranchRef, 0, 0, 0))
	if _, err := l.Target(quiet, slogDiscard()).Watermark(t.Context()); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("after a rollback: %v", err)
	}
	if m := maintain(t, l, busy, everything); m.Snapshots != 0 || len(m.Notices) == 0 {
		t.Errorf("after a rollback, %+v", m)
	}
}

func tag(t *testing.T, l *Lake, name string, snapshot int64) {
	t.Helper()
	base := loadTable(t, l)
	publishUpdates(t, l, base, table.NewSetSnapshotRefUpdate(name, snapshot, table.TagRef, 0, 0, 0))
}

func publishUpdates(t *testing.T, l *Lake, base *table.Table, updates ...table.Update) {
	t.Helper()
	v, err := l.tables.next(base, nil, updates)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.tables.publish(t.Context(), v); err != nil {
		t.Fatal(err)
	}
}

// TestLeftovers: files of killed runs go when they are old, and not before; nor do those of a run that is under way.
func TestLeftovers(t *testing.T) {
	everyLake(t, func(t *testing.T, o Options) {
		l, p := open(t, o), pipeline(tidemark.ModeAppend)
		target := l.Target(p, slogDiscard())
		mustLoad(t, target, rowsOf(0, 10, "a"))
		want := stored(t, o)
		base, err := target.Watermark(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := write(t.Context(), target, base, rowsOf(0, 10, "killed")); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"shop/orders/metadata/lost-m0.avro", "_tidemark/orders/1-lost-1.overlap", "_tidemark/other/1-lost-1.overlap"} {
			if err := o.Store.Put(t.Context(), key, []byte("x"), blob.PutOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		m := maintain(t, l, p, UpkeepOptions{KeepLast: 1, LeftoverAge: time.Hour})
		if m.Removed != 0 {
			t.Errorf("young files were removed: %+v", m)
		}
		if m := maintain(t, l, p, UpkeepOptions{KeepLast: 1, DryRun: true}); m.Removed != 3 {
			t.Errorf("a dry run would remove %+v, want 3", m)
		}
		if m := maintain(t, l, p, everything); m.Removed != 3 {
			t.Errorf("removed %+v, want 3", m)
		}
		if got := slices.DeleteFunc(stored(t, o), func(key string) bool { return strings.HasPrefix(key, "_tidemark/other/") }); !slices.Equal(got, want) {
			t.Errorf("left %q, want %q", got, want)
		}
	})
}

// TestAbandoned: a run is under way as long as one of its files is young.
func TestAbandoned(t *testing.T) {
	now := time.Now()
	old, young := now.Add(-time.Hour), now
	a, b := string(tidemark.NewRunID(now)), string(tidemark.NewRunID(now))
	got := abandoned([]blob.Object{
		{Key: "s/t/data/" + a + "-x-0.parquet", Modified: old}, {Key: "s/t/data/d=1/" + a + "-x-1.parquet", Modified: young},
		{Key: "s/t/data/" + b + "-x-0.parquet", Modified: old}, {Key: "s/t/metadata/m.avro", Modified: old},
	}, now.Add(-time.Minute))
	if len(got) != 2 || !strings.Contains(got[0].Key, b) {
		t.Errorf("abandoned: %+v", got)
	}
}

// TestOldVersions removes metadata files that the newest one does not name any more. Whatever the hint says, the newest is
// found, and who wakes up with a version that is gone does not win its place.
func TestOldVersions(t *testing.T) {
	o := memOptions()
	l, p := open(t, o), pipeline(tidemark.ModeAppend)
	target := l.Target(p, slogDiscard())
	mustLoad(t, target, rowsOf(0, 1, "a"))
	setProperties(t, l, "write.metadata.previous-versions-max", "3")
	sleeper := loadTable(t, l)
	for i := range 10 {
		mustLoad(t, target, rowsOf(0, 1, fmt.Sprint(i)))
	}
	maintain(t, l, p, everything)
	var left []int64
	for _, key := range stored(t, o) {
		if n := versionOf(key); n > 0 {
			left = append(left, n)
		}
	}
	newest := versionOf(loadTable(t, l).MetadataLocation())
	if slices.Min(left) < newest-3 || slices.Max(left) != newest {
		t.Errorf("versions %v, the newest is %d", left, newest)
	}
	v, err := l.tables.next(sleeper, nil, []table.Update{table.NewSetPropertiesUpdate(map[string]string{"a": "b"})})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.tables.publish(t.Context(), v); !errors.Is(err, table.ErrCommitFailed) {
		t.Errorf("a version on a base that is gone: %v", err)
	}
	for _, hint := range []string{"1", "2", fmt.Sprint(newest - 3), fmt.Sprint(newest + 5)} {
		if err := o.Store.Put(t.Context(), hintKey(p.Target), []byte(hint), blob.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := versionOf(loadTable(t, l).MetadataLocation()); got != newest {
			t.Errorf("with the hint %s version %d is found, want %d", hint, got, newest)
		}
	}
}

func setProperties(t *testing.T, l *Lake, key, value string) {
	t.Helper()
	publishUpdates(t, l, loadTable(t, l), table.NewSetPropertiesUpdate(map[string]string{key: value}))
}

// TestMaintainFailpoints stops an upkeep at each step, by an error as a kill would; nothing is lost, runs go on, and the next
// upkeep cleans up.
func TestMaintainFailpoints(t *testing.T) {
	points := []string{"iceberg.write", "iceberg.compact.written", "iceberg.compact.staged", "iceberg.folder.hint",
		"iceberg.compact.swapped", "iceberg.expire.before", "iceberg.expire.swapped", "iceberg.remove"}
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			o := memOptions()
			l, p := open(t, o), pipeline(tidemark.ModeMerge)
			target, model := l.Target(p, slogDiscard()), newModel(tidemark.ModeMerge)
			load := func(i int32) {
				rows := rowsOf(i, i+5, fmt.Sprint(i))
				model.add(rows)
				mustLoad(t, target, rows)
			}
			for i := range int32(6) {
				load(i)
			}
			arm(t, point+"=error@1")
			_, err := l.Maintain(t.Context(), p, UpkeepOptions{KeepLast: 1, LeftoverAge: time.Hour}, testLog(t))
			if err == nil && point != "iceberg.folder.hint" {
				t.Errorf("the upkeep came through")
			}
			arm(t, "")
			model.check(t, l)
			maintain(t, l, p, everything)
			load(7)
			maintain(t, l, p, everything)
			model.check(t, l)
			if data, deletes := files(t, l); data != 1 || deletes != 0 {
				t.Errorf("%d data files, %d of deletes", data, deletes)
			}
			if got := parquetFiles(t, o); len(got) != 4 { // as in TestExpiry
				t.Errorf("files are left: %q", got)
			}
		})
	}
}

func arm(t *testing.T, spec string) {
	t.Helper()
	if err := failpoint.Arm(spec); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = failpoint.Arm("") }) // the empty one is always good
}
