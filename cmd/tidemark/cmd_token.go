package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidemark-data/tidemark"
)

func newTokenCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Let programs ask the server",
		Long: `Makes tokens with which programs ask tidemark serve, by the header "Authorization: Bearer TOKEN", and takes them back. Roles are
those of users: a token for Prometheus, or for an engine that reads the catalog, is a viewer's. The commands work while the
server is running, and count at once.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTokenAddCommand(a), newTokenListCommand(a), newTokenRemoveCommand(a))
	return cmd
}

func newTokenAddCommand(a *app) *cobra.Command {
	var role string
	var expires time.Duration
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Make a token and print it",
		Long: help(`
Makes a token and prints it. It is not kept, and cannot be printed again: put it where the program finds it.`,
			exitOK, exitFailed, exitUsage),
		Example: "  tidemark token add prometheus\n  tidemark token add airflow --role operator --expires 365d",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAccounts(cmd.Context(), func(x accounts) error {
				var until time.Time
				if expires > 0 {
					until = time.Now().Add(expires).UTC()
				}
				secret, err := x.AddToken(cmd.Context(), x.by, args[0], tidemark.Role(role), until, x.from)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]string{"token": secret})
				}
				_, err = fmt.Fprintln(a.out, secret)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&role, "role", string(tidemark.RoleViewer), "`ROLE`: viewer, operator or admin")
	cmd.Flags().Var(days{&expires}, "expires", "the token is good for `TIME`, such as 90d; without it, for ever")
	return cmd
}

func newTokenListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List tokens",
		Long:    help("Lists tokens, and when they were used last. The tokens themselves are not kept.", exitOK, exitFailed, exitUsage),
		Example: "  tidemark token list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAccounts(cmd.Context(), func(x accounts) error {
				tokens, err := x.Tokens(cmd.Context(), x.by)
				if err != nil {
					return err
				}
				return a.listTokens(tokens)
			})
		},
	}
}

func (a *app) listTokens(tokens []tidemark.Token) (err error) {
	cells := [][]string{{"TOKEN", "ROLE", "SINCE", "BY", "EXPIRES", "USED"}}
	for _, t := range tokens {
		if a.json {
			if err := a.printJSON(t); err != nil {
				return err
			}
			continue
		}
		cells = append(cells, []string{t.Name, string(t.Role), clock(t.Created), printable(t.CreatedBy), clock(t.Expires), clock(t.Used)})
	}
	switch {
	case a.json:
	case len(tokens) == 0:
		_, err = fmt.Fprintln(a.out, "there are no tokens")
	default:
		_, err = fmt.Fprint(a.out, table(cells))
	}
	return err
}

func newTokenRemoveCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "remove NAME",
		Short:   "Take a token back",
		Long:    help("Takes a token back, which counts from the next request on.", exitOK, exitFailed, exitUsage),
		Example: "  tidemark token remove airflow",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.change(cmd.Context(), func(ctx context.Context, x accounts) error {
				return x.RemoveToken(ctx, x.by, args[0], x.from)
			}, "token %s is taken back", args[0])
		},
	}
}
