package run

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/duckdb"
	"github.com/tidemark-data/tidemark/internal/transform"
)

// PreviewOptions say what is shown of a pipeline's steps.
type PreviewOptions struct {
	Rows int    // behind each step; 0 means 10
	Step string // the only step to show; "" means the source and all of them
}

// A Preview is what a run would make of some rows: the first that it would read.
type Preview struct {
	Pipeline tidemark.PipelineID `json:"pipeline"`
	Read     int                 `json:"rows_read"` // of the source, for all steps
	Stages   []Stage             `json:"steps"`

	// Loaded: the next run would read nothing, so that the first rows of the whole table are shown, which are loaded already.
	Loaded bool `json:"loaded"`
}

// A Stage is the rows behind a step.
type Stage struct {
	Name    string           `json:"step"` // "" before the first
	Columns []duckdb.Column  `json:"columns"`
	Rows    [][]duckdb.Value `json:"rows"`
}

// A StepError is why a preview ends at a step: what the step says cannot be done with the rows. The preview holds the steps before it.
type StepError struct {
	Step   string
	Line   int // in the statement of a step of SQL, from 1; 0: unknown
	Column int // in characters, from 1; 0: unknown
	Err    error
}

// Error is that of the error within, which names the step.
func (e *StepError) Error() string { return e.Err.Error() }

// Unwrap returns the error within.
func (e *StepError) Unwrap() error { return e.Err }

// failedStep notes at which step a preview has ended, and where in its statement.
func failedStep(step string, err error) error {
	failed := &StepError{Step: step, Err: err}
	var at *duckdb.Error
	if errors.As(err, &at) {
		failed.Line, failed.Column = at.Line, at.Column
	}
	return failed
}

// previewRows is how many rows the source is read for: a step may keep few of them.
const previewRows = 10_000

// Preview reads some rows of a pipeline's source and tells what becomes of them, step by step. It writes nothing. With a
// StepError come the steps before that one.
func (r *Runner) Preview(ctx context.Context, name string, o PreviewOptions) (*Preview, error) {
	p, err := r.one(ctx, name)
	if err != nil {
		return nil, err
	}
	if o.Rows <= 0 {
		o.Rows = 10
	}
	if o.Step != "" && !slices.ContainsFunc(p.Steps, func(s config.Step) bool { return s.Name == o.Step }) {
		return nil, unknownStep(p, o.Step)
	}
	l, err := r.lake(ctx, p.Lake)
	if err != nil {
		return nil, err
	}
	base, err := l.target(p.Pipeline, r).Watermark(ctx)
	if err != nil {
		return nil, err
	}
	source, err := r.source(ctx, p)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	s := sample{source: source, window: tidemark.Window{From: base.Settled, Nulls: p.Nulls}}
	defer s.release()
	if err := s.read(ctx, max(o.Rows, previewRows)); err != nil {
		return nil, err
	}
	preview := &Preview{Pipeline: p.ID}
	if s.rows == 0 && !s.window.From.IsZero() {
		preview.Loaded, s.window.From = true, tidemark.CursorValue{}
		if err := s.read(ctx, max(o.Rows, previewRows)); err != nil {
			return nil, err
		}
	}
	preview.Read = s.rows
	return preview, preview.fill(ctx, r, p, &s, o)
}

func unknownStep(p config.Pipeline, step string) error {
	hint := "it has no steps"
	var names []string
	for _, s := range p.Steps {
		names = append(names, s.Name)
	}
	if len(names) > 0 {
		hint = "there is: " + someOf(names)
	}
	return tidemark.WithHint(fmt.Errorf("pipeline %s has no step %q: %w", p.ID, step, tidemark.ErrNotFound), hint)
}

// fill shows the sample behind each step that is asked for.
func (v *Preview) fill(ctx context.Context, r *Runner, p config.Pipeline, s *sample, o PreviewOptions) error {
	for n := range len(p.Steps) + 1 {
		stage := Stage{Rows: [][]duckdb.Value{}}
		if n > 0 {
			stage.Name = p.Steps[n-1].Name
		}
		if o.Step != "" && stage.Name != o.Step {
			continue
		}
		if err := stage.fill(ctx, r.steps(p, n), s, o.Rows); err != nil {
			err = fmt.Errorf("transforms of pipeline %s: %w", p.ID, err)
			if n > 0 {
				err = failedStep(stage.Name, err)
			}
			return err
		}
		v.Stages = append(v.Stages, stage)
	}
	return nil
}

// fill takes the first rows of what steps make of a sample.
func (s *Stage) fill(ctx context.Context, steps *transform.Steps, of *sample, rows int) error {
	t, err := steps.Begin(ctx, of.schema, of.window)
	if err != nil {
		return err
	}
	err = s.take(t.Rows(ctx, of.all()), rows)
	s.name(t.Schema().Arrow())
	return errors.Join(err, t.Close())
}

// name notes the columns of the rows.
func (s *Stage) name(schema *arrow.Schema) {
	for _, f := range schema.Fields() {
		s.Columns = append(s.Columns, duckdb.Column{Name: f.Name, Type: tidemark.TypeName(f.Type)})
	}
}

// take keeps the first rows.
func (s *Stage) take(rows iter.Seq2[arrow.RecordBatch, error], n int) error {
	for b, err := range rows {
		if err != nil {
			return err
		}
		for row := range min(int(b.NumRows()), n-len(s.Rows)) {
			cells := make([]duckdb.Value, b.NumCols())
			for i, column := range b.Columns() {
				cells[i] = duckdb.ValueOf(column, row)
			}
			s.Rows = append(s.Rows, cells)
		}
		b.Release()
		if len(s.Rows) == n {
			break
		}
	}
	return nil
}

// A sample is the first rows of a window.
type sample struct {
	source  tidemark.Source
	window  tidemark.Window
	schema  *tidemark.Schema
	batches []arrow.RecordBatch
	rows    int
}

func (s *sample) read(ctx context.Context, rows int) (err error) {
	if s.schema == nil {
		if s.schema, err = s.source.Schema(ctx); err != nil {
			return err
		}
	}
	splits, err := s.source.Splits(ctx, s.window, 1)
	if err != nil {
		return err
	}
	for _, split := range splits {
		for b, err := range s.source.Read(ctx, split) {
			if err != nil {
				return err
			}
			s.batches = append(s.batches, b)
			if s.rows += int(b.NumRows()); s.rows >= rows {
				return nil
			}
		}
	}
	return nil
}

// all yields the rows, once more each time.
func (s *sample) all() iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for _, b := range s.batches {
			b.Retain()
			if !yield(b, nil) {
				return
			}
		}
	}
}

func (s *sample) release() {
	for _, b := range s.batches {
		b.Release()
	}
}
