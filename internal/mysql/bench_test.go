package mysql

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// orderColumns are the four columns of the orders table, and orderFields what a server announces for them.
func orderColumns(t testing.TB) ([]column, []field, *arrow.Schema) {
	t.Helper()
	columns := []column{
		{Column: tidemark.Column{Name: "order_id", SourceType: "int"}, dataType: "int", declared: true},
		{Column: tidemark.Column{Name: "order_last_updated", SourceType: "datetime"}, dataType: "datetime", declared: true},
		{Column: tidemark.Column{Name: "customer_id", SourceType: "int"}, dataType: "int", declared: true},
		{Column: tidemark.Column{Name: "order_status", SourceType: "varchar(25)"}, dataType: "varchar", declared: true},
	}
	var fields []field
	schema := &tidemark.Schema{}
	for i, typ := range []byte{typeLong, typeDatetime, typeLong, typeVarString} {
		if err := columns[i].classify(ZeroDatesNull); err != nil {
			t.Fatal(err)
		}
		schema.Columns = append(schema.Columns, columns[i].Column)
		fields = append(fields, field{name: columns[i].Name, typ: typ, flags: 1, charset: 255})
	}
	return columns, fields, schema.Arrow()
}

// orderRow returns the packet of an order.
func orderRow(i int) []byte {
	row := []byte{okHeader, 0}
	row = binary.LittleEndian.AppendUint32(row, uint32(i))
	row = append(row, 7, 0xde, 0x07, byte(1+i/86400%12), byte(1+i/86400%28), byte(i/3600%24), byte(i/60%60), byte(i%60))
	row = binary.LittleEndian.AppendUint32(row, uint32(i*7919%12435))
	status := [...]string{"COMPLETE", "CLOSED", "PENDING_PAYMENT", "PROCESSING"}[i%4]
	row = append(row, byte(len(status)))
	return append(row, status...)
}

// BenchmarkDecode is the hot path alone: packets that lie in memory, into record batches. One operation is one row.
func BenchmarkDecode(b *testing.B) {
	columns, fields, schema := orderColumns(b)
	rows := make([][]byte, 4096)
	for i := range rows {
		rows[i] = orderRow(i * 37)
	}
	into, err := newBatch(schema, columns, fields)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if err := into.decode(rows[i%len(rows)]); err != nil {
			b.Fatal(err)
		}
		if into.full() {
			into.take().Release()
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
}

// BenchmarkRead reads the table that TIDEMARK_BENCH_TABLE names (database.table) from the test server.
func BenchmarkRead(b *testing.B) {
	source := benchSource(b)
	schema, err := source.Schema(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	var rows int64
	for b.Loop() {
		splits, err := source.Splits(b.Context(), tidemark.Window{}, 1)
		if err != nil {
			b.Fatal(err)
		}
		for batch, err := range source.Read(b.Context(), splits[0]) {
			if err != nil {
				b.Fatal(err)
			}
			rows += batch.NumRows()
			batch.Release()
		}
	}
	if rows == 0 {
		b.Fatal("no rows in " + fmt.Sprint(schema.Origin.Table))
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds()/1e6, "Mrows/s")
}

func benchSource(b *testing.B) *Source {
	b.Helper()
	database, table, ok := strings.Cut(os.Getenv("TIDEMARK_BENCH_TABLE"), ".")
	if !ok {
		b.Skip("TIDEMARK_BENCH_TABLE names no database.table")
	}
	return openSource(b, configOf(testenv.External(b)), pipelineOf(database, table))
}
