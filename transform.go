package tidemark

import (
	"context"
	"iter"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// Transforms are the steps of a pipeline that change its rows on their way from the source to the lake. They come behind
// the overlap, which knows rows as the source has them: so no transform can make a row come twice, or be lost.
type Transforms interface {
	// Begin checks the steps against the source's table and prepares them for what is read of w. What does not fit the
	// table is ErrInvalid and names the step. The caller closes the Transformer.
	Begin(ctx context.Context, s *Schema, w Window) (Transformer, error)
}

// A Transformer is the steps of a pipeline, prepared for one reading of its source.
type Transformer interface {
	// Schema is what comes out, and so what the target is told. Key and Unique name columns that come out, and are left
	// out where one of theirs does not. Origin and Cursor are the source's.
	Schema() *Schema

	// Shape tells what the steps do to rows.
	Shape() Shape

	// Rows changes rows, and releases each batch that it was given. Where Shape.Whole is false it may be called for
	// several splits at once, otherwise once, for all of them. An error of rows comes out as it is.
	Rows(ctx context.Context, rows iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error]

	// Close frees what the steps hold. No Rows is under way.
	Close() error
}

// A Sifter is a Transformer whose steps may set single rows aside, where Shape.Keeps.
type Sifter interface {
	Transformer

	// Quarantines reports whether any step does.
	Quarantines() bool

	// Sifted is Rows, in which a row that a step sets aside goes on with any value. Before it comes out reject is called
	// with its number among the rows of this call, from 0, perhaps from another goroutine, and more than once where several
	// values are wrong. Reject.Row means nothing here.
	Sifted(ctx context.Context, rows iter.Seq2[arrow.RecordBatch, error], reject func(row int64, r Reject)) iter.Seq2[arrow.RecordBatch, error]
}

// Shape is what the steps of a pipeline do to rows.
type Shape struct {
	Whole bool // a row that comes out may hang on all rows that are read, so that splits cannot go their own ways
	Drops bool // a row may come to nothing
	Adds  bool // a row may become several
}

// Keeps reports whether each row becomes exactly one.
func (s Shape) Keeps() bool { return !s.Whole && !s.Drops && !s.Adds }

// Lands returns the column in which the values of a column of the source come out, or false.
func (s *Schema) Lands(source string) (Column, bool) {
	for _, c := range s.Columns {
		if from, ok := c.Source(); ok && strings.EqualFold(from, source) {
			return c, true
		}
	}
	return Column{}, false
}
