package duckdb

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
)

// TestBypass: which columns the database is given. Where a name may stand for more than a column, it gets them all.
func TestBypass(t *testing.T) {
	id, updated, customer, status := "order_id", "order_last_updated", "customer_id", "order_status"
	for sql, want := range map[string][]string{
		"SELECT * FROM rows":      {},
		"FROM rows WHERE 1 = 1":   {},
		"SELECT rows.* FROM rows": {},
		"SELECT r.* FROM rows r":  {},
		"SELECT * FROM rows WHERE ORDER_ID > 1 AND rows.Customer_ID < 5":                                                        {id, customer},
		"SELECT * FROM rows WHERE order_last_updated >= watermark()":                                                            {updated},
		"SELECT * FROM rows WHERE order_last_updated >= (SELECT max(last_fetched) FROM fetch_details WHERE tablename = 'rows')": {updated},
		"SELECT *, upper(order_status) AS s, order_id + 1 AS next FROM rows":                                                    {id, status},
		"SELECT 1 AS one, * FROM rows":                                                                                          {},
		"SELECT * EXCLUDE (customer_id) REPLACE (lower(order_status) AS order_status) FROM rows":                                {customer, status},
		"SELECT * RENAME (customer_id AS c) FROM rows":                                                                          {customer},
		"SELECT *, order_id + 1 AS customer_id_2, customer_id_2 + 1 AS c FROM rows":                                             {id},
		"SELECT * FROM rows WHERE 'customer_id' = order_status":                                                                 {customer, status},
		"SELECT * FROM rows WHERE list_contains(list_transform(['NEW'], lambda order_id: lower(order_id)), order_status)":       {id, status},

		"SELECT order_id, order_status FROM rows": nil, "SELECT order_id + 1 AS n FROM rows": nil, "SELECT *, * FROM rows": nil,
		"SELECT *, rows FROM rows": nil, "SELECT *, r FROM rows r": nil, "SELECT * FROM rows r WHERE to_json(r) IS NOT NULL": nil,
		"SELECT COLUMNS('order.*') FROM rows": nil, "SELECT * LIKE 'order%' FROM rows": nil, "SELECT *, hash(*COLUMNS(*)) AS h FROM rows": nil,
		"SELECT * FROM rows r(a, b)": nil, "SELECT * FROM rows ORDER BY order_id": nil, "SELECT DISTINCT * FROM rows": nil, "SELECT count(*) FROM rows": nil,
		"SELECT * FROM rows WHERE customer_id IN (SELECT customer_id FROM customers)": nil, "SELECT * FROM rows SEMI JOIN customers USING (customer_id)": nil,
		"SELECT * FROM rows WHERE customer_id IN (SELECT range FROM range(1000000))": nil, "SELECT * FROM rows WHERE order_id IN (FROM (VALUES (1)))": nil,
		"SELECT * FROM rows WHERE order_id > 0 AND order_status = 'a' AND customer_id > 0 AND order_last_updated IS NULL": nil,
	} {
		db := open(t, Options{})
		lookups(t, db)
		if err := db.Exec(t.Context(), "CREATE TEMP TABLE fetch_details AS SELECT 'rows' AS tablename, TIMESTAMP '2024-01-01' AS last_fetched"); err != nil {
			t.Fatal(err)
		}
		s := parse(t, db, sql, "watermark")
		out, err := db.Describe(t.Context(), s)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		b, err := db.Bypass(t.Context(), s, "rows", ordersSchema, out, "fetch_details")
		if err != nil || (b == nil) != (want == nil) {
			t.Errorf("Bypass(%s) = %+v, %v", sql, b, err)
			continue
		}
		if b == nil {
			continue
		}
		got := []string{}
		for _, c := range b.fed {
			got = append(got, ordersSchema.Field(c).Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: the database is given %q, want %q", sql, got, want)
		}
	}
}

// TestBypassName: a column with the name of the program's own is not lost.
func TestBypassName(t *testing.T) {
	db := open(t, Options{})
	schema := arrow.NewSchema([]arrow.Field{{Name: "Tidemark_Row_Number", Type: arrow.PrimitiveTypes.Int32}, {Name: "a", Type: arrow.PrimitiveTypes.Int32}}, nil)
	if err := db.Register(t.Context(), "rows", schema, nil); err != nil {
		t.Fatal(err)
	}
	s := parse(t, db, "SELECT * FROM rows")
	if b, err := db.Bypass(t.Context(), s, "rows", schema, schema); b != nil || err != nil {
		t.Errorf("Bypass = %+v, %v, want none", b, err)
	}
}

// collectPast is collect over rows of which most columns go past.
func collectPast(t *testing.T, db *DB, sql string, schema *arrow.Schema, batches ...arrow.RecordBatch) (arrow.Table, error) {
	t.Helper()
	s := parse(t, db, sql)
	if err := db.Register(t.Context(), "rows", schema, nil); err != nil {
		t.Fatal(err)
	}
	out, err := db.Describe(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	b, err := db.Bypass(t.Context(), s, "rows", schema, out)
	if err != nil || b == nil {
		t.Fatalf("%s: Bypass = %v, %v", sql, b, err)
	}
	var got []arrow.RecordBatch
	for batch, err := range db.StreamPast(t.Context(), s, b, seq(batches...)) {
		if err != nil {
			table(out, got).Release()
			return nil, err
		}
		if !batch.Schema().Equal(out) {
			t.Errorf("%s: a batch has the schema %s, and %s was described", sql, batch.Schema(), out)
		}
		got = append(got, batch)
	}
	return table(out, got), nil
}

// TestStreamPast: what goes past comes out as it would by way of the database, for all types, with and without a
// filter, wherever the batches begin and end.
func TestStreamPast(t *testing.T) {
	mem := quiet(t)
	db := open(t, Options{Threads: 1})
	schema := schemaOf(allTypes...)
	for seed := range uint64(9) {
		r := rand.New(rand.NewPCG(seed, 2))
		var batches []arrow.RecordBatch
		for _, n := range []int{r.IntN(3), r.IntN(3 * vectorSize), 0, vectorSize, 1 + r.IntN(10), vectorSize + 1} {
			whole := randomBatch(r, mem, schema, n+7, []float64{0, 0.1, 0.9}[seed%3])
			from := r.IntN(8)
			batches = append(batches, whole.NewSlice(int64(from), int64(from+n)))
			whole.Release()
		}
		for _, sql := range []string{
			"SELECT * FROM rows", "SELECT * FROM rows WHERE b > 0", "SELECT * FROM rows WHERE b = 77 AND a", "SELECT * FROM rows WHERE false",
			"SELECT *, e + 1::HUGEINT AS next, length(t) AS letters FROM rows WHERE c < 0", "SELECT 'x' AS first, * EXCLUDE (u) FROM rows WHERE t <> ''",
		} {
			if err := db.Register(t.Context(), "rows", schema, seq(batches...)); err != nil {
				t.Fatal(err)
			}
			want, err := collect(t, db, sql)
			if err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
			got, err := collectPast(t, db, sql, schema, batches...)
			if err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
			for i := range int(want.NumCols()) {
				if a, b := got.Column(i), want.Column(i); !array.ChunkedEqual(a.Data(), b.Data()) {
					t.Errorf("seed %d, %s: %s: %s", seed, sql, want.Schema().Field(i), firstDifference(a, b))
				}
			}
			got.Release()
			want.Release()
		}
		for _, b := range batches {
			b.Release()
		}
	}
}

// TestStreamPastEnds: what ends the rows, the statement or the wish for more ends all of it, and an error has its place.
func TestStreamPastEnds(t *testing.T) {
	mem := quiet(t)
	db := open(t, Options{Threads: 1})
	down := errors.New("the server is gone")
	s, b := bypass(t, db, "SELECT * FROM rows WHERE order_id % 2 = 0")
	n := 0
	var last error
	for batch, err := range db.StreamPast(t.Context(), s, b, broken(mem, 3, down)) {
		if last = err; err == nil {
			n += int(batch.NumRows())
			batch.Release()
		}
	}
	if n != 7500 || !errors.Is(last, down) {
		t.Errorf("rows that break: %d rows, %v; want 7500 and the error of the rows", n, last)
	}
	pulled := 0
	rows := func(yield func(arrow.RecordBatch, error) bool) {
		for batch, err := range broken(mem, 100, nil) {
			pulled++
			if !yield(batch, err) {
				return
			}
		}
	}
	for batch := range db.StreamPast(t.Context(), s, b, rows) {
		batch.Release()
		break
	}
	if pulled != 1 {
		t.Errorf("%d batches were pulled for one that was wanted", pulled)
	}
	s, b = bypass(t, db, "SELECT *\nFROM rows WHERE\n  CAST(order_status AS INTEGER) > 0")
	for _, err := range db.StreamPast(t.Context(), s, b, broken(mem, 3, nil)) {
		last = err
	}
	var e *Error
	if !errors.Is(last, tidemark.ErrInvalid) || !errors.As(last, &e) || e.Line != 3 || e.Column != 3 {
		t.Errorf("a value that cannot be cast: %v, want its place, line 3, column 3", last)
	}
}
