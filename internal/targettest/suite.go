package targettest

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

// Run tests a target in the modes that it keeps. open returns an empty lake, a new one for each call.
func Run(t *testing.T, open func(t *testing.T) Lake, modes ...tidemark.Mode) {
	for _, mode := range modes {
		t.Run(string(mode), func(t *testing.T) {
			for _, test := range append([]test{
				{"commits", testCommits},
				{"invisible before the commit", testInvisible},
				{"commit without files", testNoFiles},
				{"repeated commit", testRepeated},
				{"lost race", testConflict},
				{"many race", testRace},
				{"failed write", testFailedWrite},
				{"columns evolve", testEvolve},
				{"columns stay when they are gone", testGone},
				{"nothing is narrowed", testNarrow},
				{"frozen schema", testFrozen},
				{"preview", testPreview},
			}, mendTests(mode)...) {
				t.Run(test.name, func(t *testing.T) { test.run(t, open(t), Pipeline("orders", mode)) })
			}
		})
	}
}

// after returns what a table holds after a load, by the pipeline's mode. The suite never loads an id twice.
func after(p tidemark.Pipeline, before []int64, load ...int64) []int64 {
	if p.Mode == tidemark.ModeReplace {
		return load
	}
	all := slices.Concat(before, load)
	slices.Sort(all)
	return all
}

func (l Lake) want(t *testing.T, p tidemark.Pipeline, want []int64) {
	t.Helper()
	if got := l.IDs(t, p.Target); !slices.Equal(got, want) {
		t.Errorf("the table holds %v, want %v", got, want)
	}
}

