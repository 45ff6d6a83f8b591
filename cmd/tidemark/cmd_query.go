package main

import (
	"bufio"
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

type queryOptions struct{ lake string }

func newQueryCommand(a *app) *cobra.Command {
	var o queryOptions
	cmd := &cobra.Command{
		Use:   "query SQL",
		Short: "Ask the lake in SQL",
		Long: help(`
Answers one SELECT over the tables of the lake, as they were committed: NAMESPACE.TABLE, or TABLE alone where that is
clear. The SQL is DuckDB's. It only reads.

With --json there is one object per row.`, exitOK, exitFailed, exitUsage),
		Example: `  tidemark query "SELECT count(*) FROM shop.orders"
  tidemark query --json "SELECT status, count(*) AS n FROM shop.orders GROUP BY ALL"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runQuery(cmd.Context(), a, o, args[0]) },
	}
	cmd.Flags().StringVarP(&o.lake, "lake", "l", "", "the `CONNECTION` to ask, where the config has more than one lake")
	return cmd
}

func runQuery(ctx context.Context, a *app, o queryOptions, statement string) error {
	r, err := a.open(nil, run.Options{Log: a.log(a.err)})
	if err != nil {
		return err
	}
	defer r.Close()
	result, err := r.Query(ctx, o.lake, statement)
	if errors.Is(err, tidemark.ErrInvalid) {
		return usage(err) // the statement is part of the command line
	}
	if err != nil {
		return err
	}
	defer result.Close()
	out := bufio.NewWriter(a.out)
	print := printTable
	if a.json {
		print = printObjects
	}
	return errors.Join(print(out, result.Columns, result.Rows()), out.Flush())
}
