package verify

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/tidemark-data/tidemark"
)

// A lookup collects what the source is asked for: the keys of rows, or without a key their checksums.
type lookup struct {
	key     []string
	batches []arrow.RecordBatch // of the key's columns, in their order

	at   arrow.RecordBatch // the batch that rows are noted of
	rows []int64
}

// note asks for the row of a batch that has at least the columns of the key. All rows until flush are of one batch.
func (l *lookup) note(b arrow.RecordBatch, row int) {
	if l.at == nil {
		b.Retain()
		l.at = b
	}
	l.rows = append(l.rows, int64(row))
}

// flush takes the keys of the noted rows out of their batch.
func (l *lookup) flush(ctx context.Context) error {
	if len(l.rows) == 0 {
		return nil
	}
	b, err := taken(ctx, l.at, l.key, l.rows)
	l.at.Release()
	l.at, l.rows = nil, nil
	if err != nil {
		return err
	}
	l.batches = append(l.batches, b)
	return nil
}

// addMarks asks for the rows whose marks came from the source.
func (l *lookup) addMarks(ctx context.Context, marks map[string]*mark, from []arrow.RecordBatch) error {
	if l.key == nil {
		if b := checksums(marks); b.NumRows() > 0 {
			l.batches = append(l.batches, b)
		}
		return nil
	}
	rows := make([][]int64, len(from))
	for _, m := range marks {
		if m.source > 0 {
			rows[m.batch] = append(rows[m.batch], int64(m.row))
		}
	}
	for i, b := range from {
		for _, row := range rows[i] {
			l.note(b, int(row))
		}
		if err := l.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (l *lookup) release() {
	if l.at != nil {
		l.at.Release()
	}
	for _, b := range l.batches {
		b.Release()
	}
}

// taken returns columns of some rows of a batch.
func taken(ctx context.Context, b arrow.RecordBatch, columns []string, rows []int64) (arrow.RecordBatch, error) {
	builder := array.NewInt64Builder(memory.DefaultAllocator)
	defer builder.Release()
	builder.AppendValues(rows, nil)
	indices := builder.NewArray()
	defer indices.Release()
	var fields []arrow.Field
	var arrays []arrow.Array
	defer func() {
		for _, a := range arrays {
			a.Release()
		}
	}()
	for _, name := range columns {
		at := b.Schema().FieldIndices(name)
		if len(at) == 0 {
			return nil, fmt.Errorf("a data file lacks the key column %q: %w", name, tidemark.ErrInvalid)
		}
		a, err := compute.TakeArray(ctx, b.Column(at[0]), indices)
		if err != nil {
			return nil, err
		}
		fields, arrays = append(fields, b.Schema().Field(at[0])), append(arrays, a)
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), arrays, int64(len(rows))), nil
}

// checksums returns those of the rows that the source has.
func checksums(marks map[string]*mark) arrow.RecordBatch {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	for name, m := range marks {
		if m.source > 0 {
			b.Append(int64(binary.BigEndian.Uint32([]byte(name))))
		}
	}
	sums := b.NewInt64Array()
	defer sums.Release()
	schema := arrow.NewSchema([]arrow.Field{{Name: "checksum", Type: sums.DataType()}}, nil)
	return array.NewRecordBatch(schema, []arrow.Array{sums}, int64(sums.Len()))
}
