package mysql

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
)

// cursor returns the first of the pipeline's candidates that the table has, nil when the pipeline names none.
func (t *table) cursor(p tidemark.Pipeline) (*tidemark.Cursor, error) {
	if len(p.Cursors) == 0 {
		return nil, nil
	}
	var col *column
	for _, name := range p.Cursors {
		if col = t.columnNamed(name); col != nil {
			break
		}
	}
	if col == nil {
		return nil, fmt.Errorf("cursor: none of [%s]: %w", strings.Join(p.Cursors, ", "), t.noColumn(p.Cursors[0]))
	}
	at := slices.IndexFunc(t.columns, func(c column) bool { return c.Name == col.Name })
	if at < 0 {
		return nil, tidemark.WithHint(fmt.Errorf("cursor column %q is not read: %w", col.Name, tidemark.ErrInvalid),
			"add it to the source's columns; change_schema can drop it on the way to the lake")
	}
	if cursorKind(col) == tidemark.CursorNone {
		return nil, tidemark.WithHint(
			fmt.Errorf("cursor column %q has type %s, which does not order changes: %w", col.Name, col.SourceType, tidemark.ErrInvalid),
			"use a column of type TIMESTAMP, DATETIME, DATE or an integer, or set mode: replace and leave the cursor out")
	}
	return t.cursorAt(at), nil
}

// cursorAt returns one of the columns that are read as a cursor.
func (t *table) cursorAt(at int) *tidemark.Cursor {
	c := &t.columns[at]
	kind := cursorKind(c)
	return &tidemark.Cursor{
		Column: c.Name, Index: at, Kind: kind, Nullable: c.Nullable,
		Granularity: granularity(kind, c.scale), ServerSet: serverSet(c), Indexed: t.indexOn(c.Name) != nil,
	}
}

// Cursors returns the columns that the pipeline reads and that could be its cursor, in the order of the table. Schema was
// called before.
func (s *Source) Cursors() ([]tidemark.Cursor, error) {
	t, err := s.known()
	if err != nil {
		return nil, err
	}
	var all []tidemark.Cursor
	for i := range t.columns {
		if cursorKind(&t.columns[i]) != tidemark.CursorNone {
			all = append(all, *t.cursorAt(i))
		}
	}
	return all, nil
}

// cursorKind returns CursorNone for a type that cannot order: strings sort by collation, floats lose digits, a TIME
// starts anew each day.
func cursorKind(c *column) tidemark.CursorKind {
	switch c.dataType {
	case "tinyint", "smallint", "mediumint", "int", "integer", "bigint", "year":
		return tidemark.CursorInteger
	case "date":
		return tidemark.CursorDate
	case "datetime":
		return tidemark.CursorDatetime
	case "timestamp":
		return tidemark.CursorTimestamp
	default:
		return tidemark.CursorNone
	}
}

func granularity(kind tidemark.CursorKind, digits int) time.Duration {
	switch kind {
	case tidemark.CursorInteger:
		return 0
	case tidemark.CursorDate:
		return 24 * time.Hour
	}
	unit := time.Second
	for range digits {
		unit /= 10
	}
	return unit
}

// serverSet reports whether the server alone sets the column at each change. A default without ON UPDATE misses
// updates, and the reverse lets an INSERT bring any value.
func serverSet(c *column) bool {
	if strings.Contains(c.extra, "auto_increment") {
		return true
	}
	now := func(s string) bool { return strings.Contains(strings.ToLower(s), "current_timestamp") }
	return now(c.defaulted) && strings.Contains(c.extra, "on update") && now(c.extra)
}
