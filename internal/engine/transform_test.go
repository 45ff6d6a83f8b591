package engine_test

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

// Transforms of a test, as the text of a pipeline names them.
const (
	dropping = "drop" // some rows come to nothing
	whole    = "whole"
)

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
