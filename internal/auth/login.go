package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
)

// sessionPrefix keeps what a browser shows from being taken for a token.
const sessionPrefix = "tides_"

// Login begins a session of who knows the password of a user, and returns the secret that the browser shows from then on. It
// is ErrDenied, and tells and takes the same, whether the name or the password is wrong or the user is disabled. A
// *WaitError comes where too many have failed before.
func (g *Guard) Login(ctx context.Context, name, password string, from netip.Addr) (secret string, who Identity, err error) {
	name = cleanName(name)
	for range 2 { // again where the hash was another one meanwhile, which may be of the same password
		u, old, err := g.verify(ctx, name, password, from)
		if err != nil {
			return "", Identity{}, err
		}
		secret = newSecret(sessionPrefix)
		now := g.now()
		who = Identity{Name: u.Name, Role: u.Role, Kind: KindUser}
		err = g.store.AddSession(ctx, tidemark.Session{Hash: sum(secret), User: u.Name, Created: now, Seen: now}, u.Hash, g.act(who, from, ActLogin, u.Name))
		if errors.Is(err, tidemark.ErrConflict) {
			continue
		}
		if err != nil {
			return "", Identity{}, fmt.Errorf("log in: %w", err)
		}
		if old {
			g.rehash(ctx, u, password)
		}
		return secret, who, nil
	}
	return "", Identity{}, denied()
}

// denied is the one answer to whoever does not get in.
func denied() error { return fmt.Errorf("name or password is wrong: %w", tidemark.ErrDenied) }

// verify returns the user of a name whose password it is, and whether that is hashed at another cost than new ones.
func (g *Guard) verify(ctx context.Context, name, password string, from netip.Addr) (u tidemark.User, old bool, err error) {
	keys, err := g.limit.begin(name, from, g.now())
	if err != nil {
		return u, false, err
	}
	u, err = g.store.User(ctx, name)
	known := err == nil
	if errors.Is(err, tidemark.ErrNotFound) {
		err = nil
	}
	yes := false
	if err == nil {
		yes, old, err = g.hasher.matches(ctx, cut(password, maxPassword+1), u.Hash)
	}
	if err != nil { // of the store, or of who has gone away meanwhile: not a failure of theirs
		g.limit.undo(keys, g.now())
		return u, false, fmt.Errorf("log in: %w", err)
	}
	if !yes || u.Disabled {
		return u, false, g.failed(ctx, u, known, from)
	}
	g.limit.succeeded(name, from, keys, g.now())
	return u, old, nil
}

// failed notes a login that was refused, and returns the error. The name is noted only where there is such a user: people
// type passwords into the wrong field.
func (g *Guard) failed(ctx context.Context, u tidemark.User, known bool, from netip.Addr) error {
	a := g.act(Identity{}, from, ActLogin, "")
	a.Outcome = tidemark.KindOf(tidemark.ErrDenied)
	if known {
		a.Object = u.Name
	} else {
		a.Detail = "no such user"
	}
	if err := g.store.Note(ctx, a); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	return denied()
}

// rehash keeps a password at the cost of today. Where that fails it is done by the next login.
func (g *Guard) rehash(ctx context.Context, u tidemark.User, password string) {
	hash, err := g.hasher.fresh(ctx, password)
	if err == nil {
		err = g.store.ChangeUser(ctx, u.Name, tidemark.UserChange{Hash: hash, Was: u.Hash}, tidemark.Act{})
	}
	if err != nil && !errors.Is(err, tidemark.ErrConflict) {
		g.log.Warn("password was not hashed anew", "user", u.Name, "err", err)
	}
}

// BySession returns who shows the secret of a session. ErrDenied: there is none, it is over, or the user is disabled.
func (g *Guard) BySession(ctx context.Context, secret string) (Identity, error) {
	if err := checkSecret(sessionPrefix, secret); err != nil {
		return Identity{}, fmt.Errorf("session: %w", err)
	}
	hash := sum(secret)
	s, u, err := g.store.SessionOf(ctx, hash)
	if errors.Is(err, tidemark.ErrNotFound) {
		return Identity{}, over()
	}
	if err != nil {
		return Identity{}, err
	}
	now := g.now()
	if subtle.ConstantTimeCompare(hash, s.Hash) != 1 || u.Disabled || now.Sub(s.Created) >= sessionFor || now.Sub(s.Seen) >= sessionIdle {
		return Identity{}, over()
	}
	g.touch(ctx, s.Seen, now, "session of "+u.Name, func(ctx context.Context) error { return g.store.TouchSession(ctx, hash, now) })
	return Identity{Name: u.Name, Role: u.Role, Kind: KindUser}, nil
}

func over() error {
	return tidemark.WithHint(fmt.Errorf("session: it is over: %w", tidemark.ErrDenied), "log in again")
}

// SessionEnds returns the time after which a session that begins now is over in any case, for the browser to forget it.
func (g *Guard) SessionEnds() time.Time { return g.now().Add(sessionFor) }

// Logout ends the session of who shows its secret. One that is over already is nothing.
func (g *Guard) Logout(ctx context.Context, secret string, from netip.Addr) error {
	who, err := g.BySession(ctx, secret)
	if errors.Is(err, tidemark.ErrDenied) {
		return nil
	}
	if err != nil {
		return err
	}
	err = g.store.EndSession(ctx, sum(secret), g.act(who, from, ActLogout, who.Name))
	if errors.Is(err, tidemark.ErrNotFound) {
		return nil
	}
	return err
}

// cleanName is a name as it is kept: people write their own in capitals, and with spaces around it.
func cleanName(name string) string {
	return strings.ToLower(strings.TrimSpace(cut(name, 4*maxName)))
}

// cut bounds what a stranger sends.
func cut(s string, n int) string { return s[:min(len(s), n)] }
