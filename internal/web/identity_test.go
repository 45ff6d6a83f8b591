package web

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// TestOrigin: where a request comes from, whatever it says itself.
func TestOrigin(t *testing.T) {
	o := Options{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32")}}
	for _, c := range []struct {
		remote, forwarded, proto, want string
		secure                         bool
	}{
		{"192.0.2.7:1000", "", "", "192.0.2.7", false},
		{"192.0.2.7:1000", "198.51.100.1", "https", "192.0.2.7", false},
		{"10.1.1.1:1000", "198.51.100.1", "https", "198.51.100.1", true},
		{"10.1.1.1:1000", "203.0.113.9, 198.51.100.1, 10.2.2.2", "http", "198.51.100.1", false},
		{"10.1.1.1:1000", "127.0.0.1, 198.51.100.1", "", "198.51.100.1", false},
		{"10.1.1.1:1000", "nonsense", "", "10.1.1.1", false},
		{"10.1.1.1:1000", "", "", "10.1.1.1", false},
		{"[::ffff:10.1.1.1]:1000", "2001:db8::1", "HTTPS", "2001:db8::1", true},
		{"[2001:db8::2]:1000", "127.0.0.1", "", "2001:db8::2", false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.remote
		r.Header.Set("X-Forwarded-For", c.forwarded)
		r.Header.Set("X-Forwarded-Proto", c.proto)
		if from, secure := o.origin(r); from != netip.MustParseAddr(c.want) || secure != c.secure {
			t.Errorf("%+v: from %s, encrypted %v", c, from, secure)
		}
	}
}

// TestHosts: by which names a server may be asked that listens to others.
func TestHosts(t *testing.T) {
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	h := ours(Options{Hosts: []string{"tidemark.example.com"}}, next)
	for host, want := range map[string]int{
		"tidemark.example.com": 200, "Tidemark.Example.com:8443": 200, "localhost:8080": 200, "192.0.2.1:8080": 200, "[2001:db8::1]:8080": 200,
		"evil.example": 403, "x.tidemark.example.com": 403, "tidemark.example.com.evil.example": 403, "": 403,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != want {
			t.Errorf("asked as %q: %d, want %d", host, w.Code, want)
		}
	}
}
