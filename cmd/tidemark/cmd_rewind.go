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

type rewindOptions struct {
	deed
	to     int64
	toTime string
	all    bool
}

func newRewindCommand(a *app) *cobra.Command {
	var o rewindOptions
	cmd := &cobra.Command{
		Use:   "rewind PIPELINE",
		Short: "Go back to an earlier commit, so that the rows since are loaded again",
		Long: help(`
Takes out of the table what the commits after another one put in, and sets the watermark back with it, in one commit. The
next run loads those rows again, once, as the source holds them then. Rows of other pipelines in the table stay.

The plan is printed, and a question asked, before anything changes. What the source does not hold any more does not come
again: rows that were deleted there, and in append the versions that were overwritten.

  --to        back to this commit; `+"`tidemark watermark show`"+` knows the newest
  --to-time   back to the newest commit that was made then or before
  --all       back to before the first commit: the table is loaded anew
  none        to the newest commit that the table holds, after someone has set the table back by other means

It refuses, and says what can be done, where it could not be exact: where snapshots have expired, or files of this pipeline
were merged with those of others. A run that commits meanwhile wins; then nothing is changed.

Who did this, when and why is kept in the lake: see `+"`tidemark watermark audit`"+`.`,
			exitOK, exitFailed, exitUsage),
		Example: `  tidemark rewind orders --to 17 --dry-run
  tidemark rewind orders --to-time "2024-07-31 06:00:00" --reason "bad import"
  tidemark rewind orders --all --yes`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			goal, err := o.goal(cmd.Flags().Changed("to"))
			if err != nil {
				return usage(err)
			}
			return runRewind(cmd.Context(), a, o, args[0], goal)
		},
	}
	f := cmd.Flags()
	f.Int64Var(&o.to, "to", 0, "back to commit `N`")
	f.StringVar(&o.toTime, "to-time", "", "back to what was committed at `TIME`, in UTC where it names no zone")
	f.BoolVar(&o.all, "all", false, "back to before the first commit")
	o.flags(f)
	return cmd
}

func (o rewindOptions) goal(to bool) (run.RewindGoal, error) {
	switch {
	case to && o.toTime != "", to && o.all, o.toTime != "" && o.all:
		return run.RewindGoal{}, errors.New("--to, --to-time and --all exclude each other")
	case to && o.to < 1:
		return run.RewindGoal{}, tidemark.WithHint(fmt.Errorf("--to %d: commits are numbered from 1", o.to), "--all goes back to before the first")
	case o.toTime != "":
		at, err := run.ParseTime(o.toTime)
		return run.RewindGoal{Time: at}, err
	}
	return run.RewindGoal{To: o.to, All: o.all}, nil
}

func runRewind(ctx context.Context, a *app, o rewindOptions, name string, goal run.RewindGoal) error {
	r, err := a.open([]string{name}, run.Options{Log: a.log(a.err)})
	if err != nil {
		return err
	}
	defer r.Close()
	if err := a.checkAsking(o.deed); err != nil {
		return err
	}
	plan, err := r.PlanRewind(ctx, name, goal)
	if err != nil {
		return err
	}
	done, err := a.carryOut(ctx, o.deed, rewindText(name, plan), "Go back?", plan.Nothing, func() error {
		_, err := plan.Commit(ctx, o.by())
		return err
	})
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(rewindJSONOf(name, plan, done))
	}
	if done {
		_, err = fmt.Fprintf(a.out, "%s  back at %s → commit %d\n", name, commitName(plan.To), plan.Next.Seq)
	}
	return err
}

