package folder_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/folder"
	"github.com/tidemark-data/tidemark/internal/targettest"
)

// places returns where the rows with some ids lie, by the catalog: every occurrence.
func places(t *testing.T, store folder.Store, p tidemark.Pipeline, ids ...int64) []tidemark.FileRows {
	t.Helper()
	snapshot, err := folder.NewCatalog(store).Snapshot(t.Context(), p.Target)
	if err != nil {
		t.Fatal(err)
	}
	var found []tidemark.FileRows
	for _, f := range snapshot.Data {
		table, err := targettest.ReadFile(t.Context(), store, f.Key)
		if err != nil {
			t.Fatal(err)
		}
		rows, row := tidemark.RowSet(nil), int64(0)
		for _, chunk := range table.Column(table.Schema().FieldIndices("id")[0]).Data().Chunks() {
			for _, id := range chunk.(*array.Int64).Values() {
				if slices.Contains(ids, id) {
					rows.Add(row)
				}
				row++
			}
		}
		table.Release()
		if rows.Len() > 0 {
			found = append(found, tidemark.FileRows{Key: f.Key, Rows: rows})
		}
	}
	return found
}

// begin does all of a mending run but the commit: it takes the rows out that lie in these places and adds others.
func begin(ctx context.Context, target tidemark.Target, p tidemark.Pipeline, out []tidemark.FileRows, add ...int64) (*targettest.Attempt, error) {
	a, err := targettest.Begin(ctx, target, p, targettest.Schema(), add...)
	if err != nil {
		return a, err
	}
	w := &a.Commit.Watermark
	w.High, w.Rows, w.Total = a.Commit.Base.High, 0, a.Commit.Base.Total
	files, err := target.(tidemark.Rewriter).Rewrite(ctx, a.ID, out)
	if err != nil {
		return a, err
	}
	a.Commit.Files = append(a.Commit.Files, files...)
	for _, f := range out {
		a.Commit.Replaces = append(a.Commit.Replaces, f.Key)
	}
	a.Commit.KeepRows = true
	return a, nil
}

func mend(ctx context.Context, target tidemark.Target, p tidemark.Pipeline, out []tidemark.FileRows, add ...int64) error {
	a, err := begin(ctx, target, p, out, add...)
	if err != nil {
		return err
	}
	return target.Commit(ctx, a.Commit)
}

func mended(t *testing.T, store folder.Store, p tidemark.Pipeline, out []int64, add ...int64) {
	t.Helper()
	if err := mend(t.Context(), lakeOn(store).Target(p), p, places(t, store, p, out...), add...); err != nil {
		t.Fatal(err)
	}
}

// full loads several ids at a time, of which there are two in a file.
func full(t *testing.T, store folder.Store, p tidemark.Pipeline) {
	t.Helper()
	for _, ids := range [][]int64{{1, 2, 3, 4}, {5, 6, 7, 8}} {
		if p.Mode == tidemark.ModeReplace && ids[0] == 1 {
			ids = append(ids, 5, 6, 7, 8)
		} else if p.Mode == tidemark.ModeReplace {
			return
		}
		target := lakeOn(store).Target(p)
		a, err := targettest.Begin(t.Context(), target, p, targettest.Schema(), ids...)
		if err != nil {
			t.Fatal(err)
		}
		target.(tidemark.Discarder).Discard(t.Context(), a.Commit.Files)
		a.Commit.Files = nil
		for pair := range slices.Chunk(ids, 2) {
			files, err := target.Write(t.Context(), a.ID, targettest.Rows(nil, targettest.Batch(targettest.Schema(), pair...)))
			if err != nil {
				t.Fatal(err)
			}
			a.Commit.Files = append(a.Commit.Files, files...)
		}
		if err := target.Commit(t.Context(), a.Commit); err != nil {
			t.Fatal(err)
		}
	}
}

// eachKind runs a test on each kind of store and in each mode.
func eachKind(t *testing.T, run func(t *testing.T, store folder.Store, p tidemark.Pipeline)) {
	for name, open := range stores {
		for _, mode := range []tidemark.Mode{tidemark.ModeAppend, tidemark.ModeReplace} {
			t.Run(fmt.Sprintf("%s/%s", name, mode), func(t *testing.T) { run(t, open(t), targettest.Pipeline("orders", mode)) })
		}
	}
}

