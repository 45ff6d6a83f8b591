package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

func newCatalogDropCommand(a *app) *cobra.Command {
	var lake string
	var d deed
	cmd := &cobra.Command{
		Use:   "drop TABLE",
		Short: "Take a table away, with its files and watermarks",
		Long: help(`
Takes TABLE out of the lake: its rows, all files in its folder, its history, and what the pipelines that have loaded it know of
it. Nothing of it can be brought back. The next run of such a pipeline loads the table anew, from the beginning; to stop that, take
the pipeline out of the config.

The plan is printed, and a question asked, before anything changes. Where a run has committed meanwhile, nothing is dropped. A run that
is under way cannot commit once the table is dropped. If the process is killed in the middle, readers see no row of the table, and
the same command finishes. The audit trail stays: see `+"`tidemark watermark audit`"+`.`, exitOK, exitFailed, exitUsage),
		Example: `  tidemark catalog drop shop.orders --dry-run
  tidemark catalog drop shop.orders --reason "loaded with the wrong key"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runCatalogDrop(cmd.Context(), a, d, lake, args[0])
		},
	}
	lakeFlag(cmd, &lake)
	d.flags(cmd.Flags())
	return cmd
}

func runCatalogDrop(ctx context.Context, a *app, o deed, lake, name string) error {
	if err := a.checkAsking(o); err != nil {
		return err
	}
	return withTableOf(ctx, a, lake, name, func(r *run.Runner, id tidemark.TableID) error {
		d, err := r.PlanDrop(ctx, lake, id)
		if err != nil {
			return err
		}
		done, err := a.carryOut(ctx, o, dropText(d), fmt.Sprintf("Drop table %s for good?", id), false, func() error { return d.Commit(ctx, o.by()) })
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(dropJSONOf(d, done))
		}
		if done {
			_, err = fmt.Fprintf(a.out, "%s  dropped\n", id)
		}
		return err
	})
}

type dropJSON struct {
	Table     tidemark.TableID      `json:"table"`
	Format    tidemark.Format       `json:"format"`
	Location  string                `json:"location"`
	Done      bool                  `json:"done"`
	Resumed   bool                  `json:"resumed,omitempty"` // an earlier drop had not come to its end
	Data      tidemark.FileCount    `json:"data"`
	Objects   tidemark.FileCount    `json:"objects"` // all files in the table's folder
	Commits   int                   `json:"commits"`
	Pipelines []tidemark.PipelineID `json:"pipelines"` // that have loaded it
	Loaders   []tidemark.PipelineID `json:"loaders"`   // of the config, that would load it anew
}

func dropJSONOf(d *run.Drop, done bool) dropJSON {
	j := dropJSON{
		Table: d.Table, Format: d.Format, Location: d.Location, Done: done, Resumed: !d.Begun.IsZero(), Data: d.Data, Objects: d.Objects,
		Commits: d.Commits, Pipelines: []tidemark.PipelineID{}, Loaders: append([]tidemark.PipelineID{}, d.Loaders...),
	}
	for _, w := range d.Pipelines {
		j.Pipelines = append(j.Pipelines, w.Pipeline)
	}
	return j
}

// dropText is the plan for people.
func dropText(d *run.Drop) string {
	var b strings.Builder
	facts := [][]string{{"  location", d.Location}}
	if !d.Begun.IsZero() {
		fmt.Fprintf(&b, "%s, %s, was begun to be dropped at %s; what is left goes\n", d.Table, d.Format, clock(d.Begun))
	} else {
		fmt.Fprintf(&b, "%s, %s, goes\n", d.Table, d.Format)
		facts = append(facts, []string{"  rows", thousands(d.Data.Rows) + " in " + count(int64(d.Data.Files), "data file")}, []string{"  commits", thousands(int64(d.Commits))})
	}
	facts = append(facts, []string{"  files", fmt.Sprintf("%s in its folder, %s", count(int64(d.Objects.Files), "file"), size(d.Objects.Bytes))})
	for _, w := range d.Pipelines {
		facts = append(facts, []string{"  watermark", fmt.Sprintf("of %s, commit %d, high %s, %s loaded", w.Pipeline, w.Seq, orDash(w.High), count(w.Total, "row"))})
	}
	b.WriteString(table(facts))
	if d.Imported {
		b.WriteString("  note: the files were imported, and stay where they are\n")
	}
	for _, id := range d.Loaders {
		fmt.Fprintf(&b, "  note: the next run of %s loads the table anew, from the beginning\n", id)
	}
	if d.Rejected != (tidemark.TableID{}) {
		fmt.Fprintf(&b, "  note: rows that checks have set aside stay in %s: drop it too, or the next load sets them aside once more\n", d.Rejected)
	}
	return b.String()
}
