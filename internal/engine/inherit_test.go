package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/blob/blobtest"
	"github.com/tidemark-data/tidemark/internal/engine"
)

// fetches is a watermark table in memory.
type fetches struct {
	values []tidemark.CursorValue
	fails  error // of the next Insert
}

func (f *fetches) String() string { return "t in db.fetch_details" }

func (f *fetches) Newest(context.Context, tidemark.Cursor) (tidemark.Fetched, error) {
	var newest tidemark.CursorValue
	for _, v := range f.values {
		newest = newest.Max(v)
	}
	return tidemark.Fetched{Value: newest}, nil
}

func (f *fetches) Insert(ctx context.Context, c tidemark.Cursor, high tidemark.CursorValue) (tidemark.Fetched, error) {
	if err := f.fails; err != nil {
		f.fails = nil
		return tidemark.Fetched{}, err
	}
	if newest, _ := f.Newest(ctx, c); newest.Value.Less(high) {
		f.values = append(f.values, high)
	}
	return f.Newest(ctx, c)
}

// runFrom runs a pipeline that has a watermark table.
func runFrom(ctx context.Context, t *testing.T, store storage, p tidemark.Pipeline, source tidemark.Source, f *fetches, first tidemark.FirstWindow) (tidemark.RunResult, error) {
	t.Helper()
	parts := openLake(t, store, p).parts(t, store, p)
	parts.Source, parts.Fetches, parts.First, parts.Mirrors = source, f, first, true
	parts.Pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	return engine.Run(ctx, p, parts, new(engine.Progress))
}

