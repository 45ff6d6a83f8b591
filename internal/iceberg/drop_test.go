package iceberg

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/tidemark-data/tidemark"
)

func planDrop(t *testing.T, l *Lake) *tidemark.Drop {
	t.Helper()
	d, err := l.PlanDrop(t.Context(), pipeline("").Target)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range d.Pipelines {
		d.Events = append(d.Events, tidemark.Event{Pipeline: w.Pipeline, Action: tidemark.ActionDrop})
	}
	return d
}

func nothing() error { return nil }

// TestDropBesideRun: a run that has written its files when the table is dropped cannot commit them, whether the drop has come
// to its end or not, and brings the table back neither in its old place nor anew.
func TestDropBesideRun(t *testing.T) {
	stopped := errors.New("stopped")
	everyLake(t, func(t *testing.T, o Options) {
		for _, last := range []func() error{nothing, func() error { return stopped }} {
			l, other := open(t, o), open(t, o)
			target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
			mustLoad(t, target, rowsOf(0, 10, "a"))
			base, err := target.Watermark(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			c, err := write(t.Context(), target, base, rowsOf(10, 20, "b"))
			if err != nil {
				t.Fatal(err)
			}
			ended := other.Drop(t.Context(), planDrop(t, other), last)
			if ended != nil && !errors.Is(ended, stopped) {
				t.Fatal(ended)
			}
			if err := target.Commit(t.Context(), c); err == nil {
				t.Fatal("the commit succeeded")
			}
			if ended == nil {
				if _, err := l.load(t.Context(), pipeline("").Target); !errors.Is(err, tidemark.ErrNotFound) {
					t.Errorf("load = %v, want ErrNotFound", err)
				}
			} else {
				if _, err := target.Watermark(t.Context()); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "catalog drop shop.orders") {
					t.Errorf("Watermark = %v with hint %q", err, tidemark.Hint(err))
				}
				if err := other.Drop(t.Context(), planDrop(t, other), nothing); err != nil {
					t.Fatal(err)
				}
			}
			again := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
			mustLoad(t, again, rowsOf(0, 3, "c"))
			check(t, l, rowsOf(0, 3, "c"))
			if got := seq(t, again); got != 1 {
				t.Errorf("seq = %d, want 1", got)
			}
			if err := other.Drop(t.Context(), planDrop(t, other), nothing); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// sleeping hands its one swap over when the table has gone, as one who was asleep in the midst of it.
type sleeping struct {
	heads
	gone func()
}

func (s sleeping) swap(ctx context.Context, v version) (table.Metadata, string, error) {
	s.gone()
	return s.heads.swap(ctx, v)
}

// TestSleeperDoesNotReviveTable: the place after its base is free when the table has gone.
func TestSleeperDoesNotReviveTable(t *testing.T) {
	everyLake(t, func(t *testing.T, o Options) {
		l, other := open(t, o), open(t, o)
		target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
		mustLoad(t, target, rowsOf(0, 10, "a"))
		base, err := target.Watermark(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c, err := write(t.Context(), target, base, rowsOf(10, 20, "b"))
		if err != nil {
			t.Fatal(err)
		}
		own := l.tables.heads
		l.tables.heads = sleeping{own, func() {
			l.tables.heads = own
			if err := other.Drop(t.Context(), planDrop(t, other), nothing); err != nil {
				t.Error(err)
			}
		}}
		if err := target.Commit(t.Context(), c); err == nil {
			t.Error("the commit succeeded")
		}
		if tables, err := other.Tables(t.Context()); err != nil || len(tables) > 0 {
			t.Errorf("tables %v, %v", tables, err)
		}
	})
}

// TestDropIsFenced: a commit behind the plan wins.
func TestDropIsFenced(t *testing.T) {
	l := open(t, memOptions())
	target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
	mustLoad(t, target, rowsOf(0, 10, "a"))
	d := planDrop(t, l)
	if d.Data.Rows != 10 || d.Commits != 1 || len(d.Pipelines) != 1 {
		t.Errorf("the plan is %+v", d)
	}
	mustLoad(t, target, rowsOf(10, 12, "b"))
	if err := l.Drop(t.Context(), d, nothing); !errors.Is(err, tidemark.ErrConflict) {
		t.Errorf("Drop = %v, want ErrConflict", err)
	}
	check(t, l, rowsOf(0, 10, "a"), rowsOf(10, 12, "b"))
}

// TestMarkedTableIsEmptyToOthers: who opens the marked table by its metadata sees no rows, and the table's own UUID.
func TestMarkedTableIsEmptyToOthers(t *testing.T) {
	l := open(t, memOptions())
	mustLoad(t, l.Target(pipeline(tidemark.ModeMerge), testLog(t)), rowsOf(0, 10, "a"))
	mustLoad(t, l.Target(pipeline(tidemark.ModeMerge), testLog(t)), rowsOf(5, 12, "b"))
	was := loadTable(t, l).Metadata().TableUUID()
	if err := l.Drop(t.Context(), planDrop(t, l), func() error { return errors.New("stopped") }); err == nil {
		t.Fatal("it was not stopped")
	}
	tbl, err := l.tables.loadAny(t.Context(), identifier(pipeline("").Target))
	if err != nil {
		t.Fatal(err)
	}
	if rows := scanTable(t, tbl); len(rows) > 0 || tbl.Metadata().TableUUID() != was || was == uuid.Nil {
		t.Errorf("others see %v in table %s, which was %s", rows, tbl.Metadata().TableUUID(), was)
	}
}
