package query

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark/internal/duckdb"
	"github.com/tidemark-data/tidemark/internal/parquet"
)

// Batches are the answer to a query as Arrow has it. They are read once; the caller closes them.
type Batches struct {
	Schema *arrow.Schema // every column may be NULL
	Read   Read          // what it took to answer

	session   *session
	statement *duckdb.Statement
}

// Stream answers one SELECT as Run does, in batches.
func Stream(ctx context.Context, o Options, statement string) (*Batches, error) {
	s, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	b, err := s.stream(statement)
	if err != nil {
		return nil, errors.Join(s.because(err), s.close())
	}
	return b, nil
}

func (s *session) stream(statement string) (*Batches, error) {
	parsed, err := s.prepare(statement)
	if err != nil {
		return nil, err
	}
	if err := s.db.Lock(s.ctx, s.stage.files); err != nil {
		return nil, err
	}
	schema, err := s.db.Describe(s.ctx, parsed)
	if err != nil {
		return nil, err
	}
	return &Batches{Schema: schema, Read: s.counts(), session: s, statement: parsed}, nil
}

// All yields the batches in order, until the first error. Each is the consumer's to release.
func (b *Batches) All() iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for batch, err := range b.session.db.Stream(b.session.ctx, b.statement) {
			if err != nil {
				err = b.session.because(err)
			}
			if !yield(batch, err) {
				return
			}
		}
	}
}

// WriteParquet writes the batches as a Parquet file of at most so many rows, as they come, and returns how many it has
// written. The types are those of ToParquet, and columns of the same name get a number as there. What fails leaves a file
// without its end, which nobody takes for a whole one.
func (b *Batches) WriteParquet(w io.Writer, limit int64) (rows int64, err error) {
	schema := distinct(b.Schema)
	out, err := parquet.NewWriter(w, schema, parquet.Options{})
	if err != nil {
		return 0, err
	}
	for batch, err := range b.All() {
		if err != nil {
			return out.Rows(), err
		}
		n := min(limit-out.Rows(), batch.NumRows())
		part := batch.NewSlice(0, n)
		named := array.NewRecordBatch(schema, part.Columns(), n)
		err = out.Write(named)
		named.Release()
		part.Release()
		batch.Release()
		if err != nil {
			return out.Rows(), err
		}
		if out.Rows() == limit {
			break
		}
	}
	_, err = out.Close()
	return out.Rows(), err
}

// distinct gives the later ones of columns with the same name a number.
func distinct(s *arrow.Schema) *arrow.Schema {
	fields := s.Fields()
	taken := map[string]bool{}
	for i, f := range fields {
		name := f.Name
		for n := 1; taken[name]; n++ {
			name = fmt.Sprintf("%s_%d", f.Name, n)
		}
		taken[name], fields[i].Name = true, name
	}
	return arrow.NewSchema(fields, nil)
}

// Close ends the query and removes its temporary files. It may be called twice.
func (b *Batches) Close() error {
	if b.session == nil {
		return nil
	}
	err := b.session.close()
	b.session = nil
	return err
}
