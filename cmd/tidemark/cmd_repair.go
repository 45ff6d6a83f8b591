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

type repairOptions struct {
	run.RepairOptions
	deed
	show int
}

func newRepairCommand(a *app) *cobra.Command {
	var o repairOptions
	cmd := &cobra.Command{
		Use:   "repair [PIPELINE…]",
		Short: "Make the lake what the source is, row by row",
		Long: help(`
Compares the tables of the named pipelines, or of all, with their sources as verify does, shows what it would do, asks, and
then mends each in one commit: missing rows are loaded, wrong ones replaced, and those that are there too often taken out.
Only the files that hold such rows are written anew; a merge writes the rows alone.

Rows that the source does not have any more stay, unless --deletes is given: then they are taken out, with their older
versions; where the pipeline has deletes: mark they are marked. In a table without a key the older versions of changed rows
count as deleted too.

High, settled and the overlap stay where they are, and runs may go on meanwhile: when one commits first, the differences are
looked for anew. The audit trail keeps who repaired, when and why.

Between the plan and the answer the source goes on, so the table is compared once more before it is mended; with --yes it is
compared once. With --json there is one object per pipeline.`, exitOK, exitFailed, exitUsage, exitDiffers),
		Example: `  tidemark repair orders
  tidemark repair orders --deletes --dry-run
  tidemark repair --since 2024-07-01 --yes --reason "cascade of 2 July"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Rate < 0 || o.show < 0 {
				return usage(errors.New("--rate and --show take no negative numbers"))
			}
			return runRepair(cmd.Context(), a, o, args)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.Deletes, "deletes", false, "deal with rows that the source does not have any more, too")
	f.StringVar(&o.Since, "since", "", "repair rows whose cursor is at or above `VALUE`")
	f.Int64Var(&o.Rate, "rate", 0, "let the source read at most `N` rows per second")
	f.IntVar(&o.show, "show", 20, "name at most `N` rows per pipeline; with --json 10,000 unless told")
	o.flags(f)
	f.SortFlags = false
	return cmd
}

func runRepair(ctx context.Context, a *app, o repairOptions, names []string) error {
	r, err := a.open(names, run.Options{Log: a.log(a.err)})
	if err != nil {
		return err
	}
	defer r.Close()
	if err := a.checkAsking(o.deed); err != nil {
		return err
	}
	pipelines, err := r.Names(ctx, names)
	if err != nil {
		return err
	}
	failed, differs := false, false
	for _, name := range pipelines {
		stays, err := a.repairOne(ctx, r, name, o)
		differs = differs || stays
		if errors.Is(err, errDeclined) || len(pipelines) == 1 && err != nil {
			return err
		}
		if failed = failed || err != nil; err != nil && a.json {
			err = a.printJSON(repairJSON{Pipeline: name, failure: failureOf(err)})
		} else if err != nil {
			a.printError(name, err)
			err = nil
		}
		if err != nil {
			return err
		}
	}
	switch {
	case failed:
		return &exit{code: exitFailed}
	case differs:
		return errDiffers
	}
	return nil
}

// repairOne repairs a pipeline's table, and reports whether something that differs stays.
func (a *app) repairOne(ctx context.Context, r *run.Runner, name tidemark.PipelineID, o repairOptions) (stays bool, err error) {
	if !o.yes {
		plan, err := r.PlanRepair(ctx, name, o.RepairOptions)
		if err != nil {
			return false, err
		}
		agreed, err := a.carryOut(ctx, o.deed, repairText(plan, o), "Repair?", plan.Nothing(), func() error { return nil })
		if err != nil {
			return false, err
		}
		if !agreed {
			if a.json {
				err = a.printJSON(repairJSON{Pipeline: name, RepairPlan: plan})
			}
			return !plan.Report.Clean(), err
		}
	}
	done, err := r.Repair(ctx, name, o.RepairOptions, o.by())
	if err != nil {
		return false, err
	}
	stays = done.Stay > 0 || !done.Report.Clean() && done.Nothing()
	if a.json {
		return stays, a.printJSON(repairJSON{Pipeline: name, RepairPlan: &done.RepairPlan, Done: done.Commit > 0, Commit: done.Commit})
	}
	if o.yes {
		if _, err := fmt.Fprint(a.out, repairText(&done.RepairPlan, o)); err != nil {
			return stays, err
		}
	}
	switch {
	case done.Commit == 0 && !o.yes:
		_, err = fmt.Fprintf(a.out, "%s  nothing to repair any more\n", name)
	case done.Commit > 0:
		_, err = fmt.Fprintf(a.out, "%s  repaired: %s → commit %d\n", name, strings.Join(repairWords(&done.RepairPlan), ", "), done.Commit)
	}
	return stays, err
}

// repairText is the plan for people: what differs, and what is done about it.
func repairText(p *run.RepairPlan, o repairOptions) string {
	text := verifyText(p.Report, o.show)
	if p.Report.Clean() {
		return text
	}
	var rows [][]string
	for _, r := range []struct {
		what string
		n    int64
		how  string
	}{
		{"load", p.Load, ""}, {"take out", p.Take, ""}, {"delete", p.Delete, ""}, {"mark", p.Mark, " as deleted"},
		{"leave", p.Stay, " that the source has deleted: --deletes takes them out"},
	} {
		if r.n > 0 {
			rows = append(rows, []string{"  " + r.what, count(r.n, "row") + r.how})
		}
	}
	if p.Files > 0 {
		rows = append(rows, []string{"  rewrite", count(int64(p.Files), "file")})
	}
	text += table(rows)
	if p.Shared {
		text += "  note: other pipelines fill the table too, so no row is taken out of it\n"
	}
	return text
}

// repairWords is what was done, in short.
func repairWords(p *run.RepairPlan) (words []string) {
	for _, w := range []struct {
		n    int64
		what string
	}{{p.Load, "loaded"}, {p.Take, "taken out"}, {p.Delete, "deleted"}, {p.Mark, "marked"}} {
		if w.n > 0 {
			words = append(words, thousands(w.n)+" "+w.what)
		}
	}
	return words
}

type repairJSON struct {
	Pipeline tidemark.PipelineID `json:"pipeline"`
	Done     bool                `json:"done"`
	Commit   int64               `json:"commit,omitempty"` // that did it
	*run.RepairPlan
	failure
}
