package engine

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

// A Range says what a backfill reads again. The zero value is everything below settled.
type Range struct {
	From, To string // cursor values as people write them, To excluded; "": from the beginning, and up to settled

	// Column is one that the source's table got later, so that older rows of the lake read NULL there. A merge reads only
	// rows that have a value in it.
	Column string
}

// A Table is a table of the lake that can be read. The caller closes it.
type Table interface {
	// Rows yields columns of all rows, as query.Scan does.
	Rows(ctx context.Context, columns []string) iter.Seq2[*tidemark.LakeRows, error]

	// Schema is the table's.
	Schema() *arrow.Schema

	// Files are its data files.
	Files() []tidemark.LakeFile

	Close() error
}

// A Backfill is a backfill that was thought through and not yet made: a range of cursor values is read again from the
// source, and replaces in the lake what it holds of it, in one commit that leaves high, settled and the overlap where
// they are.
//
// It is right because the range ends at or below settled. No row can appear in it any more, and no run reads it; a row
// of it that changes while it is read gets a cursor at or above settled, so that the next run, which begins there, loads
// it on top. And the commit is fenced by the watermark: no run has committed since the base was read, and the range is
// read after that, so what the lake holds is never newer than what is read.
//
// A merge writes the rows with the keys of the versions that they take the place of. Each row is read as it is now, so
// an older version never replaces a newer one: if the lake holds a version with a higher cursor, the source has dated the
// row back since. A key comes once, as splits are cut along the key or there is one statement alone. Rows that
// the source does not have any more stay: that is a matter of repair.
//
// Where rows are appended, those of the lake in the range are taken out, all versions, and those of the source written.
// The overlap stays good, as it knows only rows at or above settled, and none of these is taken out. In a merge one may
// be replaced by what was dated back; should the source then take that back, the next run must not take the row for
// loaded: such a backfill drops the overlap, and the next run writes those rows once more, which changes nothing.
type Backfill struct {
	Now     tidemark.Watermark // what the pipeline has loaded
	Window  tidemark.Window    // that is read again
	Held    int64              // rows of the lake in the range
	Gone    int64              // of these, rows that are taken out; 0 in a merge, where what comes takes the place of what it had
	Taken   tidemark.FileCount // files that hold such rows, and are written anew without them
	Changes []string           // of the table, in words
	Notices []string           // what its owner should know
	Expect  int64              // rows that will come, for progress; 0: not known

	p      tidemark.Pipeline
	parts  Parts
	cursor tidemark.Cursor // of the source
	lands  *tidemark.Schema
	gone   tidemark.Places
	above  keySet // of the rows that the overlap knows; only in a merge

	loaded  atomic.Int64
	touched atomic.Bool // a row of above is replaced
	files   []tidemark.DataFile
}

