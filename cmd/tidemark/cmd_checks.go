package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/profile"
	"github.com/tidemark-data/tidemark/run"
)

func newChecksCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "checks",
		Short:   "Find checks for a pipeline",
		Long:    "Helps with the checks that the rows of a pipeline must pass before they are published.",
		Example: "  tidemark checks suggest orders",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newChecksSuggestCommand(a))
	return cmd
}

// sampleRows is in how many rows values are counted unless the flag says otherwise.
const sampleRows = 20_000_000

func newChecksSuggestCommand(a *app) *cobra.Command {
	o := run.SuggestOptions{Sample: sampleRows}
	cmd := &cobra.Command{
		Use:   "suggest TABLE|PIPELINE",
		Short: "Propose checks that a table passes as it is",
		Long: help(`
Looks at the rows of a table in the lake and at its commits, and prints checks that can be pasted below the pipeline in the config,
each with what was seen: columns without NULL, columns in which no two rows share a value, texts of which there are few,
bounds of numbers with a wide margin, the year in which dates begin, how many rows a run has, how old the newest row may be.

The rows of the table pass all that is proposed. Where a table has more rows than --sample, different values are counted in a
part of it: values of which there are few are then looked for in all rows, and nothing is said of columns without equal values.

TABLE is NAMESPACE.TABLE, or TABLE alone where that is clear. A pipeline of that name goes before. It asks the lake alone.`,
			exitOK, exitFailed, exitUsage),
		Example: "  tidemark checks suggest orders\n  tidemark checks suggest shop.orders --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Sample < 0 {
				return usage(errors.New("--sample takes no negative numbers"))
			}
			return runChecksSuggest(cmd.Context(), a, o, args[0])
		},
	}
	lakeFlag(cmd, &o.Lake)
	cmd.Flags().Int64Var(&o.Sample, "sample", o.Sample, "count different values in about `N` rows of a larger table; 0 for all")
	return cmd
}

func runChecksSuggest(ctx context.Context, a *app, o run.SuggestOptions, name string) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	r := run.New(cfg, run.Options{Log: a.log(a.err)})
	defer r.Close()
	s, err := r.Suggest(ctx, name, o)
	if errors.Is(err, tidemark.ErrNotFound) {
		return usage(err)
	}
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(suggestionJSON(s))
	}
	_, err = fmt.Fprint(a.out, suggestionText(s))
	return err
}

type proposedCheck struct {
	Check profile.Rule `json:"check"`
	Seen  string       `json:"seen"`
}

type suggestedJSON struct {
	Table    tidemark.TableID    `json:"table"`
	Pipeline tidemark.PipelineID `json:"pipeline,omitempty"`
	Rows     int64               `json:"rows"`
	Sampled  int64               `json:"rows_sampled"`
	Checks   []proposedCheck     `json:"checks"`
}

func suggestionJSON(s *run.Suggestion) suggestedJSON {
	j := suggestedJSON{Table: s.Table, Pipeline: s.Pipeline, Rows: s.Rows, Sampled: s.Sampled, Checks: []proposedCheck{}}
	for _, r := range s.Rules {
		j.Checks = append(j.Checks, proposedCheck{r, r.Seen})
	}
	return j
}

// suggestionText is a suggestion as it stands below a pipeline.
func suggestionText(s *run.Suggestion) string {
	const indent = "    "
	var b strings.Builder
	below := "below the pipeline that loads it"
	if s.Pipeline != "" {
		below = "below " + string(s.Pipeline) + ", under pipelines"
	}
	fmt.Fprintf(&b, "%s# %s has %s, which pass these checks. Paste them %s.\n", indent, printable(s.Table.String()), count(s.Rows, "row"), below)
	if s.Sampled < s.Rows {
		fmt.Fprintf(&b, "%s# Values were counted in a sample of %s; --sample 0 counts them in all, and finds columns without equal values.\n", indent, count(s.Sampled, "row"))
	}
	b.WriteString(indent + "checks:\n")
	for _, r := range s.Rules {
		fmt.Fprintf(&b, "%s  # %s\n%s  %s\n", indent, printable(r.Seen), indent, r.YAML())
	}
	return b.String()
}
