package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/run"
)

type adoptOptions struct {
	none   bool
	reason string
}

func newWatermarkAdoptCommand(a *app) *cobra.Command {
	var o adoptOptions
	cmd := &cobra.Command{
		Use:   "adopt [PIPELINE] OLD",
		Short: "Take over the watermark of another name, or of another source",
		Long: help(`
Lets PIPELINE go on from the watermark that its table holds under the name OLD: after the pipeline was renamed, or, where
OLD is its own name, after its server, table, cursor, mode or key has changed although the rows are the same. No row is
loaded or changed. Rows that differ between the two sources are neither found nor mended.

With --none and no OLD, PIPELINE begins from nothing in a table that other pipelines fill: its first run loads all of its
source, also what the others have loaded from there.

PIPELINE may be left out where the config has one pipeline only. With --json the new watermark is printed.`,
			exitOK, exitFailed, exitUsage),
		Example: `  tidemark watermark adopt shop.orders orders
  tidemark watermark adopt --none returns`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error { return runWatermarkAdopt(cmd.Context(), a, o, args) },
	}
	cmd.Flags().BoolVar(&o.none, "none", false, "begin from nothing in a table that others fill")
	cmd.Flags().StringVar(&o.reason, "reason", "", "`TEXT` for the audit trail: why")
	return cmd
}

func runWatermarkAdopt(ctx context.Context, a *app, o adoptOptions, args []string) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	name, old, err := adoptNames(cfg, o, args)
	if err != nil {
		return usage(err)
	}
	r := run.New(cfg, run.Options{Log: a.log(a.err)})
	defer r.Close()
	w, err := r.Adopt(ctx, name, old, run.By{Who: run.WhoAmI(), Why: o.reason})
	if err != nil {
		return err
	}
	if a.json {
		record, err := w.Encode()
		return errors.Join(err, a.printJSON(json.RawMessage(record)))
	}
	_, err = fmt.Fprintln(a.out, adoptLine(w, old))
	return err
}

// adoptNames returns the pipeline that adopts and the name that it takes over, "" for none. The arguments must say
// which: that nothing is taken over is said by --none alone, never by an empty name, as an unset variable leaves it.
func adoptNames(cfg *config.Config, o adoptOptions, args []string) (name, old string, err error) {
	if !o.none {
		if len(args) == 0 {
			return "", "", tidemark.WithHint(errors.New("the old name is missing"), "see `tidemark watermark adopt --help`")
		}
		id, err := tidemark.ParsePipelineID(args[len(args)-1])
		if err != nil {
			return "", "", err
		}
		old, args = string(id), args[:len(args)-1]
	}
	switch {
	case len(args) > 1:
		return "", "", errors.New("--none takes no old name")
	case len(args) == 1:
		return args[0], old, checkNames(cfg, args)
	case len(cfg.Pipelines) == 1 && len(cfg.Groups) == 0:
		return string(cfg.Pipelines[0].ID), old, nil
	}
	return "", "", tidemark.WithHint(errors.New("the config has more than one pipeline"), "name the one that adopts")
}

// adoptLine is the new watermark for people.
func adoptLine(w tidemark.Watermark, old string) string {
	if old == "" {
		return fmt.Sprintf("%s  begins from nothing → commit %d", w.Pipeline, w.Seq)
	}
	line := fmt.Sprintf("%s  goes on from %s · %s", w.Pipeline, old, count(w.Total, "row"))
	if !w.High.IsZero() {
		line += " · high " + w.High.String()
	}
	return fmt.Sprintf("%s → commit %d", line, w.Seq)
}