func mustRunFrom(t *testing.T, store storage, p tidemark.Pipeline, source tidemark.Source, f *fetches, first tidemark.FirstWindow) tidemark.RunResult {
	t.Helper()
	r, err := runFrom(t.Context(), t, store, p, source, f, first)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// fetched is a source of which another process has loaded rows 1 to 4, up to second 1010. Row 5 shares that second, row 6 is
// younger, and row 7 has no cursor.
func fetched() (*table, *fetches) {
	source := newTable()
	source.insert(1, 2)
	source.pass(10)
	source.insert(3, 4, 5)
	source.pass(1)
	source.insert(6)
	source.rows = append(source.rows, row{id: 7, note: "no cursor"})
	source.pass(60)
	return source, &fetches{values: []tidemark.CursorValue{cursorOf(900), cursorOf(1010)}}
}

func ids(rows []row) (list []int32) {
	for _, r := range rows {
		list = append(list, r.id)
	}
	return list
}

var appendAndMerge = []struct {
	format tidemark.Format
	mode   tidemark.Mode
}{{tidemark.FormatIceberg, tidemark.ModeAppend}, {tidemark.FormatIceberg, tidemark.ModeMerge}, {tidemark.FormatParquet, tidemark.ModeAppend}}

// TestInherit begins where a watermark table ends, and goes on as ever.
func TestInherit(t *testing.T) {
	for _, way := range appendAndMerge {
		for _, c := range []struct {
			first  tidemark.FirstWindow
			loaded []int32
			notice string
		}{
			{tidemark.FirstAfter, []int32{6, 7}, "begins after 1970-01-01 00:16:50, the watermark of t in db.fetch_details"},
			{tidemark.FirstFrom, []int32{3, 4, 5, 6, 7}, "begins at 1970-01-01 00:16:50"},
			{tidemark.FirstNone, []int32{1, 2, 3, 4, 5, 6, 7}, ""},
		} {
			t.Run(fmt.Sprintf("%s %s %s", way.format, way.mode, c.first), func(t *testing.T) {
				store, p := blob.NewMem(), pipelineOf(way.format, way.mode)
				source, f := fetched()
				r := mustRunFrom(t, store, p, source, f, c.first)
				if got := ids(held(t, store, p)); !slices.Equal(got, c.loaded) || r.New != int64(len(c.loaded)) || !r.Committed {
					t.Errorf("the lake holds %v of %+v, want %v", got, r, c.loaded)
				}
				if got := strings.Join(r.Notices, "; "); !strings.Contains(got, c.notice) || c.notice == "" && got != "" {
					t.Errorf("notices %q, want %q", got, c.notice)
				}
				if r.High != cursorOf(1011) || r.Mirrored != r.High || len(f.values) != 3 {
					t.Errorf("high %s, mirrored %s, the table has %v", r.High, r.Mirrored, f.values)
				}
				if again := mustRunFrom(t, store, p, source, f, c.first); again.New != 0 || again.Committed || len(f.values) != 3 {
					t.Errorf("a run without news: %+v, the table has %v", again, f.values)
				}
				source.update(4, "second 4")
				source.rows = append(source.rows, row{id: 8, ts: 1011, note: "tied"}) // inserted late, in the second of row 6
				if r = mustRunFrom(t, store, p, source, f, c.first); r.New != 2 || r.Mirrored != cursorOf(1071) {
					t.Errorf("a run with two changes: %+v", r)
				}
			})
		}
	}
}

// TestInheritWithoutRow is a first load as usual, whose high the table gets.
func TestInheritWithoutRow(t *testing.T) {
	store, p := blob.NewMem(), pipelineOf(tidemark.FormatIceberg, tidemark.ModeAppend)
	source, _ := fetched()
	f := &fetches{}
	if r := mustRunFrom(t, store, p, source, f, tidemark.FirstAfter); r.New != 7 || r.Seq != 1 || !slices.Equal(f.values, []tidemark.CursorValue{cursorOf(1011)}) {
		t.Errorf("%+v, the table has %v", r, f.values)
	}
}

// TestInheritLate begins while rows are written that the other process cannot have had, though their cursor is not above
// its watermark: they are loaded once they are there.
func TestInheritLate(t *testing.T) {
	for _, first := range []tidemark.FirstWindow{tidemark.FirstAfter, tidemark.FirstFrom} {
		for _, way := range appendAndMerge {
			store, source, p := blob.NewMem(), newTable(), pipelineOf(way.format, way.mode)
			source.insert(1)
			source.pass(5)
			source.begin(20)
			source.insert(2)
			source.pass(5)
			source.begin(21)
			source.insert(3)
			f := &fetches{values: []tidemark.CursorValue{cursorOf(source.now)}}
			r := mustRunFrom(t, store, p, source, f, first)
			want := map[tidemark.FirstWindow][]int32{tidemark.FirstAfter: nil, tidemark.FirstFrom: {3}}[first]
			if got := ids(held(t, store, p)); !slices.Equal(got, want) {
				t.Errorf("%v %s: the lake holds %v, want %v; %+v", way, first, got, want, r)
			}
			source.commit()
			source.pass(5)
			source.insert(4)
			mustRunFrom(t, store, p, source, f, first)
			if got, want := ids(held(t, store, p)), slices.Sorted(slices.Values(append(want, 4, 20, 21))); !slices.Equal(got, want) {
				t.Errorf("%v %s: then the lake holds %v, want %v", way, first, got, want)
			}
		}
	}
}

// TestInheritOnce looks at the table before the first commit only: later its rows are the pipeline's own.
func TestInheritOnce(t *testing.T) {
	store, p := blob.NewMem(), pipelineOf(tidemark.FormatIceberg, tidemark.ModeAppend)
	source, f := fetched()
	mustRunFrom(t, store, p, source, f, tidemark.FirstAfter)
	mustRewind(t, store, p, engine.Goal{All: true})
	if r := mustRunFrom(t, store, p, source, f, tidemark.FirstAfter); r.New != 7 {
		t.Errorf("after going back to before the first commit: %+v", r)
	}
	if len(f.values) != 3 {
		t.Errorf("the table has %v", f.values)
	}
}

// TestMirrorFails lets a row be refused: the run is good all the same, and the next one adds it.
func TestMirrorFails(t *testing.T) {
	store, p := blob.NewMem(), pipelineOf(tidemark.FormatIceberg, tidemark.ModeAppend)
	source, f := fetched()
	f.fails = tidemark.WithHint(fmt.Errorf("no privilege: %w", tidemark.ErrDenied), "GRANT INSERT")
	r := mustRunFrom(t, store, p, source, f, tidemark.FirstNone)
	if got := strings.Join(r.Notices, "; "); !r.Committed || !r.Mirrored.IsZero() || !strings.Contains(got, "no privilege") || !strings.Contains(got, "GRANT INSERT") {
		t.Errorf("%+v", r)
	}
	if r = mustRunFrom(t, store, p, source, f, tidemark.FirstNone); r.Committed || r.Mirrored != cursorOf(1011) {
		t.Errorf("the next run: %+v", r)
	}
}

// ahead is a table whose clock shows what the server's does.
type ahead struct{ *table }

func (a ahead) Settle(ctx context.Context, previous tidemark.Watermark) (tidemark.Settled, error) {
	s, err := a.table.Settle(ctx, previous)
	s.Clock = cursorOf(a.now)
	return s, err
}

func TestInheritFromTheFuture(t *testing.T) {
	store, p := blob.NewMem(), pipelineOf(tidemark.FormatIceberg, tidemark.ModeAppend)
	source, f := fetched()
	f.values = append(f.values, cursorOf(source.now+24*60*60))
	_, err := runFrom(t.Context(), t, store, p, ahead{source}, f, tidemark.FirstAfter)
	if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "first: none") {
		t.Errorf("%v (hint %q)", err, tidemark.Hint(err))
	}
	if w, err := openLake(t, store, p).target.Watermark(t.Context()); err != nil || w.Seq != 0 {
		t.Errorf("the watermark is %+v, %v", w, err)
	}
}

