package iceberg

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
)

// TestWatermarkStops lists what a person or another program can do to a table between two runs, and whether the
// property can still be believed.
func TestWatermarkStops(t *testing.T) {
	tests := []struct {
		name    string
		do      func(t *testing.T, l *Lake)
		hint    string // of the error; "" when the pipeline goes on
		wantSeq int64
	}{
		{"nothing", func(*testing.T, *Lake) {}, "", 3},
		{"foreign append", func(t *testing.T, l *Lake) { foreignAppend(t, l) }, "", 3},
		{"compaction", func(t *testing.T, l *Lake) { compact(t, l) }, "", 3},
		{"expiry of all but the head", func(t *testing.T, l *Lake) { expire(t, l) }, "", 3},
		{"foreign append, expiry of all that is ours", func(t *testing.T, l *Lake) { foreignAppend(t, l); expire(t, l) }, "", 3},
		{"rollback by one commit", func(t *testing.T, l *Lake) { rollback(t, l, 1) }, "rewind", 0},
		{"rollback by two commits", func(t *testing.T, l *Lake) { rollback(t, l, 2) }, "rewind", 0},
		{"rollback and foreign append", func(t *testing.T, l *Lake) { rollback(t, l, 1); foreignAppend(t, l) }, "rewind", 0},
		{"the property is gone", func(t *testing.T, l *Lake) { removeProperty(t, l) }, "rewind", 0},
		{"rollback to before the first, the rest of main expired", func(t *testing.T, l *Lake) { rollbackBehindExpiry(t, l) }, "rewind", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := open(t, memOptions())
			target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
			for i := range int32(3) {
				mustLoad(t, target, rowsOf(i, i+1, "a"))
			}
			tt.do(t, l)
			w, err := target.Watermark(t.Context())
			if tt.hint == "" {
				if err != nil || w.Seq != tt.wantSeq {
					t.Fatalf("Watermark = commit %d, %v, want commit %d", w.Seq, err, tt.wantSeq)
				}
				mustLoad(t, target, rowsOf(50, 51, "b")) // and the pipeline goes on
				return
			}
			if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), tt.hint) {
				t.Errorf("Watermark = %v, hint %q, want ErrInvalid and a hint on %s", err, tidemark.Hint(err), tt.hint)
			}
		})
	}
}

func commitTx(t *testing.T, tx *table.Transaction, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func expire(t *testing.T, l *Lake) {
	t.Helper()
	tx := loadTable(t, l).NewTransaction()
	commitTx(t, tx, tx.ExpireSnapshots(table.WithRetainLast(1), table.WithOlderThan(0)))
}

func rollback(t *testing.T, l *Lake, commits int) {
	t.Helper()
	tbl := loadTable(t, l)
	s := tbl.CurrentSnapshot()
	for range commits {
		s = tbl.SnapshotByID(*s.ParentSnapshotID)
	}
	tx := tbl.NewTransaction()
	commitTx(t, tx, tx.RollbackToSnapshot(s.SnapshotID))
}

func removeProperty(t *testing.T, l *Lake) {
	t.Helper()
	tx := loadTable(t, l).NewTransaction()
	commitTx(t, tx, tx.RemoveProperties([]string{watermarkKey("orders")}))
}

// rollbackBehindExpiry makes main's line one foreign snapshot whose parent has expired, and leaves our last snapshot
// beside it.
func rollbackBehindExpiry(t *testing.T, l *Lake) {
	t.Helper()
	ours := loadTable(t, l).CurrentSnapshot()
	rollback(t, l, 1)
	foreignAppend(t, l)
	tbl := loadTable(t, l)
	head := tbl.CurrentSnapshot()
	var old []int64
	for _, s := range tbl.Metadata().Snapshots() {
		if s.SnapshotID != ours.SnapshotID && s.SnapshotID != head.SnapshotID {
			old = append(old, s.SnapshotID)
		}
	}
	_, _, err := l.CatalogIO().CommitTable(t.Context(), tbl.Identifier(), nil, []table.Update{table.NewRemoveSnapshotsUpdate(old, false)})
	if err != nil {
		t.Fatal(err)
	}
}

// TestForeignRows: who may begin in a table that holds rows.
func TestForeignRows(t *testing.T) {
	for _, tt := range []struct {
		mode  tidemark.Mode
		other bool // another pipeline has loaded the rows
		ok    bool
	}{
		{tidemark.ModeAppend, true, true},
		{tidemark.ModeMerge, true, false},
		{tidemark.ModeReplace, true, false},
		{tidemark.ModeAppend, false, false},
		{tidemark.ModeMerge, false, false},
		{tidemark.ModeReplace, false, false},
	} {
		l := open(t, memOptions())
		other := pipeline(tidemark.ModeAppend)
		other.ID = "other"
		target := l.Target(other, testLog(t))
		if tt.other {
			mustLoad(t, target, rowsOf(0, 5, "a"))
		} else {
			if err := target.Prepare(t.Context(), source()); err != nil {
				t.Fatal(err)
			}
			appendRows(t, loadTable(t, l), rowsOf(0, 5, "a"))
		}
		_, err := l.Target(pipeline(tt.mode), testLog(t)).Watermark(t.Context())
		if tt.ok != (err == nil) {
			t.Errorf("%s, rows of another pipeline %v: %v", tt.mode, tt.other, err)
		}
		if !tt.ok && (!errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "watermark adopt")) {
			t.Errorf("%s, rows of another pipeline %v: %v, hint %q, want ErrInvalid and a hint on adopt", tt.mode, tt.other, err, tidemark.Hint(err))
		}
	}
}