// rewindText is the plan for people.
func rewindText(name string, r *run.Rewind) string {
	if r.Nothing {
		return fmt.Sprintf("%s  is at commit %d; nothing to take back\n", name, r.Now.Seq)
	}
	rows := [][]string{
		{"  takes out", filesText(r.Taken)},
		{"  puts back", filesText(r.Restored)},
		{"  high", orDash(r.Now.High) + " → " + orDash(r.Next.High)},
		{"  settled", orDash(r.Now.Settled) + " → " + orDash(r.Next.Settled)},
		{"  loaded", thousands(r.Now.Total) + " → " + count(r.Next.Total, "row")},
		{"  next run", nextRun(r)},
	}
	if r.Restored.Files == 0 {
		rows = append(rows[:1], rows[2:]...)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  from commit %d back to %s\n%s", name, r.Now.Seq, commitName(r.To), table(rows))
	for _, n := range r.Notices {
		fmt.Fprintf(&b, "  note: %s\n", n)
	}
	return b.String()
}

func filesText(c tidemark.FileCount) string {
	if c.Files == 0 {
		return "no files"
	}
	return fmt.Sprintf("%s, %s, %s", count(int64(c.Files), "file"), count(c.Rows, "row"), size(c.Bytes))
}

// nextRun says what the next run reads again.
func nextRun(r *run.Rewind) string {
	w := r.Next
	switch {
	case w.Mode == tidemark.ModeReplace:
		return "loads the whole table, as each run does"
	case w.Settled.IsZero():
		return "loads the whole table"
	}
	text := fmt.Sprintf("reads %s from %s", w.Cursor, w.Settled)
	if w.Overlap.Rows > 0 {
		text += fmt.Sprintf(", and knows %s of them", count(w.Overlap.Rows, "row"))
	}
	return text
}

func commitName(seq int64) string {
	if seq == 0 {
		return "before the first commit"
	}
	return fmt.Sprintf("commit %d", seq)
}

type rewindJSON struct {
	Pipeline string             `json:"pipeline"`
	Done     bool               `json:"done"`
	From     tidemark.Position  `json:"from"`
	To       tidemark.Position  `json:"to"`
	Commit   int64              `json:"commit,omitempty"` // that does it
	Taken    tidemark.FileCount `json:"taken"`
	Restored tidemark.FileCount `json:"restored"`
	Overlap  int64              `json:"overlap_rows"`
	Notices  []string           `json:"notices,omitempty"`
}

func rewindJSONOf(name string, r *run.Rewind, done bool) rewindJSON {
	j := rewindJSON{
		Pipeline: name, Done: done, From: tidemark.PositionOf(r.Now), To: tidemark.PositionOf(r.Next),
		Taken: r.Taken, Restored: r.Restored, Overlap: r.Next.Overlap.Rows, Notices: r.Notices,
	}
	if j.To.Commit = r.To; done {
		j.Commit = r.Next.Seq
	}
	return j
}

func newWatermarkAuditCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "audit [PIPELINE…]",
		Short: "Show what was done to pipelines by hand",
		Long: help(`
Shows who has changed the watermarks of the named pipelines, or of all, by hand: when, from which commit to which, and why.
The records lie in the lake, under _tidemark/PIPELINE/audit/, and are never changed.

OUTCOME is "made", "not made" where a run was faster or the process died before its commit, or "unknown" where the process
died and the table does not tell any more.`, exitOK, exitFailed, exitUsage),
		Example: "  tidemark watermark audit orders\n  tidemark watermark audit --json",
		RunE:    func(cmd *cobra.Command, args []string) error { return runWatermarkAudit(cmd.Context(), a, args) },
	}
}

func runWatermarkAudit(ctx context.Context, a *app, names []string) error {
	r, err := a.open(names, run.Options{Log: a.log(a.err)})
	if err != nil {
		return err
	}
	defer r.Close()
	events, err := r.Events(ctx, names)
	if err != nil {
		return err
	}
	if a.json {
		for _, e := range events {
			err = errors.Join(err, a.printJSON(e))
		}
		return err
	}
	cells := [][]string{{"PIPELINE", "WHEN", "WHO", "WHAT", "COMMIT", "FROM", "TO", "OUTCOME", "WHY", "DETAIL"}}
	for _, e := range events {
		cells = append(cells, []string{string(e.Pipeline), clock(e.At), printable(e.Who), string(e.Action), fmt.Sprint(e.Commit),
			positionText(e.From), positionText(e.To), string(e.Outcome), printable(e.Why), printable(e.What)})
	}
	_, err = fmt.Fprint(a.out, table(cells))
	return err
}

func positionText(p tidemark.Position) string {
	if p.High.IsZero() {
		return fmt.Sprint(p.Commit)
	}
	return fmt.Sprintf("%d, high %s", p.Commit, p.High)
}
