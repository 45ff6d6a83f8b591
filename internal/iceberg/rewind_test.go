package iceberg

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
)

// goBack makes a commit that goes back, as the engine does.
func goBack(t *testing.T, target *Target, to int64) error {
	t.Helper()
	h, err := target.History(t.Context())
	if err != nil {
		return err
	}
	if _, err := target.PlanRewind(t.Context(), to); err != nil {
		return err
	}
	w := tidemark.Watermark{Mode: target.p.Mode}
	for _, c := range h.Commits {
		if c.Seq == to {
			w = c
		}
	}
	w.Pipeline, w.Seq, w.Run = target.p.ID, h.Next(), tidemark.NewRunID(time.Now())
	return target.Commit(t.Context(), tidemark.Commit{Base: h.Now, Watermark: w, KeepRows: true, Rewind: &tidemark.Rewind{To: to}})
}

// TestRewindAfterOthers goes back over what other programs have done to the table.
func TestRewindAfterOthers(t *testing.T) {
	tests := []struct {
		name string
		do   func(t *testing.T, l *Lake) []row // returns rows of others
		to   int64
		hint string // of the error; "" when it goes back
	}{
		{"compaction", compact, 2, ""},
		{"compaction, to before the first", compact, 0, ""},
		{"foreign append", foreignAppend, 2, ""},
		{"foreign append, to before the first", foreignAppend, 0, ""},
		{"a property and a column", func(t *testing.T, l *Lake) []row { setProperty(t, l); return addColumn(t, l) }, 1, ""},
		{"foreign append and compaction", func(t *testing.T, l *Lake) []row {
			rows := foreignAppend(t, l)
			compact(t, l)
			return rows
		}, 2, "load into another table"},
		{"compaction and foreign append", func(t *testing.T, l *Lake) []row { compact(t, l); return foreignAppend(t, l) }, 2, "load into another table"},
		{"expiry of all but the head", func(t *testing.T, l *Lake) []row { expire(t, l); return nil }, 2, "`tidemark rewind orders --all` loads everything again"},
		{"foreign append, compaction, then more of ours", func(t *testing.T, l *Lake) []row {
			rows := foreignAppend(t, l)
			compact(t, l)
			mustLoad(t, l.Target(pipeline(tidemark.ModeAppend), testLog(t)), rowsOf(50, 55, "more"))
			return rows
		}, 2, "the earliest commit that can be gone back to is "},
		{"expiry, to before the first", func(t *testing.T, l *Lake) []row { expire(t, l); return nil }, 0, ""},
		{"foreign append and expiry", func(t *testing.T, l *Lake) []row { rows := foreignAppend(t, l); expire(t, l); return rows }, 0, "load into another table"},
		{"set back by hand, to where it is", func(t *testing.T, l *Lake) []row { rollback(t, l, 2); return nil }, 2, ""},
		{"set back by hand, to before that", func(t *testing.T, l *Lake) []row { rollback(t, l, 1); return nil }, 1, ""},
		{"set back by hand, to after that", func(t *testing.T, l *Lake) []row { rollback(t, l, 3); return nil }, 4, ""},
		{"set back by hand, and foreign append", func(t *testing.T, l *Lake) []row { rollback(t, l, 2); return foreignAppend(t, l) }, 2, ""},
		{"the property is gone", func(t *testing.T, l *Lake) []row { removeProperty(t, l); return nil }, 4, ""},
	}
	for _, mode := range []tidemark.Mode{tidemark.ModeAppend, tidemark.ModeMerge} {
		for _, tt := range tests {
			t.Run(string(mode)+"/"+tt.name, func(t *testing.T) {
				l := open(t, memOptions())
				target := l.Target(pipeline(mode), testLog(t))
				states := [][]row{nil}
				for i := range int32(4) {
					mustLoad(t, target, rowsOf(10*i, 10*i+10, "a"))
					if mode == tidemark.ModeMerge { // an older version must come back
						mustLoadOver(t, target, i)
					}
					states = append(states, scan(t, l))
				}
				others := tt.do(t, l)
				err := goBack(t, target, commitOf(mode, tt.to))
				if tt.hint != "" {
					if !errors.Is(err, tidemark.ErrInvalid) && !errors.Is(err, tidemark.ErrNotFound) || !strings.HasPrefix(tidemark.Hint(err), tt.hint) {
						t.Errorf("%v, hint %q, want %q", err, tidemark.Hint(err), tt.hint)
					}
					return
				}
				if err != nil {
					t.Fatalf("%v; %s", err, tidemark.Hint(err))
				}
				check(t, l, states[tt.to], others)
				newest := commitOf(mode, 4) + 1
				if got := seq(t, target); got != newest {
					t.Errorf("the table is at commit %d, want %d", got, newest)
				}
				mustLoad(t, target, rowsOf(70, 75, "later")) // and the pipeline goes on
				check(t, l, states[tt.to], others, rowsOf(70, 75, "later"))
			})
		}
	}
}

// mustLoadOver loads new versions of rows.
func mustLoadOver(t *testing.T, target *Target, i int32) {
	t.Helper()
	mustLoad(t, target, rowsOf(0, 3, strings.Repeat("b", int(i)+1)))
}

