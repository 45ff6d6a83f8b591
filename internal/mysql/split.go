package mysql

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
)

const (
	// smallTable is the number of rows below which a second connection costs more than it saves.
	smallTable = 200_000

	// statementRows bounds how long one statement of a keyed split runs, and with it how long the server must keep old
	// versions of rows. A split that has more rows goes on with another statement behind the last key.
	statementRows = 5_000_000
)

// A split is a part of a window: one statement, or where there is an order, as many as it takes.
type split struct {
	table   *table
	window  conditions
	filter  conditions
	force   string   // the index to read, "" for the optimizer's choice
	order   []column // total order of the rows; nil when there is none, and then the split cannot be continued
	lower   []value  // rows behind this key; nil is open
	upper   []value  // rows up to this key; nil is open
	columns []column
	server  server
	limit   int64 // rows of one statement, where there is an order
}

// String returns the statement that reads the split, with its values. Text in keys is not shown.
func (s *split) String() string {
	sql, args := s.statement(nil)
	var out strings.Builder
	var quote rune
	for _, r := range sql {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"' || r == '`'):
			quote = r
		case quote == 0 && r == '?' && len(args) > 0:
			out.WriteString(args[0].literal())
			args = args[1:]
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

// literal returns the value as a statement would have it, "?" for text.
func (v value) literal() string {
	switch {
	case v.null:
		return "NULL"
	case v.typ == typeNewDecimal:
		return v.String()
	case v.variable():
		return "?"
	case v.typ == typeDate, v.typ == typeDatetime, v.typ == typeTimestamp, v.typ == typeTime:
		return "'" + v.String() + "'"
	default:
		return v.String()
	}
}

// selected returns the columns of the result: those of the batch, then those that only the order needs.
func (s *split) selected() []column {
	return append(slices.Clip(s.columns), s.hidden()...)
}

func (s *split) hidden() []column {
	var hidden []column
	for _, o := range s.order {
		if !slices.ContainsFunc(s.columns, func(c column) bool { return c.Name == o.Name }) {
			hidden = append(hidden, o)
		}
	}
	return hidden
}

// statement returns the SELECT for the rows behind a key, nil for all of the split.
func (s *split) statement(last []value) (string, []value) {
	from, args := s.from(last)
	sql := "SELECT " + nameList(s.selected()) + from
	if s.order != nil {
		sql += fmt.Sprintf(" ORDER BY %s LIMIT %d", nameList(s.order), s.limit)
	}
	return sql, args
}

// from returns where a statement finds the rows behind a key: its FROM and WHERE.
func (s *split) from(last []value) (string, []value) {
	if last == nil {
		last = s.lower
	}
	where := slices.Clip(s.window)
	if last != nil {
		where = append(where, behind(s.order, last))
	}
	if s.upper != nil {
		where = append(where, upTo(s.order, s.upper))
	}
	condition, args := append(where, s.filter...).where()
	sql := " FROM " + identTable(s.table.name)
	if s.force != "" && s.server.family != familyDolt {
		sql += " FORCE INDEX (" + ident(s.force) + ")"
	}
	return sql + condition, args
}

func nameList(columns []column) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = ident(c.Name)
	}
	return strings.Join(names, ", ")
}

// Splits divides the window. A first load of a table with a key is cut along the key, with boundaries that the server
// names in the key's own order. A small increment is one split, read through the cursor's index where there is one:
// cutting it along the key would scan the whole table.
func (s *Source) Splits(ctx context.Context, w tidemark.Window, n int) ([]tidemark.Split, error) {
	t, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	splits, err := s.plan(ctx, t, w, n)
	if err != nil {
		return nil, fmt.Errorf("split the window of %s: %w", t.name, err)
	}
	out := make([]tidemark.Split, len(splits))
	for i, sp := range splits {
		out[i] = sp
	}
	return out, nil
}

func (s *Source) plan(ctx context.Context, t *table, w tidemark.Window, n int) ([]*split, error) {
	if w.Nulls == tidemark.NullsError && w.Until.IsZero() && t.schema.Cursor != nil && s.pipeline.Mode != tidemark.ModeReplace {
		if err := s.refuseNulls(ctx, t); err != nil {
			return nil, err
		}
	}
	window, err := s.window(t, w)
	if err != nil {
		return nil, err
	}
	whole := &split{table: t, window: window, filter: s.filter(), columns: t.columns, server: s.server, limit: statementRows}
	if s.pipeline.Mode == tidemark.ModeReplace {
		return []*split{whole}, nil // one statement sees one point in time
	}
	if bounded := !w.From.IsZero() || !w.Until.IsZero(); bounded && t.schema.Cursor != nil {
		through, err := s.throughCursor(ctx, whole)
		if through != nil || err != nil {
			return []*split{through}, err
		}
	}
	if t.order == nil {
		return []*split{whole}, nil
	}
	whole.order, whole.force = t.order, t.orderIndex()
	if n < 2 || t.schema.Rows < smallTable || s.server.family == familyDolt {
		return []*split{whole}, nil
	}
	return s.alongKey(ctx, whole, n)
}

// alongKey cuts a split that has an order into up to n parts.
func (s *Source) alongKey(ctx context.Context, whole *split, n int) ([]*split, error) {
	boundaries, err := s.boundaries(ctx, whole.table, n)
	if err != nil {
		return nil, err
	}
	return whole.cut(boundaries), nil
}