// TestMend takes rows out of several files, one of them whole, and adds some in the same commit. What follows stands on
// that.
func TestMend(t *testing.T) {
	eachKind(t, func(t *testing.T, store folder.Store, p tidemark.Pipeline) {
		lake := lakeOn(store)
		full(t, store, p)
		before, err := lake.Target(p).Watermark(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		target := lake.Target(p)
		a, err := begin(t.Context(), target, p, places(t, store, p, 2, 5, 6, 7), 12)
		if err != nil {
			t.Fatal(err)
		}
		holds(t, "before the commit", store, p, 1, 2, 3, 4, 5, 6, 7, 8)
		for range 3 { // it is idempotent
			if err := target.Commit(t.Context(), a.Commit); err != nil {
				t.Fatal(err)
			}
			holds(t, "mended", store, p, 1, 3, 4, 8, 12)
		}
		if w, err := lake.Target(p).Watermark(t.Context()); err != nil || w.Seq != before.Seq+1 || w.High != before.High {
			t.Errorf("watermark %d at %s, %v; before %d at %s", w.Seq, w.High, err, before.Seq, before.High)
		}
		mended(t, store, p, []int64{1, 12}, 13)
		holds(t, "mended twice", store, p, 3, 4, 8, 13)
		mended(t, store, p, []int64{3, 4, 8, 13})
		holds(t, "emptied", store, p)
		mended(t, store, p, nil, 14)
		holds(t, "only added to", store, p, 14)
		load(t, lake, p, 20, 21)
		if p.Mode == tidemark.ModeReplace {
			holds(t, "replaced", store, p, 20, 21)
		} else {
			holds(t, "loaded", store, p, 14, 20, 21)
		}
	})
}

// TestMendPlaces takes rows out of a file of several row groups and many batches: just those.
func TestMendPlaces(t *testing.T) {
	store, p := blob.NewMem(), targettest.Pipeline("orders", tidemark.ModeAppend)
	p.FileSize = 64 << 20
	target := lakeOn(store).Target(p)
	const rows = 50_001
	a, err := targettest.Begin(t.Context(), target, p, targettest.Schema(), rows-1)
	if err != nil {
		t.Fatal(err)
	}
	target.(tidemark.Discarder).Discard(t.Context(), a.Commit.Files)
	ids := make([]int64, rows)
	for i := range ids {
		ids[i] = int64(i)
	}
	a.Commit.Files, err = target.Write(t.Context(), a.ID, targettest.Rows(nil, targettest.Batch(targettest.Schema(), ids...)))
	if err != nil || len(a.Commit.Files) != 1 {
		t.Fatalf("%d files, %v", len(a.Commit.Files), err)
	}
	if err := target.Commit(t.Context(), a.Commit); err != nil {
		t.Fatal(err)
	}
	out := tidemark.FileRows{Key: a.Commit.Files[0].Path()}
	var want []int64
	for _, id := range ids {
		if id%7 == 3 || id > 16_000 && id < 33_000 || id == rows-1 {
			out.Rows.Add(id)
		} else {
			want = append(want, id)
		}
	}
	if err := mend(t.Context(), lakeOn(store).Target(p), p, []tidemark.FileRows{out}); err != nil {
		t.Fatal(err)
	}
	if got := listed(t, store); !slices.Equal(got, want) {
		t.Errorf("%d rows are left, want %d", len(got), len(want))
	}
}

// TestMendPartitioned: what is rewritten lies in the folders where it lay.
func TestMendPartitioned(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			store, p := open(t), targettest.Pipeline("orders", tidemark.ModeAppend)
			p.PartitionBy = []string{"truncate(10, id)"}
			load(t, lakeOn(store), p, 1, 2, 11, 12, 21)
			load(t, lakeOn(store), p, 3, 13, 22)
			mended(t, store, p, []int64{1, 12, 13, 21}, 31)
			holds(t, "mended", store, p, 2, 3, 11, 22, 31)
			folders := map[string]int64{}
			snapshot, err := folder.NewCatalog(store).Snapshot(t.Context(), p.Target)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range snapshot.Data {
				folders[f.Key[len("shop/orders/"):strings.LastIndex(f.Key, "/")]] += f.Rows
			}
			if want := "map[id_trunc_10=0:2 id_trunc_10=10:1 id_trunc_10=20:1 id_trunc_10=30:1]"; fmt.Sprint(folders) != want {
				t.Errorf("rows by folder: %v, want %s", folders, want)
			}
		})
	}
}

