package mysql

import (
	"context"
	"fmt"

	"github.com/tidemark-data/tidemark"
)

// Newest returns the largest value of the cursor in the table, none where it holds none. It reads an index and no rows: a
// cursor without one, and a table without a cursor, are tidemark.ErrInvalid.
func (s *Source) Newest(ctx context.Context) (v tidemark.CursorValue, err error) {
	t, err := s.current(ctx)
	if err != nil {
		return v, err
	}
	cursor := t.schema.Cursor
	if cursor == nil {
		return v, fmt.Errorf("table %s has no cursor: %w", t.name, tidemark.ErrInvalid)
	}
	if !cursor.Indexed {
		return v, tidemark.WithHint(fmt.Errorf("the largest %s of table %s takes a scan of the table: %w", cursor.Column, t.name, tidemark.ErrInvalid),
			fmt.Sprintf("CREATE INDEX %s ON %s (%s)", ident(cursor.Column), identTable(t.name), ident(cursor.Column)))
	}
	err = s.with(ctx, func(c *conn) error {
		v, err = newest(ctx, c, t)
		return err
	})
	if err != nil {
		return v, fmt.Errorf("largest %s of table %s: %w", cursor.Column, t.name, err)
	}
	return v, nil
}

// newest asks for the largest value of a cursor that has an index.
func newest(ctx context.Context, c *conn, t *table) (tidemark.CursorValue, error) {
	cursor := t.schema.Cursor
	row, err := c.queryRow(ctx, "SELECT MAX("+ident(cursor.Column)+") FROM "+identTable(t.name))
	if err != nil {
		return tidemark.CursorValue{}, err
	}
	return cursorValue(cursor.Kind, row[0]), nil
}
