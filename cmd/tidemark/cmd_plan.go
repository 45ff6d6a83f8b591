package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tidemark-data/tidemark/run"
)

type planOptions struct {
	preview int
	step    string
}

func newPlanCommand(a *app) *cobra.Command {
	var o planOptions
	cmd := &cobra.Command{
		Use:   "plan [PIPELINE…]",
		Short: "Show what a run would do, and write nothing",
		Long: help(`
Shows for the named pipelines, or for all, what a run would do now: the statement of each split, how the server reads it
and how many rows it finds; the rows that were loaded before, and why they are read again; what would be written, as an
estimate; how the table would change; how far settled can move, and who holds it back. The server counts rows where they
are few, no rows are read, and nothing is written.

With --preview the first rows are read that a run would load, up to 10,000, and shown as they come and behind each step
of the transforms, or behind the one that --step names.

With --json there is one object per pipeline.`, exitOK, exitFailed, exitUsage),
		Example: "  tidemark plan\n  tidemark plan orders --json\n  tidemark plan orders --preview 5",
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("preview") || o.step != "" {
				return runPreview(cmd.Context(), a, args, o)
			}
			return runPlan(cmd.Context(), a, args)
		},
	}
	cmd.Flags().IntVar(&o.preview, "preview", 0, "show `N` rows behind each step, and not the plan")
	cmd.Flags().StringVar(&o.step, "step", "", "of a preview, only the rows behind the step of this `NAME`")
	return cmd
}

func runPlan(ctx context.Context, a *app, names []string) error {
	r, err := a.open(names, run.Options{Log: a.log(a.err)})
	if err != nil {
		return err
	}
	defer r.Close()
	plans, err := r.Plan(ctx, names)
	if err != nil {
		return err
	}
	failed := false
	for _, p := range plans {
		failed = failed || p.Err != nil
		switch {
		case a.json:
			err = a.printJSON(planJSON{p, adviceOf(p.Err)})
		case p.Err != nil:
			a.printError(p.Pipeline, p.Err)
		default:
			_, err = fmt.Fprint(a.out, planText(p))
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

// planJSON is one object with the fields of both.
type planJSON struct {
	run.Plan
	advice
}
