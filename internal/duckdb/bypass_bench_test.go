package duckdb

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"
)

// BenchmarkStreamPast is BenchmarkStream for statements of which most columns go past.
func BenchmarkStreamPast(b *testing.B) {
	batch := orders(memory.DefaultAllocator, 0, 1<<16)
	defer batch.Release()
	const times = 153 // 10 million rows
	for _, sql := range []string{
		"SELECT * FROM rows WHERE order_status = 'PAID'",
		"SELECT * FROM rows WHERE order_status <> 'PAID'",
		"SELECT * FROM rows WHERE order_id >= 0",
		"SELECT *, customer_id + 1 AS next FROM rows",
	} {
		b.Run(sql, func(b *testing.B) {
			db := open(b, Options{Threads: 1})
			s, p := bypass(b, db, sql)
			for b.Loop() {
				for got, err := range db.StreamPast(b.Context(), s, p, repeated(batch, times)) {
					if err != nil {
						b.Fatal(err)
					}
					got.Release()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(times<<16), "ns/row")
		})
	}
}

// bypass finds the way past for a statement, which must have one.
func bypass(t testing.TB, db *DB, sql string) (*Statement, *Bypass) {
	t.Helper()
	if err := db.Register(t.Context(), "rows", ordersSchema, nil); err != nil {
		t.Fatal(err)
	}
	s := parse(t, db, sql)
	out, err := db.Describe(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	p, err := db.Bypass(t.Context(), s, "rows", ordersSchema, out)
	if err != nil || p == nil {
		t.Fatalf("%s: %v, %v", sql, p, err)
	}
	return s, p
}
