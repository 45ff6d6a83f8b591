package transform

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// land returns the schema of what a statement yields, and what it does to rows.
func land(in *tidemark.Schema, described *arrow.Schema, statement *duckdb.Statement, rows string) (*tidemark.Schema, tidemark.Shape, error) {
	out := *in
	out.Columns, out.Key, out.Unique = nil, nil, nil
	for _, f := range described.Fields() {
		out.Columns = append(out.Columns, tidemark.Column{Name: f.Name, Type: f.Type, Nullable: true, Computed: true})
	}
	if err := distinct(out.Columns); err != nil {
		return nil, tidemark.Shape{}, err
	}
	return &out, tidemark.Shape{Whole: true, Drops: true, Adds: true}, nil
}
