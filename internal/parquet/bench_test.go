package parquet_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark/internal/parquet"
)

const batchRows = 8192

var statuses = []string{"COMPLETE", "CLOSED", "PENDING_PAYMENT", "PROCESSING", "PENDING", "ON_HOLD", "SUSPECTED_FRAUD", "CANCELED", "PAYMENT_REVIEW"}

// orders returns n batches shaped like the orders table: an ascending id, days in order with many ties, a random
// customer and one of nine words. Every column is nullable, as the table's are, and none is NULL.
func orders(n, batchRows int) []arrow.RecordBatch {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "order_id", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
		{Name: "order_last_updated", Type: &arrow.TimestampType{Unit: arrow.Microsecond}, Nullable: true},
		{Name: "customer_id", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
		{Name: "order_status", Type: arrow.BinaryTypes.String, Nullable: true},
	}, nil)
	random := rand.New(rand.NewPCG(1, 2))
	batches := make([]arrow.RecordBatch, n)
	for i := range batches {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for j := range batchRows {
			row := i*batchRows + j
			b.Field(0).(*array.Int32Builder).Append(int32(row))
			b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(1374710400e6 + int64(row/190)*86400e6))
			b.Field(2).(*array.Int32Builder).Append(int32(random.IntN(12435)))
			b.Field(3).(*array.StringBuilder).Append(statuses[random.IntN(len(statuses))])
		}
		batches[i] = b.NewRecordBatch()
		b.Release()
	}
	return batches
}

// mixed returns batches of 25 columns of many types, every third of them with NULLs.
func mixed(n, batchRows int) []arrow.RecordBatch {
	types := []arrow.DataType{
		arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.String,
		&arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, &arrow.Decimal128Type{Precision: 12, Scale: 2},
		arrow.PrimitiveTypes.Float64, arrow.FixedWidthTypes.Boolean, arrow.FixedWidthTypes.Date32, arrow.BinaryTypes.Binary,
		&arrow.Decimal128Type{Precision: 20, Scale: 0},
	}
	fields := make([]arrow.Field, 25)
	for i := range fields {
		fields[i] = arrow.Field{Name: fmt.Sprintf("c%02d", i), Type: types[i%len(types)], Nullable: i%3 != 0}
	}
	schema := arrow.NewSchema(fields, nil)
	random := rand.New(rand.NewPCG(1, 2))
	batches := make([]arrow.RecordBatch, n)
	for i := range batches {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for j := range batchRows {
			for c := range fields {
				if c%3 == 1 && random.IntN(10) == 0 {
					b.Field(c).AppendNull()
					continue
				}
				appendMixed(b.Field(c), c, i*batchRows+j, random)
			}
		}
		batches[i] = b.NewRecordBatch()
		b.Release()
	}
	return batches
}

func appendMixed(b array.Builder, column, row int, random *rand.Rand) {
	wide := 1 << (column + 3) // the columns have from few to very many distinct values
	switch b := b.(type) {
	case *array.Int64Builder:
		b.Append(int64(row) * 3)
	case *array.Int32Builder:
		b.Append(int32(random.IntN(wide)))
	case *array.StringBuilder:
		b.Append(fmt.Sprintf("value %d of %s", random.IntN(wide), statuses[row%9]))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(1.7e15 + int64(row)*1e6 + random.Int64N(1e6)))
	case *array.Decimal128Builder:
		b.Append(decimal128.FromI64(int64(random.IntN(wide))))
	case *array.Float64Builder:
		b.Append(random.Float64())
	case *array.BooleanBuilder:
		b.Append(random.IntN(2) == 0)
	case *array.Date32Builder:
		b.Append(arrow.Date32(18000 + row/1000))
	case *array.BinaryBuilder:
		b.Append([]byte(strings.Repeat("x", random.IntN(20))))
	}
}

func BenchmarkOrders(b *testing.B) { benchmark(b, orders(32, batchRows)) }
func BenchmarkMixed(b *testing.B)  { benchmark(b, mixed(8, batchRows)) }

// benchmark encodes the batches over and over into files; one op is a million rows.
func benchmark(b *testing.B, batches []arrow.RecordBatch) {
	const million = 1 << 20
	for _, level := range []int{1, 3} {
		b.Run(fmt.Sprintf("zstd%d", level), func(b *testing.B) {
			var size int64
			var rows int
			for b.Loop() {
				w, err := parquet.NewWriter(io.Discard, batches[0].Schema(), parquet.Options{Level: level})
				if err != nil {
					b.Fatal(err)
				}
				for n := 0; n < million; n += batchRows {
					if err := w.Write(batches[n/batchRows%len(batches)]); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := w.Close(); err != nil {
					b.Fatal(err)
				}
				rows, size = rows+million, size+w.Size()
			}
			b.ReportMetric(float64(rows)/1e6/b.Elapsed().Seconds(), "Mrows/s")
			b.ReportMetric(float64(size)/float64(rows), "B/row")
		})
	}
}
