// Package web is what a server says over HTTP: the API for its runs and triggers, whether it is well, and the catalog for
// other engines.
//
// Who asks shows a token or the session of a login, and each operation says what role it takes. Where there are neither users
// nor tokens the server listens on its own machine alone, and who is there may do everything. It answers only requests that
// are meant for it by name, so that no page in a browser can reach it by a name of its own that leads here.
package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/auth"
	"github.com/tidemark-data/tidemark/run"
)

// Options of a Handler.
type Options struct {
	// Ready returns why the server cannot do its work; nil when it can.
	Ready func(context.Context) error

	// Iceberg answers what comes for /iceberg, with that taken off the path.
	Iceberg http.Handler

	Guard   *auth.Guard
	Local   bool           // the server listens to its own machine alone
	Hosts   []string       // by which it may be asked, besides those of its own machine, in small letters
	Proxies []netip.Prefix // whose word counts for where a request comes from

	// Metrics answers what comes for /metrics; nil: there are none.
	Metrics http.Handler

	// Ending is closed when the server stops: who follows a run is let go at once, and asks again for the next server. nil:
	// never.
	Ending <-chan struct{}

	Version   string // of the program
	Runs      Runs
	Pipelines Pipelines
	Triggers  Triggers
	Config    ConfigFile

	// Use returns what runs the pipelines of the config in use. It stays good until done is called.
	Use func() (r *run.Runner, done func())
	Log *slog.Logger
}

// Handler returns what answers requests.
func Handler(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := o.Ready(r.Context()); err != nil {
			say(w, http.StatusServiceUnavailable, err.Error()+"\n")
			return
		}
		say(w, http.StatusOK, "ok\n")
	})
	if o.Metrics != nil {
		mux.Handle("GET /metrics", require(tidemark.RoleViewer, o.Metrics))
	}
	newAPI(mux, o)
	if pages, err := console(); err == nil {
		mux.Handle("/", pages)
	} else {
		o.Log.Error("there is no console", "err", err)
	}
	looking := require(tidemark.RoleViewer, mux)
	mux.Handle("/iceberg/", require(tidemark.RoleViewer, http.StripPrefix("/iceberg", o.Iceberg)))
	paths := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api" || strings.HasPrefix(r.URL.Path, "/api/openapi") { // which are no operations
			looking.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
	return ours(o, http.NewCrossOriginProtection().Handler(identify(o, paths)))
}

// say writes a text.
func say(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text)) // who does not listen any more misses nothing
}

// IsLocal reports whether only this machine can reach a server that listens on an address, HOST:PORT.
func IsLocal(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && isLoopback(host)
}

// Listen opens the address, HOST:PORT. One that others can reach is ErrInvalid unless the server is guarded: there is somebody
// who can show who he is.
func Listen(ctx context.Context, address string, guarded bool) (net.Listener, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, tidemark.WithHint(fmt.Errorf("listen on %q: %w: %w", address, tidemark.ErrInvalid, err), "write it as 127.0.0.1:8080")
	}
	if !guarded && !IsLocal(address) {
		return nil, tidemark.WithHint(fmt.Errorf("listen on %s: other machines could reach the server, and it has neither users nor tokens: %w", address, tidemark.ErrInvalid),
			"make an admin first: tidemark user add NAME; or listen on 127.0.0.1")
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, tidemark.WithHint(fmt.Errorf("listen on %s: %w", address, err), "choose another address with server.listen")
	}
	return l, nil
}

const (
	headerWithin = 10 * time.Second
	idleFor      = 2 * time.Minute
	endWithin    = 5 * time.Second // of requests that are under way
)

// Serve answers what comes to a listener until ctx ends, and closes it. With a certificate the connections are encrypted.
func Serve(ctx context.Context, l net.Listener, h http.Handler, c *Certificate, log *slog.Logger) error {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: headerWithin, IdleTimeout: idleFor, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	done := make(chan error, 1)
	go func() {
		if c == nil {
			done <- s.Serve(l)
			return
		}
		s.TLSConfig = &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12}
		done <- s.ServeTLS(l, "", "")
	}()
	select {
	case err := <-done:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	if err := s.Shutdown(ending); err != nil {
		_ = s.Close()
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
	return nil
}
