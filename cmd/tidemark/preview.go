package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/duckdb"
	"github.com/tidemark-data/tidemark/run"
)

// runPreview shows what the steps of pipelines make of some rows.
func runPreview(ctx context.Context, a *app, names []string, o planOptions) error {
	if o.preview < 0 {
		return usage(fmt.Errorf("--preview %d: want a number of rows", o.preview))
	}
	r, err := a.open(names, run.Options{Log: a.log(a.err)})
	if err != nil {
		return err
	}
	defer r.Close()
	ids, err := r.Names(ctx, names)
	if err != nil {
		return err
	}
	failed := false
	for _, id := range ids {
		preview, err := r.Preview(ctx, string(id), run.PreviewOptions{Rows: o.preview, Step: o.step})
		switch {
		case errors.Is(err, tidemark.ErrNotFound) && o.step != "" && preview == nil:
			return usage(err)
		case err != nil && a.json:
			failed, err = true, a.printJSON(previewJSON{Preview: &run.Preview{Pipeline: id}, Error: err.Error(), advice: adviceOf(err)})
		case err != nil:
			failed = true
			a.printError(id, err)
			err = nil
		case a.json:
			err = a.printJSON(previewJSON{Preview: preview})
		default:
			err = a.printPreview(preview)
		}
		if err != nil {
			return err
		}
	}
	if failed {
		return &exit{code: exitFailed}
	}
	return nil
}

// previewJSON is one object with the fields of all.
type previewJSON struct {
	*run.Preview
	Error string `json:"error,omitempty"`
	advice
}

func (a *app) printPreview(p *run.Preview) error {
	out := bufio.NewWriter(a.out)
	which := "the first that the next run reads"
	if p.Loaded {
		which = "the first of the table, as nothing is new"
	}
	fmt.Fprintf(out, "%s: %s, %s\n", p.Pipeline, count(int64(p.Read), "row"), which)
	for _, s := range p.Stages {
		name := "source"
		if s.Name != "" {
			name = "step " + s.Name
		}
		fmt.Fprintf(out, "\n%s\n", name)
		if err := printTable(out, s.Columns, eachRow(s.Rows)); err != nil {
			return err
		}
	}
	fmt.Fprintln(out)
	return out.Flush()
}

func eachRow(rows [][]duckdb.Value) func(func([]duckdb.Value, error) bool) {
	return func(yield func([]duckdb.Value, error) bool) {
		for row := range slices.Values(rows) {
			if !yield(row, nil) {
				return
			}
		}
	}
}
