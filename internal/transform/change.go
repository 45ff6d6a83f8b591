package transform

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
)

// A Change is a change_schema step. Columns that it does not name stay as they are.
type Change struct {
	Columns []ColumnChange
	Order   []string // columns that come first, by the names that they have behind the step; the others follow
}

// A ColumnChange is what becomes of one column.
type ColumnChange struct {
	Column string         // as it comes
	Rename string         // "" keeps the name
	Type   arrow.DataType // nil keeps the type
	Drop   bool

	Quarantine bool // a row whose value does not fit into Type is set aside, where that can be
}

// before returns the name that a column had before the step.
func (c *Change) before(name string) string {
	for _, change := range c.Columns {
		if change.Rename == name && !change.Drop {
			return change.Column
		}
	}
	return name
}

// A passage is how a column comes through.
type passage struct {
	at    int    // the column, before
	cast  caster // nil: as it is
	aside bool   // a row whose value does not fit is set aside
}

func (c *Change) begin(in *tidemark.Schema) (*stage, error) {
	if err := c.known(in); err != nil {
		return nil, err
	}
	out := *in
	out.Columns = nil
	var ways []passage
	after := map[string]string{} // the names of columns whose values stay as apart as they were
	for at, column := range in.Columns {
		change := c.of(column.Name)
		if change.Drop {
			continue
		}
		from := column
		way := passage{at: at}
		if change.Type != nil && !arrow.TypeEqual(change.Type, column.Type) {
			var err error
			if way.cast, err = castOf(column.Type, change.Type); err != nil {
				return nil, fmt.Errorf("column %q: %w", column.Name, err)
			}
			column.Type, way.aside = change.Type, change.Quarantine
		}
		if change.Rename != "" {
			column.Name = change.Rename
		}
		if source, ok := from.Source(); ok {
			column.From = source
		}
		if keepsApart(from.Type, column.Type) {
			after[from.Name] = column.Name
		}
		out.Columns, ways = append(out.Columns, column), append(ways, way)
	}
	if err := distinct(out.Columns); err != nil {
		return nil, err
	}
	if err := c.reorder(out.Columns, ways); err != nil {
		return nil, err
	}
	out.Key, out.Unique = renamed(in.Key, after), nil
	for _, key := range in.Unique {
		if key = renamed(key, after); key != nil {
			out.Unique = append(out.Unique, key)
		}
	}
	ch := changer{in: in, schema: out.Arrow(), ways: ways}
	s := &stage{schema: &out, rows: func(_ context.Context, rows iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error] {
		return each(rows, func(b arrow.RecordBatch) (arrow.RecordBatch, error) { return ch.change(b, nil) })
	}}
	if slices.ContainsFunc(ways, func(w passage) bool { return w.aside }) {
		s.sifted = ch.sifted
	}
	return s, nil
}

// sifted is rows whose misfits are set aside. Such a row goes on, and is taken out where its number was kept.
func (c changer) sifted(_ context.Context, rows iter.Seq2[arrow.RecordBatch, error], reject func(int64, tidemark.Reject)) iter.Seq2[arrow.RecordBatch, error] {
	var before int64
	return each(rows, func(b arrow.RecordBatch) (arrow.RecordBatch, error) {
		first := before
		before += b.NumRows()
		return c.change(b, func(row int, r tidemark.Reject) { reject(first+int64(row), r) })
	})
}

// known checks that all columns that the step names are there.
func (c *Change) known(in *tidemark.Schema) error {
	for _, change := range c.Columns {
		if _, ok := in.Column(change.Column); !ok {
			return noColumn(change.Column, in.Columns)
		}
	}
	return nil
}

func noColumn(name string, columns []tidemark.Column) error {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return tidemark.WithHint(fmt.Errorf("there is no column %q: %w", name, tidemark.ErrInvalid), "there is: "+strings.Join(names, ", "))
}

// of returns what becomes of a column; the zero value for nothing.
func (c *Change) of(column string) ColumnChange {
	i := slices.IndexFunc(c.Columns, func(change ColumnChange) bool { return change.Column == column })
	if i < 0 {
		return ColumnChange{}
	}
	return c.Columns[i]
}

