package transform

import (
	"context"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

// BenchmarkChecks tells what a check costs per row, of batches of 64 Ki numbers.
func BenchmarkChecks(b *testing.B) {
	sql := func(text string) Check { return Check{SQL: &SQL{Text: text, Dir: b.TempDir()}} }
	for name, check := range map[string]Check{
		"unique":       {Unique: []string{"n"}},
		"unique table": {Unique: []string{"n"}, Table: &Table{Open: func(context.Context) (*OpenTable, error) { return nil, nil }}},
		"sql filter":   sql("SELECT n FROM rows WHERE n < 0"),
		"sql whole":    sql("SELECT n, count(*) FROM rows GROUP BY n HAVING count(*) > 1"),
		"range":        {Range: &Range{Column: "n", Min: "0"}},
	} {
		b.Run(name, func(b *testing.B) {
			const size = 1 << 16
			k, err := NewChecks([]Check{check}, b.TempDir()).Begin(b.Context(), numbers(), tidemark.Window{})
			if err != nil {
				b.Fatal(err)
			}
			rows := 0
			for b.Loop() {
				n := array.NewInt64Builder(memory.DefaultAllocator)
				for i := range size {
					n.Append(int64(rows + i))
				}
				a := n.NewArray()
				batch := array.NewRecordBatch(numbers().Arrow(), []arrow.Array{a}, size)
				if err := k.Look(batch); err != nil {
					b.Fatal(err)
				}
				rows += size
				batch.Release()
				a.Release()
				n.Release()
			}
			results, err := k.Results(tidemark.Observed{Run: true})
			if err != nil || results[0].Failed != 0 || k.Close() != nil {
				b.Fatalf("%+v, %v", results, err)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
		})
	}
}