// cut divides a split at boundaries, which are in the order of its key. The first part is open below and the last one
// above, so that no row falls outside, whatever came since the boundaries were read.
func (s *split) cut(boundaries [][]value) []*split {
	var parts []*split
	var lower []value
	for _, b := range boundaries {
		part := *s
		part.lower, part.upper = lower, b
		parts = append(parts, &part)
		lower = b
	}
	last := *s
	last.lower = lower
	return append(parts, &last)
}

// throughCursor returns the split that reads the window through the cursor's index, or nil when a scan of the table
// is the better way: no index, or a large part of a large table.
func (s *Source) throughCursor(ctx context.Context, whole *split) (*split, error) {
	t := whole.table
	ix := t.indexOn(t.schema.Cursor.Column)
	if ix == nil || s.server.family == familyDolt {
		return nil, nil
	}
	through := *whole
	through.force, through.order = ix.name, s.continuable(t, t.orderOf(ix))
	var expected int64
	err := s.with(ctx, func(c *conn) error {
		x, err := explained(ctx, c, &through)
		expected = x.rows
		return err
	})
	if err != nil {
		return nil, err
	}
	if expected > smallTable && expected > t.schema.Rows/4 {
		return nil, nil
	}
	return &through, nil
}

// continuable returns the order, or nil where a split must not be continued in it. A row that is updated while a window is
// read in the order of its cursor moves to the end, and a continued read sees it a second time. Appending keeps both
// versions, as it should; a merge must have each key once in a commit, so it reads in one statement or begins again.
func (s *Source) continuable(t *table, order []column) []column {
	same := func(a, b column) bool { return a.Name == b.Name }
	if s.pipeline.Mode == tidemark.ModeMerge && !slices.EqualFunc(order, t.order, same) {
		return nil
	}
	return order
}

// orderOf returns the order in which an index keeps its rows, as long as it is total: a unique index alone, another one
// of InnoDB's with the primary key behind its own columns. nil when there is none that could be continued.
func (t *table) orderOf(ix *index) []column {
	names := slices.Clone(ix.columns)
	if !ix.unique {
		primary := t.primaryKey()
		if primary == nil || !strings.EqualFold(t.engine, "InnoDB") || t.indexOn(primary...) == nil {
			return nil
		}
		for _, name := range primary {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return t.ordered(names)
}

// boundaries returns up to n-1 keys that divide the table into parts of about the same size.
func (s *Source) boundaries(ctx context.Context, t *table, n int) (keys [][]value, err error) {
	err = s.with(ctx, func(c *conn) error {
		if keys, err = spaced(ctx, c, t, n); keys != nil || err != nil {
			return err
		}
		keys, err = walked(ctx, c, t, n)
		return err
	})
	return keys, err
}

// walked steps through the key's index on the server. Nothing is compared here: the order of strings is the
// collation's, and only the server knows it.
func walked(ctx context.Context, c *conn, t *table, n int) ([][]value, error) {
	step := t.schema.Rows / int64(n)
	var keys [][]value
	for len(keys) < n-1 {
		var where conditions
		if len(keys) > 0 {
			where = conditions{behind(t.order, keys[len(keys)-1])}
		}
		sql, args := where.where()
		sql = fmt.Sprintf("SELECT %s FROM %s FORCE INDEX (%s)%s ORDER BY %s LIMIT 1 OFFSET %d",
			nameList(t.order), identTable(t.name), ident(t.orderIndex()), sql, nameList(t.order), step)
		rows, err := c.values(ctx, sql, args)
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 { // fewer rows than estimated
			break
		}
		keys = append(keys, rows[0])
	}
	return keys, nil
}

// spaced divides an integer key evenly, or returns nil when the key is no integer or has so many gaps that the parts
// would differ. It costs two look-ups, where walking costs a scan of the index.
func spaced(ctx context.Context, c *conn, t *table, n int) ([][]value, error) {
	if len(t.order) != 1 || cursorKind(&t.order[0]) != tidemark.CursorInteger {
		return nil, nil
	}
	name := ident(t.order[0].Name)
	rows, err := c.values(ctx, fmt.Sprintf("SELECT CAST(MIN(%s) AS CHAR), CAST(MAX(%s) AS CHAR) FROM %s", name, name, identTable(t.name)), nil)
	if err != nil || len(rows) != 1 || rows[0][0].null {
		return nil, err
	}
	least, err1 := tidemark.ParseCursorValue(rows[0][0].String())
	most, err2 := tidemark.ParseCursorValue(rows[0][1].String())
	if err1 != nil || err2 != nil || !least.Less(most) {
		return nil, nil
	}
	lo, hi := integerBits(least), integerBits(most)
	span := hi - lo // right also where the sign differs
	if span/2 > uint64(t.schema.Rows) || span < uint64(n) {
		return nil, nil
	}
	var keys [][]value
	for i := 1; i < n; i++ {
		at := lo + span/uint64(n)*uint64(i)
		keys = append(keys, []value{{typ: typeLongLong, unsigned: t.order[0].unsigned, data: binary.LittleEndian.AppendUint64(nil, at)}})
	}
	return keys, nil
}

// integerBits returns the 64 bits of an integer, two's complement where it is negative.
func integerBits(v tidemark.CursorValue) uint64 {
	n, _ := cursorArgument(v) // an integer always has one
	return binary.LittleEndian.Uint64(n.data)
}
