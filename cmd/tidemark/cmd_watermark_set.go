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

type setOptions struct {
	deed
	run.Mark
}

func newWatermarkSetCommand(a *app) *cobra.Command {
	var o setOptions
	cmd := &cobra.Command{
		Use:   "set PIPELINE",
		Short: "Set a watermark by hand",
		Long: help(`
Sets what the watermark of PIPELINE says, without loading a row or taking one out. It is for owners who know what the table
holds where the watermark does not; nothing checks it.

Forward, the rows in between that are not loaded yet never will be. Back, the next run reads rows again: in merge it
writes them once more, in append it doubles those that the table holds, and so it refuses without --rows-may-double. To go back
without doubling rows, use `+"`tidemark rewind`"+`.

The plan is printed, and a question asked, before anything changes. The reason is kept in the lake: see
`+"`tidemark watermark audit`"+`.`,
			exitOK, exitFailed, exitUsage),
		Example: `  tidemark watermark set orders --settled "2024-07-31 06:00:00" --reason "rows up to then were copied by hand"
  tidemark watermark set events --settled 120000 --high 130000 --reason "restored from a backup" --dry-run`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runWatermarkSet(cmd.Context(), a, o, args[0]) },
	}
	f := cmd.Flags()
	f.StringVar(&o.Settled, "settled", "", "the next run reads from this cursor `VALUE`")
	f.StringVar(&o.High, "high", "", "the largest cursor `VALUE` loaded")
	f.BoolVar(&o.MayDouble, "rows-may-double", false, "go back in append: the table may hold rows twice then")
	o.flags(f)
	return cmd
}

func runWatermarkSet(ctx context.Context, a *app, o setOptions, name string) error {
	switch {
	case o.Settled == "" && o.High == "":
		return usage(errors.New("say what to set: --settled VALUE, --high VALUE or both"))
	case strings.TrimSpace(o.reason) == "":
		return usage(errors.New("--reason TEXT is missing: it is kept with the watermark's history"))
	}
	r, err := a.open([]string{name}, run.Options{Log: a.log(a.err)})
	if err != nil {
		return err
	}
	defer r.Close()
	if err := a.checkAsking(o.deed); err != nil {
		return err
	}
	s, err := r.PlanSet(ctx, name, o.Mark)
	if err != nil {
		return err
	}
	done, err := a.carryOut(ctx, o.deed, settingText(name, s), "Set the watermark?", s.Nothing, func() error {
		_, err := s.Commit(ctx, o.by())
		return err
	})
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(settingJSON{name, done, tidemark.PositionOf(s.Now), tidemark.PositionOf(s.Next), s.Notices})
	}
	if done {
		_, err = fmt.Fprintf(a.out, "%s  set → commit %d\n", name, s.Next.Seq)
	}
	return err
}

type settingJSON struct {
	Pipeline string            `json:"pipeline"`
	Done     bool              `json:"done"`
	From     tidemark.Position `json:"from"`
	To       tidemark.Position `json:"to"`
	Notices  []string          `json:"notices,omitempty"`
}

// settingText is the plan for people.
func settingText(name string, s *run.Setting) string {
	if s.Nothing {
		return fmt.Sprintf("%s  says that already; nothing to set\n", name)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  the watermark of commit %d is set by hand\n%s", name, s.Now.Seq, table([][]string{
		{"  high", orDash(s.Now.High) + " → " + orDash(s.Next.High)},
		{"  settled", orDash(s.Now.Settled) + " → " + orDash(s.Next.Settled)},
	}))
	for _, n := range s.Notices {
		fmt.Fprintf(&b, "  note: %s\n", n)
	}
	return b.String()
}
