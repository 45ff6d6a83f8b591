package blob_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"github.com/tidemark-data/tidemark/internal/blob"
)

// A proxy stands between a store and the real server, and does to requests what networks do.
type proxy struct {
	*httptest.Server
	forward *httputil.ReverseProxy

	mu     sync.Mutex
	seen   []*http.Request
	handle handler
}

// A handler answers a request in place of the server, or lets pass forward it. n counts the requests from 1.
type handler func(w http.ResponseWriter, r *http.Request, n int, pass func(http.ResponseWriter))

// startProxy returns a proxy and the config of a store that goes through it.
func startProxy(t *testing.T, handle handler) (*proxy, blob.S3Config) {
	t.Helper()
	config := testConfig(t)
	target, err := url.Parse(config.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{handle: handle}
	// The signature covers the host that the client asked, so the request keeps it.
	p.forward = &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host },
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	config.Endpoint = p.URL
	return p, config
}

func (p *proxy) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.seen = append(p.seen, r.Clone(r.Context()))
	n := len(p.seen)
	p.mu.Unlock()
	p.handle(w, r, n, func(w http.ResponseWriter) { p.forward.ServeHTTP(w, r) })
}

// requests returns what has come so far, without the bodies.
func (p *proxy) requests() []*http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

// loseReply lets the server execute a request and then cuts the connection.
func loseReply(pass func(http.ResponseWriter)) {
	pass(httptest.NewRecorder())
	cut()
}

// cut ends a request as a broken connection does.
func cut() { panic(http.ErrAbortHandler) }

// answer writes an error as S3 does.
func answer(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`<?xml version="1.0"?><Error><Code>` + code + `</Code><Message>` + message + `</Message></Error>`))
}
