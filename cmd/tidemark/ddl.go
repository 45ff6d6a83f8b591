package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

// runCatalogDDL prints how other engines read a table.
func runCatalogDDL(ctx context.Context, a *app, lake, name string) error {
	return withTableOf(ctx, a, lake, name, func(r *run.Runner, id tidemark.TableID) error {
		recipes, err := r.Recipes(ctx, lake, id)
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(struct {
				Table   tidemark.TableID `json:"table"`
				Recipes []run.Recipe     `json:"recipes"`
			}{id, recipes})
		}
		_, err = fmt.Fprint(a.out, recipesText(recipes))
		return err
	})
}

// engines are the names of engines as people write them.
var engines = map[string]string{"athena": "Athena", "duckdb": "DuckDB", "spark": "Spark", "trino": "Trino"}

// recipesText are recipes for people, with the notes as comments of the language.
func recipesText(recipes []run.Recipe) string {
	texts := make([]string, len(recipes))
	for i, r := range recipes {
		mark := "-- "
		if r.Language == "shell" {
			mark = "# "
		}
		text := mark + engines[r.Engine] + "\n"
		for _, n := range r.Notes {
			text += mark + n + "\n"
		}
		texts[i] = text + r.Text + "\n"
	}
	return strings.Join(texts, "\n")
}