// commitOf is the number of the commit behind the nth step: a merge makes two in each.
func commitOf(mode tidemark.Mode, n int64) int64 {
	if mode == tidemark.ModeMerge {
		return 2 * n
	}
	return n
}

// TestRewindKeepsFiles: what was set back over can expire, and what came back stays.
func TestRewindKeepsFiles(t *testing.T) {
	for _, mode := range []tidemark.Mode{tidemark.ModeAppend, tidemark.ModeMerge, tidemark.ModeReplace} {
		l := open(t, memOptions())
		target := l.Target(pipeline(mode), testLog(t))
		mustLoad(t, target, rowsOf(0, 5, "a"))
		mustLoad(t, target, rowsOf(3, 9, "b"))
		want := scan(t, l)
		mustLoad(t, target, rowsOf(4, 12, "c"))
		compact(t, l)
		if err := goBack(t, target, 2); err != nil {
			t.Fatal(err)
		}
		tx := loadTable(t, l).NewTransaction()
		commitTx(t, tx, tx.ExpireSnapshots(table.WithRetainLast(1), table.WithOlderThan(0)))
		check(t, l, want)
		summary := loadTable(t, l).CurrentSnapshot().Summary.Properties
		if summary["tidemark-seq"] != "4" || summary["total-records"] == "0" {
			t.Errorf("%s: the summary is %v", mode, summary)
		}
		mustLoad(t, target, rowsOf(20, 21, "d"))
		if mode == tidemark.ModeReplace {
			want = nil
		}
		check(t, l, want, rowsOf(20, 21, "d"))
	}
}

// TestRewindLostAnswer: a run's answer to its commit was lost, and before it has looked, the commit was taken back. It was
// made all the same, and its files are not removed.
func TestRewindLostAnswer(t *testing.T) {
	l := open(t, memOptions())
	target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
	mustLoad(t, target, rowsOf(0, 5, "a"))
	base, err := target.Watermark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := write(t.Context(), target, base, rowsOf(5, 9, "b"))
	if err != nil {
		t.Fatal(err)
	}
	stale, err := write(t.Context(), target, base, rowsOf(5, 9, "stale"))
	if err != nil {
		t.Fatal(err)
	}
	if err := target.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := goBack(t, target, 1); err != nil {
		t.Fatal(err)
	}
	if err := target.Commit(t.Context(), c); err != nil {
		t.Errorf("the same commit again: %v", err)
	}
	if err := target.Commit(t.Context(), stale); !errors.Is(err, tidemark.ErrConflict) {
		t.Errorf("another commit on the same base: %v, want ErrConflict", err)
	}
	check(t, l, rowsOf(0, 5, "a"))
	h, err := target.History(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seqs := make([]int64, len(h.Commits))
	for i, w := range h.Commits {
		seqs[i] = w.Seq
	}
	if !slices.Equal(seqs, []int64{1, 2, 3}) || h.Held != 3 || h.Now.Seq != 3 {
		t.Errorf("the history is %v, held %d, now %d", seqs, h.Held, h.Now.Seq)
	}
}

// TestRewindMergedManifests: manifests are merged as a table grows, and still tell which commit brought which file.
func TestRewindMergedManifests(t *testing.T) {
	l := open(t, memOptions())
	target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
	mustLoad(t, target, rowsOf(0, 2, "a"))
	tx := loadTable(t, l).NewTransaction()
	commitTx(t, tx, tx.SetProperties(iceberg.Properties{table.ManifestMinMergeCountKey: "2"}))
	states := [][]row{nil, scan(t, l)}
	var foreign []row
	for i := range int32(4) {
		mustLoad(t, target, rowsOf(10*i+10, 10*i+13, "a"))
		states = append(states, slices.DeleteFunc(scan(t, l), func(r row) bool { return r.Name == "foreign" }))
		foreign = append(foreign, foreignAppend(t, l)...)
	}
	fs, err := loadTable(t, l).FS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if manifests, err := loadTable(t, l).CurrentSnapshot().Manifests(fs); err != nil || len(manifests) > 3 {
		t.Fatalf("%d manifests, %v: they were not merged", len(manifests), err)
	}
	for _, to := range []int64{4, 2, 1, 0} {
		if err := goBack(t, target, to); err != nil {
			t.Fatalf("to %d: %v; %s", to, err, tidemark.Hint(err))
		}
		check(t, l, states[to], foreign)
	}
	mustLoad(t, target, rowsOf(0, 2, "a"))
	check(t, l, states[1], foreign)
}

// TestRewindUnknownRows: rows that nobody knows are not taken out with the pipeline's.
func TestRewindUnknownRows(t *testing.T) {
	l := open(t, memOptions())
	target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
	mustLoad(t, target, rowsOf(0, 5, "a"))
	extra := foreignAppend(t, l)
	mustLoad(t, target, rowsOf(5, 9, "a"))
	expire(t, l)
	if err := goBack(t, target, 0); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(err.Error(), "holds 12 rows, of which pipeline orders has loaded 9") {
		t.Errorf("to before the first: %v", err)
	}
	check(t, l, rowsOf(0, 9, "a"), extra)
}
