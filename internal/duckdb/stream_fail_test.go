package duckdb

import (
	"context"
	"errors"
	"iter"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

// quiet fails the test when a goroutine or a batch is left behind at its end.
func quiet(t *testing.T) *memory.CheckedAllocator {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		mem.AssertSize(t, 0)
		for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
			if time.Now().After(deadline) {
				stacks := make([]byte, 1<<16)
				t.Errorf("%d goroutines, and there were %d:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
				return
			}
		}
	})
	return mem
}

// broken yields batches of 5000 orders and then an error.
func broken(mem memory.Allocator, batches int, err error) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for i := range batches {
			if !yield(orders(mem, i*5000, 5000), nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// TestBrokenRows: an error of the rows ends a statement of any shape with that error, and the next one runs.
func TestBrokenRows(t *testing.T) {
	mem := quiet(t)
	db := open(t, Options{})
	down := errors.New("the server is gone")
	for _, sql := range []string{
		"SELECT * FROM rows", "SELECT count(*) FROM rows", "SELECT * FROM rows ORDER BY order_id", "SELECT a.* FROM rows a JOIN rows b USING (order_id)",
		"SELECT * FROM rows WHERE order_id < 0", "WITH r AS (FROM rows) SELECT count(*) FROM r",
	} {
		for _, n := range []int{0, 1, 7} {
			if err := db.Register(t.Context(), "rows", ordersSchema, broken(mem, n, down)); err != nil {
				t.Fatal(err)
			}
			if _, err := count(t.Context(), db, parse(t, db, sql)); !errors.Is(err, down) {
				t.Errorf("%s behind %d batches: err = %v, want that of the rows", sql, n, err)
			}
		}
	}
	if err := db.Load(t.Context(), "kept", ordersSchema, broken(mem, 3, down)); !errors.Is(err, down) {
		t.Errorf("Load = %v, want the error of the rows", err)
	}
	if err := db.Register(t.Context(), "rows", ordersSchema, broken(mem, 2, down)); err != nil {
		t.Fatal(err)
	}
	if n, err := count(t.Context(), db, parse(t, db, "SELECT * FROM rows LIMIT 3")); n != 3 || err != nil {
		t.Errorf("a LIMIT before the error: %d rows, %v, want 3 and none", n, err)
	}
}

// TestStop: a consumer that has enough ends the statement and what it reads, wherever they are.
func TestStop(t *testing.T) {
	mem := quiet(t)
	db := open(t, Options{})
	batch := orders(mem, 0, 1<<16)
	defer batch.Release()
	for range 5 {
		pulled := 0
		rows := func(yield func(arrow.RecordBatch, error) bool) {
			for b, err := range repeated(batch, 1000) {
				pulled++
				if !yield(b, err) {
					return
				}
			}
		}
		if err := db.Register(t.Context(), "rows", ordersSchema, rows); err != nil {
			t.Fatal(err)
		}
		for b, err := range db.Stream(t.Context(), parse(t, db, "SELECT * FROM rows")) {
			if err != nil {
				t.Fatal(err)
			}
			b.Release()
			break
		}
		if pulled > 10 {
			t.Errorf("%d batches were pulled for one that was wanted", pulled)
		}
	}
	if err := db.Register(t.Context(), "rows", ordersSchema, repeated(batch, 1)); err != nil {
		t.Fatal(err)
	}
	if n, err := count(t.Context(), db, parse(t, db, "SELECT * FROM rows")); n != 1<<16 || err != nil {
		t.Errorf("the next statement: %d rows, %v", n, err)
	}
	for _, sql := range []string{"SELECT * FROM rows", "SELECT * FROM rows UNION ALL FROM rows"} {
		if _, err := count(t.Context(), db, parse(t, db, sql)); !errors.Is(err, errRead) {
			t.Errorf("%s, of rows that were read: %v, want %v", sql, err, errRead)
		}
	}
	if err := db.Register(t.Context(), "rows", ordersSchema, repeated(batch, 1)); err != nil {
		t.Fatal(err)
	}
	if n, err := count(t.Context(), db, parse(t, db, "SELECT * FROM temp.rows")); n != 0 || err == nil {
		t.Errorf("a table by another name than it was registered with: %d rows, %v, want an error", n, err)
	}
}

// TestCancel: a context that ends ends a statement that computes, one that waits for rows, and one that waits for its
// consumer, with the context's cause.
func TestCancel(t *testing.T) {
	mem := quiet(t)
	db := open(t, Options{})
	batch := orders(mem, 0, 1<<16)
	defer batch.Release()
	why := errors.New("enough")
	for name, sql := range map[string]string{
		"computes":       "SELECT sum(hash(order_id + range)) FROM range(1000000), rows",
		"waits for rows": "SELECT * FROM rows",
		"sorts":          "SELECT * FROM rows ORDER BY hash(order_id)",
		"spools":         "SELECT * FROM rows a JOIN rows b USING (order_id)",
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		rows := func(yield func(arrow.RecordBatch, error) bool) {
			time.AfterFunc(50*time.Millisecond, func() { cancel(why) })
			for b, err := range repeated(batch, 5) {
				if !yield(b, err) {
					return
				}
			}
			if name != "computes" {
				<-ctx.Done()
				yield(nil, ctx.Err())
			}
		}
		if err := db.Register(ctx, "rows", ordersSchema, rows); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := count(ctx, db, parse(t, db, sql)); !errors.Is(err, why) && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: err = %v, want %v", name, err, why)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s: it took %s to end", name, took)
		}
		cancel(nil)
	}
	if n, err := count(t.Context(), db, parse(t, db, "SELECT 1")); n != 1 || err != nil {
		t.Errorf("the next statement: %d rows, %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := count(ctx, db, &Statement{SQL: "SELECT 1"}); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that had ended: %v", err)
	}
}

