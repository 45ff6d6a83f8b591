package engine_test

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/transform"
)

// Transforms of a test, as the text of a pipeline names them.
const (
	dropping = "drop" // some rows come to nothing
	whole    = "whole"
	sifting  = "sift" // a check sets some rows aside
)

// fails reports whether the check of sifting sets a row aside.
func fails(r row) bool { return r.id >= 11 }

// checksOf returns the checks that a pipeline names.
func checksOf(t *testing.T, p tidemark.Pipeline) tidemark.Checks {
	if p.Transforms != sifting {
		return nil
	}
	return transform.NewChecks([]transform.Check{
		{Name: "small", OnFail: tidemark.OnFailQuarantine, Range: &transform.Range{Column: "id", Max: "10"}},
		{Name: "any", OnFail: tidemark.OnFailStop, NotNull: []string{"id"}},
	}, t.TempDir())
}

// held returns the rows that a lake holds: those of the pipeline's table, and those that were set aside.
func held(t *testing.T, store storage, p tidemark.Pipeline) []row {
	t.Helper()
	catalog := openLake(t, store, p).catalog
	rows, aside := lakeRows(t, store, catalog, p.Target), lakeRows(t, store, catalog, p.Rejects().Target)
	if p.Transforms == sifting && (slices.ContainsFunc(rows, fails) || !slices.Equal(aside, slices.DeleteFunc(slices.Clone(aside), func(r row) bool { return !fails(r) }))) {
		t.Errorf("the table holds\n%v, and that of rejected rows\n%v", rows, aside)
	}
	return sorted(append(rows, aside...))
}

// drops reports whether a row comes to nothing: some never land, and one does at first.
func drops(r row) bool { return r.id == 5 || r.id == 12 || strings.HasPrefix(r.note, "second") }

// transformsOf returns the transforms that a pipeline names.
func transformsOf(p tidemark.Pipeline) tidemark.Transforms {
	if p.Transforms == "" {
		return nil
	}
	return testTransforms(p.Transforms)
}

type testTransforms string

func (kind testTransforms) Begin(_ context.Context, s *tidemark.Schema, _ tidemark.Window) (tidemark.Transformer, error) {
	return testTransformer{kind: string(kind), schema: s}, nil
}

type testTransformer struct {
	kind   string
	schema *tidemark.Schema
}

func (t testTransformer) Schema() *tidemark.Schema { return t.schema }
func (t testTransformer) Close() error             { return nil }

func (t testTransformer) Shape() tidemark.Shape {
	return tidemark.Shape{Drops: t.kind == dropping, Whole: t.kind == whole}
}

// Rows drops rows, or brings the last first once all are there.
func (t testTransformer) Rows(_ context.Context, rows iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		var all []row
		for b, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			kept := rowsOf(b)
			b.Release()
			if t.kind == whole {
				all = append(all, kept...)
				continue
			}
			if t.kind == sifting { // one by one, so that what comes out is cut in other places
				for _, r := range kept {
					if !yield(batchOf(t.schema.Arrow(), []row{r}), nil) {
						return
					}
				}
				continue
			}
			kept = slices.DeleteFunc(kept, drops)
			if len(kept) > 0 && !yield(batchOf(t.schema.Arrow(), kept), nil) {
				return
			}
		}
		if len(all) > 0 {
			slices.Reverse(all)
			yield(batchOf(t.schema.Arrow(), all), nil)
		}
	}
}
