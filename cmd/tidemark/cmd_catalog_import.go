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

type importOptions struct {
	lake   string
	as     string
	dryRun bool
}

func newCatalogImportCommand(a *app) *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import FOLDER --as NAMESPACE.TABLE",
		Short: "Make a table of Parquet files that somebody else has written",
		Long: help(`
Takes in a folder of Parquet files that lies in the lake, as a crawler does: the columns are those of the files, and of the
folders year=2024/month=7/ in which they lie. The files stay where they are. From then on the table can be asked like any
other; no pipeline fills it.

Called again it takes in the files that have come since, each once. Files must fit to each other: columns may be added, int may
become bigint; anything else is refused, with the file, and nothing has changed.

FOLDER is relative to the root of the lake, or begins with it.`, exitOK, exitFailed, exitUsage),
		Example: `  tidemark catalog import landing/orders --as shop.orders_2013 --dry-run
  tidemark catalog import s3://my-bucket/lake/landing/orders --as shop.orders_2013`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runCatalogImport(cmd.Context(), a, o, args[0]) },
	}
	lakeFlag(cmd, &o.lake)
	cmd.Flags().StringVar(&o.as, "as", "", "the `TABLE` that it becomes, as NAMESPACE.TABLE")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "print what would be imported and change nothing")
	return cmd
}

func runCatalogImport(ctx context.Context, a *app, o importOptions, folder string) error {
	if o.as == "" {
		return usage(tidemark.WithHint(errors.New("the name of the table is missing"), "add --as NAMESPACE.TABLE"))
	}
	r, err := a.openLake(o.lake)
	if err != nil {
		return err
	}
	defer r.Close()
	plan, err := r.PlanImport(ctx, o.lake, folder, o.as)
	if err != nil {
		return err
	}
	commit := int64(0)
	if !o.dryRun && !plan.Nothing() {
		w, err := plan.Commit(ctx)
		if err != nil {
			return err
		}
		commit = w.Seq
	}
	if a.json {
		return a.printJSON(importJSON{
			plan.Table.String(), plan.Prefix, plan.New, plan.Known, plan.Gone, plan.Skipped, plan.Columns, plan.Paths, plan.Changes, commit,
		})
	}
	_, err = fmt.Fprint(a.out, importText(plan, commit, o.dryRun))
	return err
}

type importJSON struct {
	Table   string                  `json:"table"`
	Folder  string                  `json:"folder"`
	New     tidemark.FileCount      `json:"new"`
	Known   tidemark.FileCount      `json:"known"`
	Gone    []string                `json:"gone,omitempty"`
	Skipped int                     `json:"skipped"`
	Columns []tidemark.TargetColumn `json:"columns"`
	Paths   []string                `json:"columns_of_folders,omitempty"`
	Changes []string                `json:"changes,omitempty"`
	Commit  int64                   `json:"commit"` // that was made; 0 where none was
}

func importText(plan *run.Import, commit int64, dry bool) string {
	var b strings.Builder
	switch {
	case plan.Nothing():
		fmt.Fprintf(&b, "%s  nothing new in %s; it has %s\n", plan.Table, plan.Prefix, count(int64(plan.Known.Files), "file"))
	case dry:
		fmt.Fprintf(&b, "%s  would get %s, %s, %s from %s\n", plan.Table, count(int64(plan.New.Files), "file"), count(plan.New.Rows, "row"), size(plan.New.Bytes), plan.Prefix)
	default:
		fmt.Fprintf(&b, "%s  %s, %s, %s from %s → commit %d\n", plan.Table, count(int64(plan.New.Files), "file"), count(plan.New.Rows, "row"), size(plan.New.Bytes), plan.Prefix, commit)
	}
	if dry || commit == 1 {
		rows := make([][]string, len(plan.Columns))
		for i, c := range plan.Columns {
			rows[i] = []string{"  " + printable(c.Name), c.Type}
			if i >= len(plan.Columns)-len(plan.Paths) {
				rows[i] = append(rows[i], "of the folders")
			}
		}
		b.WriteString(table(rows))
	}
	for _, change := range plan.Changes {
		fmt.Fprintf(&b, "  %s\n", change)
	}
	if plan.Skipped > 0 {
		fmt.Fprintf(&b, "  note: %s left out, which %s not end in .parquet\n", count(int64(plan.Skipped), "object"), map[bool]string{true: "does", false: "do"}[plan.Skipped == 1])
	}
	for i, key := range plan.Gone {
		if i == maxGone {
			fmt.Fprintf(&b, "  note: and %s more\n", count(int64(len(plan.Gone)-maxGone), "file"))
			break
		}
		fmt.Fprintf(&b, "  note: %s is gone or was changed, and the table cannot be read with it: drop the table and import the folder anew\n", printable(key))
	}
	return b.String()
}

// maxGone is how many files are named.
const maxGone = 10