// TestStreamErrors: what is wrong with a statement or a value is said with its place.
func TestStreamErrors(t *testing.T) {
	mem := quiet(t)
	db := open(t, Options{})
	tests := []struct{ sql, want string }{
		{"SELECT nothing FROM rows", `line 1, column 8: Binder Error: Referenced column "nothing" not found`},
		{"SELECT order_id,\n  CAST(order_status AS INTEGER) AS n\nFROM rows", "line 2, column 3: Conversion Error: Could not convert string 'NEW' to INT32"},
		{"SELECT * FROM nowhere", "line 1, column 15: Catalog Error"},
		{"SELECT error('no') FROM rows", "Invalid Input Error: no"},
	}
	for _, tt := range tests {
		if err := db.Register(t.Context(), "rows", ordersSchema, broken(mem, 3, nil)); err != nil {
			t.Fatal(err)
		}
		_, err := count(t.Context(), db, parse(t, db, tt.sql))
		var e *Error
		if !errors.As(err, &e) || !errors.Is(err, tidemark.ErrInvalid) || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: err = %v, want %s", tt.sql, err, tt.want)
		}
	}
	other := schemaOf(arrow.PrimitiveTypes.Int64)
	if err := db.Register(t.Context(), "rows", other, broken(mem, 3, nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := count(t.Context(), db, parse(t, db, "SELECT * FROM rows")); err == nil || !strings.Contains(err.Error(), "a batch has columns") {
		t.Errorf("batches of another schema: %v", err)
	}
}

// TestMemory: a statement streams in little memory, sorts on disk, and fails without a folder.
func TestMemory(t *testing.T) {
	mem := quiet(t)
	batch := orders(mem, 0, 1<<16)
	defer batch.Release()
	const times, all = 50, 50 << 16
	for _, tt := range []struct {
		sql  string
		temp bool
		ok   bool
	}{
		{"SELECT * FROM rows", false, true},
		{"SELECT * FROM rows ORDER BY hash(order_status, order_id)", true, true},
		{"SELECT a.* FROM rows a, rows b LIMIT 3276800", true, true}, // spooled
		{"SELECT * FROM rows ORDER BY hash(order_status, order_id)", false, false},
		{"SELECT a.* FROM rows a, rows b LIMIT 3276800", false, false},
	} {
		o := Options{Memory: 48 << 20, Threads: 1}
		if tt.temp {
			o.Temp = filepath.Join(t.TempDir(), "spill")
		}
		db := open(t, o)
		if err := db.Lock(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if err := db.Register(t.Context(), "rows", ordersSchema, repeated(batch, times)); err != nil {
			t.Fatal(err)
		}
		n, err := count(t.Context(), db, parse(t, db, tt.sql))
		if tt.ok && (err != nil || n != all) {
			t.Errorf("%s, a folder: %t: %d rows, %v, want %d", tt.sql, tt.temp, n, err, all)
		}
		if !tt.ok && (err == nil || tidemark.Hint(err) == "" || errors.Is(err, tidemark.ErrInvalid)) {
			t.Errorf("%s without a folder: %d rows, %v, want an error with a hint", tt.sql, n, err)
		}
		db.Close()
	}
}
