package targettest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

// A test of the suite gets an empty lake and a pipeline that fills it.
type test struct {
	name string
	run  func(t *testing.T, l Lake, p tidemark.Pipeline)
}

// mendTests are those of the targets that can take rows out of their tables.
func mendTests(mode tidemark.Mode) []test {
	switch mode {
	case tidemark.ModeAppend:
		return []test{
			{"rewrite", testRewrite},
			{"rewrite whole files", testRewriteWhole},
			{"rewrite keeps columns", testRewriteColumns},
			{"rewrite is invisible before the commit", testRewriteInvisible},
			{"rewrite repeated", testRewriteRepeated},
			{"rewrite lost race", testRewriteConflict},
			{"rewrite many race", testRewriteRace},
			{"rewrite of a file that is gone", testRewriteGone},
			{"rewrite refused", testRewriteRefused},
		}
	case tidemark.ModeMerge:
		return []test{
			{"erase", testErase},
			{"erase and write", testEraseAndWrite},
			{"erase nothing", testEraseNothing},
			{"erase repeated", testEraseRepeated},
			{"erase lost race", testEraseConflict},
			{"erase refused", testEraseRefused},
		}
	}
	return nil
}

// Mend is Begin for a commit that takes rows out of files, beside what it brings.
func Mend(ctx context.Context, target tidemark.Target, p tidemark.Pipeline, s *tidemark.Schema, files []tidemark.FileRows, ids ...int64) (*Attempt, error) {
	run, err := Begin(ctx, target, p, s, ids...)
	if err != nil {
		return run, err
	}
	made, err := target.(tidemark.Rewriter).Rewrite(ctx, run.ID, files)
	if err != nil {
		return run, fmt.Errorf("rewrite: %w", err)
	}
	run.Commit.Files = append(run.Commit.Files, made...)
	for _, f := range files {
		run.Commit.Replaces = append(run.Commit.Replaces, f.Key)
		run.Commit.Watermark.Total -= f.Rows.Len()
	}
	return run, nil
}

// Erase is Begin for a commit that takes out the rows of keys, beside what it brings.
func Erase(ctx context.Context, target tidemark.Target, p tidemark.Pipeline, s *tidemark.Schema, keys []int64, ids ...int64) (*Attempt, error) {
	run, err := Begin(ctx, target, p, s, ids...)
	if err != nil {
		return run, err
	}
	only := *s
	only.Columns = s.Columns[:1]
	batches := make([]arrow.RecordBatch, len(keys))
	for i, key := range keys {
		batches[i] = Batch(&only, key)
	}
	made, err := target.(tidemark.Eraser).Erase(ctx, run.ID, Rows(nil, batches...))
	if err != nil {
		return run, fmt.Errorf("erase: %w", err)
	}
	run.Commit.Files = append(run.Commit.Files, made...)
	return run, nil
}

// Places returns where the rows with the given ids are, each at every place.
func (l Lake) Places(t testing.TB, table tidemark.TableID, ids ...int64) []tidemark.FileRows {
	t.Helper()
	places, err := l.places(t.Context(), table, ids...)
	if err != nil {
		t.Fatal(err)
	}
	return places
}

func (l Lake) places(ctx context.Context, table tidemark.TableID, ids ...int64) ([]tidemark.FileRows, error) {
	snapshot, err := l.Catalog.Snapshot(ctx, table)
	if err != nil {
		return nil, err
	}
	var places []tidemark.FileRows
	for _, f := range snapshot.Data {
		there, err := l.fileIDs(ctx, f)
		if err != nil {
			return nil, err
		}
		var rows tidemark.RowSet
		for i, id := range there {
			if slices.Contains(ids, id) {
				rows.Add(int64(i))
			}
		}
		if rows.Len() > 0 {
			places = append(places, tidemark.FileRows{Key: f.Key, Rows: rows})
		}
	}
	return places, nil
}

func (l Lake) rewriter(t *testing.T, p tidemark.Pipeline) tidemark.Target {
	t.Helper()
	target := l.Target(p)
	if _, ok := target.(tidemark.Rewriter); !ok {
		t.Skip("the target is no Rewriter")
	}
	return target
}

func (l Lake) eraser(t *testing.T, p tidemark.Pipeline) tidemark.Target {
	t.Helper()
	target := l.Target(p)
	if _, ok := target.(tidemark.Eraser); !ok {
		t.Skip("the target is no Eraser")
	}
	return target
}

