package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidemark-data/tidemark"
)

type queryOptions struct {
	lake   string
	tables bool
}

func newQueryCommand(a *app) *cobra.Command {
	var o queryOptions
	cmd := &cobra.Command{
		Use:   "query [SQL]",
		Short: "Ask the lake in SQL",
		Long: help(`
Answers one SELECT over the tables of the lake, as they were committed: NAMESPACE.TABLE, or TABLE alone where that is
clear. The SQL is DuckDB's. It only reads. With --tables it lists what there is to ask.

Without SQL it is a shell at a terminal, with history and completion; .help tells more. Elsewhere it answers the statements on
standard input, each with a semicolon behind it, up to the first that is wrong.

With --json there is one object per row, or per table.`, exitOK, exitFailed, exitUsage),
		Example: `  tidemark query --tables
  tidemark query "SELECT count(*) FROM shop.orders"
  tidemark query --json "SELECT status, count(*) AS n FROM shop.orders GROUP BY ALL"
  tidemark query
  tidemark query < statements.sql`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.tables {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.MaximumNArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.tables {
				return runQueryTables(cmd.Context(), a, o)
			}
			if len(args) == 0 {
				return runShell(cmd.Context(), a, o.lake)
			}
			return runQuery(cmd.Context(), a, o, args[0])
		},
	}
	cmd.Flags().BoolVarP(&o.tables, "tables", "t", false, "list the tables, in place of an answer")
	cmd.Flags().StringVarP(&o.lake, "lake", "l", "", "the `CONNECTION` to ask, where the config has more than one lake")
	return cmd
}

func runQuery(ctx context.Context, a *app, o queryOptions, statement string) error {
	r, err := a.openLake(o.lake)
	if err != nil {
		return err
	}
	defer r.Close()
	result, err := r.Query(ctx, o.lake, statement)
	if errors.Is(err, tidemark.ErrInvalid) {
		if words := strings.Fields(statement); len(words) > 0 && strings.EqualFold(words[0], "show") {
			err = tidemark.WithHint(err, "`tidemark query --tables` lists the tables, `DESCRIBE NAMESPACE.TABLE` the columns of one")
		}
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

// runQueryTables lists the tables of the lake.
func runQueryTables(ctx context.Context, a *app, o queryOptions) error {
	r, err := a.openLake(o.lake)
	if err != nil {
		return err
	}
	defer r.Close()
	tables, err := r.Tables(ctx, o.lake)
	if err != nil {
		return err
	}
	for _, id := range tables {
		if a.json {
			err = a.printJSON(id)
		} else {
			_, err = fmt.Fprintln(a.out, printable(id.String()))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
