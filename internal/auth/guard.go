package auth

import (
	"context"
	"log/slog"
	"net/netip"
	"runtime"
	"time"

	"github.com/tidemark-data/tidemark"
)

const (
	sessionIdle = 12 * time.Hour
	sessionFor  = 7 * 24 * time.Hour
	touchEvery  = time.Minute
	keepActs    = 365 * 24 * time.Hour

	hashesAtOnce = 4 // at most, at 19 MiB each
)

// Options of a Guard.
type Options struct {
	Store Store
	Now   func() time.Time // nil: the machine's clock
	Log   *slog.Logger     // of what does not keep anybody from coming; nil discards
}

// A Guard knows who may come, and lets who is an admin change that. Its methods may be called at the same time.
type Guard struct {
	store  Store
	clock  func() time.Time
	log    *slog.Logger
	hasher *hasher
	limit  *limit
}

// New returns a guard over a store.
func New(o Options) *Guard {
	g := &Guard{store: o.Store, clock: o.Now, log: o.Log, hasher: newHasher(costNow(), max(1, min(runtime.GOMAXPROCS(0), hashesAtOnce))), limit: newLimit()}
	if g.clock == nil {
		g.clock = time.Now
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	return g
}

// now is the time as the store keeps it.
func (g *Guard) now() time.Time { return g.clock().UTC().Truncate(time.Microsecond) }

// Guarded reports whether there is anybody who could show who he is: a user or a token. Where there is nobody, a server can
// only be asked from its own machine.
func (g *Guard) Guarded(ctx context.Context) (bool, error) {
	users, err := g.store.Users(ctx)
	if err != nil || len(users) > 0 {
		return len(users) > 0, err
	}
	tokens, err := g.store.Tokens(ctx)
	return len(tokens) > 0, err
}

// Prune forgets sessions that are over, and entries of the audit log that are older than a year.
func (g *Guard) Prune(ctx context.Context) error {
	now := g.now()
	if err := g.store.PruneSessions(ctx, now.Add(-sessionFor), now.Add(-sessionIdle)); err != nil {
		return err
	}
	_, err := g.store.PruneActs(ctx, now.Add(-keepActs))
	return err
}

// touch notes a time that is not worth failing for, once a minute.
func (g *Guard) touch(ctx context.Context, last, now time.Time, what string, do func(context.Context) error) {
	if now.Sub(last) < touchEvery && !now.Before(last) {
		return
	}
	if err := do(ctx); err != nil && ctx.Err() == nil {
		g.log.Warn("time of use was not kept", "of", what, "err", err)
	}
}

// act begins an entry of the audit log.
func (g *Guard) act(by Identity, from netip.Addr, action, object string) tidemark.Act {
	a := tidemark.Act{At: g.now(), Who: by.Name, Kind: string(by.Kind), Action: action, Object: object, Outcome: tidemark.ActDone}
	if from.IsValid() {
		a.Address = from.Unmap().String()
	}
	return a
}
