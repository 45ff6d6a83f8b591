package duckdb

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
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

func parse(t testing.TB, db *DB, sql string) *Statement {
	t.Helper()
	s, err := db.Parse(t.Context(), sql)
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
				b.Log(fmt.Sprintf("%d rows in %s", n, time.Since(start)))
			}
		})
	}
}