// TestMendEvolved: what is rewritten has the columns that the table has now.
func TestMendEvolved(t *testing.T) {
	store, p := blob.NewMem(), targettest.Pipeline("orders", tidemark.ModeAppend)
	lake := lakeOn(store)
	small := tidemark.Column{Name: "small", Type: arrow.PrimitiveTypes.Int32, Nullable: true}
	wide := small
	wide.Type = arrow.PrimitiveTypes.Int64
	for i, columns := range [][]tidemark.Column{nil, {small}, {wide}} {
		if _, err := targettest.Load(t.Context(), lake.Target(p), p, targettest.Schema(columns...), int64(10*i+1), int64(10*i+2)); err != nil {
			t.Fatal(err)
		}
	}
	mended(t, store, p, []int64{2, 11})
	snapshot, err := lake.Catalog.Snapshot(t.Context(), p.Target)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range snapshot.Data {
		table, err := targettest.ReadFile(t.Context(), store, f.Key)
		if err != nil {
			t.Fatal(err)
		}
		id, column := table.Column(0), table.Column(table.Schema().FieldIndices("small")[0])
		for i := range int(table.NumRows()) {
			got = append(got, fmt.Sprintf("%s %s %s", id.Data().Chunk(0).ValueStr(i), column.DataType(), column.Data().Chunk(0).ValueStr(i)))
		}
		table.Release()
	}
	slices.Sort(got)
	if want := []string{"1 int64 (null)", "12 int64 12", "21 int64 21", "22 int64 22"}; !slices.Equal(got, want) {
		t.Errorf("rows with column small: %q, want %q", got, want)
	}
}

// TestMendConflict: another run has moved the watermark. The old files stay, and the new ones are aborted.
func TestMendConflict(t *testing.T) {
	eachKind(t, func(t *testing.T, store folder.Store, p tidemark.Pipeline) {
		lake := lakeOn(store)
		full(t, store, p)
		slow := lake.Target(p)
		a, err := begin(t.Context(), slow, p, places(t, store, p, 1, 5), 9)
		if err != nil {
			t.Fatal(err)
		}
		mended(t, store, p, []int64{1, 2}, 10)
		if err := slow.Commit(t.Context(), a.Commit); !errors.Is(err, tidemark.ErrConflict) {
			t.Errorf("commit after a faster run: %v, want ErrConflict", err)
		}
		holds(t, "the faster one", store, p, 3, 4, 5, 6, 7, 8, 10)
		if n, err := store.(blob.Sweeper).Sweep(t.Context(), "", time.Now().Add(time.Hour)); err != nil || n != 0 {
			t.Errorf("%d staged files are left, %v", n, err)
		}
		w, err := slow.Watermark(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// Now it stands on the other commit, but still wants to replace a file that is gone.
		a.Commit.Base, a.Commit.Files = w, nil
		a.Commit.Watermark.Seq = w.Seq + 1
		if err := slow.Commit(t.Context(), a.Commit); !errors.Is(err, tidemark.ErrConflict) {
			t.Errorf("commit that replaces a file that is gone: %v, want ErrConflict", err)
		}
		holds(t, "the faster one", store, p, 3, 4, 5, 6, 7, 8, 10)
	})
}

// TestMendRewind: what was rewritten is deleted, so there is no way back to a commit that had it, only to those before
// such a file came, and to the mending commit and later ones.
func TestMendRewind(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			store, p := open(t), targettest.Pipeline("orders", tidemark.ModeAppend)
			lake := lakeOn(store)
			load(t, lake, p, 1, 2)                 // 1
			load(t, lake, p, 3, 4)                 // 2
			load(t, lake, p, 5, 6)                 // 3
			mended(t, store, p, []int64{3, 5}, 10) // 4
			load(t, lake, p, 11)                   // 5
			mended(t, store, p, []int64{11})       // 6
			for _, to := range []int64{2, 3, 5} {
				err := goBack(t, lake.Target(p), p, to)
				if hint := tidemark.Hint(err); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(hint, "commits [1 4 6];") || !strings.Contains(hint, "--all") {
					t.Errorf("to commit %d: %v, hint %q", to, err, hint)
				}
			}
			holds(t, "refused", store, p, 1, 2, 4, 6, 10)
			load(t, lake, p, 12) // 7
			for _, plan := range []struct {
				to   int64
				want tidemark.FileCount
			}{{6, tidemark.FileCount{Files: 1, Rows: 1}}, {4, tidemark.FileCount{Files: 1, Rows: 1}}, {1, tidemark.FileCount{Files: 3, Rows: 4}}, {0, tidemark.FileCount{Files: 4, Rows: 6}}} {
				got, err := lake.Target(p).(tidemark.Rewinder).PlanRewind(t.Context(), plan.to)
				got.Taken.Bytes = 0
				if err != nil || got.Taken != plan.want {
					t.Errorf("to commit %d: %+v, %v; want %+v", plan.to, got.Taken, err, plan.want)
				}
			}
			if err := goBack(t, lake.Target(p), p, 6); err != nil { // 8
				t.Fatal(err)
			}
			holds(t, "back at commit 6", store, p, 1, 2, 4, 6, 10)
			if err := goBack(t, lake.Target(p), p, 4); err != nil { // 9
				t.Fatal(err)
			}
			holds(t, "back at commit 4", store, p, 1, 2, 4, 6, 10)
			mended(t, store, p, []int64{1, 10}) // 10
			holds(t, "mended again", store, p, 2, 4, 6)
			if err := goBack(t, lake.Target(p), p, 4); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "[10]") {
				t.Errorf("to commit 4: %v, hint %q", err, tidemark.Hint(err))
			}
			if err := goBack(t, lake.Target(p), p, 0); err != nil { // 11
				t.Fatal(err)
			}
			holds(t, "before the first", store, p)
			load(t, lake, p, 7)
			holds(t, "loaded anew", store, p, 7)
		})
	}
}

