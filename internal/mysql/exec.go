package mysql

import (
	"context"
	"fmt"
)

// modify runs a prepared statement that writes, with arguments as query takes them. When the connection is lost meanwhile,
// it may have been done or not.
func (c *conn) modify(ctx context.Context, sql string, args ...any) error {
	done := c.watch(ctx)
	defer done()
	if err := c.write(sql, args); err != nil {
		c.broken = c.broken || isLost(err)
		return fmt.Errorf("%s: %w", brief(sql), orCanceled(ctx, err))
	}
	return nil
}

func (c *conn) write(sql string, args []any) error {
	values, err := valuesOf(args)
	if err != nil {
		return err
	}
	s, err := c.prepare(sql)
	if err != nil {
		return err
	}
	if err = c.send(s, values); err == nil {
		err = c.written()
	}
	if isLost(err) {
		return err
	}
	if closing := c.closeStatement(s); err == nil {
		err = closing
	}
	return err
}

// written reads the answer to a statement that returns no rows.
func (c *conn) written() error {
	payload, err := c.next()
	if err != nil {
		return err
	}
	if err := failure(payload); err != nil {
		return err
	}
	if len(payload) < 2 || payload[0] != okHeader {
		return malformed("the answer to a statement that writes")
	}
	return nil
}

// typed runs a prepared statement and returns its rows with the types of their columns, which it tells without rows too.
func (c *conn) typed(ctx context.Context, sql string, args ...any) ([]field, [][]value, error) {
	done := c.watch(ctx)
	defer done()
	values, err := valuesOf(args)
	if err != nil {
		return nil, nil, err
	}
	fields, rows, err := c.runPrepared(sql, values)
	if err != nil {
		c.broken = c.broken || isLost(err)
		return nil, nil, fmt.Errorf("%s: %w", brief(sql), orCanceled(ctx, err))
	}
	return fields, rows, nil
}
