package overlap

import (
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

// TestSchemaChange: the columns change between two runs, and with them, on the server, every row but no cursor.
func TestSchemaChange(t *testing.T) {
	i32, i64, str := arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String
	before := schemaOf("at", col("id", i32), col("at", i64), col("v", str))
	tests := []struct {
		name  string
		after *tidemark.Schema
		read  [][]any
		fresh []string
	}{
		{"the same", before,
			[][]any{{1, 10, "a"}, {2, 10, "b"}, {3, 10, "c"}}, []string{"3 10 c"}},
		{"reordered", schemaOf("at", col("v", str), col("at", i64), col("id", i32)),
			[][]any{{"a", 10, 1}, {"b", 10, 2}, {"c", 10, 3}}, []string{"c 10 3"}},
		{"widened", schemaOf("at", col("id", i64), col("at", i64), col("v", arrow.BinaryTypes.LargeString)),
			[][]any{{1, 10, "a"}, {2, 10, "b"}, {3, 10, "c"}}, []string{"3 10 c"}},
		{"added with a default", schemaOf("at", col("id", i32), col("at", i64), col("v", str), col("new", str)),
			[][]any{{1, 10, "a", "x"}, {2, 10, "b", "x"}, {3, 10, "c", "x"}}, []string{"3 10 c x"}},
		{"added in front", schemaOf("at", col("a_new", i32), col("id", i32), col("at", i64), col("v", str)),
			[][]any{{0, 1, 10, "a"}, {0, 2, 10, "z"}}, []string{"0 2 10 z"}},
		{"dropped", schemaOf("at", col("id", i32), col("at", i64)),
			[][]any{{1, 10}, {2, 10}, {3, 10}}, []string{"3 10"}},
		{"another kind", schemaOf("at", col("id", i32), col("at", i64), col("v", i32)),
			[][]any{{1, 10, 0}, {2, 10, 0}, {3, 10, 0}}, []string{"3 10 0"}},
		{"dropped and added", schemaOf("at", col("id", i32), col("at", i64), col("w", str)),
			[][]any{{1, 10, "q"}, {1, 10, "q"}}, []string{"1 10 q"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := mustBegin(t, loaded{}.options(t, before, never), defaultSizes)
			apply(t, p, []any{1, 10, "a"}, []any{2, 10, "b"})
			l := finish(t, p)

			p = mustBegin(t, l.options(t, tt.after, never), defaultSizes)
			fresh, _ := apply(t, p, tt.read...)
			if diff := cmp.Diff(tt.fresh, fresh); diff != "" {
				t.Error(diff)
			}
			l = finish(t, p)

			// The next side file is of the new columns: the same rows are all known.
			p = mustBegin(t, l.options(t, tt.after, never), defaultSizes)
			if fresh, _ := apply(t, p, tt.read...); len(fresh) != 0 {
				t.Errorf("read again: %q are fresh", fresh)
			}
		})
	}
}

// TestSchemaChangeInALargeOverlap: with as many rows as the column hashes are kept for, the change is bridged, also
// when the entries have to be sorted on disk; with one more the run stops and says how to go on, and without a change
// it goes on as ever.
func TestSchemaChangeInALargeOverlap(t *testing.T) {
	size := tiny
	size.columns = 1000
	after := schemaOf("at", append([]tidemark.Column{col("new", arrow.PrimitiveTypes.Int32)}, orders.Columns...)...)
	for _, rows := range []int{1000, 1001} {
		p := mustBegin(t, loaded{}.options(t, orders, never), size)
		var first, second [][]any
		for i := range rows {
			first = append(first, []any{i, 7, "x"})
			second = append(second, []any{1, i, 7, "x"})
		}
		apply(t, p, first...)
		l := finish(t, p)

		if fresh, _ := apply(t, mustBegin(t, l.options(t, orders, never), size), first...); len(fresh) != 0 {
			t.Errorf("%d rows, no change: %d rows are fresh", rows, len(fresh))
		}
		p, err := begin(t.Context(), l.options(t, after, never), size)
		if rows > 1000 {
			if !errors.Is(err, tidemark.ErrInvalid) || errors.Is(err, ErrDamaged) || tidemark.Hint(err) == "" || !strings.Contains(err.Error(), "+new number") {
				t.Errorf("%d rows: err = %v (hint %q), want ErrInvalid with the column and a hint", rows, err, tidemark.Hint(err))
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		second = append(second, []any{1, 5000, 7, "x"})
		fresh, _ := apply(t, p, second...)
		if diff := cmp.Diff([]string{"1 5000 7 x"}, fresh); diff != "" {
			t.Errorf("%d rows: %s", rows, diff)
		}
	}
}

// TestNothingInCommon: rows that have only the cursor left cannot be told apart.
func TestNothingInCommon(t *testing.T) {
	p := mustBegin(t, loaded{}.options(t, orders, never), defaultSizes)
	apply(t, p, []any{1, 10, "a"})
	l := finish(t, p)
	renamed := schemaOf("at", col("id2", arrow.PrimitiveTypes.Int64), col("at", arrow.PrimitiveTypes.Int64), col("status2", arrow.BinaryTypes.String))
	if _, err := Begin(t.Context(), l.options(t, renamed, never)); !errors.Is(err, tidemark.ErrInvalid) || tidemark.Hint(err) == "" {
		t.Errorf("err = %v, want ErrInvalid with a hint", err)
	}

	// A table of a cursor alone has nothing else to compare.
	alone := schemaOf("at", col("at", arrow.PrimitiveTypes.Int64))
	p = mustBegin(t, loaded{}.options(t, alone, never), defaultSizes)
	apply(t, p, []any{10}, []any{10})
	l = finish(t, p)
	p = mustBegin(t, l.options(t, orders, never), defaultSizes)
	if _, suppressed := apply(t, p, []any{1, 10, "a"}, []any{2, 10, "a"}, []any{3, 10, "a"}); suppressed != 2 {
		t.Errorf("suppressed %d, want 2", suppressed)
	}
}

func TestAnotherCursorColumn(t *testing.T) {
	p := mustBegin(t, loaded{}.options(t, orders, never), defaultSizes)
	apply(t, p, []any{1, 10, "a"})
	l := finish(t, p)
	if _, err := Begin(t.Context(), l.options(t, schemaOf("id", orders.Columns...), never)); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("err = %v, want ErrInvalid", err)
	}
}
