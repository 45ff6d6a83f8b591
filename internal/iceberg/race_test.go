package iceberg

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
)

// TestManyWriters lets four pipelines append to one table at the same time: no commit is lost, none is doubled.
func TestManyWriters(t *testing.T) {
	const writers, commits = 4, 10
	everyLake(t, func(t *testing.T, o Options) {
		var wg sync.WaitGroup
		errs := make([]error, writers)
		for n := range writers {
			l := open(t, o)
			wg.Go(func() {
				p := pipeline(tidemark.ModeAppend)
				p.ID = tidemark.PipelineID(fmt.Sprintf("writer-%d", n))
				for i := range commits {
					first := int32(n*commits + i)
					if errs[n] = loadRows(context.Background(), l.Target(p, slogDiscard()), rowsOf(first, first+1, string(p.ID))); errs[n] != nil {
						return
					}
				}
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		l := open(t, o)
		var want []row
		for n := range int32(writers) {
			p := pipeline(tidemark.ModeAppend)
			p.ID = tidemark.PipelineID(fmt.Sprintf("writer-%d", n))
			want = append(want, rowsOf(n*commits, (n+1)*commits, string(p.ID))...)
			if got := seq(t, l.Target(p, slogDiscard())); got != commits {
				t.Errorf("pipeline %s is at commit %d, want %d", p.ID, got, commits)
			}
		}
		check(t, l, want)
	})
}

// TestTwoRunsOfOnePipeline: both have read the same watermark, one commits, the other gets ErrConflict and leaves no
// file behind.
func TestTwoRunsOfOnePipeline(t *testing.T) {
	everyLake(t, func(t *testing.T, o Options) {
		for _, first := range []bool{true, false} { // on a table that is not there, and on one with a commit
			a, b := open(t, o).Target(pipeline(tidemark.ModeAppend), testLog(t)), open(t, o).Target(pipeline(tidemark.ModeAppend), testLog(t))
			base, err := a.Watermark(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			mine, err := write(t.Context(), a, base, rowsOf(0, 10, fmt.Sprint("a", first)))
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := write(t.Context(), b, base, rowsOf(0, 10, fmt.Sprint("b", first)))
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Commit(t.Context(), theirs); err != nil {
				t.Fatal(err)
			}
			if err := a.Commit(t.Context(), mine); !errors.Is(err, tidemark.ErrConflict) {
				t.Fatalf("the second commit = %v, want ErrConflict", err)
			}
			if err := b.Commit(t.Context(), theirs); err != nil {
				t.Errorf("the same commit again = %v, want nil", err)
			}
			for _, f := range mine.Files {
				if _, err := o.Store.Stat(t.Context(), f.(*dataFile).key); !errors.Is(err, tidemark.ErrNotFound) {
					t.Errorf("file %s of the loser is still there: %v", f.Path(), err)
				}
			}
		}
		check(t, open(t, o), rowsOf(0, 10, "btrue"), rowsOf(0, 10, "bfalse"))
	})
}

// TestForeignCommits lets others change the table between a run's Write and its Commit.
func TestForeignCommits(t *testing.T) {
	foreigners := map[string]func(t *testing.T, l *Lake) []row{
		"append":       foreignAppend,
		"compaction":   compact,
		"property":     setProperty,
		"other column": addColumn,
	}
	for _, mode := range []tidemark.Mode{tidemark.ModeAppend, tidemark.ModeMerge, tidemark.ModeReplace} {
		for name, foreign := range foreigners {
			t.Run(fmt.Sprintf("%s/%s", mode, name), func(t *testing.T) {
				l := open(t, memOptions())
				target := l.Target(pipeline(mode), testLog(t))
				mustLoad(t, target, rowsOf(0, 10, "a"))
				mustLoad(t, target, rowsOf(0, 10, "b"))
				base, err := target.Watermark(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				c, err := write(t.Context(), target, base, rowsOf(5, 12, "c"))
				if err != nil {
					t.Fatal(err)
				}
				extra := foreign(t, l)
				if err := target.Commit(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				switch mode {
				case tidemark.ModeAppend:
					check(t, l, rowsOf(0, 10, "a"), rowsOf(0, 10, "b"), rowsOf(5, 12, "c"), extra)
				case tidemark.ModeMerge:
					check(t, l, rowsOf(0, 5, "b"), rowsOf(5, 12, "c"), extra)
				case tidemark.ModeReplace:
					check(t, l, rowsOf(5, 12, "c"))
				}
				if got := seq(t, target); got != 3 {
					t.Errorf("seq = %d, want 3", got)
				}
			})
		}
	}
}

func loadTable(t *testing.T, l *Lake) *table.Table {
	t.Helper()
	tbl, err := l.load(t.Context(), pipeline("").Target)
	if err != nil {
		t.Fatal(err)
	}
	return tbl
}

// foreignAppend adds rows with iceberg-go's own writer, as another program would.
func foreignAppend(t *testing.T, l *Lake) []row {
	t.Helper()
	extra := rowsOf(100, 103, "foreign")
	appendRows(t, loadTable(t, l), extra)
	return extra
}

func appendRows(t *testing.T, tbl *table.Table, rows []row) {
	t.Helper()
	b := batchOf(rows)
	defer b.Release()
	r, err := array.NewRecordReader(b.Schema(), []arrow.RecordBatch{b})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if _, err := tbl.Append(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
}

// compact rewrites all data files into one, applying the deletes.
func compact(t *testing.T, l *Lake) []row {
	t.Helper()
	tbl := loadTable(t, l)
	tasks, err := tbl.Scan().PlanFiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var size int64
	for _, task := range tasks {
		size += task.File.FileSizeBytes()
	}
	tx := tbl.NewTransaction()
	result, err := tx.RewriteDataFiles(t.Context(), []table.CompactionTaskGroup{{Tasks: tasks, TotalSizeBytes: size}}, table.RewriteDataFilesOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if result.AddedDataFiles == 0 {
		t.Fatal("the compaction did nothing")
	}
	if _, err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	return nil
}

func setProperty(t *testing.T, l *Lake) []row {
	t.Helper()
	tx := loadTable(t, l).NewTransaction()
	if err := tx.SetProperties(iceberg.Properties{"owner": "someone"}); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	return nil
}

func addColumn(t *testing.T, l *Lake) []row {
	t.Helper()
	tx := loadTable(t, l).NewTransaction()
	if err := tx.UpdateSchema(true, false).AddColumn([]string{"note"}, iceberg.PrimitiveTypes.String, "", false, nil).Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	return nil
}

// TestBlindMerge: a merge into an empty table writes no deletes. When rows come from elsewhere before it commits, it
// must begin again, or two versions of a key would stay.
func TestBlindMerge(t *testing.T) {
	l := open(t, memOptions())
	target := l.Target(pipeline(tidemark.ModeMerge), testLog(t))
	c, err := write(t.Context(), target, tidemark.Watermark{}, rowsOf(0, 10, "a"))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Files) != 1 {
		t.Errorf("a first merge wrote %d files, want 1 without deletes", len(c.Files))
	}
	appendRows(t, loadTable(t, l), rowsOf(5, 15, "foreign"))
	if err := target.Commit(t.Context(), c); !errors.Is(err, tidemark.ErrRestart) {
		t.Fatalf("Commit = %v, want ErrRestart", err)
	}
	target.Discard(t.Context(), c.Files)
	if c, err = write(t.Context(), target, tidemark.Watermark{}, rowsOf(0, 10, "a")); err != nil {
		t.Fatal(err)
	}
	if err := target.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	check(t, l, rowsOf(0, 10, "a"), rowsOf(10, 15, "foreign"))
}

// TestEveryCommitMakesASnapshot shows why: a commit of a property alone passes the assertion on the head of main
// although another one came in between, and ours, with rows or without, moves the head.
func TestEveryCommitMakesASnapshot(t *testing.T) {
	l := open(t, memOptions())
	target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
	mustLoad(t, target, rowsOf(0, 1, "a"))

	one, two := loadTable(t, l).NewTransaction(), loadTable(t, l).NewTransaction()
	for i, tx := range []*table.Transaction{one, two} {
		if err := errors.Join(tx.AssertRefSnapshotID(table.MainBranch), tx.SetProperties(iceberg.Properties{"w": fmt.Sprint(i)})); err != nil {
			t.Fatal(err)
		}
	}
	for i, tx := range []*table.Transaction{one, two} {
		if _, err := tx.Commit(t.Context()); err != nil {
			t.Errorf("property-only commit %d = %v, want nil: then the head is a fence for it too", i, err)
		}
	}
	for _, mode := range []tidemark.Mode{tidemark.ModeAppend, tidemark.ModeMerge, tidemark.ModeReplace} {
		p := pipeline(mode)
		p.Target.Name = "orders_" + string(mode)
		target := l.Target(p, testLog(t))
		var heads []int64
		for range 3 {
			mustLoad(t, target)
			tbl, err := l.load(t.Context(), p.Target)
			if err != nil {
				t.Fatal(err)
			}
			head := tbl.CurrentSnapshot()
			if head == nil {
				t.Fatalf("%s: a commit without rows made no snapshot", mode)
			}
			if slices.Contains(heads, head.SnapshotID) {
				t.Errorf("%s: a commit without rows did not move the head", mode)
			}
			heads = append(heads, head.SnapshotID)
		}
	}
}

// TestTableMadeAnew: the table was dropped and made again while a run was under way. Nothing of the run fits there.
func TestTableMadeAnew(t *testing.T) {
	l := open(t, memOptions())
	target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
	c, err := write(t.Context(), target, tidemark.Watermark{}, rowsOf(0, 5, "a"))
	if err != nil {
		t.Fatal(err)
	}
	for object, err := range l.store.List(t.Context(), "shop/orders/metadata/") {
		if err != nil {
			t.Fatal(err)
		}
		if err := l.store.Delete(t.Context(), object.Key); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Target(pipeline(tidemark.ModeAppend), testLog(t)).Prepare(t.Context(), source()); err != nil {
		t.Fatal(err)
	}
	if err := target.Commit(t.Context(), c); !errors.Is(err, tidemark.ErrConflict) {
		t.Errorf("Commit = %v, want ErrConflict", err)
	}
	check(t, l)
}

// TestPreparedAtOnce: two processes make or change one table.
func TestPreparedAtOnce(t *testing.T) {
	everyLake(t, func(t *testing.T, o Options) {
		for _, column := range []string{"", "note"} {
			s := source()
			if column != "" {
				s.Columns = append(s.Columns, tidemark.Column{Name: column, Type: arrow.BinaryTypes.String, Nullable: true})
			}
			var wg sync.WaitGroup
			errs := make([]error, 4)
			for i := range errs {
				target := open(t, o).Target(pipeline(tidemark.ModeAppend), testLog(t))
				if _, err := target.Watermark(t.Context()); err != nil {
					t.Fatal(err)
				}
				wg.Go(func() { errs[i] = target.Prepare(context.Background(), s) })
			}
			wg.Wait()
			if err := errors.Join(errs...); err != nil {
				t.Error(err)
			}
		}
		if n := len(loadTable(t, open(t, o)).Schema().Fields()); n != 4 {
			t.Errorf("the table has %d columns, want 4", n)
		}
	})
}

// TestCancelledCommit: a run that is cancelled while it swaps still finds out what became of the swap.
func TestCancelledCommit(t *testing.T) {
	s := newFaultScene(t, tidemark.ModeAppend, CatalogSQLite, nil)
	target := s.target()
	base, err := target.Watermark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := write(t.Context(), target, base, rowsOf(0, 5, "a"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	target.lake.tables.heads = cancelling{target.lake.tables.heads, cancel}
	if err := target.Commit(ctx, c); err != nil {
		t.Errorf("Commit = %v, want nil: it was published", err)
	}
	if got := seq(t, s.lake.Target(pipeline(tidemark.ModeAppend), slogDiscard())); got != 1 {
		t.Errorf("seq = %d, want 1", got)
	}
}

// cancelling publishes, cancels the run, and reports the cancellation.
type cancelling struct {
	heads
	cancel context.CancelFunc
}

func (c cancelling) swap(ctx context.Context, v version) (table.Metadata, string, error) {
	if _, _, err := c.heads.swap(ctx, v); err != nil {
		return nil, "", err
	}
	c.cancel()
	return nil, "", ctx.Err()
}

// TestDenied: a store that refuses to write is no mystery: nothing was done, and it is said at once.
func TestDenied(t *testing.T) {
	l := open(t, memOptions())
	target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
	denied := func(to *Lake) { to.tables.heads = denying{to.tables.heads} }

	closed := open(t, Options{Store: l.store, Root: string(l.root)})
	denied(closed)
	if err := closed.Target(pipeline(tidemark.ModeAppend), testLog(t)).Prepare(t.Context(), source()); !errors.Is(err, tidemark.ErrDenied) || errors.Is(err, tidemark.ErrTransient) {
		t.Errorf("Prepare = %v, want ErrDenied alone", err)
	}
	c, err := write(t.Context(), target, tidemark.Watermark{}, rowsOf(0, 5, "a"))
	if err != nil {
		t.Fatal(err)
	}
	target.lake = closed
	if err := target.Commit(t.Context(), c); !errors.Is(err, tidemark.ErrDenied) || errors.Is(err, tidemark.ErrFatal) {
		t.Errorf("Commit = %v, want ErrDenied alone", err)
	}
}

type denying struct{ heads }

func (denying) swap(context.Context, version) (table.Metadata, string, error) {
	return nil, "", fmt.Errorf("put: %w", tidemark.ErrDenied)
}
