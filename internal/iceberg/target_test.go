package iceberg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

func TestAppend(t *testing.T) {
	everyLake(t, func(t *testing.T, o Options) {
		l := open(t, o)
		target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
		if w, err := target.Watermark(t.Context()); err != nil || w.Seq != 0 {
			t.Fatalf("watermark before the first commit = %+v, %v", w, err)
		}
		mustLoad(t, target, rowsOf(0, 50, "a"), rowsOf(50, 100, "a"))
		mustLoad(t, target, rowsOf(90, 120, "b"))
		mustLoad(t, target)
		check(t, l, rowsOf(0, 100, "a"), rowsOf(90, 120, "b"))

		fresh := open(t, o).Target(pipeline(tidemark.ModeAppend), testLog(t))
		w, err := fresh.Watermark(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if w.Seq != 3 || w.Total != 130 || len(w.Settlements) != 1 {
			t.Errorf("watermark = %+v, want commit 3 with 130 rows and a settlement", w)
		}
	})
}

func TestMerge(t *testing.T) {
	everyLake(t, func(t *testing.T, o Options) {
		l := open(t, o)
		p := pipeline(tidemark.ModeMerge)
		p.PartitionBy = []string{"day(day)", "bucket(2, id)"}
		target := l.Target(p, testLog(t))
		mustLoad(t, target, rowsOf(0, 50, "a"), rowsOf(50, 100, "a"))
		mustLoad(t, target, rowsOf(40, 60, "b"))
		// A row that moves to another partition must leave its old one.
		moved := rowsOf(10, 12, "c")
		for i := range moved {
			moved[i].Day = 17000
		}
		mustLoad(t, target, moved)
		mustLoad(t, target)
		check(t, l, rowsOf(0, 10, "a"), moved, rowsOf(12, 40, "a"), rowsOf(40, 60, "b"), rowsOf(60, 100, "a"))
	})
}

func TestReplace(t *testing.T) {
	everyLake(t, func(t *testing.T, o Options) {
		l := open(t, o)
		target := l.Target(pipeline(tidemark.ModeReplace), testLog(t))
		mustLoad(t, target, rowsOf(0, 100, "a"))
		mustLoad(t, target, rowsOf(50, 60, "b"), rowsOf(60, 70, "b"))
		check(t, l, rowsOf(50, 70, "b"))
		mustLoad(t, target)
		check(t, l)
		mustLoad(t, target, rowsOf(1, 3, "c"))
		check(t, l, rowsOf(1, 3, "c"))
		if got := seq(t, target); got != 4 {
			t.Errorf("seq = %d, want 4", got)
		}
	})
}

func TestTables(t *testing.T) {
	everyLake(t, func(t *testing.T, o Options) {
		l := open(t, o)
		var want []tidemark.TableID
		for _, id := range []tidemark.TableID{{Namespace: "crm", Name: "a"}, {Namespace: "shop", Name: "orders"}, {Namespace: "shop", Name: "orders2"}} {
			p := pipeline(tidemark.ModeAppend)
			p.Target = id
			mustLoad(t, l.Target(p, testLog(t)), rowsOf(0, 1, "a"))
			want = append(want, id)
		}
		got, err := l.Tables(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("tables (-want +got):\n%s", diff)
		}
	})
}

// TestFailedWrite: when the rows end with an error, nothing of them stays in the store.
func TestFailedWrite(t *testing.T) {
	broken := errors.New("the source broke")
	for _, mode := range []tidemark.Mode{tidemark.ModeAppend, tidemark.ModeMerge} {
		for _, by := range [][]string{nil, {"day"}} {
			t.Run(fmt.Sprint(mode, by), func(t *testing.T) {
				o := fileOptions(t)
				o.Dir = t.TempDir()
				l := open(t, o)
				p := pipeline(mode)
				p.PartitionBy, p.FileSize = by, 2<<20 // some files are finished, some grow, some are small
				target := l.Target(p, testLog(t))
				mustLoad(t, target, rowsOf(0, 3, "a"))
				before := objects(t, o)
				if err := target.Prepare(t.Context(), source()); err != nil {
					t.Fatal(err)
				}
				_, err := target.Write(t.Context(), "run", func(yield func(arrow.RecordBatch, error) bool) {
					for range 4 {
						rows := rowsOf(0, 10, "")
						for i := range rows {
							rows[i].Name = noise(100 << 10)
						}
						rows[0].Name = noise(1 << 20)
						if !yield(batchOf(rows), nil) {
							return
						}
					}
					yield(nil, broken)
				})
				if !errors.Is(err, broken) {
					t.Errorf("Write = %v, want the source's error", err)
				}
				if diff := cmp.Diff(before, objects(t, o)); diff != "" {
					t.Errorf("objects (-before +after):\n%s", diff)
				}
				if left, err := os.ReadDir(o.Dir); err != nil || len(left) > 0 {
					t.Errorf("%d spooled files are left, %v", len(left), err)
				}
			})
		}
	}
}

// objects lists the keys of a store in a folder, what is staged included.
func objects(t *testing.T, o Options) []string {
	t.Helper()
	var keys []string
	err := filepath.WalkDir(o.Root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			keys = append(keys, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
