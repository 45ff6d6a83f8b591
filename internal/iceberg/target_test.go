package iceberg

import (
	"testing"

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
