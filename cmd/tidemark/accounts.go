package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/auth"
	"github.com/tidemark-data/tidemark/internal/sqlite"
	"github.com/tidemark-data/tidemark/run"
)

// accounts are the users and tokens of a server, for who has the machine: he is an admin.
type accounts struct {
	*auth.Guard
	by   auth.Identity
	from netip.Addr // none
}

// withAccounts opens the store of the config's server, also while the server is running. A name that is not there, or is
// taken, is a mistake of who has typed it.
func (a *app) withAccounts(ctx context.Context, do func(accounts) error) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	store, err := sqlite.Beside(ctx, cfg.Server.Store, sqlite.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	err = do(accounts{Guard: auth.New(auth.Options{Store: store, Log: a.log(a.err)}), by: auth.Local(run.WhoAmI())})
	for _, kind := range []error{tidemark.ErrInvalid, tidemark.ErrNotFound, tidemark.ErrConflict} {
		if errors.Is(err, kind) {
			return usage(err)
		}
	}
	return err
}

// askPassword reads a new password: twice from a terminal, which does not show it, else the first line of the input.
func (a *app) askPassword() (string, error) {
	if file, ok := a.in.(*os.File); ok && a.terminal {
		return a.typePassword(int(file.Fd()))
	}
	line, err := bufio.NewReader(a.stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("password: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", usage(tidemark.WithHint(errors.New("no password"), "type it on a terminal, or give it as the first line of the input"))
	}
	return line, nil
}

func (a *app) typePassword(terminal int) (string, error) {
	var typed [2]string
	for i, prompt := range []string{"Password: ", "Once more: "} {
		fmt.Fprint(a.err, prompt)
		text, err := term.ReadPassword(terminal)
		fmt.Fprintln(a.err)
		if err != nil {
			return "", fmt.Errorf("password: %w", err)
		}
		typed[i] = string(text)
	}
	if typed[0] != typed[1] {
		return "", usage(errors.New("the two are not the same; nothing was changed"))
	}
	return typed[0], nil
}
