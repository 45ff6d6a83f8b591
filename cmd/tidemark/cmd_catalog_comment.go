package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

type commentOptions struct {
	lake   string
	column string
	remove bool
}

func newCatalogCommentCommand(a *app) *cobra.Command {
	var o commentOptions
	cmd := &cobra.Command{
		Use:   "comment TABLE [TEXT]",
		Short: "Say what a table or a column is for",
		Long: help(`
Sets the comment of a table, or with --column that of a column; --remove takes it away. `+"`tidemark catalog show`"+` shows comments
beside what MySQL says of a column, and so do other engines. No run undoes them, also where a column's type changes.

It may be done at any time: a run that commits meanwhile takes the comment along.`, exitOK, exitFailed, exitUsage),
		Example: `  tidemark catalog comment shop.orders "All orders since 2013, by the version"
  tidemark catalog comment orders --column status "see the wiki: Order life cycle"
  tidemark catalog comment orders --column status --remove`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error { return runCatalogComment(cmd.Context(), a, o, args) },
	}
	lakeFlag(cmd, &o.lake)
	cmd.Flags().StringVar(&o.column, "column", "", "the `COLUMN` that the comment is of")
	cmd.Flags().BoolVar(&o.remove, "remove", false, "take the comment away")
	return cmd
}

func runCatalogComment(ctx context.Context, a *app, o commentOptions, args []string) error {
	text := ""
	if len(args) == 2 {
		text = strings.TrimSpace(args[1])
	}
	switch {
	case o.remove && len(args) == 2:
		return usage(errors.New("a text and --remove: only one of them"))
	case !o.remove && text == "":
		return usage(errors.New("the text is missing; --remove takes a comment away"))
	}
	if err := run.CheckComment(text); err != nil {
		return usage(err)
	}
	return withTableOf(ctx, a, o.lake, args[0], func(r *run.Runner, id tidemark.TableID) error {
		was, err := r.Comment(ctx, o.lake, id, o.column, text)
		if err != nil {
			return err
		}
		return a.printComment(commentJSON{id, o.column, text, was})
	})
}

type commentJSON struct {
	Table   tidemark.TableID `json:"table"`
	Column  string           `json:"column,omitempty"`
	Comment string           `json:"comment"`
	Was     string           `json:"was"`
}

func (a *app) printComment(c commentJSON) error {
	if a.json {
		return a.printJSON(c)
	}
	what := c.Table.String()
	if c.Column != "" {
		what += ", column " + printable(c.Column)
	}
	says := "comment set"
	switch {
	case c.Comment == "" && c.Was == "":
		says = "has no comment"
	case c.Comment == c.Was:
		says = "says that already"
	case c.Comment == "":
		says = "comment taken away; it was: " + printable(c.Was)
	case c.Was != "":
		says = "comment set; it was: " + printable(c.Was)
	}
	_, err := fmt.Fprintf(a.out, "%s  %s\n", what, says)
	return err
}
