package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/run"
)

func newMaintainCommand(a *app) *cobra.Command {
	o := run.DefaultMaintenance()
	age, leftover := days{&o.KeepAge}, days{&o.LeftoverAge}
	cmd := &cobra.Command{
		Use:   "maintain [PIPELINE…]",
		Short: "Put small files together, let old snapshots expire, and clean up",
		Long: help(`
Keeps the tables of the named pipelines, or of all, quick to read: puts small data files and deletes together, lets
old snapshots expire, and removes what only these needed, what killed runs have left, and old metadata. Rows and
watermarks stay as they are. Runs may commit at the same time, and win; the command may be killed and run again.

A run does the first two by itself once there is enough to do (maintenance: auto in the config). Left-overs are only
looked for by this command, since that lists the table's folder: once a week is enough.

Of a folder of Parquet files only side files and uploads that nobody needs are removed, unless --folders is given: then its
small files are put together too. The new files are there before the old ones go, so who lists the folder in that
moment sees rows twice; and a rewind cannot go back to a commit before that.`, exitOK, exitFailed, exitUsage),
		Example: `  tidemark maintain
  tidemark maintain orders --dry-run
  tidemark maintain events --folders
  tidemark maintain --keep-age 30d --keep-last 100 --json`,
		RunE: func(cmd *cobra.Command, args []string) error { return runMaintain(cmd.Context(), a, o, args) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.DryRun, "dry-run", false, "show what would be done, and write nothing")
	f.BoolVar(&o.Folders, "folders", false, "put small files of Parquet folders together too")
	f.Var(age, "keep-age", "keep snapshots that are younger than `AGE`, such as 7d or 12h")
	f.IntVar(&o.KeepLast, "keep-last", o.KeepLast, "keep the last `N` snapshots whatever their age")
	f.Var(leftover, "leftover-age", "remove files that no snapshot names when they are older than `AGE`; at least 1d")
	return cmd
}

func runMaintain(ctx context.Context, a *app, o run.MaintainOptions, names []string) error {
	r, err := a.open(names, run.Options{Log: a.log(a.err)})
	if err != nil {
		return err
	}
	defer r.Close()
	rows, err := r.Maintain(ctx, names, o)
	if errors.Is(err, tidemark.ErrInvalid) {
		return usage(err)
	}
	if err != nil {
		return err
	}
	failed := false
	for _, row := range rows {
		failed = failed || row.Err != nil
		if err := a.printMaintenance(row); err != nil {
			return err
		}
	}
	if failed {
		return &exit{code: exitFailed}
	}
	return nil
}

// printMaintenance prints what was done for one table.
func (a *app) printMaintenance(row run.MaintenanceRow) error {
	if a.json {
		return a.printJSON(maintenanceJSON{row, adviceOf(row.Err)})
	}
	if row.Err == nil || row.Done() {
		if _, err := fmt.Fprintf(a.out, "%s  %s in %s\n", row.Pipeline, maintenanceLine(row.Maintenance, row.DryRun), took(row.Took)); err != nil {
			return err
		}
	}
	for _, notice := range row.Notices {
		if _, err := fmt.Fprintf(a.out, "%s  %s\n", row.Pipeline, notice); err != nil {
			return err
		}
	}
	if row.Err != nil {
		a.printError(row.Pipeline, row.Err)
	}
	return nil
}

// maintenanceJSON is one object with the fields of both.
type maintenanceJSON struct {
	run.MaintenanceRow
	advice
}

// days is a flag for a duration that takes days too, as the config does.
type days struct{ to *time.Duration }

func (d days) String() string {
	if d.to == nil {
		return ""
	}
	if n := *d.to / (24 * time.Hour); n > 0 && *d.to%(24*time.Hour) == 0 {
		return fmt.Sprintf("%dd", n)
	}
	return config.Duration(*d.to).String()
}

func (d days) Set(text string) error { return (*config.Duration)(d.to).UnmarshalText([]byte(text)) }

func (d days) Type() string { return "AGE" }
