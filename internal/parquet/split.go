package parquet

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// A part is the rows of a batch that lie in one partition, in their order.
type part struct {
	key   string // equal for equal partitions
	at    Partition
	batch arrow.RecordBatch // to be released
}

// split divides a batch. Rows that lie together, as they do when the partition follows the cursor, are not copied.
func (p *Partitioning) split(ctx context.Context, b arrow.RecordBatch) ([]part, error) {
	if len(p.fields) == 0 {
		b.Retain()
		return []part{{batch: b}}, nil
	}
	readings := make([]reading, len(p.fields))
	for i, f := range p.fields {
		readings[i] = f.read(b.Column(p.columns[i]))
	}
	var parts []part
	rows := [][]int32{}
	known := make(map[string]int)
	var key, last []byte
	at := -1
	for i := range int(b.NumRows()) {
		key = key[:0]
		for _, r := range readings {
			key = r.appendKey(key, i)
		}
		if at < 0 || string(key) != string(last) {
			var seen bool
			if at, seen = known[string(key)]; !seen {
				at = len(parts)
				known[string(key)] = at
				parts = append(parts, part{key: string(key), at: p.partition(readings, i)})
				rows = append(rows, nil)
			}
			last = append(last[:0], key...)
		}
		rows[at] = append(rows[at], int32(i))
	}
	for i := range parts {
		var err error
		if parts[i].batch, err = pick(ctx, b, rows[i]); err != nil {
			releaseParts(parts[:i])
			return nil, fmt.Errorf("split batch by partition: %w", err)
		}
	}
	return parts, nil
}

func (p *Partitioning) partition(readings []reading, row int) Partition {
	values := make(Partition, len(p.fields))
	for i, f := range p.fields {
		values[i] = f.value(readings[i], row)
	}
	return values
}

// pick returns some rows of a batch, in ascending order.
func pick(ctx context.Context, b arrow.RecordBatch, rows []int32) (arrow.RecordBatch, error) {
	first, last := int64(rows[0]), int64(rows[len(rows)-1])
	if last-first == int64(len(rows)-1) {
		return b.NewSlice(first, last+1), nil
	}
	data := array.NewData(arrow.PrimitiveTypes.Int32, len(rows),
		[]*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(rows))}, nil, 0, 0)
	defer data.Release()
	indices := array.NewInt32Data(data)
	defer indices.Release()
	columns := make([]arrow.Array, b.NumCols())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i := range columns {
		var err error
		if columns[i], err = compute.TakeArrayOpts(ctx, b.Column(i), indices, compute.TakeOptions{}); err != nil {
			return nil, fmt.Errorf("column %q: %w", b.ColumnName(i), err)
		}
	}
	return array.NewRecordBatch(b.Schema(), columns, int64(len(rows))), nil
}

func releaseParts(parts []part) {
	for _, p := range parts {
		p.batch.Release()
	}
}