// TestMendTypes: the rows that stay are what they were, of every type that the lake has, and NULLs too.
func TestMendTypes(t *testing.T) {
	store, p := blob.NewMem(), targettest.Pipeline("orders", tidemark.ModeAppend)
	target := lakeOn(store).Target(p)
	list := arrow.ListOfField(arrow.Field{Name: "element", Type: arrow.PrimitiveTypes.Float32})
	schema := &tidemark.Schema{Key: []string{"id"}, Columns: []tidemark.Column{{Name: "id", Type: arrow.PrimitiveTypes.Int64}}}
	for name, dt := range map[string]arrow.DataType{
		"bool": arrow.FixedWidthTypes.Boolean, "float": arrow.PrimitiveTypes.Float32, "double": arrow.PrimitiveTypes.Float64,
		"date": arrow.FixedWidthTypes.Date32, "datetime": &arrow.TimestampType{Unit: arrow.Microsecond}, "instant": arrow.FixedWidthTypes.Timestamp_us,
		"text": arrow.BinaryTypes.String, "blob": arrow.BinaryTypes.Binary, "unsigned": arrow.PrimitiveTypes.Uint64,
		"decimal": &arrow.Decimal128Type{Precision: 10, Scale: 2}, "vector": list,
		"point": arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int32, Nullable: true}, arrow.Field{Name: "v", Type: list, Nullable: true}),
	} {
		schema.Columns = append(schema.Columns, tidemark.Column{Name: name, Type: dt, Nullable: true, Comment: "of type " + name})
	}
	values := `{"id":%d,"bool":true,"float":1.5,"double":-2.25,"date":"2024-02-29","datetime":"2024-02-29T23:59:59.123456","instant":"1969-12-31T23:59:59.999999Z",` +
		`"text":"\u00e4","blob":"AAH/","unsigned":18446744073709551615,"decimal":"-12345678.90","vector":[1,2.5],"point":{"x":%[1]d,"v":[3]}}`
	rows := []string{fmt.Sprintf(values, 0), `{"id":1}`, fmt.Sprintf(values, 2), `{"id":3,"vector":[],"point":{"x":null,"v":null}}`, fmt.Sprintf(values, 4), `{"id":5}`}
	batch := func() arrow.RecordBatch {
		b, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema.Arrow(), strings.NewReader("["+strings.Join(rows, ",")+"]"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	load := func() string {
		t.Helper()
		if err := target.Prepare(t.Context(), schema); err != nil {
			t.Fatal(err)
		}
		a, err := targettest.Begin(t.Context(), target, p, schema)
		if err != nil {
			t.Fatal(err)
		}
		if a.Commit.Files, err = target.Write(t.Context(), a.ID, targettest.Rows(nil, batch())); err != nil {
			t.Fatal(err)
		}
		if err := target.Commit(t.Context(), a.Commit); err != nil {
			t.Fatal(err)
		}
		return a.Commit.Files[0].Path()
	}
	show := func(key string) (shown []string) {
		table, err := targettest.ReadFile(t.Context(), store, key)
		if err != nil {
			t.Fatal(err)
		}
		defer table.Release()
		for i := range int(table.NumRows()) {
			var row []string
			for c := range int(table.NumCols()) {
				f := table.Schema().Field(c)
				row = append(row, fmt.Sprintf("%s %s %s", f.Name, f.Type, table.Column(c).Data().Chunk(0).ValueStr(i)))
			}
			shown = append(shown, strings.Join(row, "\n"))
		}
		return shown
	}
	narrow := load()
	for i, c := range schema.Columns {
		if c.Name == "decimal" {
			schema.Columns[i].Type = &arrow.Decimal128Type{Precision: 14, Scale: 2}
		}
	}
	want := show(load()) // with the columns as they are now
	out := tidemark.FileRows{Key: narrow}
	out.Rows.Add(1)
	out.Rows.Add(4)
	a, err := targettest.Begin(t.Context(), target, p, schema)
	if err != nil {
		t.Fatal(err)
	}
	if a.Commit.Files, err = target.(tidemark.Rewriter).Rewrite(t.Context(), a.ID, []tidemark.FileRows{out}); err != nil {
		t.Fatal(err)
	}
	a.Commit.Replaces = []string{narrow}
	if err := target.Commit(t.Context(), a.Commit); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{want[0], want[2], want[3], want[5]}, show(a.Commit.Files[0].Path())); diff != "" {
		t.Errorf("rows that stay (-want +got):\n%s", diff)
	}
}