// distinct refuses two columns of one name. Readers of the lake do not tell upper case from lower.
func distinct(columns []tidemark.Column) error {
	if len(columns) == 0 {
		return fmt.Errorf("no column is left: %w", tidemark.ErrInvalid)
	}
	seen := map[string]string{}
	for _, c := range columns {
		folded := strings.ToLower(c.Name)
		if other, twice := seen[folded]; twice {
			return tidemark.WithHint(fmt.Errorf("two columns would be called %q and %q: %w", other, c.Name, tidemark.ErrInvalid), "rename or drop one of them")
		}
		seen[folded] = c.Name
	}
	return nil
}

// reorder puts the columns of Order first, in place.
func (c *Change) reorder(columns []tidemark.Column, ways []passage) error {
	for to, name := range c.Order {
		from := slices.IndexFunc(columns, func(c tidemark.Column) bool { return c.Name == name })
		if from < 0 {
			return fmt.Errorf("order: %w", noColumn(name, columns))
		}
		if from < to {
			return fmt.Errorf("order: column %q is there twice: %w", name, tidemark.ErrInvalid)
		}
		column, way := columns[from], ways[from]
		copy(columns[to+1:from+1], columns[to:from])
		copy(ways[to+1:from+1], ways[to:from])
		columns[to], ways[to] = column, way
	}
	return nil
}

// renamed returns the columns of a key by their new names; nil where one of them is not there any more.
func renamed(key []string, names map[string]string) []string {
	var after []string
	for _, name := range key {
		n, ok := names[name]
		if !ok {
			return nil
		}
		after = append(after, n)
	}
	return after
}

// A changer changes batches of one schema. It is safe for concurrent use.
type changer struct {
	in     *tidemark.Schema
	schema *arrow.Schema
	ways   []passage
}

func (c changer) change(b arrow.RecordBatch, reject func(row int, r tidemark.Reject)) (arrow.RecordBatch, error) {
	columns := make([]arrow.Array, len(c.ways))
	var made []arrow.Array
	defer func() {
		for _, column := range made {
			column.Release()
		}
	}()
	for i, way := range c.ways {
		columns[i] = b.Column(way.at)
		if way.cast == nil {
			continue
		}
		var aside func(misfitError)
		if way.aside && reject != nil {
			aside = func(m misfitError) {
				reject(m.row, tidemark.Reject{Check: "cast(" + b.ColumnName(way.at) + ")", Reason: c.words(b, way.at, c.schema.Field(i).Type, m)})
			}
		}
		column, err := way.cast(columns[i], aside)
		if err != nil {
			return nil, c.explain(b, way.at, c.schema.Field(i).Type, err)
		}
		columns[i], made = column, append(made, column)
	}
	return array.NewRecordBatch(c.schema, columns, b.NumRows()), nil
}

// explain names the row and the column of a value that does not fit.
func (c changer) explain(b arrow.RecordBatch, at int, to arrow.DataType, err error) error {
	var misfit misfitError
	if !errors.As(err, &misfit) {
		return fmt.Errorf("column %q: %w", b.ColumnName(at), err)
	}
	return tidemark.WithHint(
		fmt.Errorf("%s: %w", c.words(b, at, to, misfit), tidemark.ErrInvalid),
		"choose a wider type, or mend the row in the source")
}

func (c changer) words(b arrow.RecordBatch, at int, to arrow.DataType, misfit misfitError) string {
	return fmt.Sprintf("column %q, row with %s: %s does not fit into %s", b.ColumnName(at), nameRow(c.in, b, misfit.row), misfit.value, typeName(to))
}

// nameRow tells which row of a batch it is: by its key, or by the first columns where it has none.
func nameRow(s *tidemark.Schema, b arrow.RecordBatch, row int) string {
	const few = 3
	columns := s.Key
	if len(columns) == 0 {
		for _, c := range s.Columns[:min(few, len(s.Columns))] {
			columns = append(columns, c.Name)
		}
	}
	var parts []string
	for _, name := range columns {
		if at := b.Schema().FieldIndices(name); len(at) > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", name, valueText(b.Column(at[0]), row)))
		}
	}
	return strings.Join(parts, ", ")
}
