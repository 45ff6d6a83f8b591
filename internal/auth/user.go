package auth

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"slices"

	"github.com/tidemark-data/tidemark"
)

const maxName = 64

// checkName refuses with ErrInvalid what is no name of a user or token.
func checkName(name string) error {
	if len(name) <= maxName && regexp.MustCompile(`^[a-z0-9][a-z0-9._@+-]*$`).MatchString(name) {
		return nil
	}
	return tidemark.WithHint(fmt.Errorf("name %q: %w", cut(name, maxName), tidemark.ErrInvalid),
		fmt.Sprintf("use at most %d of the letters a to z, digits, '.', '_', '-', '+' and '@', a letter or digit first", maxName))
}

func checkRole(r tidemark.Role) error {
	if slices.Contains(tidemark.Roles(), r) {
		return nil
	}
	return tidemark.WithHint(fmt.Errorf("role %q: %w", cut(string(r), maxName), tidemark.ErrInvalid), "the roles are viewer, operator and admin")
}

// admin runs what takes an admin, and notes what was refused. What was done is noted by the store, with the act that it is given.
func (g *Guard) admin(ctx context.Context, by Identity, a tidemark.Act, do func(tidemark.Act) error) error {
	err := by.May(tidemark.RoleAdmin)
	if err == nil {
		err = do(a)
	}
	return g.refused(ctx, a, err)
}

// refused notes an act that was not done, and returns why.
func (g *Guard) refused(ctx context.Context, a tidemark.Act, err error) error {
	if err == nil {
		return nil
	}
	a.Outcome = tidemark.KindOf(err)
	if noted := g.store.Note(ctx, a); noted != nil && ctx.Err() == nil {
		g.log.Error("audit log was not written", "action", a.Action, "err", noted)
	}
	return err
}

// Users returns all users, by name. It takes an admin.
func (g *Guard) Users(ctx context.Context, by Identity) ([]tidemark.User, error) {
	if err := by.May(tidemark.RoleAdmin); err != nil {
		return nil, err
	}
	return g.store.Users(ctx)
}

// AddUser lets somebody log in. The first user is an admin. It takes an admin, as all that follows. ErrConflict: the name is taken.
func (g *Guard) AddUser(ctx context.Context, by Identity, name, password string, role tidemark.Role, from netip.Addr) error {
	a := g.act(by, from, ActAddUser, objectOf(name))
	a.Detail = detailOf(role)
	return g.admin(ctx, by, a, func(a tidemark.Act) error {
		for _, err := range []error{checkName(name), checkRole(role), checkPassword(name, password)} {
			if err != nil {
				return err
			}
		}
		hash, err := g.hasher.fresh(ctx, password)
		if err != nil {
			return err
		}
		return g.store.AddUser(ctx, tidemark.User{Name: name, Role: role, Hash: hash, Created: a.At, CreatedBy: by.Name, Changed: a.At}, a)
	})
}

// SetRole gives a user another role, which counts from the next request on. ErrNotFound: there is none. ErrConflict: no
// admin would be left.
func (g *Guard) SetRole(ctx context.Context, by Identity, name string, role tidemark.Role, from netip.Addr) error {
	a := g.act(by, from, ActSetRole, objectOf(name))
	a.Detail = detailOf(role)
	return g.admin(ctx, by, a, func(a tidemark.Act) error {
		if err := checkRole(role); err != nil {
			return err
		}
		return g.store.ChangeUser(ctx, name, tidemark.UserChange{Role: role}, a)
	})
}

// Disable keeps a user from coming, at once, or lets him come again. ErrNotFound, ErrConflict: as of SetRole.
func (g *Guard) Disable(ctx context.Context, by Identity, name string, off bool, from netip.Addr) error {
	action := ActEnableUser
	if off {
		action = ActDisableUser
	}
	return g.admin(ctx, by, g.act(by, from, action, objectOf(name)), func(a tidemark.Act) error {
		return g.store.ChangeUser(ctx, name, tidemark.UserChange{Disabled: &off}, a)
	})
}

// RemoveUser removes a user. ErrNotFound, ErrConflict: as of SetRole; the last user can go.
func (g *Guard) RemoveUser(ctx context.Context, by Identity, name string, from netip.Addr) error {
	return g.admin(ctx, by, g.act(by, from, ActRemoveUser, objectOf(name)), func(a tidemark.Act) error {
		return g.store.RemoveUser(ctx, name, a)
	})
}

// SetPassword gives a user another password, and ends his sessions. ErrNotFound: there is none.
func (g *Guard) SetPassword(ctx context.Context, by Identity, name, password string, from netip.Addr) error {
	return g.admin(ctx, by, g.act(by, from, ActSetPassword, objectOf(name)), func(a tidemark.Act) error {
		return g.newPassword(ctx, name, password, a)
	})
}

// ChangePassword gives who has logged in another password, if he knows the one that he has, and ends all his sessions. It
// takes no admin. A wrong old password is ErrDenied, and counts as a login that failed.
func (g *Guard) ChangePassword(ctx context.Context, by Identity, old, password string, from netip.Addr) error {
	a := g.act(by, from, ActSetPassword, objectOf(by.Name))
	if by.Kind != KindUser {
		return g.refused(ctx, a, fmt.Errorf("%s %q has no password: %w", by.Kind, by.Name, tidemark.ErrDenied))
	}
	if err := checkPassword(by.Name, password); err != nil {
		return g.refused(ctx, a, err)
	}
	if _, _, err := g.verify(ctx, by.Name, old, from); err != nil {
		return err
	}
	return g.refused(ctx, a, g.newPassword(ctx, by.Name, password, a))
}

func (g *Guard) newPassword(ctx context.Context, name, password string, a tidemark.Act) error {
	if err := checkPassword(name, password); err != nil {
		return err
	}
	hash, err := g.hasher.fresh(ctx, password)
	if err != nil {
		return err
	}
	return g.store.ChangeUser(ctx, name, tidemark.UserChange{Hash: hash}, a)
}

// objectOf is a name for the audit log; what is none may be anything, and is left out.
func objectOf(name string) string {
	if checkName(name) != nil {
		return ""
	}
	return name
}

func detailOf(r tidemark.Role) string {
	if checkRole(r) != nil {
		return ""
	}
	return "role " + string(r)
}
