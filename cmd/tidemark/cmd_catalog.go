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

func newCatalogCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "catalog",
		Short:   "Look at the tables of the lake, and say what they are for",
		Long:    "Shows what tables the lake holds, what they consist of, and what has become of them. It asks the lake alone.",
		Example: "  tidemark catalog list\n  tidemark catalog show shop.orders\n  tidemark catalog history shop.orders",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCatalogListCommand(a), newCatalogShowCommand(a), newCatalogHistoryCommand(a), newCatalogCommentCommand(a), newCatalogImportCommand(a), newCatalogDropCommand(a))
	return cmd
}

func lakeFlag(cmd *cobra.Command, lake *string) {
	cmd.Flags().StringVarP(lake, "lake", "l", "", "the `CONNECTION` to look at, where the config has more than one lake")
}

func newCatalogListCommand(a *app) *cobra.Command {
	var lake string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the tables",
		Long: help(`
Lists all tables of the lake, whoever made them, with the rows and the size of their data files. Where a merge has written
deletes that no maintenance has applied yet, the rows include older versions: "up to".

With --json there is one object per table.`, exitOK, exitFailed, exitUsage),
		Example: "  tidemark catalog list\n  tidemark catalog list --json",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runCatalogList(cmd.Context(), a, lake) },
	}
	lakeFlag(cmd, &lake)
	return cmd
}

func newCatalogShowCommand(a *app) *cobra.Command {
	var lake string
	var files, ddl bool
	cmd := &cobra.Command{
		Use:   "show TABLE",
		Short: "Show what a table consists of",
		Long: help(`
Shows a table: where it lies, its columns with the source's own types, its partitioning, its files in sum, and the
pipelines that load into it with their watermarks. --files lists the files.

--ddl prints instead what makes other engines read the table: statements for Athena, Trino, Spark and DuckDB that run as they
are. Of a lake in a local folder, only those that read such.

TABLE is NAMESPACE.TABLE, or TABLE alone where that is clear.`, exitOK, exitFailed, exitUsage),
		Example: "  tidemark catalog show shop.orders\n  tidemark catalog show orders --files\n  tidemark catalog show orders --ddl",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case ddl && files:
				return usage(errors.New("--files and --ddl: only one of them"))
			case ddl:
				return runCatalogDDL(cmd.Context(), a, lake, args[0])
			}
			return withTable(cmd.Context(), a, lake, args[0], func(d *run.TableDescription) error { return a.showTable(d, files) })
		},
	}
	lakeFlag(cmd, &lake)
	cmd.Flags().BoolVar(&files, "files", false, "list the files, too")
	cmd.Flags().BoolVar(&ddl, "ddl", false, "print statements with which other engines read the table")
	return cmd
}

func newCatalogHistoryCommand(a *app) *cobra.Command {
	var lake string
	var limit int
	cmd := &cobra.Command{
		Use:   "history TABLE",
		Short: "Show what has become of a table",
		Long: help(`
Shows the commits of a table, the newest first: when, by which pipeline and run, how many rows each has loaded, and how many
the table's files held then. Of an Iceberg table these are the snapshots that have not expired. "aside" are those that the table
was set back behind.

With --json there is one object per commit.`, exitOK, exitFailed, exitUsage),
		Example: "  tidemark catalog history shop.orders\n  tidemark catalog history orders --limit 0 --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return usage(errors.New("--limit takes no negative numbers"))
			}
			return withTable(cmd.Context(), a, lake, args[0], func(d *run.TableDescription) error { return a.showHistory(d, limit) })
		},
	}
	lakeFlag(cmd, &lake)
	cmd.Flags().IntVar(&limit, "limit", 30, "show `N` commits at most; 0 shows all")
	return cmd
}

// withTable describes a table.
func withTable(ctx context.Context, a *app, lake, name string, do func(*run.TableDescription) error) error {
	return withTableOf(ctx, a, lake, name, func(r *run.Runner, id tidemark.TableID) error {
		d, err := r.Describe(ctx, lake, id)
		if err != nil {
			return err
		}
		return do(d)
	})
}

// withTableOf finds a table by its name. One that is not there is a mistake of who has typed it.
func withTableOf(ctx context.Context, a *app, lake, name string, do func(*run.Runner, tidemark.TableID) error) error {
	r, err := a.openLake(lake)
	if err != nil {
		return err
	}
	defer r.Close()
	id, err := r.ParseTable(ctx, lake, name)
	if errors.Is(err, tidemark.ErrInvalid) { // such as a name that two tables have
		return usage(err)
	}
	if err == nil {
		err = do(r, id)
	}
	if errors.Is(err, tidemark.ErrNotFound) {
		return usage(err)
	}
	return err
}

// tableJSON is a table, or why it cannot be described.
type tableJSON struct {
	Table tidemark.TableID `json:"table"`
	*run.TableDescription
	failure
}

func runCatalogList(ctx context.Context, a *app, lake string) error {
	r, err := a.openLake(lake)
	if err != nil {
		return err
	}
	defer r.Close()
	list, err := r.List(ctx, lake)
	if err != nil {
		return err
	}
	cells := [][]string{{"TABLE", "FORMAT", "ROWS", "FILES", "SIZE", "LAST COMMIT", "PIPELINES"}}
	failed := false
	for _, t := range list {
		failed = failed || t.Err != nil
		if a.json {
			if d := t.Description; d != nil {
				d.History = nil // `catalog history` has it
			}
			if err := a.printJSON(tableJSON{t.Table, t.Description, failureOf(t.Err)}); err != nil {
				return err
			}
			continue
		}
		cells = append(cells, tableLine(t))
	}
	if !a.json && len(list) == 0 {
		_, err = fmt.Fprintln(a.out, "the lake holds no table yet")
	} else if !a.json {
		_, err = fmt.Fprint(a.out, table(cells))
	}
	for _, t := range list {
		if t.Err != nil && !a.json {
			a.printError(tidemark.PipelineID(t.Table.String()), t.Err)
		}
	}
	if err == nil && failed {
		return &exit{code: exitFailed}
	}
	return err
}

func tableLine(t run.TableSummary) []string {
	d := t.Description
	if d == nil {
		return []string{t.Table.String(), "?", "?", "?", "?", "?", ""}
	}
	last := "never"
	if len(d.History) > 0 {
		last = clock(d.History[0].At)
	}
	return []string{
		t.Table.String(), string(d.Format), rowsText(d), thousands(int64(d.Data.Files + d.Deletes.Files)),
		size(d.Data.Bytes + d.Deletes.Bytes), last, strings.Join(pipelineNames(d), ", "),
	}
}

// rowsText is how many rows a table has, as far as its files tell.
func rowsText(d *run.TableDescription) string {
	if d.Deletes.Files > 0 {
		return "up to " + thousands(d.Data.Rows)
	}
	return thousands(d.Data.Rows)
}

func pipelineNames(d *run.TableDescription) []string {
	names := make([]string, len(d.Pipelines))
	for i, w := range d.Pipelines {
		names[i] = string(w.Pipeline)
	}
	return names
}
