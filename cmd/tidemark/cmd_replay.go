package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

type replayOptions struct {
	check string
	run   string
	deed
}

func newReplayCommand(a *app) *cobra.Command {
	var o replayOptions
	cmd := &cobra.Command{
		Use:   "replay PIPELINE",
		Short: "Load rows that checks have set aside, once they pass",
		Long: help(`
Sends the rows that checks with "on_fail: quarantine" have set aside once more through the transforms and checks of the
pipeline, as the config has them now. Those that pass go into the pipeline's table, in one commit, and leave the table of
rejected rows; the others stay. High, settled and the overlap stay where they are.

  append   loads the rows as they were set aside
  merge    reads the rows with these keys from the source again, and loads what is there now: an older version never
           takes the place of a newer one. Rows that the source does not have any more leave the table of rejected rows

The plan is printed, and a question asked, before anything changes. A run that commits meanwhile wins; then nothing is
changed. The audit trail keeps who did this, when and why.`,
			exitOK, exitFailed, exitUsage, exitDiffers),
		Example: `  tidemark replay orders --dry-run
  tidemark replay orders --check "not_null(status)" --reason "status may be missing"
  tidemark replay orders --yes`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkEmpty(cmd.Flags(), "check", "run"); err != nil {
				return usage(err)
			}
			return runReplay(cmd.Context(), a, o, args[0])
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.check, "check", "", "only rows that the check of that `NAME` has set aside")
	f.StringVar(&o.run, "run", "", "only rows of the run with that `ID`")
	o.flags(f)
	f.SortFlags = false
	return cmd
}

func runReplay(ctx context.Context, a *app, o replayOptions, name string) error {
	r, err := a.open([]string{name}, run.Options{Log: a.log(a.err)})
	if err != nil {
		return err
	}
	defer r.Close()
	if err := a.checkAsking(o.deed); err != nil {
		return err
	}
	plan, err := r.PlanReplay(ctx, name, run.ReplayChoice{Check: o.check, Run: tidemark.RunID(o.run)})
	if err != nil {
		return err
	}
	defer plan.Close(ctx)
	w := plan.Now
	done, err := a.carryOut(ctx, o.deed, replayText(name, plan), "Replay?", plan.Nothing(), func() (err error) {
		w, err = plan.Commit(ctx, o.by())
		return err
	})
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(replayJSON{name, plan.Rows, plan.Passed, plan.Gone, plan.Failed, commitOf(done, w)})
	}
	if done {
		_, err = fmt.Fprintf(a.out, "%s  replayed: %s loaded → commit %d\n", name, count(plan.Passed, "row"), w.Seq)
	}
	return err
}

// commitOf is the number of the commit that was made, 0 where none was.
func commitOf(done bool, w tidemark.Watermark) int64 {
	if !done {
		return 0
	}
	return w.Seq
}

type replayJSON struct {
	Pipeline string           `json:"pipeline"`
	Rows     int64            `json:"rows"`
	Passed   int64            `json:"rows_passed"`
	Gone     int64            `json:"rows_gone"`
	Failed   map[string]int64 `json:"rows_failed"` // by check
	Commit   int64            `json:"commit"`      // that was made; 0 where none was
}

func replayText(name string, plan *run.Replay) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s set aside\n", name, count(plan.Rows, "row"))
	if plan.Passed > 0 {
		passes := map[bool]string{true: "passes", false: "pass"}[plan.Passed == 1]
		fmt.Fprintf(&b, "  load  %s that %s now\n", count(plan.Passed, "row"), passes)
	}
	if plan.Gone > 0 {
		fmt.Fprintf(&b, "  drop  %s that the source does not have any more\n", count(plan.Gone, "row"))
	}
	for _, check := range slices.Sorted(maps.Keys(plan.Failed)) {
		fmt.Fprintf(&b, "  stay  %s: check %s\n", count(plan.Failed[check], "row"), printable(check))
	}
	return b.String()
}
