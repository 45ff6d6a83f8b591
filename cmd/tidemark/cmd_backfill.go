package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

type backfillOptions struct {
	run.BackfillRange
	deed
}

func newBackfillCommand(a *app) *cobra.Command {
	var o backfillOptions
	cmd := &cobra.Command{
		Use:   "backfill PIPELINE",
		Short: "Read a range of cursor values again, and replace it in the lake",
		Long: help(`
Reads the rows whose cursor is at or above --from and below --to again from the source, and replaces with them what the lake
holds of that range, in one commit. High, settled and the overlap stay where they are: the next run goes on as if nothing
had been. For rows that were changed, dated back or deleted in the source without the cursor telling, where the range is
known; repair finds out by itself what differs.

  append   all rows of the lake in the range go, older versions of changed rows too, and those of the source come
  merge    rows of the source take the place of those with the same key; rows that the source does not have any more
           stay (see repair --deletes)

The range ends at settled at most: what lies above the next run reads anyway. Rows without a cursor are in no range.

With --column NAME, for a column that the source's table got later, so that older rows read NULL in the lake: a merge
reads only rows that have a value there, an append the whole range. The table in the lake gets the column if it lacks it.

The plan is printed, and a question asked, before anything changes. A run that commits meanwhile wins; then nothing is
changed. The audit trail keeps who did this, when and why.`,
			exitOK, exitFailed, exitUsage),
		Example: `  tidemark backfill orders --from 2024-07-01 --to 2024-07-02 --dry-run
  tidemark backfill orders --from 2024-07-01 --to "2024-07-01 12:00:00" --reason "wrong prices"
  tidemark backfill orders --column colour --yes`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkEmpty(cmd.Flags(), "from", "to", "column"); err != nil {
				return usage(err)
			}
			return runBackfill(cmd.Context(), a, o, args[0])
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.From, "from", "", "from `VALUE` of the cursor on; unless told from the beginning")
	f.StringVar(&o.To, "to", "", "to below `VALUE` of the cursor; unless told up to settled")
	f.StringVar(&o.Column, "column", "", "for a column of that `NAME` that came later")
	o.flags(f)
	f.SortFlags = false
	return cmd
}

// checkEmpty refuses flags that are given with an empty text, as from a variable that is not set.
func checkEmpty(f *pflag.FlagSet, names ...string) error {
	for _, name := range names {
		if f.Changed(name) && strings.TrimSpace(f.Lookup(name).Value.String()) == "" {
			return tidemark.WithHint(fmt.Errorf("--%s is empty", name), "leave it out, or give it a value")
		}
	}
	return nil
}

func runBackfill(ctx context.Context, a *app, o backfillOptions, name string) error {
	late := &lateWatcher{a: a}
	r, err := a.open([]string{name}, run.Options{Log: a.log(late), Watch: late.begin})
	if err != nil {
		return err
	}
	defer r.Close()
	if err := a.checkAsking(o.deed); err != nil {
		return err
	}
	plan, err := r.PlanBackfill(ctx, name, o.BackfillRange)
	if err != nil {
		return err
	}
	defer plan.Close()
	w := plan.Now
	_, err = a.carryOut(ctx, o.deed, backfillText(name, plan), "Backfill?", plan.Nothing(), func() (err error) {
		defer late.close()
		w, err = plan.Commit(ctx, o.by())
		return err
	})
	if err != nil {
		return err
	}
	done := w.Seq > plan.Now.Seq
	switch {
	case a.json:
		return a.printJSON(backfillJSONOf(name, plan, w))
	case done && plan.Gone > 0:
		_, err = fmt.Fprintf(a.out, "%s  backfilled: %s taken out, %s loaded → commit %d\n", name, count(plan.Gone, "row"), thousands(plan.Loaded()), w.Seq)
	case done:
		_, err = fmt.Fprintf(a.out, "%s  backfilled: %s loaded → commit %d\n", name, count(plan.Loaded(), "row"), w.Seq)
	case !o.dryRun && !plan.Nothing():
		_, err = fmt.Fprintf(a.out, "%s  nothing came or went; lake unchanged\n", name)
	}
	return err
}

