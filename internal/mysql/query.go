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
	done := c.watch(ctx)
	defer done()
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

// values runs a prepared statement and returns its rows as they are on the wire, to be sent back as arguments.
func (c *conn) values(ctx context.Context, sql string, args []value) ([][]value, error) {
	done := c.watch(ctx)
	defer done()
	_, rows, err := c.runPrepared(sql, args)
	if err != nil {
		c.broken = c.broken || isLost(err)
		return nil, fmt.Errorf("%s: %w", brief(sql), orCanceled(ctx, err))
	}
	return rows, nil
}

func (c *conn) queryPrepared(sql string, args []any) (result, error) {
	values, err := valuesOf(args)
	if err != nil {
		return result{}, err
	}
	fields, rows, err := c.runPrepared(sql, values)
	if err != nil {
		return result{}, err
	}
	res := result{columns: make([]string, len(fields)), rows: make([][]cell, len(rows))}
	for i, f := range fields {
		res.columns[i] = f.name
	}
	for i, row := range rows {
		res.rows[i] = make([]cell, len(row))
		for j, v := range row {
			res.rows[i][j] = cell{text: v.String(), null: v.null}
		}
	}
	return res, nil
}

// runPrepared prepares, executes and forgets a statement with a small result.
func (c *conn) runPrepared(sql string, args []value) ([]field, [][]value, error) {
	s, err := c.prepare(sql)
	if err != nil {
		return nil, nil, err
	}
	rows, err := c.fetch(s, args)
	if isLost(err) {
		return nil, nil, err
	}
	if closing := c.closeStatement(s); err == nil {
		err = closing
	}
	return s.fields, rows, err
}

func (c *conn) fetch(s *statement, args []value) ([][]value, error) {
	if err := c.execute(s, args); err != nil {
		return nil, err
	}
	var rows [][]value
	for {
		payload, err := c.nextRow()
		if err != nil || payload == nil {
			return rows, err
		}
		row, err := binaryRow(payload, s.fields)
		if err != nil {
			return nil, err
		}
		for i := range row {
			row[i] = row[i].clone()
		}
		rows = append(rows, row)
	}
}

// begin opens a transaction that says from the start that it only reads. To MySQL a lone SELECT shows no transaction at
// all, and whoever settles meanwhile would have to take it for a statement that may yet write.
func (c *conn) begin() error {
	if c.server.family == familyDolt { // it knows no such transactions, and lists none either
		return nil
	}
	_, err := c.queryText("START TRANSACTION READ ONLY")
	return err
}

// commit ends what begin has opened. Had the connection been lost instead, nothing would be lost with it.
func (c *conn) commit() error {
	if c.server.family == familyDolt {
		return nil
	}
	_, err := c.queryText("COMMIT")
	return err
}
