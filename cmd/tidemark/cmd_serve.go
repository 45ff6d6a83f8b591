package main

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/serve"
)

func newServeCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run pipelines as their triggers say",
		Long: help(`
Runs pipelines whenever one of their triggers fires, until it is stopped: then runs that are under way may finish within
server.stop_timeout, and those that do not begin again with the next server. It may be killed at any moment and started
again: no run is lost, and no row is loaded twice.

The config file is read again when it changes. One with mistakes changes nothing: the last good one stays in use. It may
be empty: its console makes connections and pipelines.`,
			exitOK, exitFailed, exitUsage),
		Example: `  tidemark serve
  tidemark serve -c /etc/tidemark/tidemark.yaml --log-json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runServe(cmd.Context(), a) },
	}
}

func runServe(ctx context.Context, a *app) error {
	cfg, err := a.load(config.MayBeEmpty())
	if err != nil {
		return err
	}
	if _, set := a.env("GOMEMLIMIT"); !set {
		debug.SetMemoryLimit(runMemory * int64(cfg.Server.Parallel)) // the limit of one run for each
	}
	level := slog.LevelInfo
	if a.verbose > 0 {
		level = slog.LevelDebug
	}
	err = serve.Run(ctx, a.config, serve.Options{Log: slog.New(a.handler(a.err, level)), Env: a.env, Clock: a.clock, Version: buildVersion()})
	if errors.Is(err, tidemark.ErrInvalid) { // such as an address that takes users first
		return usage(err)
	}
	return err
}
