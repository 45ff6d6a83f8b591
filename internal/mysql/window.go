package mysql

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
)

// A condition is a piece of a WHERE clause with the values of its placeholders.
type condition struct {
	sql  string
	args []value
}

// conditions are joined by AND; the empty list holds for every row.
type conditions []condition

func (cs conditions) where() (sql string, args []value) {
	if len(cs) == 0 {
		return "", nil
	}
	parts := make([]string, len(cs))
	for i, c := range cs {
		parts[i] = c.sql
		args = append(args, c.args...)
	}
	return " WHERE " + strings.Join(parts, " AND "), args
}

// filter is the pipeline's own condition. The line break ends a comment that it may close with.
func (s *Source) filter() conditions {
	if strings.TrimSpace(s.pipeline.Where) == "" {
		return nil
	}
	return conditions{{sql: "(" + s.pipeline.Where + "\n)"}}
}

// window returns the conditions of a window, of every statement that reads a part of it.
func (s *Source) window(t *table, w tidemark.Window) (conditions, error) {
	var in conditions
	if t.schema.Cursor != nil && s.pipeline.Mode != tidemark.ModeReplace {
		var err error
		if in, err = t.within(w); err != nil {
			return nil, err
		}
	}
	if w.Has != "" {
		c, err := t.compared(w.Has)
		if err != nil {
			return nil, err
		}
		in = append(in, condition{sql: ident(c.Name) + " IS NOT NULL"})
	}
	return in, nil
}

// within returns what a row's cursor must meet.
func (t *table) within(w tidemark.Window) (conditions, error) {
	cursor := t.columnNamed(t.schema.Cursor.Column)
	kind := t.schema.Cursor.Kind
	for _, v := range []tidemark.CursorValue{w.From, w.Until} {
		if !v.IsZero() && v.Kind() != kind {
			return nil, fmt.Errorf("window at %s: cursor column %q is of kind %s now: %w", v, cursor.Name, kind, tidemark.ErrInvalid)
		}
	}
	from := w.From
	if !w.Until.IsZero() { // a date that counts as NULL is below the first that does not
		from = from.Max(firstOf(cursor, kind))
	}
	var in conditions
	for _, limit := range []struct {
		op string
		v  tidemark.CursorValue
	}{{">=", from}, {"<", w.Until}} {
		if limit.v.IsZero() {
			continue
		}
		arg, err := cursorArgument(limit.v)
		if err != nil {
			return nil, err
		}
		in = append(in, condition{sql: ident(cursor.Name) + " " + limit.op + " ?", args: []value{arg}})
	}
	if none := withoutCursor(cursor); none != "" && w.Until.IsZero() && len(in) > 0 && w.Nulls != tidemark.NullsError {
		in[0].sql = "(" + in[0].sql + " OR " + none + ")"
	}
	return in, nil
}

// firstOf returns the first date that does not count as NULL; none for an integer.
func firstOf(c *column, kind tidemark.CursorKind) tidemark.CursorValue {
	switch c.dataType {
	case "date", "datetime":
		return tidemark.TemporalValue(kind, time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro())
	case "timestamp":
		return tidemark.TemporalValue(kind, time.Second.Microseconds())
	default:
		return tidemark.CursorValue{}
	}
}

// withoutCursor is the condition for rows whose cursor is NULL or a zero date, which counts as NULL; "" when the column
// can hold neither. It can be read from an index.
func withoutCursor(c *column) string {
	var parts []string
	name := ident(c.Name)
	if !c.declared {
		parts = append(parts, name+" IS NULL")
	}
	switch c.dataType {
	case "date", "datetime":
		parts = append(parts, name+" < '0001-01-01'")
	case "timestamp":
		parts = append(parts, name+" < '1970-01-01 00:00:01'") // the first that exists, in a session whose zone is UTC
	}
	return strings.Join(parts, " OR ")
}

// refuseNulls is NullsError: rows without a cursor stop the run before it reads.
func (s *Source) refuseNulls(ctx context.Context, t *table) error {
	cursor := t.columnNamed(t.schema.Cursor.Column)
	none := withoutCursor(cursor)
	if none == "" {
		return nil
	}
	where, args := append(conditions{{sql: "(" + none + ")"}}, s.filter()...).where()
	var count int64
	err := s.with(ctx, func(c *conn) error {
		row, err := c.queryRow(ctx, "SELECT COUNT(*) FROM "+identTable(t.name)+where, anys(args)...)
		if err == nil {
			count = estimate(row[0])
		}
		return err
	})
	if err != nil {
		return err
	}
	if count > 0 {
		return tidemark.WithHint(fmt.Errorf("table %s: %d rows have no value in cursor column %q: %w", t.name, count, cursor.Name, tidemark.ErrInvalid),
			"fill the column, or set nulls: load to read such rows in every run")
	}
	return nil
}

func anys(values []value) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

// behind is the condition for rows that come after a key in the order of its columns: the row comparison written out,
// so that every server finds the range in its index. NULL sorts first.
func behind(order []column, key []value) condition {
	name, v := ident(order[0].Name), key[0]
	if len(order) == 1 {
		if v.null {
			return condition{sql: name + " IS NOT NULL"}
		}
		return condition{sql: name + " > ?", args: []value{v}}
	}
	rest := behind(order[1:], key[1:])
	if v.null {
		return condition{sql: "(" + name + " IS NOT NULL OR " + rest.sql + ")", args: rest.args}
	}
	// The first comparison follows from the others; it gives the optimizer the range at once.
	return condition{sql: "(" + name + " >= ? AND (" + name + " > ? OR " + rest.sql + "))", args: append([]value{v, v}, rest.args...)}
}

// upTo is the condition for rows that come no later than a key. Its values come from a unique key and are not NULL.
func upTo(order []column, key []value) condition {
	name, v := ident(order[0].Name), key[0]
	if len(order) == 1 {
		return condition{sql: name + " <= ?", args: []value{v}}
	}
	rest := upTo(order[1:], key[1:])
	return condition{sql: "(" + name + " <= ? AND (" + name + " < ? OR " + rest.sql + "))", args: append([]value{v, v}, rest.args...)}
}