// commit makes a commit and fails the test when it is not made.
func commit(t *testing.T, run *Attempt, err error) {
	t.Helper()
	if err == nil {
		err = run.Target.Commit(t.Context(), run.Commit)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// testRewrite takes rows out of several files, and brings others with the same commit; and the pipeline goes on.
func testRewrite(t *testing.T, l Lake, p tidemark.Pipeline) {
	l.rewriter(t, p)
	for i, shape := range []struct {
		by   []string
		size int64 // of files
	}{{nil, 1 << 20}, {nil, 1}, {[]string{"bucket(2, id)"}, 1 << 20}, {[]string{"id"}, 1}} {
		p := p
		p.ID, p.Target.Name = tidemark.PipelineID(fmt.Sprint(p.ID, i)), fmt.Sprint(p.Target.Name, i)
		p.PartitionBy, p.FileSize = shape.by, shape.size
		l.load(t, p, Schema(), 1, 2, 3, 4, 5, 6)
		l.load(t, p, Schema(), 7, 8, 9)
		l.load(t, p, Schema(), 10, 11)
		run, err := Mend(t.Context(), l.Target(p), p, Schema(), l.Places(t, p.Target, 1, 4, 6, 9), 20, 21)
		commit(t, run, err)
		want := []int64{2, 3, 5, 7, 8, 10, 11, 20, 21}
		l.want(t, p, want)
		l.wantNames(t, p)
		if diff := cmp.Diff(run.Commit.Watermark, l.watermark(t, p), cmp.AllowUnexported(tidemark.CursorValue{})); diff != "" {
			t.Errorf("watermark (-committed +read):\n%s", diff)
		}
		l.load(t, p, Schema(), 30)
		run, err = Mend(t.Context(), l.Target(p), p, Schema(), l.Places(t, p.Target, 2, 20))
		commit(t, run, err)
		l.want(t, p, []int64{3, 5, 7, 8, 10, 11, 21, 30})
		l.wantNames(t, p)
	}
}

// wantNames looks whether each row still has the name that goes with its id.
func (l Lake) wantNames(t *testing.T, p tidemark.Pipeline) {
	t.Helper()
	for id, name := range l.column(t, p, "name") {
		if want := fmt.Sprintf("row %d", id); name != want {
			t.Errorf("the name of %d is %q, want %q", id, name, want)
		}
	}
}

// column returns the values of a column by id.
func (l Lake) column(t *testing.T, p tidemark.Pipeline, name string) map[int64]string {
	t.Helper()
	snapshot, err := l.Catalog.Snapshot(t.Context(), p.Target)
	if err != nil {
		t.Fatal(err)
	}
	values := map[int64]string{}
	for _, f := range snapshot.Data {
		table, err := ReadFile(t.Context(), l.Store, f.Key)
		if err != nil {
			t.Fatal(err)
		}
		rows := array.NewTableReader(table, 0)
		for rows.Next() {
			b := rows.RecordBatch()
			at := b.Schema().FieldIndices(name)
			for i, id := range b.Column(b.Schema().FieldIndices("id")[0]).(*array.Int64).Values() {
				values[id] = "(no column)"
				if len(at) > 0 {
					values[id] = b.Column(at[0]).ValueStr(i)
				}
			}
		}
		rows.Release()
		table.Release()
	}
	return values
}

func testRewriteWhole(t *testing.T, l Lake, p tidemark.Pipeline) {
	l.rewriter(t, p)
	l.load(t, p, Schema(), 1, 2)
	l.load(t, p, Schema(), 3, 4)
	files := l.Places(t, p.Target, 1, 2)
	run, err := Mend(t.Context(), l.Target(p), p, Schema(), files)
	commit(t, run, err)
	if len(files) != 1 || len(run.Commit.Files) > 0 {
		t.Errorf("%d files take the place of %d without rows", len(run.Commit.Files), len(files))
	}
	l.want(t, p, []int64{3, 4})
	run, err = Mend(t.Context(), l.Target(p), p, Schema(), l.Places(t, p.Target, 3, 4))
	commit(t, run, err)
	l.want(t, p, nil)
	l.load(t, p, Schema(), 5)
	l.want(t, p, []int64{5})
}

// testRewriteColumns: what is written anew has all columns, also one that the source has lost, and fits a table that got
// more of them since.
func testRewriteColumns(t *testing.T, l Lake, p tidemark.Pipeline) {
	l.rewriter(t, p)
	small := tidemark.Column{Name: "small", Type: arrow.PrimitiveTypes.Int32, Nullable: true}
	wide := tidemark.Column{Name: "small", Type: arrow.PrimitiveTypes.Int64, Nullable: true}
	lost := tidemark.Column{Name: "lost", Type: arrow.BinaryTypes.String, Nullable: true}
	l.load(t, p, Schema(small, lost), 1, 2)
	l.load(t, p, Schema(), 3)
	l.load(t, p, Schema(wide), 4, 5)
	run, err := Mend(t.Context(), l.Target(p), p, Schema(), l.Places(t, p.Target, 1, 3, 4))
	commit(t, run, err)
	l.want(t, p, []int64{2, 5})
	if got := l.column(t, p, "lost")[2]; got != "row 2" {
		t.Errorf("the column that the source has lost holds %q", got)
	}
	for _, id := range []int64{2, 5} {
		if got := l.column(t, p, "small")[id]; got != fmt.Sprint(id) {
			t.Errorf("the column that was widened holds %q for %d", got, id)
		}
	}
	l.load(t, p, Schema(wide, lost), 6)
	l.want(t, p, []int64{2, 5, 6})
}

func testRewriteInvisible(t *testing.T, l Lake, p tidemark.Pipeline) {
	l.rewriter(t, p)
	l.load(t, p, Schema(), 1, 2, 3)
	run, err := Mend(t.Context(), l.Target(p), p, Schema(), l.Places(t, p.Target, 2), 4)
	if err != nil {
		t.Fatal(err)
	}
	l.want(t, p, []int64{1, 2, 3})
	if d, ok := run.Target.(tidemark.Discarder); ok {
		d.Discard(t.Context(), run.Commit.Files)
	}
	l.want(t, p, []int64{1, 2, 3})
	l.load(t, p, Schema(), 5)
	l.want(t, p, []int64{1, 2, 3, 5})
}

func testRewriteRepeated(t *testing.T, l Lake, p tidemark.Pipeline) {
	l.rewriter(t, p)
	l.load(t, p, Schema(), 1, 2, 3)
	run, err := Mend(t.Context(), l.Target(p), p, Schema(), l.Places(t, p.Target, 2), 4)
	commit(t, run, err)
	commit(t, run, nil)
	l.want(t, p, []int64{1, 3, 4})
	if w := l.watermark(t, p); w.Seq != 2 {
		t.Errorf("watermark %d after a repeated commit", w.Seq)
	}
}

// testRewriteConflict: a run has moved the watermark since. The old files stay, and the second try is made.
func testRewriteConflict(t *testing.T, l Lake, p tidemark.Pipeline) {
	l.rewriter(t, p)
	l.load(t, p, Schema(), 1, 2, 3)
	slow, err := Mend(t.Context(), l.Target(p), p, Schema(), l.Places(t, p.Target, 2), 4)
	if err != nil {
		t.Fatal(err)
	}
	fast := l.load(t, p, Schema(), 5)
	if err := slow.Target.Commit(t.Context(), slow.Commit); !errors.Is(err, tidemark.ErrConflict) {
		t.Errorf("commit after a faster run: %v, want ErrConflict", err)
	}
	l.want(t, p, []int64{1, 2, 3, 5})
	if w := l.watermark(t, p); w.Run != fast.ID {
		t.Errorf("watermark of run %s, want %s", w.Run, fast.ID)
	}
	run, err := Mend(t.Context(), l.Target(p), p, Schema(), l.Places(t, p.Target, 2), 4)
	commit(t, run, err)
	l.want(t, p, []int64{1, 3, 4, 5})
}

// testRewriteRace lets several processes take rows out of the same file, and bring others, until each has succeeded.
func testRewriteRace(t *testing.T, l Lake, p tidemark.Pipeline) {
	l.rewriter(t, p)
	const writers, rounds = 3, 3
	var ids, want []int64
	for i := range int64(writers*rounds + 3) {
		ids = append(ids, i)
	}
	want = append(want, ids[writers*rounds:]...)
	l.load(t, p, Schema(), ids...)
	var group sync.WaitGroup
	for w := range int64(writers) {
		for i := range int64(rounds) {
			want = append(want, 100+w*rounds+i)
		}
		group.Go(func() {
			for i := range int64(rounds) {
				if err := l.mendUntilDone(t.Context(), p, w*rounds+i, 100+w*rounds+i); err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	group.Wait()
	l.want(t, p, want)
	if w := l.watermark(t, p); w.Seq != writers*rounds+1 {
		t.Errorf("watermark %d after %d commits", w.Seq, writers*rounds+1)
	}
}

// mendUntilDone takes a row out and brings another one, against all who do so too.
func (l Lake) mendUntilDone(ctx context.Context, p tidemark.Pipeline, out, in int64) error {
	for {
		files, err := l.places(ctx, p.Target, out)
		if errors.Is(err, tidemark.ErrNotFound) {
			continue // another one has replaced a file since, and where that is no snapshot's any more it is deleted
		}
		if err != nil {
			return err
		}
		run, err := Mend(ctx, l.Target(p), p, Schema(), files, in)
		if err == nil {
			err = run.Target.Commit(ctx, run.Commit)
		}
		if !errors.Is(err, tidemark.ErrConflict) {
			return err
		}
	}
}

// testRewriteGone: a file that another commit has replaced since is ErrConflict, when it is to be written anew and when
// the commit is to take its place.
func testRewriteGone(t *testing.T, l Lake, p tidemark.Pipeline) {
	l.rewriter(t, p)
	l.load(t, p, Schema(), 1, 2, 3)
	l.load(t, p, Schema(), 4, 5)
	files := l.Places(t, p.Target, 1)
	late, err := Mend(t.Context(), l.Target(p), p, Schema(), l.Places(t, p.Target, 1, 4), 6)
	if err != nil {
		t.Fatal(err)
	}
	run, err := Mend(t.Context(), l.Target(p), p, Schema(), l.Places(t, p.Target, 2))
	commit(t, run, err)
	if _, err := Mend(t.Context(), l.Target(p), p, Schema(), files); !errors.Is(err, tidemark.ErrConflict) {
		t.Errorf("Rewrite of a file that is gone: %v, want ErrConflict", err)
	}
	late.Commit.Base = l.watermark(t, p)
	late.Commit.Watermark.Seq = late.Commit.Base.Seq + 1
	if err := late.Target.Commit(t.Context(), late.Commit); !errors.Is(err, tidemark.ErrConflict) {
		t.Errorf("commit that replaces a file that is gone: %v, want ErrConflict", err)
	}
	l.want(t, p, []int64{1, 3, 4, 5})
	if w := l.watermark(t, p); w.Run != run.ID {
		t.Errorf("watermark of run %s, want %s", w.Run, run.ID)
	}
	l.load(t, p, Schema(), 7)
	l.want(t, p, []int64{1, 3, 4, 5, 7})
}

func testRewriteRefused(t *testing.T, l Lake, p tidemark.Pipeline) {
	target := l.rewriter(t, p)
	l.load(t, p, Schema(), 1, 2, 3)
	l.load(t, p, Schema(), 4)
	files := l.Places(t, p.Target, 1, 4)
	if _, err := target.(tidemark.Rewriter).Rewrite(t.Context(), "run", files); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("Rewrite before Prepare: %v, want ErrInvalid", err)
	}
	before := l.keys(t)
	last := &files[slices.IndexFunc(files, func(f tidemark.FileRows) bool { return f.Key == l.Places(t, p.Target, 4)[0].Key })]
	last.Rows.Add(1)
	if _, err := Mend(t.Context(), l.Target(p), p, Schema(), files); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("Rewrite of a row behind the file's end: %v, want ErrInvalid", err)
	}
	if diff := cmp.Diff(before, l.keys(t)); diff != "" {
		t.Errorf("what was refused has written:\n%s", diff)
	}
	l.want(t, p, []int64{1, 2, 3, 4})
}

// testErase takes rows out whose newest versions are in several files; and keys that are not there.
func testErase(t *testing.T, l Lake, p tidemark.Pipeline) {
	l.eraser(t, p)
	for i, by := range [][]string{nil, {"bucket(2, id)"}} {
		p := p
		p.ID, p.Target.Name, p.PartitionBy = tidemark.PipelineID(fmt.Sprint(p.ID, i)), fmt.Sprint(p.Target.Name, i), by
		l.load(t, p, Schema(), 1, 2, 3)
		l.load(t, p, Schema(), 3, 4, 5)
		l.load(t, p, Schema(), 6)
		run, err := Erase(t.Context(), l.Target(p), p, Schema(), []int64{2, 3, 6, 77})
		commit(t, run, err)
		if len(run.Commit.Files) == 0 || run.Commit.Files[0].Rows() != 0 {
			t.Errorf("the files are %v", run.Commit.Files)
		}
		l.want(t, p, []int64{1, 4, 5})
		if diff := cmp.Diff(run.Commit.Watermark, l.watermark(t, p), cmp.AllowUnexported(tidemark.CursorValue{})); diff != "" {
			t.Errorf("watermark (-committed +read):\n%s", diff)
		}
		l.load(t, p, Schema(), 3, 9) // a row may come back
		l.want(t, p, []int64{1, 3, 4, 5, 9})
	}
}

// testEraseAndWrite: what the same commit brings stays.
func testEraseAndWrite(t *testing.T, l Lake, p tidemark.Pipeline) {
	l.eraser(t, p)
	l.load(t, p, Schema(), 1, 2, 3, 4)
	run, err := Erase(t.Context(), l.Target(p), p, Schema(), []int64{2, 3, 5}, 3, 5, 6)
	commit(t, run, err)
	l.want(t, p, []int64{1, 3, 4, 5, 6})
	if w := l.watermark(t, p); w.Seq != 2 {
		t.Errorf("watermark %d after two commits", w.Seq)
	}
}

// testEraseNothing erases in a new table, in an empty one, and nothing at all.
func testEraseNothing(t *testing.T, l Lake, p tidemark.Pipeline) {
	l.eraser(t, p)
	for range 2 {
		run, err := Erase(t.Context(), l.Target(p), p, Schema(), []int64{1, 2})
		commit(t, run, err)
		l.want(t, p, nil)
	}
	l.load(t, p, Schema(), 1, 2)
	l.want(t, p, []int64{1, 2})
	run, err := Erase(t.Context(), l.Target(p), p, Schema(), nil)
	commit(t, run, err)
	if len(run.Commit.Files) > 0 {
		t.Errorf("no keys make the files %v", run.Commit.Files)
	}
	l.want(t, p, []int64{1, 2})
}

func testEraseRepeated(t *testing.T, l Lake, p tidemark.Pipeline) {
	l.eraser(t, p)
	l.load(t, p, Schema(), 1, 2, 3)
	run, err := Erase(t.Context(), l.Target(p), p, Schema(), []int64{2})
	commit(t, run, err)
	l.load(t, p, Schema(), 2)
	commit(t, run, nil)
	l.want(t, p, []int64{1, 2, 3})
}

func testEraseConflict(t *testing.T, l Lake, p tidemark.Pipeline) {
	l.eraser(t, p)
	l.load(t, p, Schema(), 1, 2, 3)
	slow, err := Erase(t.Context(), l.Target(p), p, Schema(), []int64{2})
	if err != nil {
		t.Fatal(err)
	}
	l.want(t, p, []int64{1, 2, 3})
	l.load(t, p, Schema(), 2, 5)
	if err := slow.Target.Commit(t.Context(), slow.Commit); !errors.Is(err, tidemark.ErrConflict) {
		t.Errorf("commit after a faster run: %v, want ErrConflict", err)
	}
	l.want(t, p, []int64{1, 2, 3, 5})
}

func testEraseRefused(t *testing.T, l Lake, p tidemark.Pipeline) {
	target := l.eraser(t, p)
	l.load(t, p, Schema(), 1, 2)
	keys := func(name string, null bool) arrow.RecordBatch {
		b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: name, Type: arrow.PrimitiveTypes.Int64, Nullable: null}}, nil))
		defer b.Release()
		b.Field(0).(*array.Int64Builder).Append(1)
		if null {
			b.Field(0).AppendNull()
		}
		return b.NewRecordBatch()
	}
	eraser := target.(tidemark.Eraser)
	if _, err := eraser.Erase(t.Context(), "run", Rows(nil, keys("id", false))); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("Erase before Prepare: %v, want ErrInvalid", err)
	}
	if err := target.Prepare(t.Context(), Schema()); err != nil {
		t.Fatal(err)
	}
	before := l.keys(t)
	broken := errors.New("the source broke")
	for want, batches := range map[string][]arrow.RecordBatch{
		"NULL":             {keys("id", false), keys("id", true)},
		`"name"`:           {keys("name", false)},
		"2 columns":        {Batch(Schema(), 1)},
		"the source broke": {keys("id", false)},
	} {
		_, err := eraser.Erase(t.Context(), "run", Rows(broken, batches...))
		if !errors.Is(err, tidemark.ErrInvalid) && !errors.Is(err, broken) || !strings.Contains(err.Error(), want) {
			t.Errorf("Erase: %v, want an error with %s", err, want)
		}
	}
	if diff := cmp.Diff(before, l.keys(t)); diff != "" {
		t.Errorf("what was refused has written:\n%s", diff)
	}
	l.want(t, p, []int64{1, 2})
}
