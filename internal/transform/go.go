package transform

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
)

// A Go is a step that is a func of the program around. What it says of itself is checked with each batch.
type Go struct {
	Schema func(in *arrow.Schema) (*arrow.Schema, error)                             // nil: what comes out is like what goes in
	Batch  func(ctx context.Context, b arrow.RecordBatch) (arrow.RecordBatch, error) // may return b itself
	Makes  []string                                                                  // columns that go in and come out with other values
	Drops  bool                                                                      // fewer rows may come out of a batch
	Adds   bool                                                                      // so may more
}

// A caller is a Go that is prepared for batches of one schema. It is safe for concurrent use, as the func is.
type caller struct {
	*Go
	schema *arrow.Schema
	kept   []passed
}

// passed is a column that comes out as it went in.
type passed struct {
	name     string
	from, to int
}

func (g *Go) begin(in *tidemark.Schema) (*stage, error) {
	before := in.Arrow()
	after, err := g.declared(before)
	if err != nil {
		return nil, err
	}
	for _, name := range g.Makes {
		if !after.HasField(name) {
			return nil, fmt.Errorf("it is said to make a column %q that does not come out: %w", name, tidemark.ErrInvalid)
		}
	}
	c := &caller{Go: g}
	out := *in
	out.Columns, out.Key, out.Unique = nil, nil, nil
	names := map[string]string{}
	for to, f := range after.Fields() {
		column, known := in.Column(f.Name)
		if known && !slices.Contains(g.Makes, f.Name) {
			if !arrow.TypeEqual(column.Type, f.Type) {
				return nil, tidemark.WithHint(
					fmt.Errorf("column %q goes in as %s and comes out as %s: %w", f.Name, tidemark.TypeName(column.Type), tidemark.TypeName(f.Type), tidemark.ErrInvalid),
					"name it among those that the func makes")
			}
			names[f.Name] = f.Name
			c.kept = append(c.kept, passed{name: f.Name, from: before.FieldIndices(f.Name)[0], to: to})
		} else {
			column = tidemark.Column{Name: f.Name, Type: f.Type, Nullable: f.Nullable, Computed: true}
		}
		out.Columns = append(out.Columns, column)
	}
	if err := distinct(out.Columns); err != nil {
		return nil, err
	}
	if !g.Adds {
		out.Key = renamed(in.Key, names)
		for _, key := range in.Unique {
			if key = renamed(key, names); key != nil {
				out.Unique = append(out.Unique, key)
			}
		}
	}
	c.schema = out.Arrow()
	return &stage{schema: &out, shape: tidemark.Shape{Drops: g.Drops, Adds: g.Adds}, rows: c.rows}, nil
}

// declared asks for the schema of what comes out.
func (g *Go) declared(in *arrow.Schema) (out *arrow.Schema, err error) {
	if g.Batch == nil {
		return nil, fmt.Errorf("it has no func: %w", tidemark.ErrInvalid)
	}
	if g.Schema == nil {
		return in, nil
	}
	defer func() {
		if v := recover(); v != nil {
			err = panicked("the func of its schema", v)
		}
	}()
	if out, err = g.Schema(in); err == nil && out == nil {
		err = fmt.Errorf("the func of its schema returned none: %w", tidemark.ErrInvalid)
	}
	return out, err
}

// panicked makes an error of a panic, with the place where it was. Who has recovered calls it.
func panicked(who string, v any) error {
	hint := ""
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for below := false; ; {
		f, more := frames.Next()
		inside := strings.HasPrefix(f.Function, "runtime.")
		if below && !inside {
			hint = fmt.Sprintf("in %s, %s:%d", f.Function, f.File, f.Line)
			break
		}
		below = below || inside
		if !more {
			break
		}
	}
	return tidemark.WithHint(fmt.Errorf("%s panicked: %v: %w", who, v, tidemark.ErrInvalid), hint)
}

func (c *caller) rows(ctx context.Context, rows iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error] {
	return each(rows, func(b arrow.RecordBatch) (arrow.RecordBatch, error) { return c.change(ctx, b) })
}

// change calls the func and checks what it returns, so that nothing else is written.
func (c *caller) change(ctx context.Context, b arrow.RecordBatch) (arrow.RecordBatch, error) {
	got, err := c.call(ctx, b)
	if err != nil {
		return nil, err
	}
	if got == b {
		got.Retain()
	}
	defer got.Release()
	if err := c.check(b, got); err != nil {
		return nil, err
	}
	return array.NewRecordBatch(c.schema, got.Columns(), got.NumRows()), nil
}

func (c *caller) call(ctx context.Context, b arrow.RecordBatch) (got arrow.RecordBatch, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked("the func", v)
		}
	}()
	got, err = c.Batch(ctx, b)
	if err == nil && got == nil {
		err = tidemark.WithHint(fmt.Errorf("the func returned no batch: %w", tidemark.ErrInvalid), "a batch without rows is b.NewSlice(0, 0)")
	}
	return got, err
}

// check holds a batch to what was declared.
func (c *caller) check(in, out arrow.RecordBatch) error {
	if diff := differs(c.schema, out.Schema()); diff != "" {
		return tidemark.WithHint(fmt.Errorf("%s: %w", diff, tidemark.ErrInvalid), "let the func of its schema say what the func returns")
	}
	for i, f := range c.schema.Fields() {
		if n := out.Column(i).NullN(); n > 0 && !f.Nullable {
			return tidemark.WithHint(fmt.Errorf("%d NULL in column %q, which was declared to have none: %w", n, f.Name, tidemark.ErrInvalid),
				"declare it nullable, or give it a value")
		}
	}
	was, is := in.NumRows(), out.NumRows()
	switch {
	case is < was && !c.Drops:
		return tidemark.WithHint(fmt.Errorf("the func made %d rows of %d: %w", is, was, tidemark.ErrInvalid), "say that it drops rows")
	case is > was && !c.Adds:
		return tidemark.WithHint(fmt.Errorf("the func made %d rows of %d: %w", is, was, tidemark.ErrInvalid), "say that it adds rows")
	case c.Drops || c.Adds:
		return nil // which row became which cannot be told
	}
	for _, p := range c.kept {
		before, after := in.Column(p.from), out.Column(p.to)
		if before != after && !array.Equal(before, after) {
			return tidemark.WithHint(fmt.Errorf("column %q has other values than before: %w", p.name, tidemark.ErrInvalid),
				"name it among those that the func makes")
		}
	}
	return nil
}

// differs says how a batch's columns differ from those that were declared; "" where they do not.
func differs(want, got *arrow.Schema) string {
	if want.NumFields() != got.NumFields() {
		return fmt.Sprintf("the func returned %d columns and not the %d that were declared: %s", got.NumFields(), want.NumFields(), columnNames(got))
	}
	for i, f := range want.Fields() {
		if g := got.Field(i); g.Name != f.Name || !arrow.TypeEqual(g.Type, f.Type) {
			return fmt.Sprintf("column %d of what the func returned is %q, %s; %q, %s was declared", i+1, g.Name, g.Type, f.Name, f.Type)
		}
	}
	return ""
}

func columnNames(s *arrow.Schema) string {
	names := make([]string, s.NumFields())
	for i, f := range s.Fields() {
		names[i] = f.Name
	}
	return strings.Join(names, ", ")
}
