package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

// A deed are the flags of the commands that change by hand what a pipeline has loaded.
type deed struct {
	yes    bool
	dryRun bool
	reason string
}

func (d *deed) flags(f *pflag.FlagSet) {
	f.BoolVarP(&d.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&d.dryRun, "dry-run", false, "print the plan and change nothing")
	f.StringVar(&d.reason, "reason", "", "`TEXT` for the audit trail: why")
}

func (d *deed) by() run.By { return run.By{Who: run.WhoAmI(), Why: strings.TrimSpace(d.reason)} }

// errDeclined says that the person at the keyboard does not want it.
var errDeclined = errors.New("not done; nothing was changed")

// checkAsking refuses before anything is looked at what could not be asked.
func (a *app) checkAsking(d deed) error {
	if d.yes || d.dryRun || a.in != nil && a.terminal {
		return nil
	}
	return usage(tidemark.WithHint(errors.New("nobody can be asked: this is no terminal"), "add --yes, or --dry-run to see the plan alone"))
}

// confirm asks the person at the keyboard, unless told not to. An interrupt counts as no.
func (a *app) confirm(ctx context.Context, d deed, question string) error {
	if d.yes {
		return nil
	}
	if _, err := fmt.Fprintf(a.err, "%s [y/N] ", question); err != nil {
		return err
	}
	answers := make(chan string, 1)
	go func() { // a read from a terminal cannot be called off; it ends with the process, which an interrupt ends
		line, _ := bufio.NewReader(a.in).ReadString('\n') // what was typed before the end counts
		answers <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case answer := <-answers:
		if answer == "y" || answer == "yes" {
			return nil
		}
	case <-ctx.Done():
	}
	return errDeclined
}

// carryOut shows a plan, asks, and makes the commit that the person has agreed to. It reports whether it was made. With
// --json the caller prints the plan.
func (a *app) carryOut(ctx context.Context, d deed, plan, question string, nothing bool, commit func() error) (done bool, err error) {
	if !a.json {
		if _, err := fmt.Fprint(a.out, plan); err != nil {
			return false, err
		}
	}
	if d.dryRun || nothing {
		return false, nil
	}
	if err := a.confirm(ctx, d, question); err != nil {
		return false, err
	}
	if err := commit(); err != nil {
		return false, err
	}
	return true, nil
}
