package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tidemark-data/tidemark"
)

func newUserCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Say who may log in to the server",
		Long: `Says who may log in to tidemark serve, and what they may do: a viewer looks at pipelines, runs and tables, an operator
also starts and stops, an admin changes the config and says who may come. The first user is an admin.

As long as there are neither users nor tokens, whoever is at this machine may do everything, and the server listens to
nobody else. The commands work while the server is running, and count at once.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newUserAddCommand(a), newUserListCommand(a), newUserPasswordCommand(a), newUserRoleCommand(a),
		newUserAbleCommand(a, true), newUserAbleCommand(a, false), newUserRemoveCommand(a))
	return cmd
}

func newUserAddCommand(a *app) *cobra.Command {
	var role string
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Let somebody log in",
		Long: help(`
Lets somebody log in. The password is asked for on the terminal, and else is the first line of the input. It has at least 12
characters.`, exitOK, exitFailed, exitUsage),
		Example: "  tidemark user add ann\n  tidemark user add ben --role operator < password.txt",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAccounts(cmd.Context(), func(x accounts) error {
				password, err := a.askPassword()
				if err != nil {
					return err
				}
				given, err := firstIsAdmin(cmd, x, role)
				if err != nil {
					return err
				}
				if err := x.AddUser(cmd.Context(), x.by, args[0], password, given, x.from); err != nil {
					return err
				}
				return a.done("user %s may log in, as %s", args[0], given)
			})
		},
	}
	cmd.Flags().StringVar(&role, "role", string(tidemark.RoleViewer), "`ROLE`: viewer, operator or admin; the first user is an admin")
	return cmd
}

// firstIsAdmin returns the role that a new user gets: the first one's need not be named.
func firstIsAdmin(cmd *cobra.Command, x accounts, role string) (tidemark.Role, error) {
	if cmd.Flags().Changed("role") {
		return tidemark.Role(role), nil
	}
	users, err := x.Users(cmd.Context(), x.by)
	if err == nil && len(users) == 0 {
		return tidemark.RoleAdmin, nil
	}
	return tidemark.Role(role), err
}

func newUserListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List users",
		Long:    help("Lists users.", exitOK, exitFailed, exitUsage),
		Example: "  tidemark user list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAccounts(cmd.Context(), func(x accounts) error {
				users, err := x.Users(cmd.Context(), x.by)
				if err != nil {
					return err
				}
				return a.listUsers(users)
			})
		},
	}
}

func (a *app) listUsers(users []tidemark.User) (err error) {
	cells := [][]string{{"USER", "ROLE", "", "SINCE", "BY"}}
	for _, u := range users {
		if a.json {
			if err := a.printJSON(u); err != nil {
				return err
			}
			continue
		}
		state := ""
		if u.Disabled {
			state = "disabled"
		}
		cells = append(cells, []string{u.Name, string(u.Role), state, clock(u.Created), printable(u.CreatedBy)})
	}
	switch {
	case a.json:
	case len(users) == 0:
		_, err = fmt.Fprintln(a.out, "there are no users")
	default:
		_, err = fmt.Fprint(a.out, table(cells))
	}
	return err
}

func newUserPasswordCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "password NAME",
		Short:   "Give a user another password",
		Long:    help("Gives a user another password, which ends the user's sessions. It is asked for as by `tidemark user add`.", exitOK, exitFailed, exitUsage),
		Example: "  tidemark user password ann",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.change(cmd.Context(), func(ctx context.Context, x accounts) error {
				password, err := a.askPassword()
				if err != nil {
					return err
				}
				return x.SetPassword(ctx, x.by, args[0], password, x.from)
			}, "user %s has another password", args[0])
		},
	}
}

func newUserRoleCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "role NAME ROLE",
		Short:   "Give a user another role",
		Long:    help("Gives a user another role: viewer, operator or admin. It counts at once.", exitOK, exitFailed, exitUsage),
		Example: "  tidemark user role ben admin",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.change(cmd.Context(), func(ctx context.Context, x accounts) error {
				return x.SetRole(ctx, x.by, args[0], tidemark.Role(args[1]), x.from)
			}, "user %s is %s now", args[0], args[1])
		},
	}
}

// newUserAbleCommand makes the command that keeps a user out, or lets him in again.
func newUserAbleCommand(a *app, off bool) *cobra.Command {
	verb, short, done := "enable", "Let a user in again", "user %s may log in again"
	if off {
		verb, short, done = "disable", "Keep a user out, at once", "user %s is kept out"
	}
	return &cobra.Command{
		Use:     verb + " NAME",
		Short:   short,
		Long:    help(short+". The last admin cannot be kept out.", exitOK, exitFailed, exitUsage),
		Example: "  tidemark user " + verb + " ben",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.change(cmd.Context(), func(ctx context.Context, x accounts) error {
				return x.Disable(ctx, x.by, args[0], off, x.from)
			}, done, args[0])
		},
	}
}

func newUserRemoveCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "remove NAME",
		Short:   "Remove a user",
		Long:    help("Removes a user, and ends the user's sessions. Tokens that the user has made stay.", exitOK, exitFailed, exitUsage),
		Example: "  tidemark user remove ben",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.change(cmd.Context(), func(ctx context.Context, x accounts) error {
				return x.RemoveUser(ctx, x.by, args[0], x.from)
			}, "user %s is removed", args[0])
		},
	}
}

// change does one thing to users or tokens, and says so.
func (a *app) change(ctx context.Context, do func(context.Context, accounts) error, format string, args ...any) error {
	return a.withAccounts(ctx, func(x accounts) error {
		if err := do(ctx, x); err != nil {
			return err
		}
		return a.done(format, args...)
	})
}

// done says what was done, where nobody needs it as JSON.
func (a *app) done(format string, args ...any) error {
	if a.json || a.quiet {
		return nil
	}
	_, err := fmt.Fprintf(a.out, format+"\n", args...)
	return err
}
