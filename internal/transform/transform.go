// Package transform changes the rows of a run on their way from the source to the lake, batch by batch: change_schema
// renames, casts, drops and reorders columns, sql runs a SELECT over the rows, and go calls a func of the program around.
//
// It sits behind the overlap and before the target, and keeps nothing from one run to the next: what it makes of a row
// hangs on that row, on its run's others where the SQL says so, and on the tables that it is told to look up.
package transform

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

// A Step is one step of a pipeline. Exactly one of its kinds is set.
type Step struct {
	Name   string // as messages have it; unique in the pipeline
	Change *Change
	SQL    *SQL
	Go     *Go
}

// Steps are those of one pipeline, in their order. They hold no state and are safe for concurrent use.
type Steps struct {
	steps []Step
}

var (
	_ tidemark.Transforms = (*Steps)(nil)
	_ tidemark.Sifter     = (*transformer)(nil)
)

// New returns the steps of a pipeline.
func New(steps []Step) *Steps { return &Steps{steps: steps} }

// A stage is a step that is prepared for a schema. rows may be called for several splits at once, unless shape is Whole.
type stage struct {
	name   string
	schema *tidemark.Schema // of what comes out
	shape  tidemark.Shape
	rows   func(context.Context, iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error]
	close  func() error

	// sifted is rows that may set single rows aside; nil where the step sets none.
	sifted func(context.Context, iter.Seq2[arrow.RecordBatch, error], func(int64, tidemark.Reject)) iter.Seq2[arrow.RecordBatch, error]
}

// Begin implements tidemark.Transforms.
func (s *Steps) Begin(ctx context.Context, source *tidemark.Schema, w tidemark.Window) (tidemark.Transformer, error) {
	t := &transformer{source: source}
	for _, step := range s.steps {
		next, err := step.begin(ctx, t.Schema(), w)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("step %s: %w", step.Name, err), t.Close())
		}
		next.name = step.Name
		t.stages = append(t.stages, next)
	}
	return t, nil
}

func (s Step) begin(ctx context.Context, in *tidemark.Schema, w tidemark.Window) (*stage, error) {
	switch {
	case s.Change != nil:
		return s.Change.begin(in)
	case s.Go != nil:
		return s.Go.begin(in)
	}
	return s.SQL.begin(ctx, in, w)
}

// SourceKey returns how the source names columns that come out of the steps: change_schema may have renamed them. sql is
// taken to keep names.
func (s *Steps) SourceKey(key []string) []string {
	names := slices.Clone(key)
	for _, step := range slices.Backward(s.steps) {
		if step.Change == nil {
			continue
		}
		for i, name := range names {
			names[i] = step.Change.before(name)
		}
	}
	return names
}

// A transformer is the prepared steps.
type transformer struct {
	source *tidemark.Schema
	stages []*stage
}

func (t *transformer) Schema() *tidemark.Schema {
	if len(t.stages) == 0 {
		return t.source
	}
	return t.stages[len(t.stages)-1].schema
}

func (t *transformer) Shape() (all tidemark.Shape) {
	for _, s := range t.stages {
		all.Whole = all.Whole || s.shape.Whole
		all.Drops = all.Drops || s.shape.Drops
		all.Adds = all.Adds || s.shape.Adds
	}
	return all
}

func (t *transformer) Rows(ctx context.Context, rows iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error] {
	for _, s := range t.stages {
		rows = named(s.name, s.rows(ctx, rows))
	}
	return rows
}

func (t *transformer) Quarantines() bool {
	return slices.ContainsFunc(t.stages, func(s *stage) bool { return s.sifted != nil })
}

func (t *transformer) Sifted(ctx context.Context, rows iter.Seq2[arrow.RecordBatch, error], reject func(int64, tidemark.Reject)) iter.Seq2[arrow.RecordBatch, error] {
	for _, s := range t.stages {
		if s.sifted != nil {
			rows = named(s.name, s.sifted(ctx, rows, reject))
		} else {
			rows = named(s.name, s.rows(ctx, rows))
		}
	}
	return rows
}

// An ownError is an error of a step, and not of the rows that were given to it.
type ownError struct{ error }

func (e ownError) Unwrap() error { return e.error }

// named says in the errors of a step which one it is.
func named(step string, rows iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for b, err := range rows {
			var own ownError
			if errors.As(err, &own) {
				err = fmt.Errorf("step %s: %w", step, own.error)
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

func (t *transformer) Close() error {
	var errs []error
	for _, s := range t.stages {
		if s.close != nil {
			errs = append(errs, s.close())
		}
	}
	t.stages = nil
	return errors.Join(errs...)
}

// each returns rows with every batch changed by one function, which does not release what it is given.
func each(rows iter.Seq2[arrow.RecordBatch, error], change func(arrow.RecordBatch) (arrow.RecordBatch, error)) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for b, err := range rows {
			if err == nil {
				var changed arrow.RecordBatch
				if changed, err = change(b); err != nil {
					err = ownError{err}
				}
				b.Release()
				b = changed
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}