// A lateWatcher begins to watch when there is something to watch, so that its lines do not get into a question.
type lateWatcher struct {
	a     *app
	watch *watcher
}

// begin is run.Options.Watch.
func (l *lateWatcher) begin(id tidemark.PipelineID, p *run.Progress) {
	l.watch = newWatcher(l.a)
	l.watch.begin(id, p)
}

// Write prints whole lines of the log.
func (l *lateWatcher) Write(p []byte) (int, error) {
	if l.watch == nil {
		return l.a.err.Write(p)
	}
	return l.watch.Write(p)
}

func (l *lateWatcher) close() {
	if l.watch != nil {
		l.watch.close()
	}
}

// backfillText is the plan for people.
func backfillText(name string, p *run.Backfill) string {
	if p.Nothing() {
		return fmt.Sprintf("%s  has no row with %s; nothing to read again\n", name, backfillRange(p))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  reads again %s\n", name, backfillRange(p))
	reads := fmt.Sprintf("%s in %s", planRows(p.Rows, p.Exact), count(int64(len(p.Splits)), "split"))
	planPart(&b, "source", append([]string{reads}, planSplits(run.Plan{Splits: p.Splits})...))
	planPart(&b, "lake", backfillLake(p))
	planPart(&b, "table", p.Changes)
	planPart(&b, "note", p.Notices)
	return b.String()
}

func backfillRange(p *run.Backfill) string {
	text := p.Cursor()
	if !p.Window.From.IsZero() {
		text += " from " + p.Window.From.String()
	}
	text += " to below " + p.Window.Until.String()
	if p.Window.Has != "" {
		text += fmt.Sprintf(" and a value in %q", p.Window.Has)
	}
	return text
}

// backfillLake says what becomes of the rows of the lake.
func backfillLake(p *run.Backfill) []string {
	switch {
	case p.Held == 0:
		return []string{"no row in the range"}
	case p.Gone == 0:
		return []string{
			count(p.Held, "row") + " in the range: those with the keys of what comes are replaced, the others stay",
		}
	default:
		return []string{
			fmt.Sprintf("%s in the range go, older versions of rows that have changed since included", count(p.Gone, "row")),
			"in " + filesText(p.Taken) + ": written anew without them",
		}
	}
}

type backfillJSON struct {
	Pipeline string               `json:"pipeline"`
	Done     bool                 `json:"done"`
	Commit   int64                `json:"commit,omitempty"` // that did it
	Cursor   string               `json:"cursor"`
	From     tidemark.CursorValue `json:"from,omitzero"` // none: from the beginning
	To       tidemark.CursorValue `json:"to"`            // excluded
	Column   string               `json:"column,omitempty"`
	Splits   []run.PlannedSplit   `json:"splits"`
	Rows     int64                `json:"rows_expected"` // of the source; -1 where the server does not say
	Exact    bool                 `json:"rows_exact"`
	Held     int64                `json:"rows_in_lake"` // in the range
	Gone     int64                `json:"rows_taken"`   // of these, or would be; what a merge replaces is not counted
	Taken    tidemark.FileCount   `json:"taken"`        // files that are written anew without them
	Loaded   int64                `json:"rows_loaded"`
	Changes  []string             `json:"changes,omitempty"` // of the table, in words
	Notices  []string             `json:"notices,omitempty"`
}

func backfillJSONOf(name string, p *run.Backfill, w tidemark.Watermark) backfillJSON {
	j := backfillJSON{
		Pipeline: name, Done: w.Seq > p.Now.Seq, Cursor: p.Cursor(), From: p.Window.From, To: p.Window.Until, Column: p.Column,
		Splits: p.Splits, Rows: p.Rows, Exact: p.Exact, Held: p.Held, Gone: p.Gone, Taken: p.Taken, Loaded: p.Loaded(),
		Changes: p.Changes, Notices: p.Notices,
	}
	if j.Done {
		j.Commit = w.Seq
	}
	return j
}