// PlanBackfill finds out what it takes to read a range again. It changes nothing but what a killed run has left. open opens
// the pipeline's table in the lake.
func PlanBackfill(ctx context.Context, p tidemark.Pipeline, parts Parts, open func(context.Context) (Table, error), r Range) (*Backfill, error) {
	if p.Mode == tidemark.ModeReplace {
		return nil, tidemark.WithHint(fmt.Errorf("pipeline %s replaces its table in each run: %w", p.ID, tidemark.ErrInvalid),
			fmt.Sprintf("`tidemark run %s` loads it whole", p.ID))
	}
	if err := parts.Target.Recover(ctx); err != nil {
		return nil, fmt.Errorf("recover what an earlier run left: %w", err)
	}
	b := &Backfill{p: p, parts: parts, gone: tidemark.Places{}}
	var err error
	if b.Now, err = parts.Target.Watermark(ctx); err != nil {
		return nil, fmt.Errorf("load the watermark: %w", err)
	}
	if b.Now.Seq == 0 {
		return nil, tidemark.WithHint(fmt.Errorf("pipeline %s has not loaded anything yet: %w", p.ID, tidemark.ErrInvalid), fmt.Sprintf("`tidemark run %s` first", p.ID))
	}
	schema, lands, err := b.schema(ctx)
	if err != nil {
		return nil, err
	}
	lands.close(parts, p)
	if err := b.alone(ctx); err != nil {
		return nil, err
	}
	if err := b.setWindow(schema, r); err != nil {
		return nil, err
	}
	if err := b.preview(ctx); err != nil {
		return nil, err
	}
	table, err := open(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.readLake(ctx, table); err != nil {
		return nil, withClosed(err, table)
	}
	return b, table.Close()
}

// schema looks at the source, and checks that the pipeline may go on from its watermark.
func (b *Backfill) schema(ctx context.Context) (*tidemark.Schema, *landing, error) {
	schema, err := b.parts.Source.Schema(ctx)
	if err != nil {
		return nil, nil, err
	}
	l, err := b.parts.land(ctx, b.p, schema, tidemark.Window{})
	if err != nil {
		return nil, nil, err
	}
	b.cursor, b.lands = *schema.Cursor, l.Schema()
	if b.Notices, err = Rightful(ctx, b.p, b.parts.Target, l.Schema(), b.Now); err == nil {
		err = b.ranged(schema, l.Shape())
	}
	if err != nil {
		l.close(b.parts, b.p)
		return nil, nil, err
	}
	return schema, l, nil
}

// ranged checks that the rows of the range can be found in the lake: each has its cursor there, as the source has it.
func (b *Backfill) ranged(s *tidemark.Schema, shape tidemark.Shape) error {
	refuse := func(why string) error {
		return tidemark.WithHint(fmt.Errorf("pipeline %s: %s, so that the rows of a range cannot be found in the lake: %w", b.p.ID, why, tidemark.ErrInvalid),
			fmt.Sprintf("`tidemark rewind %s --all` and a run load the table anew", b.p.ID))
	}
	if shape.Whole {
		return refuse("a transform makes rows of many")
	}
	was, _ := s.Column(b.cursor.Column)
	is, ok := b.lands.Lands(b.cursor.Column)
	if !ok || !arrow.TypeEqual(was.Type, is.Type) {
		return refuse(fmt.Sprintf("cursor %q does not come through the transforms as it is", b.cursor.Column))
	}
	return nil
}

// alone refuses a table that others append to as well: whose the rows in the range are cannot be told.
func (b *Backfill) alone(ctx context.Context) error {
	shared, ok := b.parts.Target.(tidemark.SharedTarget)
	if !ok || b.p.Mode == tidemark.ModeMerge {
		return nil
	}
	all, err := shared.Watermarks(ctx)
	if err != nil || len(all) < 2 {
		return err
	}
	names := make([]string, len(all))
	for i, w := range all {
		names[i] = string(w.Pipeline)
	}
	return tidemark.WithHint(
		fmt.Errorf("table %s is filled by pipelines %s, and whose the rows in the range are cannot be told: %w", b.p.Target, strings.Join(names, ", "), tidemark.ErrInvalid),
		fmt.Sprintf("`tidemark repair %s` loads what is missing", b.p.ID))
}

// setWindow reads the range as the cursor has it.
func (b *Backfill) setWindow(s *tidemark.Schema, r Range) (err error) {
	w := tidemark.Window{Nulls: b.p.Nulls, Until: b.Now.Settled}
	if w.Until.IsZero() {
		return tidemark.WithHint(fmt.Errorf("nothing of pipeline %s is settled yet: %w", b.p.ID, tidemark.ErrInvalid), "the next run reads all rows anyway")
	}
	for _, bound := range []struct {
		name, text string
		to         *tidemark.CursorValue
	}{{"from", r.From, &w.From}, {"to", r.To, &w.Until}} {
		if bound.text == "" {
			continue
		}
		if *bound.to, err = b.cursor.Kind.Parse(bound.text); err != nil {
			return fmt.Errorf("%s: %w", bound.name, err)
		}
	}
	switch {
	case b.Now.Settled.Less(w.Until):
		return tidemark.WithHint(
			fmt.Errorf("the range up to %s ends above settled %s: %w", w.Until, b.Now.Settled, tidemark.ErrInvalid),
			"rows at or above settled are read by the next run anyway: leave --to out, or end at settled")
	case !w.From.Less(w.Until):
		return fmt.Errorf("no row can be in the range from %s to below %s: %w", w.From, w.Until, tidemark.ErrInvalid)
	}
	if r.Column != "" {
		if _, ok := s.Column(r.Column); !ok {
			return fmt.Errorf("column %q of %s: %w", r.Column, b.p.Table, tidemark.ErrNotFound)
		}
		if b.p.Mode == tidemark.ModeMerge {
			w.Has = r.Column
		}
	}
	b.Window = w
	return nil
}

// preview finds what would become of the table's columns, and what would stop that.
func (b *Backfill) preview(ctx context.Context) error {
	previewer, ok := b.parts.Target.(tidemark.Previewer)
	if !ok {
		return nil
	}
	preview, err := previewer.Preview(ctx, b.lands)
	if err != nil {
		return fmt.Errorf("prepare table %s: %w", b.p.Target, err)
	}
	b.Changes = preview.Changes
	return nil
}

// Cursor is the column whose values the range is of.
func (b *Backfill) Cursor() string { return b.cursor.Column }

// Loaded is the number of rows of the source that were written; 0 before Commit.
func (b *Backfill) Loaded() int64 { return b.loaded.Load() }
