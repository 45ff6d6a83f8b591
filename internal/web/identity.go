package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/auth"
)

// sessionCookie holds the secret of a session in a browser.
const sessionCookie = "tidemark_session"

// A caller is who sends a request, and from where.
type caller struct {
	auth.Identity
	from   netip.Addr
	secure bool   // the browser's connection is encrypted, as far as is known
	secret string // of the session; "" where it was shown otherwise
	failed error  // why what was shown was not taken; nil where nothing was shown
}

type callerKey struct{}

// callerOf returns who sends the request that ctx belongs to; nobody where that is not known.
func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// who names the one who asks, for the causes of runs.
func who(ctx context.Context) string {
	c := callerOf(ctx)
	if c.Kind == auth.KindToken {
		return "token " + c.Name
	}
	return c.Name
}

// identify finds out who sends a request. Whoever it is, the request goes on: what it may do is asked behind.
func identify(o Options, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := o.caller(r)
		if err != nil {
			o.Log.Error("it could not be found out who asks", "err", err)
			say(w, http.StatusInternalServerError, "the server could not do that; its log tells why\n")
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
	})
}

// caller returns who sends a request: by a token, by a session, or, where there are neither users nor tokens and the server
// listens to its own machine alone, by being there.
func (o Options) caller(r *http.Request) (c caller, err error) {
	c.from, c.secure = o.origin(r)
	cookie, none := r.Cookie(sessionCookie)
	switch scheme, token, shown := strings.Cut(r.Header.Get("Authorization"), " "); {
	case shown && strings.EqualFold(scheme, "Bearer"):
		c.Identity, c.failed = o.Guard.ByToken(r.Context(), strings.TrimSpace(token))
	case none == nil:
		c.secret = cookie.Value
		c.Identity, c.failed = o.Guard.BySession(r.Context(), cookie.Value)
	}
	if c.failed != nil && !errors.Is(c.failed, tidemark.ErrDenied) {
		return c, c.failed
	}
	if c.Kind == "" && o.Local && c.from.IsLoopback() {
		guarded, err := o.Guard.Guarded(r.Context())
		if err != nil {
			return c, err
		}
		if !guarded {
			c.Identity, c.failed = auth.Local("this machine"), nil
		}
	}
	return c, nil
}

// origin returns the address of who sends a request, and whether the connection there is encrypted. What a proxy says of
// that counts where the config names the proxy.
func (o Options) origin(r *http.Request) (from netip.Addr, secure bool) {
	secure = r.TLS != nil
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	from, err := netip.ParseAddr(host)
	if err != nil {
		return from, secure
	}
	from = from.Unmap().WithZone("")
	if !o.isProxy(from) {
		return from, secure
	}
	secure = secure || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- { // each proxy adds who has come to it, so that only the end can be believed
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		if from = hop.Unmap().WithZone(""); !o.isProxy(from) {
			break
		}
	}
	return from, secure
}

func (o Options) isProxy(a netip.Addr) bool {
	for _, p := range o.Proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
