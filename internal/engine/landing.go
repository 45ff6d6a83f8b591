package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

// A landing is the way of rows from the source to the table: through the transforms and past the checks, where there are
// any.
type landing struct {
	tidemark.Transformer
	checks tidemark.Checker // nil: none
	aside  *aside           // where the checks' rejects go; nil: a reject is a failure that stops
	lost   bool             // a row that comes to nothing must take its older version out of the table with it
}

// land prepares the way for what is read of a window. The caller closes it.
func (parts Parts) land(ctx context.Context, p tidemark.Pipeline, s *tidemark.Schema, w tidemark.Window) (*landing, error) {
	l := &landing{Transformer: untouched{s}}
	if parts.Transforms != nil {
		t, err := parts.Transforms.Begin(ctx, s, w)
		if err != nil {
			return nil, fmt.Errorf("transforms of pipeline %s: %w", p.ID, err)
		}
		l.Transformer, l.lost = t, p.Mode == tidemark.ModeMerge && t.Shape().Drops
	}
	err := l.check(p)
	if err == nil && parts.Checks != nil {
		if l.checks, err = parts.Checks.Begin(ctx, l.Schema(), w); err != nil {
			err = fmt.Errorf("checks of pipeline %s: %w", p.ID, err)
		}
	}
	if err == nil {
		err = l.checkAside(p, s)
	}
	if err != nil {
		l.close(parts, p)
		return nil, err
	}
	return l, nil
}

// Landing returns what would land in the table of the source's rows, once it is certain that a run may go on from base, and
// what its owner should know of the change since then. It only reads.
func Landing(ctx context.Context, p tidemark.Pipeline, parts Parts, s *tidemark.Schema, base tidemark.Watermark) (*tidemark.Schema, []string, error) {
	l, err := parts.land(ctx, p, s, tidemark.Window{From: base.Settled, Nulls: p.Nulls})
	if err != nil {
		return nil, nil, err
	}
	defer l.close(parts, p)
	notices, err := Rightful(ctx, p, parts.Target, l.Schema(), base)
	return l.Schema(), notices, err
}

// check refuses a merge whose transforms could bring one key twice, since both rows would stay.
func (l *landing) check(p tidemark.Pipeline) error {
	if s := l.Shape(); p.Mode != tidemark.ModeMerge || !s.Adds && !s.Whole {
		return nil
	}
	return tidemark.WithHint(fmt.Errorf("pipeline %s: a transform may make several rows of one, of which a merge by key keeps no more than one: %w", p.ID, tidemark.ErrInvalid),
		"use a step that makes at most one row of each, or mode append or replace")
}

// Comparable refuses transforms of which it cannot be told which row of the table is which of the source.
func Comparable(p tidemark.Pipeline, s tidemark.Shape) error {
	if s.Keeps() {
		return nil
	}
	return tidemark.WithHint(fmt.Errorf("the transforms of pipeline %s do not make one row of each, so that the table cannot be compared with the source: %w", p.ID, tidemark.ErrInvalid),
		fmt.Sprintf("where the table is wrong: `tidemark rewind %s --all` and a run load it anew", p.ID))
}

func (l *landing) close(parts Parts, p tidemark.Pipeline) {
	err := errors.Join(l.Close(), l.aside.close())
	if l.checks != nil {
		err = errors.Join(err, l.checks.Close())
	}
	if err != nil {
		parts.Log.Warn("transforms or checks did not end cleanly", "pipeline", p.ID, "err", err)
	}
}

// untouched lets rows land as they are.
type untouched struct{ schema *tidemark.Schema }

func (u untouched) Schema() *tidemark.Schema { return u.schema }
func (untouched) Shape() tidemark.Shape      { return tidemark.Shape{} }
func (untouched) Close() error               { return nil }

func (untouched) Rows(_ context.Context, rows iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error] {
	return rows
}