// TestEmptyForeignTable: a table that somebody has made and nobody has filled is fine.
func TestEmptyForeignTable(t *testing.T) {
	l := open(t, memOptions())
	target := l.Target(pipeline(tidemark.ModeMerge), testLog(t))
	if err := target.Prepare(t.Context(), source()); err != nil {
		t.Fatal(err)
	}
	mustLoad(t, target, rowsOf(0, 5, "a"))
	check(t, l, rowsOf(0, 5, "a"))
}

// TestExpiredOutcome: our commit is lost among others whose snapshots have expired. Nobody can tell, so the files stay.
func TestExpiredOutcome(t *testing.T) {
	l := open(t, memOptions())
	a, b := l.Target(pipeline(tidemark.ModeAppend), testLog(t)), l.Target(pipeline(tidemark.ModeAppend), testLog(t))
	c, err := write(t.Context(), a, tidemark.Watermark{}, rowsOf(0, 5, "a"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range int32(3) {
		mustLoad(t, b, rowsOf(i, i+1, "b"))
	}
	expire(t, l)
	if err := a.Commit(t.Context(), c); !errors.Is(err, tidemark.ErrFatal) {
		t.Errorf("Commit = %v, want ErrFatal", err)
	}
	if _, err := l.store.Stat(t.Context(), c.Files[0].(*dataFile).key); err != nil {
		t.Errorf("the file of a commit whose outcome is not known: %v", err)
	}
}

func TestSummary(t *testing.T) {
	l := open(t, memOptions())
	target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
	mustLoad(t, target, rowsOf(0, 5, "a"))
	w, err := target.Watermark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	summary := loadTable(t, l).CurrentSnapshot().Summary.Properties
	wants := iceberg.Properties{
		"tidemark-pipeline": "orders", "tidemark-seq": "1", "tidemark-run": string(w.Run), "tidemark-rows": "5",
		"added-records": "5", "total-records": "5",
	}
	for key, want := range wants {
		if summary[key] != want {
			t.Errorf("summary %s = %q, want %q", key, summary[key], want)
		}
	}
	kept, err := tidemark.DecodeWatermark([]byte(summary[watermarkKey("orders")]))
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Settlements) == 0 || len(kept.Settlements) != 0 || kept.Seq != w.Seq || kept.Total != w.Total || kept.Run != w.Run {
		t.Errorf("the summary keeps %+v of %+v, want all but the settlements", kept, w)
	}
	if time.Since(time.UnixMilli(loadTable(t, l).CurrentSnapshot().TimestampMs)) > time.Minute {
		t.Error("the snapshot has a wrong time")
	}
}
