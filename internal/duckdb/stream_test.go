package duckdb

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

// ordersSchema is that of the table orders.
var ordersSchema = arrow.NewSchema([]arrow.Field{
	{Name: "order_id", Type: arrow.PrimitiveTypes.Int64},
	{Name: "order_last_updated", Type: &arrow.TimestampType{Unit: arrow.Microsecond}, Nullable: true},
	{Name: "customer_id", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	{Name: "order_status", Type: arrow.BinaryTypes.String, Nullable: true},
}, nil)

var words = []string{"NEW", "PAID", "PACKED", "SHIPPED", "DELIVERED TO THE DOOR", "RETURNED"}

// orders makes a batch of n orders, of which the first has the number first.
func orders(mem memory.Allocator, first, n int) arrow.RecordBatch {
	b := array.NewRecordBuilder(mem, ordersSchema)
	defer b.Release()
	for i := first; i < first+n; i++ {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(1700000000000000 + int64(i)*1e6))
		b.Field(2).(*array.Int32Builder).Append(int32(i % 1000))
		b.Field(3).(*array.StringBuilder).Append(words[i%len(words)])
	}
	return b.NewRecordBatch()
}

// repeated yields a batch again and again.
func repeated(b arrow.RecordBatch, times int) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for range times {
			b.Retain()
			if !yield(b, nil) {
				return
			}
		}
	}
}

