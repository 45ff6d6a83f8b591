package run_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

const goPipeline = `  items:
    source: {connection: shop, table: DB.items, cursor: at, splits: 3}
    transforms:
      - {name: before, sql: "SELECT * FROM rows"}
      - {go: step}
      - change_schema: {secret: {drop: true}}
    target: {connection: lake, table: shop.items, mode: MODE}
`

// with runs the pipelines once, with that step.
func (s *shop) with(t *testing.T, f run.Func) run.Outcome {
	t.Helper()
	r, err := run.Load(s.file, run.Options{Steps: run.Steps{"step": f}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	outcomes, err := r.Run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return outcomes[0]
}

// TestGoStep runs funcs as a step, between others, in each mode, and compares the lake with its source.
func TestGoStep(t *testing.T) {
	for _, mode := range []string{"append", "merge", "replace"} {
		t.Run(mode, func(t *testing.T) {
			s := newShop(t, strings.ReplaceAll(goPipeline, "MODE", mode))
			fillChanged(t, s)
			mask := run.EachRow([]arrow.Field{{Name: "status", Type: arrow.BinaryTypes.String}, {Name: "cents", Type: arrow.PrimitiveTypes.Int64, Nullable: true}},
				func(_ context.Context, row run.Row) error {
					if row.Text("status") == "open" {
						row.Set("status", fmt.Sprintf("%s since %d", row.Text("status"), row.Time("born").Year()))
					}
					if !row.IsNull("price") {
						row.Set("cents", int64(row.Float("price")*100))
					}
					return nil
				})
			first := s.with(t, mask)
			if first.Err != nil || first.Result.New != 3 {
				t.Fatalf("%+v (%s)", first, tidemark.Hint(first.Err))
			}
			if got := strings.Join(s.query(t, "SELECT id, status, cents, price FROM shop.items ORDER BY id"), ", "); got !=
				"1|open since 2024|125|1.25, 2|closed|NULL|NULL, 3|open since 2024|350|3.50" {
				t.Errorf("the table has %s", got)
			}
			if again := s.with(t, mask); mode != "replace" && (again.Err != nil || again.Result.Committed || again.Result.New != 0) {
				t.Errorf("a run without news: %+v", again)
			}
			r, err := run.Load(s.file, run.Options{Steps: run.Steps{"step": mask}})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if err := r.Verify(t.Context(), nil, run.VerifyOptions{}, func(v run.Verification) {
				if v.Err != nil || !v.Report.Clean() {
					t.Errorf("the table is not what the source holds: %+v", v)
				}
			}); err != nil {
				t.Fatal(err)
			}
			preview, err := r.Preview(t.Context(), "items", run.PreviewOptions{Step: "step"})
			if err != nil || len(preview.Stages) != 1 || len(preview.Stages[0].Rows) == 0 || len(preview.Stages[0].Columns) != 7 {
				t.Errorf("%v, %+v", err, preview)
			}
		})
	}
}

// TestGoFilter drops rows, of which a merge takes the older version along.
func TestGoFilter(t *testing.T) {
	s := newShop(t, strings.ReplaceAll(goPipeline, "MODE", "merge"))
	fillChanged(t, s)
	open := run.Where(func(_ context.Context, row run.Row) (bool, error) { return row.Text("status") == "open", nil })
	if o := s.with(t, open); o.Err != nil {
		t.Fatal(o.Err)
	}
	if got := strings.Join(s.query(t, "SELECT id FROM shop.items ORDER BY id"), ","); got != "1,3" {
		t.Errorf("the table has %s", got)
	}
	s.exec(t, "UPDATE items SET status = 'sold' WHERE id = 3", "UPDATE items SET status = 'open' WHERE id = 2")
	if o := s.with(t, open); o.Err != nil {
		t.Fatal(o.Err)
	}
	if got := strings.Join(s.query(t, "SELECT id FROM shop.items ORDER BY id"), ","); got != "1,2" {
		t.Errorf("the table has %s", got)
	}
}

// TestGoStepMisbehaves runs funcs that do what they should not. Nothing of it is published, and the error names the step.
func TestGoStepMisbehaves(t *testing.T) {
	s := newShop(t, strings.ReplaceAll(goPipeline, "MODE", "append"))
	fillChanged(t, s)
	same := func(_ context.Context, b arrow.RecordBatch) (arrow.RecordBatch, error) { return b, nil }
	nullable := arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int64, Nullable: true}
	required := arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int64}
	other := errors.New("the shop is closed")
	for _, c := range []struct {
		name, want string
		step       run.Func
	}{
		{"no func", "it has no func", run.Func{}},
		{"no batch", "the func returned no batch", run.Func{Batch: func(context.Context, arrow.RecordBatch) (arrow.RecordBatch, error) { return nil, nil }}},
		{"panic", "the func panicked: runtime error: index out of range", run.Func{Batch: func(_ context.Context, b arrow.RecordBatch) (arrow.RecordBatch, error) {
			return b, []error{nil}[b.NumRows()]
		}}},
		{"panic in the schema", "the func of its schema panicked: boom", run.Func{Batch: same, Schema: func(*arrow.Schema) (*arrow.Schema, error) { panic("boom") }}},
		{"no schema", "the func of its schema returned none", run.Func{Batch: same, Schema: func(*arrow.Schema) (*arrow.Schema, error) { return nil, nil }}},
		{"schema with an error", "the shop is closed", run.Func{Batch: same, Schema: func(*arrow.Schema) (*arrow.Schema, error) { return nil, other }}},
		{"error", "the shop is closed", run.Func{Batch: func(context.Context, arrow.RecordBatch) (arrow.RecordBatch, error) { return nil, other }}},
		{"fewer columns", "the func returned 6 columns and not the 7 that were declared", run.Func{Batch: same, Schema: run.EachRow([]arrow.Field{nullable}, nil).Schema}},
		{"another type", `column "id" goes in as int and comes out as bigint`, run.Func{Batch: same, Schema: func(in *arrow.Schema) (*arrow.Schema, error) {
			return arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}}, nil), nil
		}}},
		{"another column", `it is said to make a column "nothing" that does not come out`, run.Func{Batch: same, Makes: []string{"nothing"}}},
		{"NULL", `NULL in column "x", which was declared to have none`, run.EachRow([]arrow.Field{required}, func(context.Context, run.Row) error { return nil })},
		{"unknown column", `the func panicked: there is no column "y"`, run.EachRow(nil, func(_ context.Context, row run.Row) error { row.Int("y"); return nil })},
		{"undeclared column", `column "id" was not declared as one that the func makes`, run.EachRow(nil, func(_ context.Context, row run.Row) error { row.Set("id", 1); return nil })},
		{"another kind of value", `column "x" is int64, and cannot be bool true`, run.EachRow([]arrow.Field{nullable}, func(_ context.Context, row run.Row) error { row.Set("x", true); return nil })},
		{"text for a number", `column "x" is int64, and cannot be string many`, run.EachRow([]arrow.Field{nullable}, func(_ context.Context, row run.Row) error { row.Set("x", "many"); return nil })},
		{"fewer rows", "the func made 0 rows of", run.Func{Batch: func(_ context.Context, b arrow.RecordBatch) (arrow.RecordBatch, error) { return b.NewSlice(0, 0), nil }}},
		{"other values", `column "id" has other values than before`, run.Func{Batch: ids}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := s.with(t, c.step)
			if o.Err == nil || !strings.Contains(o.Err.Error(), "step step: ") || !strings.Contains(o.Err.Error(), c.want) {
				t.Errorf("%v does not say %q", o.Err, c.want)
			}
			if c.name == "panic" && !strings.Contains(tidemark.Hint(o.Err), "step_test.go:") {
				t.Errorf("the hint is %q", tidemark.Hint(o.Err))
			}
			if o.Result.Committed {
				t.Errorf("%+v", o.Result)
			}
		})
	}
	if o := s.with(t, run.Func{Batch: same}); o.Err != nil || o.Result.Seq != 1 || o.Result.New != 3 {
		t.Errorf("afterwards: %+v", o)
	}
}

// ids gives rows other numbers.
func ids(_ context.Context, b arrow.RecordBatch) (arrow.RecordBatch, error) {
	made := array.NewInt32Builder(memory.DefaultAllocator)
	defer made.Release()
	for i := range int(b.NumRows()) {
		made.Append(int32(-i))
	}
	column := made.NewArray()
	defer column.Release()
	columns := append([]arrow.Array{column}, b.Columns()[1:]...)
	return array.NewRecordBatch(b.Schema(), columns, b.NumRows()), nil
}

// TestNoGoFunc runs a pipeline whose func is not there, and what needs none.
func TestNoGoFunc(t *testing.T) {
	s := newShop(t, strings.ReplaceAll(goPipeline, "MODE", "append"))
	r, err := run.Load(s.file, run.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Run(t.Context(), nil); !errors.Is(err, run.ErrNoFunc) || !strings.Contains(tidemark.Hint(err), "tidemark export --go items") {
		t.Errorf("%v (%s)", err, tidemark.Hint(err))
	}
	if _, err := r.Watermarks(t.Context(), nil); err != nil {
		t.Error(err)
	}
}
