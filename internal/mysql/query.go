package mysql

import (
	"context"
	"fmt"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// A cell is one value of a small result as the server writes it in text.
type cell struct {
	text string
	null bool
}

// String returns the text, "" for NULL.
func (c cell) String() string { return c.text }

// A result is a small result, held in memory: what the source asks for itself, never the table's rows.
type result struct {
	columns []string
	rows    [][]cell
}

// query runs one statement and returns all of its rows as text. Without arguments it goes as text, with arguments as a
// prepared statement whose values are typed: an argument is an int, int64, uint64, string, []byte, nil or
// tidemark.CursorValue. Errors are of the root package's kinds and carry the statement.
func (c *conn) query(ctx context.Context, sql string, args ...any) (result, error) {
	defer c.watch(ctx)()
	var res result
	var err error
	if len(args) == 0 {
		res, err = c.queryText(sql)
	} else {
		res, err = c.queryPrepared(sql, args)
	}
	if err != nil {
		c.broken = c.broken || isLost(err)
		return result{}, fmt.Errorf("%s: %w", brief(sql), orCanceled(ctx, err))
	}
	return res, nil
}

// exec runs a statement that returns no rows, such as SET.
func (c *conn) exec(ctx context.Context, sql string) error {
	_, err := c.query(ctx, sql)
	return err
}

// queryRow is query for a result of exactly one row.
func (c *conn) queryRow(ctx context.Context, sql string, args ...any) ([]cell, error) {
	res, err := c.query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	if len(res.rows) != 1 {
		return nil, fmt.Errorf("%s: %d rows in place of one: %w", brief(sql), len(res.rows), tidemark.ErrNotFound)
	}
	return res.rows[0], nil
}

// brief shortens a statement for a message.
func brief(sql string) string {
	sql = strings.Join(strings.Fields(sql), " ")
	if len(sql) > 160 {
		sql = strings.ToValidUTF8(sql[:157], "") + "..."
	}
	return sql
}

func (c *conn) queryText(sql string) (result, error) {
	if err := c.command(comQuery, []byte(sql)); err != nil {
		return result{}, err
	}
	first, err := c.next()
	if err != nil {
		return result{}, err
	}
	if err := failure(first); err != nil {
		return result{}, err
	}
	switch first[0] {
	case okHeader:
		return result{}, nil
	case localInFile:
		return result{}, malformed("it asks for a file of this machine")
	}
	count, n := lengthEncoded(first)
	if n == 0 || count == 0 || count > maxColumns {
		return result{}, malformed("the number of columns")
	}
	fields, err := c.readFields(int(count))
	if err != nil {
		return result{}, err
	}
	res := result{columns: make([]string, len(fields))}
	for i, f := range fields {
		res.columns[i] = f.name
	}
	for {
		payload, err := c.next()
		if err != nil {
			return result{}, err
		}
		if isEOF(payload) {
			return res, nil
		}
		if err := failure(payload); err != nil {
			return result{}, err
		}
		row, err := textRow(payload, len(fields))
		if err != nil {
			return result{}, err
		}
		res.rows = append(res.rows, row)
	}
}

func textRow(payload []byte, columns int) ([]cell, error) {
	row := make([]cell, columns)
	for i := range row {
		if len(payload) > 0 && payload[0] == localInFile { // here the byte means NULL
			row[i].null, payload = true, payload[1:]
			continue
		}
		value, rest, ok := lengthEncodedBytes(payload)
		if !ok {
			return nil, malformed("a cut row")
		}
		row[i].text, payload = string(value), rest
	}
	return row, nil
}

func (c *conn) queryPrepared(sql string, args []any) (result, error) {
	values := make([]value, len(args))
	for i, arg := range args {
		var err error
		if values[i], err = valueOf(arg); err != nil {
			return result{}, err
		}
	}
	s, err := c.prepare(sql)
	if err != nil {
		return result{}, err
	}
	res, err := c.fetchAll(s, values)
	if !isLost(err) {
		if err := c.closeStatement(s); err != nil {
			return result{}, err
		}
	}
	return res, err
}

func (c *conn) fetchAll(s *statement, args []value) (result, error) {
	res := result{columns: make([]string, len(s.fields))}
	for i, f := range s.fields {
		res.columns[i] = f.name
	}
	if err := c.execute(s, args); err != nil {
		return result{}, err
	}
	for {
		payload, err := c.nextRow()
		if err != nil || payload == nil {
			return res, err
		}
		values, err := binaryRow(payload, s.fields)
		if err != nil {
			return result{}, err
		}
		row := make([]cell, len(values))
		for i, v := range values {
			row[i] = cell{text: v.String(), null: v.null}
		}
		res.rows = append(res.rows, row)
	}
}
