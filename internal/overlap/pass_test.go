package overlap

import (
	"strconv"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

var orders = schemaOf("at", col("id", arrow.PrimitiveTypes.Int64), col("at", arrow.PrimitiveTypes.Int64), col("status", arrow.BinaryTypes.String))

func at(n int64) tidemark.CursorValue { return tidemark.IntegerValue(n) }

var never = at(1 << 60) // a bound that caps nothing

// TestRuns plays runs one after the other: what each reads, what of it is fresh, and how many rows its side file has.
func TestRuns(t *testing.T) {
	type run struct {
		bound tidemark.CursorValue
		read  [][]any
		fresh []string
		side  int64
		high  string
	}
	tests := []struct {
		name string
		runs []run
	}{
		{"nothing", []run{{never, nil, nil, 0, ""}, {never, nil, nil, 0, ""}}},
		{"no news", []run{
			{never, [][]any{{1, 10, "a"}, {2, 20, "b"}}, []string{"1 10 a", "2 20 b"}, 1, "20"},
			{never, [][]any{{2, 20, "b"}}, nil, 1, "20"},
			{never, [][]any{{2, 20, "b"}}, nil, 1, "20"},
		}},
		{"the origin story: one more row", []run{
			{never, [][]any{{1, 10, "a"}, {2, 10, "b"}}, []string{"1 10 a", "2 10 b"}, 2, "10"},
			{never, [][]any{{2, 10, "b"}, {3, 30, "c"}, {1, 10, "a"}}, []string{"3 30 c"}, 1, "30"},
			{never, [][]any{{3, 30, "c"}}, nil, 1, "30"},
		}},
		{"a tie that comes late", []run{
			{never, [][]any{{1, 10, "a"}}, []string{"1 10 a"}, 1, "10"},
			{never, [][]any{{1, 10, "a"}, {2, 10, "b"}}, []string{"2 10 b"}, 2, "10"},
		}},
		{"an older row, committed late", []run{
			{at(5), [][]any{{1, 4, "a"}, {2, 20, "b"}}, []string{"1 4 a", "2 20 b"}, 1, "20"},
			{at(5), [][]any{{3, 7, "c"}, {2, 20, "b"}}, []string{"3 7 c"}, 2, "20"},
			{at(8), [][]any{{2, 20, "b"}, {3, 7, "c"}}, nil, 1, "20"},
			{never, [][]any{{2, 20, "b"}}, nil, 1, "20"},
		}},
		{"an update within the same value", []run{
			{never, [][]any{{1, 10, "a"}}, []string{"1 10 a"}, 1, "10"},
			{never, [][]any{{1, 10, "z"}}, []string{"1 10 z"}, 1, "10"},
		}},
		{"a version that went away and comes back is a new event", []run{
			{never, [][]any{{1, 10, "a"}}, []string{"1 10 a"}, 1, "10"},
			{never, [][]any{{1, 10, "z"}}, []string{"1 10 z"}, 1, "10"},
			{never, [][]any{{1, 10, "a"}}, []string{"1 10 a"}, 1, "10"},
		}},
		{"equal rows are counted", []run{
			{never, [][]any{{1, 10, "a"}, {1, 10, "a"}}, []string{"1 10 a", "1 10 a"}, 2, "10"},
			{never, [][]any{{1, 10, "a"}, {1, 10, "a"}, {1, 10, "a"}}, []string{"1 10 a"}, 3, "10"},
			{never, [][]any{{1, 10, "a"}, {1, 10, "a"}}, nil, 2, "10"},
			{never, [][]any{{1, 10, "a"}, {1, 10, "a"}, {1, 10, "a"}}, []string{"1 10 a"}, 3, "10"},
		}},
		{"rows without a cursor", []run{
			{never, [][]any{{1, nil, "a"}, {2, 10, nil}}, []string{"1 (null) a", "2 10 (null)"}, 2, "10"},
			{never, [][]any{{2, 10, nil}, {1, nil, "a"}, {1, nil, nil}}, []string{"1 (null) (null)"}, 3, "10"},
			{never, [][]any{{1, nil, nil}, {1, nil, "a"}, {2, 10, ""}}, []string{"2 10 "}, 3, "10"},
		}},
		{"only rows without a cursor", []run{
			{never, [][]any{{1, nil, "a"}}, []string{"1 (null) a"}, 1, ""},
			{never, [][]any{{1, nil, "a"}, {1, nil, "a"}}, []string{"1 (null) a"}, 2, ""},
		}},
		{"no bound at all keeps everything", []run{
			{tidemark.CursorValue{}, [][]any{{1, 10, "a"}, {2, 20, "b"}}, []string{"1 10 a", "2 20 b"}, 2, "20"},
			{tidemark.CursorValue{}, [][]any{{1, 10, "a"}, {0, 5, "c"}, {2, 20, "b"}}, []string{"0 5 c"}, 3, "20"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var l loaded
			for i, r := range tt.runs {
				p := mustBegin(t, l.options(t, orders, r.bound), defaultSizes)
				fresh, _ := apply(t, p, r.read...)
				if diff := cmp.Diff(r.fresh, fresh); diff != "" {
					t.Errorf("run %d: %s", i+1, diff)
				}
				l = finish(t, p)
				if l.mark.Overlap.Rows != r.side {
					t.Errorf("run %d: side file of %d rows, want %d", i+1, l.mark.Overlap.Rows, r.side)
				}
				if got := l.mark.High.String(); got != r.high {
					t.Errorf("run %d: high %q, want %q", i+1, got, r.high)
				}
			}
		})
	}
}

// TestCursorWidens: INT becomes BIGINT UNSIGNED between two runs, and the loaded rows are known again.
func TestCursorWidens(t *testing.T) {
	narrow := schemaOf("n", col("n", arrow.PrimitiveTypes.Int32), col("v", decimal(10, 2)))
	wide := schemaOf("n", col("v", decimal(20, 4)), col("n", unsignedType))
	p := mustBegin(t, loaded{}.options(t, narrow, never), defaultSizes)
	apply(t, p, []any{5, 150}, []any{7, 250})
	l := finish(t, p)
	p = mustBegin(t, l.options(t, wide, tidemark.UnsignedValue(1<<63+5)), defaultSizes)
	fresh, suppressed := apply(t, p, []any{25000, 7}, []any{1, unscaled("18446744073709551615")})
	if diff := cmp.Diff([]string{"0.0001 18446744073709551615"}, fresh); diff != "" || suppressed != 1 {
		t.Errorf("suppressed %d: %s", suppressed, diff)
	}
	l = finish(t, p)
	if got, want := l.mark.Settled.String(), strconv.FormatUint(1<<63+5, 10); got != want || l.mark.Overlap.Rows != 1 {
		t.Errorf("settled %s with %d rows, want %s with 1", got, l.mark.Overlap.Rows, want)
	}
}

// TestFinishHigher: the engine may leave out the cap at high when too many rows would have to be read again.
func TestFinishHigher(t *testing.T) {
	for _, size := range []sizes{defaultSizes, tiny} {
		o := loaded{}.options(t, orders, at(500))
		o.Limit = 10
		p := mustBegin(t, o, size)
		for i := range 400 {
			apply(t, p, []any{i, 100, "tie"})
		}
		apply(t, p, []any{0, nil, "null"})
		for _, step := range []struct {
			settled int64
			rows    int64
			excess  string
		}{
			{100, 401, "400 of 401 rows share at = 100"},
			{500, 1, ""},
		} {
			excess, err := p.Excess(at(step.settled))
			if err != nil || excess != step.excess {
				t.Errorf("Excess(%d) = %q, %v, want %q", step.settled, excess, err, step.excess)
			}
			f, err := p.Finish(at(step.settled))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			if got := f.Overlap().Rows; got != step.rows {
				t.Errorf("Finish(%d): %d rows, want %d", step.settled, got, step.rows)
			}
		}
		if _, err := p.Finish(at(100)); err == nil {
			t.Error("Finish went back below what it had let go")
		}
	}
}

func TestExcess(t *testing.T) {
	tests := []struct {
		name string
		rows [][]any
		want string
	}{
		{"within the limit", [][]any{{1, 1, ""}, {2, 2, ""}}, ""},
		{"nulls", [][]any{{1, nil, ""}, {2, nil, ""}, {3, 3, ""}}, "2 of 3 rows have no at"},
		{"ties", [][]any{{1, 7, ""}, {2, 7, ""}, {3, 3, ""}}, "2 of 3 rows share at = 7"},
		{"held back", [][]any{{1, 1, ""}, {2, 2, ""}, {3, 3, ""}}, "3 rows lie between settled 1 and high 3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := loaded{}.options(t, orders, at(1))
			o.Limit = 2
			p := mustBegin(t, o, defaultSizes)
			apply(t, p, tt.rows...)
			if got, err := p.Excess(at(1)); err != nil || got != tt.want {
				t.Errorf("Excess = %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestFinishRefusesALowerSettled(t *testing.T) {
	p := mustBegin(t, loaded{}.options(t, orders, never), defaultSizes)
	apply(t, p, []any{1, 10, "a"}, []any{2, 20, "b"})
	if _, err := p.Finish(at(19)); err == nil {
		t.Error("Finish kept rows that were never stored")
	}
	f, err := p.Finish(at(20))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Apply(newBatch(t, orders, []any{3, 30, "c"})); err == nil {
		t.Error("Apply after Finish went unnoticed")
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := f.Open(); err == nil {
		t.Error("a closed file was opened")
	}
	if _, err := p.Finish(at(20)); err == nil {
		t.Error("Finish after Close went unnoticed")
	}
}

// TestFirstLoadHashesOnlyTheEnd: rows that settled is sure to pass cost nothing.
func TestFirstLoadHashesOnlyTheEnd(t *testing.T) {
	p := mustBegin(t, loaded{}.options(t, orders, never), defaultSizes)
	for from := 0; from < 1000; from += 100 {
		var rows [][]any
		for i := range 100 {
			rows = append(rows, []any{from + i, from + i, "x"})
		}
		apply(t, p, rows...)
	}
	if n := len(p.next.entries); n != 10 {
		t.Errorf("%d rows were hashed, want the last of each of 10 batches", n)
	}
	if l := finish(t, p); l.mark.Overlap.Rows != 1 {
		t.Errorf("%d rows in the side file, want 1", l.mark.Overlap.Rows)
	}
}
