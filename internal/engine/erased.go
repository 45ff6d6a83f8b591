package engine

import (
	"context"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
)

// erased takes the older versions of all rows that a merge reads out of the table, by their keys, whatever the transforms
// make of the rows: one that a step filters out now may have been let in before. The deletes apply to earlier commits
// alone, so what is written of the rows in the same commit stays.
type erased struct {
	run   tidemark.RunID
	write writeFunc
	from  []string // the key, as the source names its columns
	to    []string // and as the table does
}

// newErased returns nil where rows never come to nothing, or the table is empty.
func (l *landing) newErased(parts Parts, p tidemark.Pipeline, base tidemark.Watermark, run tidemark.RunID) (*erased, error) {
	if !l.lost || base.Seq == 0 {
		return nil, nil
	}
	eraser, ok := parts.Target.(tidemark.Eraser)
	if !ok {
		return nil, fmt.Errorf("rows cannot be taken out of table %s: %w", p.Target, tidemark.ErrInvalid)
	}
	e := &erased{run: run, write: eraser.Erase, to: mergeKey(p, l.Schema())}
	for _, name := range e.to {
		c, _ := l.Schema().Column(name)
		from, _ := c.Source() // mergeable has seen to it
		e.from = append(e.from, from)
	}
	return e, nil
}

// beside writes rows by write, and their keys beside it.
func (e *erased) beside(ctx context.Context, rows iter.Seq2[arrow.RecordBatch, error], write func(iter.Seq2[arrow.RecordBatch, error]) ([]tidemark.DataFile, error)) ([]tidemark.DataFile, error) {
	keys := beginWriting(ctx, e.write, e.run)
	files, err := write(func(yield func(arrow.RecordBatch, error) bool) {
		for batch, err := range rows {
			if err == nil {
				if err = e.send(keys, batch); err != nil {
					batch.Release()
					batch = nil
				}
			}
			if !yield(batch, err) || err != nil {
				return
			}
		}
	})
	if err != nil {
		keys.stop()
	}
	deletes, kerr := keys.end()
	if err == nil {
		err = kerr
	}
	return append(files, deletes...), err
}

func (e *erased) send(keys *writing, batch arrow.RecordBatch) error {
	key, err := inOrder(batch, e.from)
	if err != nil {
		return err
	}
	renamed := renamedColumns(key, e.to)
	key.Release()
	return keys.send(renamed)
}

// renamedColumns returns a batch with other names for its columns.
func renamedColumns(b arrow.RecordBatch, names []string) arrow.RecordBatch {
	fields := b.Schema().Fields()
	for i := range fields {
		fields[i].Name = names[i]
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), b.Columns(), b.NumRows())
}