func parse(t testing.TB, db *DB, sql string, own ...string) *Statement {
	t.Helper()
	s, err := db.Parse(t.Context(), sql, own...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return s
}

func count(ctx context.Context, db *DB, s *Statement) (int64, error) {
	var n int64
	for b, err := range db.Stream(ctx, s) {
		if err != nil {
			return n, err
		}
		n += b.NumRows()
		b.Release()
	}
	return n, nil
}

func BenchmarkStream(b *testing.B) {
	batch := orders(memory.DefaultAllocator, 0, 1<<16)
	defer batch.Release()
	const times = 153 // 10 million rows
	for _, sql := range []string{
		"SELECT * FROM rows",
		"SELECT * FROM rows WHERE order_status = 'PAID'",
		"SELECT order_id, upper(order_status) AS s FROM rows WHERE customer_id > 500",
		"SELECT order_status, count(*), sum(customer_id) FROM rows GROUP BY ALL",
		"SELECT count(*) FROM rows",
	} {
		b.Run(sql, func(b *testing.B) {
			db := open(b, Options{})
			for b.Loop() {
				start := time.Now()
				if err := db.Register(b.Context(), "rows", ordersSchema, repeated(batch, times)); err != nil {
					b.Fatal(err)
				}
				n, err := count(b.Context(), db, parse(b, db, sql))
				if err != nil {
					b.Fatal(err)
				}
				b.Logf("%d rows in %s", n, time.Since(start))
			}
		})
	}
}

// TestStream: results over rows that are read once, over rows that a statement names more than once, and beside tables
// that were loaded.
func TestStream(t *testing.T) {
	mem := quiet(t)
	db := open(t, Options{})
	customers := schemaOf(arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.String)
	b := array.NewRecordBuilder(mem, customers)
	b.Field(0).(*array.Int32Builder).AppendValues([]int32{1, 2}, nil)
	b.Field(1).(*array.StringBuilder).AppendValues([]string{"one", "two"}, nil)
	batch := b.NewRecordBatch()
	b.Release()
	for range 2 { // the second replaces the first
		if err := db.Load(t.Context(), "customers", customers, seq(batch)); err != nil {
			t.Fatal(err)
		}
	}
	batch.Release()
	if err := db.Exec(t.Context(), "CREATE TEMP MACRO watermark() AS 9998"); err != nil {
		t.Fatal(err)
	}
	if err := db.Lock(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string][][]string{
		"SELECT count(*), min(order_id), max(order_id), sum(customer_id) FROM rows": {{"10000", "0", "9999", "4995000"}},
		"SELECT order_id, order_status FROM rows WHERE order_id >= watermark()":     {{"9998", "PACKED"}, {"9999", "SHIPPED"}},
		"SELECT order_status, count(*) FROM rows WHERE order_id < 13 GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 2": {
			{"NEW", "3"}, {"DELIVERED TO THE DOOR", "2"}},
		"SELECT r.order_id, c.b FROM rows r LEFT JOIN customers c ON c.a = r.customer_id WHERE r.order_id BETWEEN 1 AND 3 ORDER BY 1": {
			{"1", "one"}, {"2", "two"}, {"3", "(null)"}},
		"SELECT count(*) FROM rows a JOIN rows b ON a.order_id = b.order_id + 1":                                                                   {{"9999"}},
		"WITH r AS (SELECT order_id FROM rows WHERE order_id < 3) SELECT count(*) FROM r, r AS s":                                                  {{"9"}},
		"WITH rows AS (SELECT order_id FROM rows WHERE order_id < 3) SELECT count(*) FROM rows":                                                    {{"3"}},
		"SELECT order_id FROM rows WHERE order_id = (SELECT max(order_id) FROM rows)":                                                              {{"9999"}},
		"SELECT count(*) FROM (FROM rows UNION ALL FROM rows)":                                                                                     {{"20000"}},
		"SELECT count(*) FROM rows WHERE customer_id IN (SELECT a FROM customers)":                                                                 {{"20"}},
		"SELECT a, (SELECT count(*) FROM rows r WHERE r.customer_id = c.a) FROM customers c ORDER BY a":                                            {{"1", "10"}, {"2", "10"}},
		"WITH RECURSIVE t AS (SELECT 0::BIGINT AS n UNION ALL SELECT order_id FROM rows, t WHERE order_id = n + 1 AND n < 3) SELECT max(n) FROM t": {{"3"}},
		"SELECT column_name FROM (DESCRIBE rows) LIMIT 1":                                                                                          {{"order_id"}},
		"SELECT column_name, count FROM (SUMMARIZE rows) WHERE column_name = 'order_id'":                                                           {{"order_id", "10000"}},
		"SELECT min(order_id) AS least FROM rows WHERE false":                                                                                      {{"(null)"}},
		"SELECT order_id FROM rows WHERE false":                                                                                                    nil,
		"SELECT order_id, lag(order_id) OVER (ORDER BY order_id) FROM rows QUALIFY order_id = 5":                                                   {{"5", "4"}},
		"FROM (PIVOT (SELECT order_status FROM rows) ON order_status IN ('NEW', 'PAID') USING count(*))":                                           nil,
	} {
		if err := db.Register(t.Context(), "rows", ordersSchema, broken(mem, 2, nil)); err != nil {
			t.Fatal(err)
		}
		got, err := collect(t, db, sql)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		if want != nil || got.NumRows() == 0 {
			diffRows(t, sql, got, want)
		}
		got.Release()
	}
}

// TestStreamOrder: rows come out in the order in which they went in, and in batches that are worth it.
func TestStreamOrder(t *testing.T) {
	mem := quiet(t)
	db := open(t, Options{})
	if err := db.Register(t.Context(), "rows", ordersSchema, broken(mem, 40, nil)); err != nil {
		t.Fatal(err)
	}
	next, batches := int64(0), 0
	for b, err := range db.Stream(t.Context(), parse(t, db, "SELECT order_id FROM rows WHERE order_id % 2 = 0")) {
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range b.Column(0).(*array.Int64).Int64Values() {
			if id != next {
				t.Fatalf("order %d comes where %d should", id, next)
			}
			next += 2
		}
		batches++
		b.Release()
	}
	if next != 200000 || batches > 2 {
		t.Errorf("orders up to %d in %d batches, want 200000 in 2", next, batches)
	}
}

// TestForbidden: a statement reads and changes nothing but tables, wherever it calls a function.
func TestForbidden(t *testing.T) {
	db := open(t, Options{})
	for _, sql := range []string{
		"SELECT getenv('HOME')", "SELECT * FROM rows WHERE GETENV('HOME') = order_status", "SELECT nextval('s') FROM rows", "SELECT write_log('x')",
		"SELECT current_setting('temp_directory')", "SELECT read_text('/etc/passwd')", "SELECT (SELECT content FROM read_text('/etc/passwd'))",
		"SELECT * FROM glob('*')", "SELECT * FROM query('SELECT 1')", "SELECT * FROM tidemark_rows_1()", "SELECT * FROM duckdb_settings()",
		"SELECT setseed(0.5)", "FROM read_csv('http://127.0.0.1/x')", "SELECT * FROM parquet_scan('x')", "SELECT x FROM rows ORDER BY getenv(x)",
		"WITH w AS (SELECT currval('s')) FROM w", "CREATE TABLE t (a INT)", "INSERT INTO rows VALUES (1)", "DELETE FROM rows", "COPY rows TO 'x'", "SET memory_limit = '1TB'",
		"ATTACH 'x'", "INSTALL httpfs", "CALL pragma_version()", "SELECT 1; SELECT 2",
	} {
		if s, err := db.Parse(t.Context(), sql, "watermark"); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("%s: %v, %v, want ErrInvalid", sql, s, err)
		}
	}
	for _, sql := range []string{"SELECT watermark()", "SELECT * FROM Fetched('x')"} {
		if _, err := db.Parse(t.Context(), sql, "watermark", "fetched"); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}
