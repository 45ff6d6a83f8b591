package iceberg

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob/blobtest"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// takeRowsOut adds to a commit that the rows with these ids go: by their places, or in ModeMerge by their keys.
func takeRowsOut(ctx context.Context, target *Target, c *tidemark.Commit, ids ...int32) error {
	if target.p.Mode == tidemark.ModeMerge {
		files, err := target.Erase(ctx, c.Watermark.Run, keyBatches(ids))
		c.Files = append(c.Files, files...)
		return err
	}
	places, err := placesOf(ctx, target.lake, target.p.Target, ids)
	if err != nil {
		return err
	}
	files, err := target.Rewrite(ctx, c.Watermark.Run, places)
	if err != nil {
		return err
	}
	c.Files = append(c.Files, files...)
	for _, f := range places {
		c.Replaces = append(c.Replaces, f.Key)
		c.Watermark.Total -= f.Rows.Len()
	}
	return nil
}

// placesOf returns where the rows with these ids are.
func placesOf(ctx context.Context, l *Lake, id tidemark.TableID, ids []int32) ([]tidemark.FileRows, error) {
	tbl, err := l.load(ctx, id)
	if err != nil {
		return nil, err
	}
	inv, err := l.takeInventory(ctx, tbl, nil)
	if err != nil {
		return nil, err
	}
	only := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int32}}, nil)
	var places []tidemark.FileRows
	for _, f := range inv.data {
		var rows tidemark.RowSet
		at := int64(0)
		for b, err := range l.read(ctx, f, only) {
			if err != nil {
				return nil, err
			}
			for _, id := range b.Column(0).(*array.Int32).Values() {
				if slices.Contains(ids, id) {
					rows.Add(at)
				}
				at++
			}
			b.Release()
		}
		key, err := l.root.key(f.FilePath())
		if err != nil {
			return nil, err
		}
		if rows.Len() > 0 {
			places = append(places, tidemark.FileRows{Key: key, Rows: rows})
		}
	}
	return places, nil
}

func keyBatches(ids []int32) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(source().Arrow().Fields()[:1], nil))
		defer b.Release()
		b.Field(0).(*array.Int32Builder).AppendValues(ids, nil)
		yield(b.NewRecordBatch(), nil)
	}
}

// mended is a run up to its commit, which takes rows out and brings others.
func mended(ctx context.Context, target *Target, rows []row, out ...int32) (tidemark.Commit, error) {
	base, err := target.Watermark(ctx)
	if err != nil {
		return tidemark.Commit{}, err
	}
	c, err := write(ctx, target, base, rows)
	if err == nil {
		err = takeRowsOut(ctx, target, &c, out...)
	}
	return c, err
}

func mustMend(t testing.TB, target *Target, rows []row, out ...int32) tidemark.Commit {
	t.Helper()
	c, err := mended(t.Context(), target, rows, out...)
	if err == nil {
		err = target.Commit(t.Context(), c)
	}
	if err != nil {
		t.Fatalf("%v; %s", err, tidemark.Hint(err))
	}
	return c
}

func outOf(rows []row, ids ...int32) []row {
	return slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return slices.Contains(ids, r.ID) })
}

func keysIn(t *testing.T, o Options, files []tidemark.DataFile) (there int) {
	t.Helper()
	for _, f := range files {
		if _, err := o.Store.Stat(t.Context(), f.(*dataFile).key); err == nil {
			there++
		} else if !errors.Is(err, tidemark.ErrNotFound) {
			t.Fatal(err)
		}
	}
	return there
}

