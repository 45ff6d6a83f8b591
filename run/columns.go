package run

import (
	"context"
	"fmt"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// A QueryColumn is a column of a table as a query sees it.
type QueryColumn struct {
	Name    string
	Type    string // DuckDB's name of it, such as "DECIMAL(10,2)"
	NotNull bool
}

// Columns returns the columns of a table of a lake, in order. The lake is named as for Query. A table that is not
// there is ErrNotFound.
func (r *Runner) Columns(ctx context.Context, connection string, id tidemark.TableID) ([]QueryColumn, error) {
	l, err := r.onlyLake(ctx, connection)
	if err != nil {
		return nil, err
	}
	s, err := l.catalog().Snapshot(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read table %s: %w", id, err)
	}
	columns := make([]QueryColumn, s.Schema.NumFields())
	for i, f := range s.Schema.Fields() {
		typ, err := duckdb.Type(f.Type)
		if err != nil {
			return nil, fmt.Errorf("read table %s: column %q: %w", id, f.Name, err)
		}
		columns[i] = QueryColumn{Name: f.Name, Type: typ, NotNull: !f.Nullable}
	}
	return columns, nil
}

// Reach says why a lake cannot be read; nil when it can. It asks for the first object at most, whatever the lake holds.
// The lake is named as for Query.
func (r *Runner) Reach(ctx context.Context, connection string) error {
	l, err := r.onlyLake(ctx, connection)
	if err != nil {
		return err
	}
	for _, err := range l.store.List(ctx, "") {
		if err != nil {
			return fmt.Errorf("list the lake: %w", err)
		}
		break
	}
	return nil
}
