package duckdb

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// WriteParquet runs a statement that Parse has found harmless and writes its rows, in their order, into a Parquet file.
// The path must be one that Lock was given. It returns the number of rows.
func (db *DB) WriteParquet(ctx context.Context, s *Statement, path string) (rows int64, err error) {
	body := withoutEnd(s)
	types, err := db.columns(ctx, body)
	if err != nil {
		return 0, err
	}
	list := make([]string, len(types))
	names := make([]string, len(types))
	for i, c := range types {
		names[i] = fmt.Sprintf("c%d", i)
		list[i] = fmt.Sprintf("c%d AS %s", i, Ident(c.Name))
		if slices.Contains([]string{"HUGEINT", "UHUGEINT"}, c.Type) { // Parquet has none, and a DOUBLE would lose digits
			list[i] = strings.Replace(list[i], names[i], "CAST("+names[i]+" AS DECIMAL(38,0))", 1)
		}
	}
	// The statement keeps a line of its own, so that its places are those of what was written.
	copied := &Statement{written: s.text(), lines: 1, SQL: fmt.Sprintf("COPY (SELECT %s FROM (\n%s\n) AS tidemark_answer(%s)) TO %s (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)",
		strings.Join(list, ", "), body.SQL, strings.Join(names, ", "), Literal(path))}
	result, err := db.conn.ExecContext(ctx, copied.SQL)
	if err != nil {
		return 0, copied.explain(ctx, err)
	}
	return result.RowsAffected()
}

// columns returns those of a statement's result; of those with the same name the later ones have a number behind it.
func (db *DB) columns(ctx context.Context, s *Statement) ([]Column, error) {
	described := &Statement{written: s.text(), lines: 1, SQL: "SELECT * FROM (\n" + s.SQL + "\n) LIMIT 0"}
	rows, err := db.Query(ctx, described)
	if err != nil {
		return nil, err
	}
	return rows.Columns, rows.Close()
}

// withoutEnd returns a statement without the semicolon at its end, so that it can be a part of another one.
func withoutEnd(s *Statement) *Statement {
	all := tokens(s.SQL)
	text := []byte(s.SQL)
	for i := len(all) - 1; i >= 0 && all[i].kind == mark && text[all[i].start] == ';'; i-- {
		text[all[i].start] = ' '
	}
	bare := *s
	bare.SQL, bare.written = string(text), s.text()
	return &bare
}
