package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

// errDiffers ends a command that has found differences, which it has told already.
var errDiffers = &exit{code: exitDiffers}

type verifyOptions struct {
	run.VerifyOptions
	sample string
	show   int
}

func newVerifyCommand(a *app) *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify [PIPELINE…]",
		Short: "Compare the lake with the source, row by row",
		Long: help(`
Compares the tables of the named pipelines, or of all, with their sources: by checksums, which the server computes of its
rows and Tidemark of the lake's, in some thousand parts. Only where a part differs are rows looked at, and each row that
differs is named:

  missing     it is in the source, and not in the lake
  different   it is in both, with other values; the columns are shown
  doubled     it is in the lake more often than in the source
  deleted     it is in the lake, and not in the source any more

Rows that the next run reads in any case, at or above settled, are pending and no difference. Where the table has a
primary key, a table that is appended to is compared by the newest version of each row; without one, rows are known by
all of their values, and an older version of a row that was updated counts as deleted.

Nothing is changed. The server reads the whole table once, in statements of about half a million rows; --rate spares it,
--since and --sample compare a part. A sample is taken by the hash of the key, so that it is the same rows each time.

With --json there is one object per pipeline.`, exitOK, exitFailed, exitUsage, exitDiffers),
		Example: `  tidemark verify
  tidemark verify orders --since 2024-07-01
  tidemark verify orders --sample 10% --rate 200000`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.parse(); err != nil {
				return usage(err)
			}
			return runVerify(cmd.Context(), a, o, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Since, "since", "", "compare rows whose cursor is at or above `VALUE`")
	f.StringVar(&o.sample, "sample", "", "compare a `SHARE` of the rows, such as 10%")
	f.Int64Var(&o.Rate, "rate", 0, "let the source read at most `N` rows per second")
	f.IntVar(&o.show, "show", 20, "name at most `N` rows per pipeline; with --json 10,000 unless told")
	f.SortFlags = false
	return cmd
}

// parse reads the share of a sample: 10% or 0.1.
func (o *verifyOptions) parse() error {
	if o.Rate < 0 || o.show < 0 {
		return fmt.Errorf("--rate and --show take no negative numbers")
	}
	if o.sample == "" {
		return nil
	}
	text, percent := strings.CutSuffix(o.sample, "%")
	share, err := strconv.ParseFloat(text, 64)
	if percent {
		share /= 100
	}
	if err != nil || !(share > 0 && share <= 1) {
		return tidemark.WithHint(fmt.Errorf("--sample %s: want a share above 0%% and up to 100%%", o.sample), "for example --sample 10%")
	}
	o.Sample = share
	return nil
}

func runVerify(ctx context.Context, a *app, o verifyOptions, names []string) error {
	r, err := a.open(names, run.Options{Log: a.log(a.err)})
	if err != nil {
		return err
	}
	defer r.Close()
	var printing error
	failed, differs := false, false
	err = r.Verify(ctx, names, o.VerifyOptions, func(v run.Verification) {
		failed = failed || v.Err != nil
		differs = differs || v.Report != nil && !v.Report.Clean()
		printing = errors.Join(printing, a.printVerification(v, o))
	})
	switch err = errors.Join(err, printing); {
	case err != nil:
		return err
	case failed:
		return &exit{code: exitFailed}
	case differs:
		return errDiffers
	}
	return nil
}

func (a *app) printVerification(v run.Verification, o verifyOptions) error {
	if a.json {
		return a.printJSON(verificationJSON{v.Pipeline, v.Report, failureOf(v.Err)})
	}
	if v.Err != nil {
		a.printError(v.Pipeline, v.Err)
		return nil
	}
	_, err := fmt.Fprint(a.out, verifyText(v.Report, o.show))
	return err
}

// verificationJSON is one object with the fields of all.
type verificationJSON struct {
	Pipeline tidemark.PipelineID `json:"pipeline"`
	*run.VerifyReport
	failure
}
