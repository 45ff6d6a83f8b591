package transform

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// shapeOf tells what a statement does to rows. What is not plain needs all of them.
func shapeOf(ctx context.Context, db *duckdb.DB, statement *duckdb.Statement, rows string) (tidemark.Shape, error) {
	alone, err := db.RowByRow(ctx, statement, rows)
	if err != nil || !alone {
		return tidemark.Shape{Whole: true, Drops: true, Adds: true}, err
	}
	drops, adds := statement.Changes()
	return tidemark.Shape{Drops: drops, Adds: adds}, nil
}

// land returns the schema of what a statement yields. from has the column of the rows that each one plainly is, "" where it
// is computed.
func land(in *tidemark.Schema, described *arrow.Schema, from []string, shape tidemark.Shape) (*tidemark.Schema, error) {
	out := *in
	out.Columns, out.Key, out.Unique = nil, nil, nil
	after := map[string]string{}
	for i, f := range described.Fields() {
		column, known := in.Column(from[i])
		switch {
		case !known || shape.Whole:
			column = tidemark.Column{Name: f.Name, Type: f.Type, Nullable: true, Computed: true}
		default:
			if source, ok := column.Source(); ok {
				column.From = source
			}
			if arrow.TypeEqual(column.Type, f.Type) {
				after[column.Name] = f.Name
			}
			column.Name, column.Type = f.Name, f.Type
		}
		out.Columns = append(out.Columns, column)
	}
	if err := distinct(out.Columns); err != nil {
		return nil, err
	}
	if shape.Adds || shape.Whole {
		return &out, nil
	}
	out.Key = renamed(in.Key, after)
	for _, key := range in.Unique {
		if key = renamed(key, after); key != nil {
			out.Unique = append(out.Unique, key)
		}
	}
	return &out, nil
}
