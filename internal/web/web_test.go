package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/auth"
	"github.com/tidemark-data/tidemark/internal/sqlite"
)

// guard is one over a store of its own.
func guard(t *testing.T) *auth.Guard {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return auth.New(auth.Options{Store: store})
}

func handler(t *testing.T, ready error) http.Handler {
	t.Helper()
	return Handler(Options{
		Guard: guard(t), Local: true,
		Log:     slog.New(slog.DiscardHandler),
		Ready:   func(context.Context) error { return ready },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { say(w, 200, "up 1\n") }),
		Iceberg: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { say(w, 200, "iceberg "+r.URL.Path) }),
	})
}

// TestHandler: what is asked for, by which name, from where.
func TestHandler(t *testing.T) {
	down := errors.New("the store is gone")
	for _, c := range []struct {
		method, path, host, origin string
		ready                      error
		code                       int
		want                       string
	}{
		{"GET", "/healthz", "127.0.0.1:8080", "", nil, 200, "ok\n"},
		{"GET", "/readyz", "localhost", "", nil, 200, "ok\n"},
		{"GET", "/readyz", "[::1]:8080", "", down, 503, "the store is gone\n"},
		{"GET", "/healthz", "127.0.0.1:8080", "", down, 200, "ok\n"},
		{"GET", "/iceberg/v1/config", "localhost:8080", "", nil, 200, "iceberg /v1/config"},
		{"POST", "/iceberg/v1/namespaces", "localhost:8080", "", nil, 200, "iceberg /v1/namespaces"},
		{"POST", "/iceberg/v1/namespaces", "localhost:8080", "http://localhost:8080", nil, 200, "iceberg /v1/namespaces"},
		{"POST", "/iceberg/v1/namespaces", "localhost:8080", "https://evil.example", nil, 403, ""},
		{"GET", "/healthz", "evil.example:8080", "", nil, 403, ""},
		{"GET", "/iceberg/v1/config", "127.0.0.1.evil.example", "", nil, 403, ""},
		{"GET", "/iceberg/v1/config", "10.0.0.1:8080", "", nil, 403, ""},
		{"GET", "/healthz", "", "", nil, 403, ""},
		{"GET", "/metrics", "localhost:8080", "", nil, 200, "up 1\n"},
		{"GET", "/metrics", "evil.example:8080", "", nil, 403, ""},
		{"POST", "/metrics", "localhost", "", nil, 405, ""},
		{"GET", "/nothing", "localhost", "", nil, 200, ""}, // the console says that there is no such page
		{"GET", "/assets/nothing.js", "localhost", "", nil, 404, ""},
		{"POST", "/healthz", "localhost", "", nil, 405, ""},
		{"GET", "/api/v1/nothing", "localhost", "", nil, 404, ""},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		r.Host, r.RemoteAddr = c.host, "127.0.0.1:40000"
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		w := httptest.NewRecorder()
		handler(t, c.ready).ServeHTTP(w, r)
		if body := w.Body.String(); w.Code != c.code || c.want != "" && body != c.want {
			t.Errorf("%s %s of %q from %q: %d %q, want %d %q", c.method, c.path, c.host, c.origin, w.Code, body, c.code, c.want)
		}
	}
}

// TestListen: only this machine can reach a server that has nobody who could show who he is.
func TestListen(t *testing.T) {
	if l, err := Listen(t.Context(), "0.0.0.0:0", true); err != nil {
		t.Errorf("a guarded server: %v", err)
	} else {
		l.Close()
	}
	for address, want := range map[string]error{
		"127.0.0.1:0": nil, "localhost:0": nil, "0.0.0.0:0": tidemark.ErrInvalid, ":0": tidemark.ErrInvalid, "[::]:0": tidemark.ErrInvalid,
		"example.com:80": tidemark.ErrInvalid, "127.0.0.1": tidemark.ErrInvalid, "192.168.0.1:80": tidemark.ErrInvalid,
	} {
		l, err := Listen(t.Context(), address, false)
		if !errors.Is(err, want) || err != nil && tidemark.Hint(err) == "" {
			t.Errorf("Listen(%q) = %v (hint %q), want %v", address, err, tidemark.Hint(err), want)
		}
		if l != nil {
			l.Close()
		}
	}
}

// TestServe: requests are answered until the end, which comes at once when there are none.
func TestServe(t *testing.T) {
	l, err := Listen(t.Context(), "127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(t.Context(), l.Addr().String(), false); err == nil || tidemark.Hint(err) == "" {
		t.Errorf("an address that is taken: %v, want an error with a hint", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, handler(t, nil), nil, slog.New(slog.DiscardHandler)) }()
	resp, err := http.Get("http://" + l.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || string(body) != "ok\n" {
		t.Errorf("%q, %v", body, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
