package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/tidemark-data/tidemark"
)

// AddToken makes a token, and returns what the program shows: that is not kept, and cannot be had again. It takes an admin. The
// zero time: it does not expire. ErrConflict: the name is taken.
func (g *Guard) AddToken(ctx context.Context, by Identity, name string, role tidemark.Role, expires time.Time, from netip.Addr) (secret string, err error) {
	a := g.act(by, from, ActAddToken, objectOf(name))
	a.Detail = detailOf(role)
	err = g.admin(ctx, by, a, func(a tidemark.Act) error {
		for _, err := range []error{checkName(name), checkRole(role)} {
			if err != nil {
				return err
			}
		}
		if !expires.IsZero() && !expires.After(a.At) {
			return fmt.Errorf("token %q would have expired at %s already: %w", name, expires.UTC().Format(time.RFC3339), tidemark.ErrInvalid)
		}
		secret = newSecret(tokenPrefix)
		return g.store.AddToken(ctx, tidemark.Token{Name: name, Role: role, Hash: sum(secret), Created: a.At, CreatedBy: by.Name, Expires: expires}, a)
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// RemoveToken takes a token back, which counts from the next request on. It takes an admin. ErrNotFound: there is none of that name.
func (g *Guard) RemoveToken(ctx context.Context, by Identity, name string, from netip.Addr) error {
	return g.admin(ctx, by, g.act(by, from, ActRemoveToken, objectOf(name)), func(a tidemark.Act) error {
		return g.store.RemoveToken(ctx, name, a)
	})
}

// Tokens returns all tokens, by name. It takes an admin.
func (g *Guard) Tokens(ctx context.Context, by Identity) ([]tidemark.Token, error) {
	if err := by.May(tidemark.RoleAdmin); err != nil {
		return nil, err
	}
	return g.store.Tokens(ctx)
}

// ByToken returns who shows a token. ErrDenied: there is none, or it has expired.
func (g *Guard) ByToken(ctx context.Context, secret string) (Identity, error) {
	if err := checkSecret(tokenPrefix, secret); err != nil {
		return Identity{}, fmt.Errorf("token: %w", err)
	}
	hash := sum(secret)
	t, err := g.store.TokenOf(ctx, hash)
	if errors.Is(err, tidemark.ErrNotFound) || err == nil && subtle.ConstantTimeCompare(hash, t.Hash) != 1 {
		return Identity{}, fmt.Errorf("token: it is not known, or was taken back: %w", tidemark.ErrDenied)
	}
	if err != nil {
		return Identity{}, err
	}
	now := g.now()
	if !t.Expires.IsZero() && !now.Before(t.Expires) {
		return Identity{}, tidemark.WithHint(fmt.Errorf("token %q has expired: %w", t.Name, tidemark.ErrDenied), "let an admin make another one")
	}
	g.touch(ctx, t.Used, now, "token "+t.Name, func(ctx context.Context) error { return g.store.TouchToken(ctx, hash, now) })
	return Identity{Name: t.Name, Role: t.Role, Kind: KindToken}, nil
}