// load runs a new target once and fails the test when it does not commit.
func (l Lake) load(t *testing.T, p tidemark.Pipeline, s *tidemark.Schema, ids ...int64) *Attempt {
	t.Helper()
	run, err := Load(t.Context(), l.Target(p), p, s, ids...)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func (l Lake) watermark(t *testing.T, p tidemark.Pipeline) tidemark.Watermark {
	t.Helper()
	w, err := l.Target(p).Watermark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.Version = 0 // set when it was encoded
	return w
}

func testCommits(t *testing.T, l Lake, p tidemark.Pipeline) {
	if w := l.watermark(t, p); w.Seq != 0 {
		t.Errorf("watermark of an empty lake: %+v", w)
	}
	var want []int64
	for i := range int64(4) {
		ids := []int64{10*i + 1, 10*i + 2, 10*i + 3}
		run := l.load(t, p, Schema(), ids...)
		want = after(p, want, ids...)
		l.want(t, p, want)
		if diff := cmp.Diff(run.Commit.Watermark, l.watermark(t, p), cmp.AllowUnexported(tidemark.CursorValue{})); diff != "" {
			t.Errorf("watermark of commit %d (-committed +read):\n%s", i+1, diff)
		}
	}
	tables, err := l.Catalog.Tables(t.Context())
	if err != nil || !slices.Equal(tables, []tidemark.TableID{p.Target}) {
		t.Errorf("tables: %v, %v", tables, err)
	}
}

func testInvisible(t *testing.T, l Lake, p tidemark.Pipeline) {
	l.load(t, p, Schema(), 1, 2)
	target := l.Target(p)
	run, err := Begin(t.Context(), target, p, Schema(), 3, 4)
	if err != nil {
		t.Fatal(err)
	}
	l.want(t, p, []int64{1, 2})
	if w := l.watermark(t, p); w.Seq != 1 {
		t.Errorf("watermark %d before the commit", w.Seq)
	}
	if d, ok := target.(tidemark.Discarder); ok {
		d.Discard(t.Context(), run.Commit.Files)
		d.Discard(t.Context(), run.Commit.Files)
		l.want(t, p, []int64{1, 2})
	}
	l.load(t, p, Schema(), 5)
	l.want(t, p, after(p, []int64{1, 2}, 5))
}

func testNoFiles(t *testing.T, l Lake, p tidemark.Pipeline) {
	l.load(t, p, Schema())
	if w := l.watermark(t, p); w.Seq != 1 {
		t.Errorf("watermark %d after a commit without files", w.Seq)
	}
	l.want(t, p, nil)
	l.load(t, p, Schema(), 1)
	l.load(t, p, Schema())
	l.want(t, p, after(p, []int64{1}))
}

func testRepeated(t *testing.T, l Lake, p tidemark.Pipeline) {
	first := l.load(t, p, Schema(), 1)
	for range 2 {
		if err := first.Target.Commit(t.Context(), first.Commit); err != nil {
			t.Errorf("repeated commit: %v", err)
		}
	}
	l.want(t, p, []int64{1})
	if w := l.watermark(t, p); w.Seq != 1 {
		t.Errorf("watermark %d after a repeated commit", w.Seq)
	}
}

func testConflict(t *testing.T, l Lake, p tidemark.Pipeline) {
	l.load(t, p, Schema(), 1)
	slow, err := Begin(t.Context(), l.Target(p), p, Schema(), 2)
	if err != nil {
		t.Fatal(err)
	}
	fast := l.load(t, p, Schema(), 2)
	if err := slow.Target.Commit(t.Context(), slow.Commit); !errors.Is(err, tidemark.ErrConflict) {
		t.Errorf("commit after a faster run: %v, want ErrConflict", err)
	}
	l.want(t, p, after(p, []int64{1}, 2))
	if w := l.watermark(t, p); w.Run != fast.ID {
		t.Errorf("watermark of run %s, want %s", w.Run, fast.ID)
	}
}

// testRace lets several processes run one pipeline again and again. Each that wins a commit adds an id that nobody
// else adds; exactly those must be there.
func testRace(t *testing.T, l Lake, p tidemark.Pipeline) {
	l.load(t, p, Schema(), 1)
	const writers, rounds = 4, 5
	var mu sync.Mutex
	want := []int64{1}
	won := make(map[int64]int64) // the id by commit
	var group sync.WaitGroup
	for w := range int64(writers) {
		group.Go(func() {
			target := l.Target(p)
			for i := range int64(rounds) {
				id := 1000*(w+1) + i
				run, err := Load(t.Context(), target, p, Schema(), id)
				switch {
				case err == nil:
					mu.Lock()
					if other, twice := won[run.Commit.Watermark.Seq]; twice {
						t.Errorf("commit %d was won with %d and with %d", run.Commit.Watermark.Seq, other, id)
					}
					won[run.Commit.Watermark.Seq] = id
					want = append(want, id)
					mu.Unlock()
				case !errors.Is(err, tidemark.ErrConflict):
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	group.Wait()
	last := l.watermark(t, p).Seq
	if last != int64(len(want)) {
		t.Errorf("watermark %d after %d commits", last, len(want))
	}
	if p.Mode == tidemark.ModeReplace {
		want = []int64{won[last]}
	}
	slices.Sort(want)
	l.want(t, p, want)
}

func testFailedWrite(t *testing.T, l Lake, p tidemark.Pipeline) {
	l.load(t, p, Schema(), 1)
	target := l.Target(p)
	run, err := Begin(t.Context(), target, p, Schema())
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the source broke")
	if _, err := target.Write(t.Context(), run.ID, Rows(broken, Batch(Schema(), 2))); !errors.Is(err, broken) {
		t.Errorf("write: %v, want the source's error", err)
	}
	l.want(t, p, []int64{1})
	l.load(t, p, Schema(), 3)
	l.want(t, p, after(p, []int64{1}, 3))
}

// columns returns the names and types of the table's columns.
func (l Lake) columns(t *testing.T, p tidemark.Pipeline) []string {
	t.Helper()
	snapshot, err := l.Catalog.Snapshot(t.Context(), p.Target)
	if err != nil {
		t.Fatal(err)
	}
	var columns []string
	for _, f := range snapshot.Schema.Fields() {
		columns = append(columns, f.Name+" "+f.Type.String())
	}
	return columns
}

func testEvolve(t *testing.T, l Lake, p tidemark.Pipeline) {
	small := tidemark.Column{Name: "small", Type: arrow.PrimitiveTypes.Int32, Nullable: true}
	wide := small
	wide.Type = arrow.PrimitiveTypes.Int64
	l.load(t, p, Schema(), 1)
	l.load(t, p, Schema(small), 2)
	l.load(t, p, Schema(wide), 3)
	l.want(t, p, after(p, after(p, []int64{1}, 2), 3))
	if diff := cmp.Diff([]string{"id int64", "name utf8", "small int64"}, l.columns(t, p)); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	// A wide column takes narrow values.
	l.load(t, p, Schema(small), 4)
	if columns := l.columns(t, p); columns[2] != "small int64" {
		t.Errorf("columns after a narrow load: %v", columns)
	}
}

func testGone(t *testing.T, l Lake, p tidemark.Pipeline) {
	extra := tidemark.Column{Name: "extra", Type: arrow.BinaryTypes.String}
	l.load(t, p, Schema(extra), 1)
	l.load(t, p, Schema(), 2)
	l.want(t, p, after(p, []int64{1}, 2))
	if columns := l.columns(t, p); !slices.Contains(columns, "extra utf8") {
		t.Errorf("columns %v: extra is gone", columns)
	}
	l.load(t, p, Schema(extra), 3)
}

func testNarrow(t *testing.T, l Lake, p tidemark.Pipeline) {
	l.load(t, p, Schema(tidemark.Column{Name: "extra", Type: arrow.BinaryTypes.String, Nullable: true}), 1)
	before := l.columns(t, p)
	changed := Schema(tidemark.Column{Name: "extra", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
		tidemark.Column{Name: "new", Type: arrow.PrimitiveTypes.Int32, Nullable: true})
	_, err := Begin(t.Context(), l.Target(p), p, changed, 2)
	if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(err.Error(), `"extra"`) {
		t.Errorf("got %v, want ErrInvalid that names the column", err)
	}
	if diff := cmp.Diff(before, l.columns(t, p)); diff != "" {
		t.Errorf("the columns have changed:\n%s", diff)
	}
}

func testFrozen(t *testing.T, l Lake, p tidemark.Pipeline) {
	p.Evolution = tidemark.SchemaFreeze
	l.load(t, p, Schema(), 1)
	l.load(t, p, Schema(), 2)
	_, err := Begin(t.Context(), l.Target(p), p, Schema(tidemark.Column{Name: "new", Type: arrow.PrimitiveTypes.Int32, Nullable: true}), 3)
	if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(err.Error(), `"new"`) {
		t.Errorf("got %v, want ErrInvalid that names the column", err)
	}
	gone := Schema()
	gone.Columns = gone.Columns[:1]
	if _, err := Begin(t.Context(), l.Target(p), p, gone, 3); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("a column is gone: got %v, want ErrInvalid", err)
	}
	l.want(t, p, after(p, []int64{1}, 2))
}

// testPreview: what a preview says is what Prepare then makes, and it writes nothing.
func testPreview(t *testing.T, l Lake, p tidemark.Pipeline) {
	small := tidemark.Column{Name: "small", Type: arrow.PrimitiveTypes.Int32, Nullable: true}
	wide, more := small, small
	wide.Type, more.Name = arrow.PrimitiveTypes.Int64, "more"
	gone := Schema(wide)
	gone.Columns = append(gone.Columns[:1:1], gone.Columns[2:]...)
	for i, step := range []struct {
		schema  *tidemark.Schema
		changes []string // words of each, all of which must be in it
	}{
		{Schema(small), nil},
		{Schema(small), nil},
		{Schema(wide, more), []string{`"small" int64 long`, `"more" new`}},
		{gone, []string{`"name"`, `"more"`}},
	} {
		before := l.keys(t)
		preview, err := l.preview(t, p, step.schema)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, l.keys(t)); diff != "" {
			t.Errorf("step %d: the preview has written:\n%s", i, diff)
		}
		if preview.New != (i == 0) || preview.Deletes != (p.Mode == tidemark.ModeMerge && i > 0) || (preview.Bytes > 0) != (i > 0) {
			t.Errorf("step %d: %+v", i, preview)
		}
		if len(preview.Changes) != len(step.changes) {
			t.Errorf("step %d: changes %q, want %q", i, preview.Changes, step.changes)
			continue
		}
		for k, words := range step.changes {
			name, kinds, _ := strings.Cut(words, " ")
			ok := strings.Contains(preview.Changes[k], name)
			if kinds != "" {
				ok = ok && slices.ContainsFunc(strings.Fields(kinds), func(kind string) bool { return strings.Contains(preview.Changes[k], kind) })
			}
			if !ok {
				t.Errorf("step %d: change %q, want one with %s", i, preview.Changes[k], words)
			}
		}
		l.load(t, p, step.schema, int64(i))
		var previewed, made []string
		for _, c := range preview.Columns {
			previewed = append(previewed, c.Name)
		}
		for _, c := range l.columns(t, p) {
			name, _, _ := strings.Cut(c, " ")
			made = append(made, name)
		}
		if diff := cmp.Diff(previewed, made); diff != "" {
			t.Errorf("step %d: columns (-previewed +made):\n%s", i, diff)
		}
	}
	p.Evolution = tidemark.SchemaFreeze
	_, err := l.preview(t, p, Schema(wide, more, tidemark.Column{Name: "new", Type: arrow.PrimitiveTypes.Int32, Nullable: true}))
	_, want := Begin(t.Context(), l.Target(p), p, Schema(wide, more, tidemark.Column{Name: "new", Type: arrow.PrimitiveTypes.Int32, Nullable: true}))
	if !errors.Is(err, tidemark.ErrInvalid) || want == nil || !strings.Contains(want.Error(), err.Error()) {
		t.Errorf("frozen: the preview says %v, and Prepare %v", err, want)
	}
}

func (l Lake) preview(t *testing.T, p tidemark.Pipeline, s *tidemark.Schema) (tidemark.Preview, error) {
	t.Helper()
	previewer, ok := l.Target(p).(tidemark.Previewer)
	if !ok {
		t.Fatal("the target is no Previewer")
	}
	return previewer.Preview(t.Context(), s)
}

// keys returns all objects of the store, with their sizes.
func (l Lake) keys(t *testing.T) map[string]int64 {
	t.Helper()
	sizes := map[string]int64{}
	for o, err := range l.Store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		sizes[o.Key] = o.Size
	}
	return sizes
}