// TestMendBesideOthers lets others change the table between the time that files are written anew and the commit. It goes
// through, unless a compaction took one of the files: then nothing of it is there, and the second try goes through.
func TestMendBesideOthers(t *testing.T) {
	other := func(t *testing.T, l *Lake) []row {
		p := pipeline(tidemark.ModeAppend)
		p.ID = "other"
		mustLoad(t, l.Target(p, slogDiscard()), rowsOf(200, 205, "other"))
		return rowsOf(200, 205, "other")
	}
	tests := []struct {
		name     string
		do       func(t *testing.T, l *Lake) []row
		conflict bool
	}{
		{"another pipeline", other, false},
		{"foreign append", foreignAppend, false},
		{"property", setProperty, false},
		{"other column", addColumn, false},
		{"compaction of other files", func(t *testing.T, l *Lake) []row { compactFiles(t, l, 2, 3); return nil }, false},
		{"compaction of some of the files", func(t *testing.T, l *Lake) []row { compactFiles(t, l, 1, 2); return nil }, true},
		{"compaction of all files", compact, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := memOptions()
			l := open(t, o)
			target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
			for i := range int32(4) {
				mustLoad(t, target, rowsOf(10*i, 10*i+10, fmt.Sprint(i)))
			}
			before := scan(t, l)
			c, err := mended(t.Context(), target, rowsOf(50, 55, "new"), 3, 4, 15)
			if err != nil {
				t.Fatal(err)
			}
			extra := tt.do(t, l)
			err = target.Commit(t.Context(), c)
			if tt.conflict {
				if !errors.Is(err, tidemark.ErrConflict) || !strings.Contains(tidemark.Hint(err), "compacted") {
					t.Errorf("Commit = %v, hint %q, want ErrConflict", err, tidemark.Hint(err))
				}
				check(t, l, before, extra)
				if got := seq(t, target); got != 4 {
					t.Errorf("the watermark is at %d, want 4", got)
				}
				if n := keysIn(t, o, c.Files); n > 0 {
					t.Errorf("%d files of the commit are left", n)
				}
				c = mustMend(t, target, rowsOf(50, 55, "new"), 3, 4, 15)
			} else if err != nil {
				t.Fatal(err)
			}
			check(t, l, outOf(before, 3, 4, 15), rowsOf(50, 55, "new"), extra)
			summary := loadTable(t, l).CurrentSnapshot().Summary
			if summary.Properties[summaryReplaced] != fmt.Sprint(len(c.Replaces)) || summary.Operation != "overwrite" {
				t.Errorf("the summary is %+v", summary)
			}
			if err := target.Commit(t.Context(), c); err != nil {
				t.Errorf("the same commit again: %v", err)
			}
			check(t, l, outOf(before, 3, 4, 15), rowsOf(50, 55, "new"), extra)
		})
	}
}

// compactFiles puts data files together, by their numbers in the order in which they were committed.
func compactFiles(t *testing.T, l *Lake, numbers ...int) {
	t.Helper()
	r, id := preparedOf(t, l, numbers...)
	if _, err := publishRewrite(t, l, r, id); err != nil {
		t.Fatal(err)
	}
}

