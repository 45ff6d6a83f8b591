package transform

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/duckdb"
)

var errCut = errors.New("the connection was cut")

// numbered is a source of n batches with a row each, which ends in an error where there is one.
func numbered(mem memory.Allocator, schema *arrow.Schema, n int, end error) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for i := range n {
			b := array.NewInt64Builder(mem)
			b.Append(int64(i))
			a := b.NewArray()
			batch := array.NewRecordBatch(schema, []arrow.Array{a}, 1)
			a.Release()
			b.Release()
			if !yield(batch, nil) {
				return
			}
		}
		if end != nil {
			yield(nil, end)
		}
	}
}

func numbers() *tidemark.Schema {
	return &tidemark.Schema{
		Columns: []tidemark.Column{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, Key: []string{"n"}, Unique: [][]string{{"n"}},
		Cursor: &tidemark.Cursor{Column: "n", Kind: tidemark.CursorInteger},
	}
}

func beginSQL(t *testing.T, w tidemark.Window, texts ...string) (tidemark.Transformer, error) {
	t.Helper()
	var steps []Step
	for i, text := range texts {
		steps = append(steps, Step{Name: fmt.Sprintf("s%d", i+1), SQL: &SQL{Text: text, Table: tidemark.TableName{Database: "db", Name: "numbers"}, Dir: t.TempDir()}})
	}
	return New(steps).Begin(t.Context(), numbers(), w)
}

// sum adds up the first column of what comes, up to some batches.
func sum(rows iter.Seq2[arrow.RecordBatch, error], batches int) (total int64, err error) {
	for b, err := range rows {
		if err != nil {
			return total, err
		}
		for i := range int(b.NumRows()) {
			total += b.Column(0).(*array.Int64).Value(i)
		}
		b.Release()
		if batches--; batches == 0 {
			return total, nil
		}
	}
	return total, nil
}

// TestSQLEnds: whatever ends the rows or the statement, the right error comes out, and nothing is left behind.
func TestSQLEnds(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	in := numbers().Arrow()
	for _, c := range []struct {
		name    string
		sql     []string
		end     error
		batches int
		want    int64
		is      error
		message string
	}{
		{name: "all", sql: []string{"SELECT n FROM rows"}, want: 4950},
		{name: "two steps", sql: []string{"SELECT n FROM rows WHERE n >= 50", "SELECT n + 1 AS n FROM rows"}, want: 3775},
		{name: "as a whole", sql: []string{"SELECT max(n) AS m FROM rows"}, want: 99},
		{name: "the rows end in an error", sql: []string{"SELECT n FROM rows", "SELECT n FROM rows"}, end: errCut, is: errCut, message: "the connection was cut"},
		{name: "the rows of an aggregate end in an error", sql: []string{"SELECT max(n) FROM rows"}, end: errCut, is: errCut, message: "the connection was cut"},
		{name: "a value fails", sql: []string{"SELECT n FROM rows", "SELECT CAST('x' || n AS BIGINT) AS n FROM rows"}, is: tidemark.ErrInvalid, message: "step s2: "},
		{name: "the consumer stops", sql: []string{"SELECT n FROM rows"}, batches: 1, want: -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr, err := beginSQL(t, tidemark.Window{}, c.sql...)
			if err != nil {
				t.Fatal(err)
			}
			got, err := sum(tr.Rows(t.Context(), numbered(mem, in, 100, c.end)), c.batches)
			if !errors.Is(err, c.is) || err != nil && !strings.HasPrefix(err.Error(), c.message) {
				t.Errorf("error %v, want %v, %q", err, c.is, c.message)
			}
			if c.is == nil && c.want >= 0 && got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
			if err := tr.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSQLCancelled: a run that is stopped ends its statement.
func TestSQLCancelled(t *testing.T) {
	tr, err := beginSQL(t, tidemark.Window{}, "SELECT sum(a.n * b.range) AS n FROM rows a, range(1000000) b, range(1000000) c")
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, stop) // behind the start of the statement
	if _, err := sum(tr.Rows(ctx, numbered(memory.DefaultAllocator, numbers().Arrow(), 1000, nil)), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// TestWatermark: watermark() and fetch_details have where the window begins, and the least value where it does not.
func TestWatermark(t *testing.T) {
	for from, want := range map[tidemark.CursorValue]int64{{}: 4950, tidemark.IntegerValue(90): 945} {
		for _, text := range []string{
			"SELECT n FROM rows WHERE n >= watermark()",
			"select n from numbers where n >= (select max(last_fetched) from fetch_details where tablename = 'numbers')",
		} {
			tr, err := beginSQL(t, tidemark.Window{From: from}, text)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := sum(tr.Rows(t.Context(), numbered(memory.DefaultAllocator, numbers().Arrow(), 100, nil)), 0); err != nil || got != want {
				t.Errorf("%s from %v: %d, %v, want %d", text, from, got, err, want)
			}
			if err := tr.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestWatermarkKinds: a window begins somewhere for every kind of cursor, also where it has no beginning.
func TestWatermarkKinds(t *testing.T) {
	for _, tt := range []struct {
		kind              tidemark.CursorKind
		from, least, want string
	}{
		{tidemark.CursorInteger, "90", "-9223372036854775808", "90"},
		{tidemark.CursorDate, "2014-07-24", "0001-01-01", "2014-07-24"},
		{tidemark.CursorDatetime, "2014-07-24 01:02:03.500000", "0001-01-01 00:00:00", "2014-07-24 01:02:03.500000"},
		{tidemark.CursorTimestamp, "2014-07-24T01:02:03.500000Z", "0001-01-01T00:00:00Z", "2014-07-24T01:02:03.500000Z"},
	} {
		from, err := tidemark.ParseCursorValue(tt.from)
		if err != nil {
			t.Fatal(err)
		}
		for from, want := range map[tidemark.CursorValue]string{{}: tt.least, from: tt.want} {
			q := &query{SQL: &SQL{Table: tidemark.TableName{Database: "db", Name: "orders"}}, cursor: &tidemark.Cursor{Kind: tt.kind}, from: from}
			db, err := q.open(t.Context())
			if err != nil {
				t.Errorf("kind %v from %q: %v", tt.kind, from, err)
				continue
			}
			rows, err := db.Query(t.Context(), &duckdb.Statement{SQL: "SELECT watermark(), max(last_fetched) FROM fetch_details WHERE tablename = 'orders'"})
			if err != nil {
				t.Fatal(err)
			}
			for row, err := range rows.All() {
				if err != nil || duckdb.Text(row[0]) != want || duckdb.Text(row[1]) != want {
					t.Errorf("kind %v from %q: %v, %v, want %s twice", tt.kind, from, row, err, want)
				}
			}
			if err := errors.Join(rows.Close(), db.Close()); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestSQLPlace: an error in the statement says where it is.
func TestSQLPlace(t *testing.T) {
	_, err := beginSQL(t, tidemark.Window{}, "SELECT n,\n  nope FROM rows")
	var place *duckdb.Error
	if !errors.As(err, &place) || place.Line != 2 || place.Column != 3 {
		t.Errorf("error %v", err)
	}
}