// TestMendShared: in a table that several pipelines append to each mends its own rows.
func TestMendShared(t *testing.T) {
	store := blob.NewMem()
	lake := lakeOn(store)
	one, two := targettest.Pipeline("eu", tidemark.ModeAppend), targettest.Pipeline("us", tidemark.ModeAppend)
	load(t, lake, one, 1, 2)
	load(t, lake, two, 11, 12)
	err := mend(t.Context(), lake.Target(one), one, places(t, store, one, 1, 11))
	if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), `"us"`) {
		t.Errorf("rows of another pipeline: %v with hint %q", err, tidemark.Hint(err))
	}
	mended(t, store, one, []int64{1}, 3)
	mended(t, store, two, []int64{12})
	holds(t, "mended", store, one, 2, 3, 11)
}

func TestMendRefused(t *testing.T) {
	store, p := blob.NewMem(), targettest.Pipeline("orders", tidemark.ModeAppend)
	lake := lakeOn(store)
	full(t, store, p)
	out := places(t, store, p, 1)
	if _, err := lake.Target(p).(tidemark.Rewriter).Rewrite(t.Context(), "run", out); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("before the table was prepared: %v, want ErrInvalid", err)
	}
	beyond := tidemark.FileRows{Key: out[0].Key}
	beyond.Rows.Add(2)
	for name, test := range map[string]struct {
		files []tidemark.FileRows
		want  error
	}{
		"a row too many": {[]tidemark.FileRows{beyond}, tidemark.ErrInvalid},
		"twice":          {append(out, out...), tidemark.ErrInvalid},
		"no such file":   {[]tidemark.FileRows{{Key: "shop/orders/x.parquet", Rows: out[0].Rows}}, tidemark.ErrConflict},
	} {
		if err := mend(t.Context(), lake.Target(p), p, test.files); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	holds(t, "refused", store, p, 1, 2, 3, 4, 5, 6, 7, 8)
	mended(t, store, p, []int64{1})
	if err := mend(t.Context(), lake.Target(p), p, out); !errors.Is(err, tidemark.ErrConflict) {
		t.Errorf("a file that was rewritten already: %v, want ErrConflict", err)
	}
	a, err := begin(t.Context(), lake.Target(p), p, places(t, store, p, 2))
	if err != nil {
		t.Fatal(err)
	}
	a.Commit.Rewind = &tidemark.Rewind{To: 1}
	if err := a.Target.Commit(t.Context(), a.Commit); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("a commit that goes back and rewrites: %v, want ErrInvalid", err)
	}
	if got := recordStart(t, store, 3, 7); got != `{"v":3,` {
		t.Errorf("the record of a mending commit begins with %s", got)
	}
}