func preparedOf(t *testing.T, l *Lake, numbers ...int) (*rewrite, string) {
	t.Helper()
	u := &upkeep{lake: l, p: pipeline(tidemark.ModeAppend), log: slogDiscard()}
	inv, err := u.inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(inv.data, func(a, b liveFile) int { return int(a.seq - b.seq) })
	var j job
	for _, n := range numbers {
		j.data = append(j.data, inv.data[n])
	}
	r, id, err := u.rewrite(t.Context(), inv, j)
	if err == nil {
		err = r.run(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return r, id
}

// TestCompactionGivesWay: a compaction that has read a file which a commit replaces since is not published, or rows would
// be back; one of other files is.
func TestCompactionGivesWay(t *testing.T) {
	for _, gives := range []bool{true, false} {
		l := open(t, memOptions())
		target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
		for i := range int32(4) {
			mustLoad(t, target, rowsOf(10*i, 10*i+10, fmt.Sprint(i)))
		}
		want := outOf(scan(t, l), 3, 35)
		files := []int{1, 2}
		if gives {
			files = []int{0, 1}
		}
		r, id := preparedOf(t, l, files...)
		mustMend(t, target, nil, 3, 35)
		if _, err := publishRewrite(t, l, r, id); gives != errors.Is(err, errOvertaken) || !gives && err != nil {
			t.Errorf("files %v: published, %v", files, err)
		}
		check(t, l, want)
	}
}

// TestMendBesideMaintenance mends a table again and again while it is compacted and its snapshots expire.
func TestMendBesideMaintenance(t *testing.T) {
	for _, mode := range []tidemark.Mode{tidemark.ModeAppend, tidemark.ModeMerge} {
		t.Run(string(mode), func(t *testing.T) {
			rounds := 40
			if testing.Short() || testenv.Race {
				rounds = 10
			}
			o, p, model := fileOptions(t), pipeline(mode), newModel(mode)
			target, other := open(t, o).Target(p, slogDiscard()), open(t, o)
			mustLoad(t, target, rowsOf(0, 100, "first"))
			model.add(rowsOf(0, 100, "first"))
			conflicts := 0
			for i := range int32(rounds) {
				out, rows := []int32{i, 2*i + 3, 100 + i/2}, rowsOf(100+i, 101+i, "new")
				model.rows = outOf(model.rows, out...)
				model.add(rows)
				var wg sync.WaitGroup
				wg.Go(func() {
					for {
						c, err := mended(t.Context(), target, rows, out...)
						if err == nil {
							err = target.Commit(t.Context(), c)
						}
						if errors.Is(err, tidemark.ErrConflict) {
							conflicts++
							target.Discard(t.Context(), c.Files)
							continue
						}
						if err != nil {
							t.Errorf("mend %d: %v", i, err)
						}
						return
					}
				})
				wg.Go(func() {
					if _, err := other.Maintain(t.Context(), p, UpkeepOptions{KeepLast: 1, LeftoverAge: time.Hour}, slogDiscard()); err != nil {
						t.Errorf("maintain beside mend %d: %v", i, err)
					}
				})
				wg.Wait()
				if i%10 == 9 || t.Failed() {
					model.check(t, open(t, o))
				}
			}
			model.check(t, open(t, o))
			if got := seq(t, target); got != int64(rounds+1) {
				t.Errorf("commit %d, want %d", got, rounds+1)
			}
			t.Logf("%d conflicts", conflicts)
		})
	}
}

// TestRewriteOfRemovedFile: a file is compacted and its snapshot expires while it is about to be read.
func TestRewriteOfRemovedFile(t *testing.T) {
	o := memOptions()
	l := open(t, o)
	p := pipeline(tidemark.ModeAppend)
	mustLoad(t, l.Target(p, slogDiscard()), rowsOf(0, 10, "a"))
	mustLoad(t, l.Target(p, slogDiscard()), rowsOf(10, 20, "b"))
	places, err := placesOf(t.Context(), l, p.Target, []int32{3})
	if err != nil {
		t.Fatal(err)
	}
	removed := false
	shaky := open(t, Options{Root: o.Root, Store: blobtest.Faulty(o.Store, func(op blobtest.Op, key string) blobtest.Fault {
		if key == places[0].Key && !removed {
			removed = true
			maintain(t, l, p, everything)
			mustLoad(t, l.Target(p, slogDiscard()), rowsOf(20, 21, "c"))
			maintain(t, l, p, everything) // the newest run's snapshot is kept
		}
		return blobtest.None
	})})
	target := shaky.Target(p, slogDiscard())
	if err := target.Prepare(t.Context(), source()); err != nil {
		t.Fatal(err)
	}
	if _, err := target.Rewrite(t.Context(), "run", places); !errors.Is(err, tidemark.ErrConflict) || !removed {
		t.Errorf("Rewrite = %v, want ErrConflict", err)
	}
	check(t, l, rowsOf(0, 10, "a"), rowsOf(10, 20, "b"), rowsOf(20, 21, "c"))
}

// TestRewriteRefusesDeletes: a file that is written anew is newer than all deletes, so that they would not apply any more.
func TestRewriteRefusesDeletes(t *testing.T) {
	l := open(t, memOptions())
	p := pipeline(tidemark.ModeMerge)
	target := l.Target(p, testLog(t))
	mustLoad(t, target, rowsOf(0, 10, "a"))
	mustLoad(t, target, rowsOf(5, 12, "b"))
	places, err := placesOf(t.Context(), l, p.Target, []int32{3})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := target.Rewrite(t.Context(), "run", places); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "tidemark maintain") {
		t.Errorf("Rewrite = %v, hint %q, want ErrInvalid", err, tidemark.Hint(err))
	}
	maintain(t, l, p, everything)
	files, err := target.Rewrite(t.Context(), "run", nil)
	if err != nil || len(files) > 0 {
		t.Errorf("Rewrite of nothing = %v, %v", files, err)
	}
	// Deletes that come between are found too.
	alone := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
	c, err := mended(t.Context(), alone, nil, 3)
	if err != nil {
		t.Fatal(err)
	}
	foreignErase(t, l, 7)
	if err := alone.Commit(t.Context(), c); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("Commit = %v, want ErrInvalid", err)
	}
	check(t, l, rowsOf(0, 5, "a"), outOf(rowsOf(5, 12, "b"), 7))
}

