package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

type runOptions struct {
	parallel    int
	failIfEmpty bool
}

func newRunCommand(a *app) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run [PIPELINE…]",
		Short: "Load what is new",
		Long: help(`
Loads what is new in the tables of the named pipelines, or of all. It may be run at any time, twice at the same time,
killed, and run again: no row is lost and none is there twice.

The name of a pipeline that covers many tables stands for all of them; NAME.TABLE is one.`,
			exitOK, exitFailed, exitUsage, exitNothing),
		Example: `  tidemark run
  tidemark run orders customers --parallel 2
  tidemark run --json --fail-if-empty`,
		RunE: func(cmd *cobra.Command, args []string) error { return runRun(cmd.Context(), a, o, args) },
	}
	cmd.Flags().IntVarP(&o.parallel, "parallel", "p", 1, "run `N` pipelines at the same time")
	cmd.Flags().BoolVar(&o.failIfEmpty, "fail-if-empty", false, "exit with 4 when nothing was new")
	return cmd
}

func runRun(ctx context.Context, a *app, o runOptions, names []string) error {
	if o.parallel < 1 {
		return usage(fmt.Errorf("--parallel %d: want at least 1", o.parallel))
	}
	watch := newWatcher(a)
	r, err := a.open(names, run.Options{Log: a.log(watch), Parallel: o.parallel, Watch: watch.begin})
	if err != nil {
		watch.close()
		return err
	}
	defer r.Close()
	outcomes, err := r.Run(ctx, names)
	watch.close()
	if err != nil {
		return err
	}
	if err := printOutcomes(a, outcomes); err != nil {
		return err
	}
	return runExit(outcomes, o.failIfEmpty)
}

// printOutcomes prints a line for each run: results to out, errors to err; in JSON all to out.
func printOutcomes(a *app, outcomes []run.Outcome) error {
	width := 0
	for _, o := range outcomes {
		width = max(width, len(o.Result.Pipeline))
	}
	for _, o := range outcomes {
		if a.json {
			if err := a.printJSON(outcomeJSON{o.Result, failureOf(o.Err)}); err != nil {
				return err
			}
			continue
		}
		if o.Err != nil {
			a.printError(o.Result.Pipeline, o.Err)
			continue
		}
		if _, err := fmt.Fprintf(a.out, "%-*s  %s\n", width, o.Result.Pipeline, resultLine(o.Result)); err != nil {
			return err
		}
		for _, note := range notes(o.Result) {
			fmt.Fprintf(a.out, "%s  %s\n", strings.Repeat(" ", width), note)
		}
	}
	return nil
}

// outcomeJSON is one object with the fields of both.
type outcomeJSON struct {
	tidemark.RunResult
	failure
}

// runExit returns how the command ends.
func runExit(outcomes []run.Outcome, failIfEmpty bool) error {
	empty := true
	for _, o := range outcomes {
		if o.Err != nil {
			return &exit{code: exitFailed}
		}
		empty = empty && o.Result.New == 0
	}
	if empty && failIfEmpty {
		return &exit{code: exitNothing}
	}
	return nil
}
