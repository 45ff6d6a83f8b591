package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/schedule"
)

// app is what all commands share: where they write, and the global flags.
type app struct {
	stdin       io.Reader // as it is
	in          io.Reader // answers to questions; nil where nobody can be asked
	out, err    io.Writer
	env         config.Lookup
	clock       schedule.Clock // of triggers
	terminal    bool           // err is one
	outTerminal bool           // so is out

	config  string
	json    bool
	logJSON bool
	verbose int
	quiet   bool

	started bool // the command line was understood: errors from here on are of the work
}

// main runs the command that args name and returns the exit code.
func (a *app) main(ctx context.Context, args []string) int {
	root := newRootCommand(a)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && !a.started {
		text, _, _ := strings.Cut(err.Error(), "\n\nDid you mean") // cobra's own hint comes in lines of its own
		err = usage(tidemark.WithHint(fmt.Errorf("%s", text), suggestion(root, args)))
	}
	return a.report(err)
}

func newRootCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tidemark",
		Short: "Load tables of MySQL into a data lake, each row exactly once",
		Long: `Tidemark loads tables of MySQL and MariaDB into a data lake, as Iceberg tables or folders of Parquet files, on S3
or a local disk: again and again, each row exactly once. It may be killed at any moment and run again.`,
		Example: `  tidemark init mysql://etl@db.example.com/shop --table orders --lake s3://my-bucket/lake
  tidemark check
  tidemark run
  tidemark query "SELECT count(*) FROM shop.orders"`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		Args:              cobra.NoArgs,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.fromEnvironment(cmd.Flags()); err != nil {
				return err
			}
			a.started = true
			return nil
		},
	}
	cmd.SetOut(a.out)
	cmd.SetErr(a.err)
	f := cmd.PersistentFlags()
	f.StringVarP(&a.config, "config", "c", "tidemark.yaml", "the config `FILE`")
	f.BoolVar(&a.json, "json", false, "print results as JSON")
	f.BoolVar(&a.logJSON, "log-json", false, "log in JSON")
	f.CountVarP(&a.verbose, "verbose", "v", "log what happens; twice for every detail")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no progress")
	f.SortFlags = false
	cmd.AddCommand(
		newInitCommand(a), newCheckCommand(a), newPlanCommand(a), newRunCommand(a), newExportCommand(a),
		newVerifyCommand(a), newRepairCommand(a), newRewindCommand(a), newBackfillCommand(a), newReplayCommand(a), newMaintainCommand(a), newServeCommand(a), newRunsCommand(a), newUserCommand(a), newTokenCommand(a),
		newWatermarkCommand(a), newCatalogCommand(a), newQueryCommand(a), newChecksCommand(a), newVersionCommand(a),
	)
	return cmd
}

// suggestion says how to go on after a command line that was not understood.
func suggestion(root *cobra.Command, args []string) string {
	cmd, rest, err := root.Find(args)
	if err != nil {
		return "see `tidemark --help`"
	}
	cmd.SuggestionsMinimumDistance = 2
	if cmd.HasSubCommands() && len(rest) > 0 {
		if near := cmd.SuggestionsFor(rest[0]); len(near) > 0 {
			return fmt.Sprintf("did you mean `%s %s`?", cmd.CommandPath(), near[0])
		}
	}
	return fmt.Sprintf("see `%s --help`", cmd.CommandPath())
}

// fromEnvironment sets the flags that are not on the command line from variables: --fail-if-empty from
// TIDEMARK_FAIL_IF_EMPTY.
func (a *app) fromEnvironment(flags *pflag.FlagSet) error {
	var err error
	flags.VisitAll(func(f *pflag.Flag) {
		name := "TIDEMARK_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, found := a.env(name)
		if f.Changed || !found || f.Name == "help" || err != nil {
			return
		}
		if e := flags.Set(f.Name, value); e != nil {
			err = fmt.Errorf("environment variable %s: %w", name, e)
		}
	})
	return err
}

// load reads the config. What is wrong with it is an error of usage.
func (a *app) load(o ...config.Option) (*config.Config, error) {
	cfg, err := config.Load(a.config, append(o, config.WithEnvironment(a.env))...)
	return cfg, usage(err)
}

// log returns the logger: warnings, or more with --verbose.
func (a *app) log(w io.Writer) *slog.Logger {
	level := slog.LevelWarn
	switch {
	case a.verbose > 1:
		level = slog.LevelDebug
	case a.verbose == 1:
		level = slog.LevelInfo
	}
	return slog.New(a.handler(w, level))
}

func (a *app) handler(w io.Writer, level slog.Level) slog.Handler {
	o := &slog.HandlerOptions{Level: level}
	if a.logJSON {
		return slog.NewJSONHandler(w, o)
	}
	return slog.NewTextHandler(w, o)
}

// printJSON writes v as one line.
func (a *app) printJSON(v any) error { return json.NewEncoder(a.out).Encode(v) }

// help returns the long help of a command: what it does, and its exit codes.
func help(text string, codes ...int) string {
	var b strings.Builder
	b.WriteString(strings.TrimSpace(text) + "\n\nExit codes:\n")
	for _, code := range codes {
		fmt.Fprintf(&b, "  %d  %s\n", code, exitText(code))
	}
	return strings.TrimRight(b.String(), "\n")
}
