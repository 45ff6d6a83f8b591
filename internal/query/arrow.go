package query

import (
	"context"
	"errors"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark/internal/duckdb"
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

// Close ends the query and removes its temporary files. It may be called twice.
func (b *Batches) Close() error {
	if b.session == nil {
		return nil
	}
	err := b.session.close()
	b.session = nil
	return err
}
