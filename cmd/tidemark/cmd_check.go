package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tidemark-data/tidemark/run"
)

type checkOptions struct{ grants, iamPolicy bool }

func newCheckCommand(a *app) *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Try connections, privileges and settings",
		Long: help(`
Tries every connection of the config step by step, and says precisely what does not work and what to do about it: name,
port, encryption, login, privileges, settings of the server, reading and writing the lake, and whether the lake honours
conditional writes. Then it makes the plan of each pipeline. In the lake it writes a probe, which it removes.

A warning means that pipelines run, with less comfort.`, exitOK, exitFailed, exitUsage),
		Example: `  tidemark check
  tidemark check --grants        # what the users of the databases must be allowed
  tidemark check --iam-policy    # what the role must be allowed`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCheck(cmd.Context(), a, o) },
	}
	cmd.Flags().BoolVar(&o.grants, "grants", false, "print the GRANT statements that the config needs, and do nothing else")
	cmd.Flags().BoolVar(&o.iamPolicy, "iam-policy", false, "print the AWS policy that the config needs, and do nothing else")
	return cmd
}

func runCheck(ctx context.Context, a *app, o checkOptions) error {
	if o.grants && o.iamPolicy {
		return usage(errors.New("--grants and --iam-policy exclude each other"))
	}
	cfg, err := a.load()
	if err != nil {
		return err
	}
	switch {
	case o.grants:
		return printGrants(a, grants(cfg))
	case o.iamPolicy:
		e := json.NewEncoder(a.out)
		e.SetIndent("", "  ")
		return e.Encode(iamPolicy(cfg))
	}
	r := run.New(cfg, run.Options{Log: a.log(a.err)})
	defer r.Close()
	failed := false
	err = r.Check(ctx, func(f run.Finding) {
		failed = failed || status(f) == "failed"
		if a.json {
			_ = a.printJSON(findingJSON{f.Subject, f.Step, status(f), f.Detail, failureOf(f.Err)})
			return
		}
		fmt.Fprint(a.out, findingText(f))
	})
	if failed {
		return &exit{code: exitFailed} // each has been reported
	}
	return err
}

func printGrants(a *app, list []grant) error {
	for _, g := range list {
		if a.json {
			if err := a.printJSON(g); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(a.out, "-- connection %s\n", g.Connection)
		for _, statement := range g.Statements {
			fmt.Fprintln(a.out, statement)
		}
	}
	return nil
}
