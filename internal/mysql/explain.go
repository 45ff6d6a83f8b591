package mysql

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// explain asks for the form that has a row per table. It is no longer every server's default.
const explain = "EXPLAIN FORMAT=TRADITIONAL "

// An explanation is how the server would read a split.
type explanation struct {
	access string // "range", "ALL", …; "" where it would read nothing
	key    string // the index; "" for none
	rows   int64  // that it expects to touch; -1 where it does not say
	sorts  bool   // it sorts the rows, or puts them aside, before it sends the first
}

// explained asks the server how it would read a split.
func explained(ctx context.Context, c *conn, sp *split) (explanation, error) {
	x := explanation{rows: -1}
	sql, args := sp.statement(nil)
	res, err := c.query(ctx, explain+sql, anys(args)...)
	if err != nil {
		return x, err
	}
	at := func(row []cell, name string) cell {
		if i := slices.Index(res.columns, name); i >= 0 {
			return row[i]
		}
		return cell{null: true}
	}
	for i, row := range res.rows { // of a view there are several
		if i == 0 {
			x.access, x.key, x.rows = at(row, "type").text, at(row, "key").text, estimate(at(row, "rows"))
		}
		extra := at(row, "Extra").text
		x.sorts = x.sorts || strings.Contains(extra, "Using filesort") || strings.Contains(extra, "Using temporary")
	}
	return x, nil
}

// unusable returns what the server notes about the statement that it has just explained on this connection: indexes that
// a comparison of two types or collations keeps it from using. MariaDB does not say so unless it is set up to.
func unusable(ctx context.Context, c *conn) ([]string, error) {
	notes, err := c.query(ctx, "SHOW WARNINGS")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, row := range notes.rows {
		if len(row) > 2 && strings.Contains(row[2].text, "conversion") {
			out = append(out, row[2].text)
		}
	}
	return out, nil
}

// String says in words how the split is read.
func (x explanation) String() string {
	switch {
	case x.access == "":
		return "nothing to read"
	case x.key == "":
		return "scan of the table"
	case x.access == "index":
		return fmt.Sprintf("scan of index %q", x.key)
	default:
		return fmt.Sprintf("%s of index %q", x.access, x.key)
	}
}
