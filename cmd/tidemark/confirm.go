package main

import (
	"bufio"
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

// check refuses before anything is looked at what could not be asked.
func (a *app) checkAsking(d deed) error {
	if d.yes || d.dryRun || a.in != nil && a.terminal {
		return nil
	}
	return usage(tidemark.WithHint(errors.New("nobody can be asked: this is no terminal"), "add --yes, or --dry-run to see the plan alone"))
}

// confirm asks the person at the keyboard, unless told not to.
func (a *app) confirm(d deed, question string) error {
	if d.yes {
		return nil
	}
	if _, err := fmt.Fprintf(a.err, "%s [y/N] ", question); err != nil {
		return err
	}
	answer, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil && answer == "" {
		return errDeclined
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer == "y" || answer == "yes" {
		return nil
	}
	return errDeclined
}
