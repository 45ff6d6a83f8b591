package engine_test

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

// A row is a row of the table in memory.
type row struct {
	id   int32
	ts   int64 // seconds; 0 stands for NULL
	note string
}

// A table is a tidemark.Source in memory, with a clock that the test moves and rows that become visible when the test
// says so. What it settles is true by construction: the lowest cursor among the rows that are not visible yet.
type table struct {
	mu      sync.Mutex
	now     int64 // seconds
	rows    []row
	pending []row // written, not committed

	origin tidemark.Origin
	cut    int // this many batches into a read, once, the stream is lost and the attempt must begin again; 0 never
}

func newTable() *table {
	return &table{now: 1000, origin: tidemark.Origin{Server: "memory", Table: "db.t"}}
}

// insert writes rows at the present second and commits them.
func (t *table) insert(ids ...int32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range ids {
		t.rows = append(t.rows, row{id, t.now, fmt.Sprintf("first %d", id)})
	}
}

// update writes a new version of a row at the present second.
func (t *table) update(id int32, note string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.rows {
		if t.rows[i].id == id {
			t.rows[i] = row{id, t.now, note}
		}
	}
}

// begin writes rows at the present second that become visible only with commit.
func (t *table) begin(ids ...int32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range ids {
		t.pending = append(t.pending, row{id, t.now, fmt.Sprintf("late %d", id)})
	}
}

func (t *table) commit() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, t.pending...)
	t.pending = nil
}

func (t *table) pass(seconds int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now += seconds
}

func (t *table) visible() []row {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]row(nil), t.rows...)
}

func (t *table) Schema(context.Context) (*tidemark.Schema, error) {
	return &tidemark.Schema{
		Columns: []tidemark.Column{
			{Name: "id", Type: arrow.PrimitiveTypes.Int32, SourceType: "int"},
			{Name: "ts", Type: &arrow.TimestampType{Unit: arrow.Microsecond}, Nullable: true, SourceType: "datetime"},
			{Name: "note", Type: arrow.BinaryTypes.String, Nullable: true, SourceType: "varchar(25)"},
		},
		Key: []string{"id"}, Unique: [][]string{{"id"}},
		Cursor: &tidemark.Cursor{Column: "ts", Index: 1, Kind: tidemark.CursorDatetime, Nullable: true, Granularity: time.Second},
		Origin: t.origin, Rows: int64(len(t.visible())),
	}, nil
}

func cursorOf(seconds int64) tidemark.CursorValue {
	return tidemark.TemporalValue(tidemark.CursorDatetime, seconds*1e6)
}

func (t *table) Settle(_ context.Context, previous tidemark.Watermark) (tidemark.Settled, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	bound := t.now // a row of this very second may still come
	for _, r := range t.pending {
		bound = min(bound, r.ts)
	}
	t0 := time.Unix(t.now, 0).UTC()
	return tidemark.Settled{
		Bound: cursorOf(bound).Max(previous.Settled), T0: t0, By: tidemark.SettledQuiet,
		History: []tidemark.Settlement{{T0: t0}},
	}, nil
}

type span struct {
	window     tidemark.Window
	odd, every int32
}

func (s span) String() string { return fmt.Sprintf("rows with id %% %d = %d", s.every, s.odd) }

func (t *table) Splits(_ context.Context, w tidemark.Window, n int) ([]tidemark.Split, error) {
	var splits []tidemark.Split
	for i := range n {
		splits = append(splits, span{w, int32(i), int32(n)})
	}
	return splits, nil
}

const rowsPerBatch = 3

func (t *table) Read(ctx context.Context, s tidemark.Split) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		schema, err := t.Schema(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		var part []row
		sp := s.(span)
		for _, r := range t.visible() {
			if r.id%sp.every == sp.odd && isWithin(r, sp.window) {
				part = append(part, r)
			}
		}
		for n := 1; len(part) > 0; n++ {
			if t.lost(n) {
				yield(nil, fmt.Errorf("connection lost: %w", tidemark.ErrRestart))
				return
			}
			size := min(rowsPerBatch, len(part))
			if !yield(batchOf(schema.Arrow(), part[:size]), nil) {
				return
			}
			part = part[size:]
		}
	}
}

func isWithin(r row, w tidemark.Window) bool {
	if r.ts == 0 {
		return w.Until.IsZero()
	}
	at := cursorOf(r.ts)
	return (w.From.IsZero() || !at.Less(w.From)) && (w.Until.IsZero() || at.Less(w.Until))
}

// lost reports, once, that the stream is cut before its nth batch.
func (t *table) lost(n int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cut == 0 || n <= t.cut {
		return false
	}
	t.cut = 0
	return true
}

func (t *table) Close() error { return nil }

func batchOf(schema *arrow.Schema, rows []row) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for _, r := range rows {
		b.Field(0).(*array.Int32Builder).Append(r.id)
		if r.ts == 0 {
			b.Field(1).AppendNull()
		} else {
			b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(r.ts * 1e6))
		}
		b.Field(2).(*array.StringBuilder).Append(r.note)
	}
	return b.NewRecordBatch()
}