// TestInheritFaults strikes each write of a first run that goes on from a watermark table, as TestFaultTable does, and has
// another process run behind it.
func TestInheritFaults(t *testing.T) {
	for _, way := range appendAndMerge {
		t.Run(fmt.Sprintf("%s %s", way.format, way.mode), func(t *testing.T) {
			t.Parallel()
			p := pipelineOf(way.format, way.mode)
			writes := inheritWithFault(t, p, fault{})
			if writes < 6 {
				t.Fatalf("only %d writes", writes)
			}
			for write := range writes {
				for _, f := range waysOf(write) {
					inheritWithFault(t, p, fault{0, write + 1, f.kind, f.kill})
				}
			}
			t.Logf("faults struck in %d writes", writes)
		})
	}
}

func inheritWithFault(t *testing.T, p tidemark.Pipeline, f fault) (writes int) {
	t.Helper()
	ctx, kill := context.WithCancel(context.Background())
	defer kill()
	store, dead := blob.NewMem(), false
	source, table := fetched()
	faulty := blobtest.Faulty(store, func(op blobtest.Op, _ string) blobtest.Fault {
		if dead {
			return blobtest.Lost
		}
		if !op.Writes() {
			return blobtest.None
		}
		if writes++; writes != f.write {
			return blobtest.None
		}
		if f.kill {
			dead = true
			kill()
		}
		return f.kind
	})
	_, err := runFrom(ctx, t, faulty, p, source, table, tidemark.FirstAfter)
	if err != nil && f.write == 0 {
		t.Fatal(err)
	}
	want := sorted(slices.DeleteFunc(source.visible(), func(r row) bool { return r.id < 6 }))
	checkBetween(t, f, held(t, store, p), nil, want, p)
	source.pass(5)
	source.update(3, "second 3")
	want = sorted(append(want, row{3, source.now, "second 3"}))
	mustRunFrom(t, store, p, source, table, tidemark.FirstAfter)
	if got := held(t, store, p); !slices.Equal(got, want) {
		t.Fatalf("%v: the lake holds\n%v, want\n%v", f, got, want)
	}
	if newest, _ := table.Newest(ctx, tidemark.Cursor{}); newest.Value != cursorOf(source.now) {
		t.Fatalf("%v: the watermark table has %v", f, table.values)
	}
	return writes
}
