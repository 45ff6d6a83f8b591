package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/sqlite"
)

type runsOptions struct {
	states []string
	limit  int
}

func newRunsCommand(a *app) *cobra.Command {
	var o runsOptions
	cmd := &cobra.Command{
		Use:   "runs [PIPELINE…]",
		Short: "List the runs that serve has made, or show one",
		Long: help(`
Lists the runs of tidemark serve, of the named pipelines or of all, the newest first: those that wait, that are under way,
and that have ended. Runs of the command run are not among them.`, exitOK, exitFailed, exitUsage),
		Example: `  tidemark runs
  tidemark runs orders --state failed --limit 5
  tidemark runs show 06fhqj2t8n4w0c3r5v7x9yabde`,
		RunE: func(cmd *cobra.Command, args []string) error { return runRuns(cmd.Context(), a, o, args) },
	}
	cmd.Flags().StringSliceVar(&o.states, "state", nil, "only runs in `STATE`: queued, running, succeeded, failed, cancelled or skipped")
	cmd.Flags().IntVar(&o.limit, "limit", 20, "list `N` runs at most")
	cmd.AddCommand(newRunsShowCommand(a))
	return cmd
}

func newRunsShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show RUN",
		Short:   "Show a run, what it was wanted for, its attempts and its log",
		Long:    help("Shows a run, what it was wanted for, its attempts and its log.", exitOK, exitFailed, exitUsage),
		Example: "  tidemark runs show 06fhqj2t8n4w0c3r5v7x9yabde",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runRunsShow(cmd.Context(), a, tidemark.RunID(args[0]))
		},
	}
}

// openRuns opens the store of the config's server.
func (a *app) openRuns(ctx context.Context) (*sqlite.Store, error) {
	cfg, err := a.load()
	if err != nil {
		return nil, err
	}
	store, err := sqlite.Read(ctx, cfg.Server.Store)
	if errors.Is(err, tidemark.ErrNotFound) {
		return nil, tidemark.WithHint(err, "`tidemark serve` makes it, and keeps its runs there; it is named by server.store")
	}
	return store, err
}

func runRuns(ctx context.Context, a *app, o runsOptions, names []string) error {
	f := tidemark.RunFilter{Limit: o.limit}
	if o.limit < 1 {
		return usage(fmt.Errorf("--limit %d: want at least 1", o.limit))
	}
	for _, text := range o.states {
		state := tidemark.RunState(text)
		if !slices.Contains(tidemark.RunStates(), state) {
			return usage(fmt.Errorf("--state %s: want queued, running, succeeded, failed, cancelled or skipped", text))
		}
		f.States = append(f.States, state)
	}
	for _, name := range names {
		f.Pipelines = append(f.Pipelines, tidemark.PipelineID(name))
	}
	store, err := a.openRuns(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	runs, err := store.Runs(ctx, f)
	if err != nil {
		return err
	}
	if a.json {
		for _, r := range runs {
			if err := a.printJSON(r); err != nil {
				return err
			}
		}
		return nil
	}
	_, err = fmt.Fprint(a.out, runsTable(runs, time.Now()))
	return err
}

func runsTable(runs []tidemark.Run, now time.Time) string {
	cells := [][]string{{"RUN", "PIPELINE", "STATE", "WANTED BY", "BEGAN", "TOOK", "NEW ROWS", "ERROR"}}
	for _, r := range runs {
		cells = append(cells, []string{string(r.ID), string(r.Pipeline), string(r.State), wantedBy(r), clock(r.Started), tookOf(r, now), loadedBy(r), firstLine(r.Error)})
	}
	return table(cells)
}

// wantedBy names what a run was first wanted for, and how many times more.
func wantedBy(r tidemark.Run) string {
	if len(r.Causes) == 0 {
		return ""
	}
	c := r.Causes[0]
	text := string(c.Kind)
	if c.Trigger != "" {
		_, text, _ = strings.Cut(string(c.Trigger), "/")
	}
	if c.By != "" {
		text += " by " + c.By
	}
	if more := len(r.Causes) - 1; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func tookOf(r tidemark.Run, now time.Time) string {
	switch {
	case r.Started.IsZero():
		return "–"
	case r.Ended.IsZero():
		return took(now.Sub(r.Started))
	default:
		return took(r.Ended.Sub(r.Started))
	}
}

func loadedBy(r tidemark.Run) string {
	if r.Result == nil {
		return "–"
	}
	return thousands(r.Result.New)
}

func firstLine(text string) string {
	line, rest, more := strings.Cut(text, "\n")
	if more && rest != "" {
		line += " …"
	}
	return line
}

func runRunsShow(ctx context.Context, a *app, id tidemark.RunID) error {
	store, err := a.openRuns(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	r, err := store.Run(ctx, id)
	if err != nil {
		return err
	}
	const allLines = 10_000
	lines, err := store.Log(ctx, id, 0, allLines)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(struct {
			tidemark.Run
			Log []tidemark.LogLine `json:"log"`
		}{r, lines})
	}
	_, err = fmt.Fprint(a.out, runText(r, lines, time.Now()))
	return err
}

// runText tells of a run for people.
func runText(r tidemark.Run, lines []tidemark.LogLine, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  %s", r.Pipeline, r.ID, r.State)
	if !r.Started.IsZero() {
		fmt.Fprintf(&b, " · began %s · took %s", clock(r.Started), tookOf(r, now))
	}
	b.WriteString("\n")
	for _, c := range r.Causes {
		fmt.Fprintf(&b, "wanted   %s  %s%s\n", clock(c.At), c.ID, parenthesis(c.By, c.Detail))
	}
	for _, at := range r.Attempts {
		fmt.Fprintf(&b, "attempt  %s  %d", clock(at.Started), at.N)
		if at.Error != "" {
			fmt.Fprintf(&b, "  %s: %s", at.Kind, at.Error)
		}
		b.WriteString("\n")
	}
	if r.Result != nil && r.State == tidemark.RunSucceeded {
		fmt.Fprintf(&b, "result   %s\n", resultLine(*r.Result))
	}
	if r.Error != "" {
		fmt.Fprintf(&b, "error    %s\n", r.Error)
	}
	if r.Hint != "" {
		fmt.Fprintf(&b, "hint     %s\n", r.Hint)
	}
	for _, l := range lines {
		fmt.Fprintf(&b, "log      %s  %-5s %s", clock(l.At), l.Level, l.Text)
		if l.Attrs != "" {
			fmt.Fprintf(&b, "  %s", l.Attrs)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func parenthesis(parts ...string) string {
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	if len(parts) == 0 {
		return ""
	}
	return "  (" + strings.Join(parts, ", ") + ")"
}
