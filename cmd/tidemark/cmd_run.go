package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
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
			exitOK, exitFailed, exitUsage, exitDiffers, exitNothing),
		Example: `  tidemark run
  tidemark run orders customers --parallel 2
  tidemark run --json --fail-if-empty`,
		RunE: func(cmd *cobra.Command, args []string) error { return runRun(cmd.Context(), a, o, args) },
	}
	cmd.Flags().IntVarP(&o.parallel, "parallel", "p", 1, "run `N` pipelines at the same time")
	cmd.Flags().BoolVar(&o.failIfEmpty, "fail-if-empty", false, "exit with 4 when nothing was new")
	return cmd
}

func runRun(ctx context.Context, a *app, o runOptions, names []string) (err error) {
	if o.parallel < 1 {
		return usage(fmt.Errorf("--parallel %d: want at least 1", o.parallel))
	}
	cfg, err := a.loadFor(names)
	if err != nil {
		return err
	}
	ctx, traced, err := a.trace(ctx, names)
	if err != nil {
		return usage(err) // a variable of the environment that cannot be followed
	}
	defer func() { traced(err) }()
	watch := newWatcher(a)
	report := newReporter(a, watch, namesToRun(cfg, names))
	r := run.New(cfg, run.Options{Log: a.log(watch), Parallel: o.parallel, Watch: watch.begin, Done: report.done})
	defer r.Close()
	outcomes, err := r.Run(ctx, names)
	watch.close()
	if err := errors.Join(err, report.err); err != nil {
		return err
	}
	return runExit(outcomes, o.failIfEmpty)
}

// namesToRun returns the names of the pipelines that will run, as far as the config alone tells: not the tables that
// groups cover.
func namesToRun(cfg *config.Config, names []string) []string {
	if len(names) > 0 {
		return names
	}
	for _, p := range cfg.Pipelines {
		names = append(names, string(p.ID))
	}
	return names
}

// runExit returns how the command ends.
func runExit(outcomes []run.Outcome, failIfEmpty bool) error {
	empty, code := true, exitOK
	for _, o := range outcomes {
		switch {
		case errors.Is(o.Err, tidemark.ErrChecks) && code == exitOK:
			code = exitDiffers
		case o.Err != nil && !errors.Is(o.Err, tidemark.ErrChecks):
			code = exitFailed
		}
		empty = empty && o.Result.New == 0
	}
	if code != exitOK {
		return &exit{code: code}
	}
	if empty && failIfEmpty {
		return &exit{code: exitNothing}
	}
	return nil
}