// foreignErase erases rows as another engine would, which knows nothing of watermarks.
func foreignErase(t *testing.T, l *Lake, ids ...int32) {
	t.Helper()
	target := l.Target(pipeline(tidemark.ModeMerge), testLog(t))
	if err := target.Prepare(t.Context(), source()); err != nil {
		t.Fatal(err)
	}
	files, err := target.Erase(t.Context(), "run", keyBatches(ids))
	if err != nil {
		t.Fatal(err)
	}
	tx := loadTable(t, l).NewTransaction()
	delta := tx.NewRowDelta(nil)
	for _, f := range files {
		delta.AddDeletes(f.(*dataFile).DataFile)
	}
	if err := delta.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	commitTx(t, tx, nil)
}

// TestEraseOfNewRows: rows with the keys come into an empty table from elsewhere, between Erase and the commit. They go,
// and a first merge beside them begins again.
func TestEraseOfNewRows(t *testing.T) {
	l := open(t, memOptions())
	target := l.Target(pipeline(tidemark.ModeMerge), testLog(t))
	c, err := mended(t.Context(), target, nil, 3, 4)
	if err != nil {
		t.Fatal(err)
	}
	both, err := mended(t.Context(), target, rowsOf(0, 2, "a"), 3, 4)
	if err != nil {
		t.Fatal(err)
	}
	appendRows(t, loadTable(t, l), rowsOf(0, 10, "foreign"))
	if err := target.Commit(t.Context(), both); !errors.Is(err, tidemark.ErrRestart) {
		t.Errorf("Commit = %v, want ErrRestart", err)
	}
	if err := target.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	check(t, l, outOf(rowsOf(0, 10, "foreign"), 3, 4))
}

// TestEraseWiderKeys: keys may be of the source's type or of the table's, which is wider by now. What is left is looked at
// once the deletes are applied: iceberg-go's own reader applies none of bigint keys to files with int ones.
func TestEraseWiderKeys(t *testing.T) {
	l := open(t, memOptions())
	target := l.Target(pipeline(tidemark.ModeMerge), testLog(t))
	mustLoad(t, target, rowsOf(0, 10, "a"))
	widenID(t, l)
	mustLoad(t, target, rowsOf(5, 12, "b"))
	mustMend(t, target, nil, 1, 6) // int keys, the table has bigint
	maintain(t, l, target.p, everything)
	if data, deletes := files(t, l); data != 1 || deletes != 0 {
		t.Errorf("%d data files, %d of deletes", data, deletes)
	}
	check(t, l, outOf(rowsOf(0, 5, "a"), 1), outOf(rowsOf(5, 12, "b"), 6))
}
