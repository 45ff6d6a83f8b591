package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

func newWatermarkCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "watermark",
		Short:   "Show how far pipelines have come, or change that by hand",
		Long:    help("Shows how far pipelines have come, and what was done to watermarks by hand; takes over the watermark of a pipeline that was\nrenamed, or sets one.", exitOK, exitFailed, exitUsage),
		Example: "  tidemark watermark show",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newWatermarkShowCommand(a), newWatermarkAdoptCommand(a), newWatermarkSetCommand(a), newWatermarkAuditCommand(a))
	return cmd
}

func newWatermarkShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show [PIPELINE…]",
		Short: "Show how far pipelines have come",
		Long: help(`
Shows the watermarks of the named pipelines, or of all, as they lie in the lake:

  HIGH      the largest cursor value loaded
  SETTLED   every row of the source below it is loaded; the next run reads from here
  ROWS      loaded so far, by all commits
  LAST RUN  when the newest commit was made
  LAG       how old the lake's picture of the source is
  HELD BY   who holds SETTLED back: usually a transaction that has been open for long

With --json there is one object per pipeline, with the whole record.`, exitOK, exitFailed, exitUsage),
		Example: "  tidemark watermark show\n  tidemark watermark show orders --json",
		RunE:    func(cmd *cobra.Command, args []string) error { return runWatermarkShow(cmd.Context(), a, args) },
	}
}

func runWatermarkShow(ctx context.Context, a *app, names []string) error {
	r, err := a.open(names, run.Options{Log: a.log(a.err)})
	if err != nil {
		return err
	}
	defer r.Close()
	rows, err := r.Watermarks(ctx, names)
	if err != nil {
		return err
	}
	failed := false
	for _, row := range rows {
		failed = failed || row.Err != nil
		if a.json {
			if err := a.printJSON(watermarkJSON{row, adviceOf(row.Err)}); err != nil {
				return err
			}
		}
	}
	if !a.json {
		if _, err := fmt.Fprint(a.out, watermarkTable(rows)); err != nil {
			return err
		}
		for _, row := range rows {
			if row.Err != nil {
				a.printError(row.Pipeline, row.Err)
			}
		}
	}
	if failed {
		return &exit{code: exitFailed}
	}
	return nil
}

// watermarkJSON is one object with the fields of both.
type watermarkJSON struct {
	run.WatermarkRow
	advice
}

func watermarkTable(rows []run.WatermarkRow) string {
	cells := [][]string{{"PIPELINE", "TABLE", "HIGH", "SETTLED", "ROWS", "LAST RUN", "LAG", "HELD BY"}}
	for _, row := range rows {
		w := row.Watermark
		line := []string{string(row.Pipeline), row.Table.String()}
		switch {
		case row.Err != nil:
			line = append(line, "?", "?", "?", "?", "?", "")
		case w.Seq == 0:
			line = append(line, "–", "–", "0", "never", "–", "")
		default:
			line = append(line, orDash(w.High), orDash(w.Settled), thousands(w.Total), clock(w.Committed), lag(row.Lag), w.HeldBy)
		}
		cells = append(cells, line)
	}
	return table(cells)
}

func orDash(v tidemark.CursorValue) string {
	if v.IsZero() {
		return "–"
	}
	return v.String()
}

func lag(d time.Duration) string {
	if d <= 0 {
		return "–"
	}
	return took(d)
}
