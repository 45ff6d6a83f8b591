package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ours refuses requests that were sent to another name than the server's own. A browser puts there what its address bar
// shows: a page whose name was made to lead to this server shows itself by that. An address is no such name, but where
// nobody is asked who he is only those of the machine itself are taken.
func ours(o Options, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		_, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if !isLoopback(host) && !slices.Contains(o.Hosts, strings.ToLower(host)) && (err != nil || o.Local) {
			say(w, http.StatusForbidden, fmt.Sprintf("this server is not called %q: ask it by a name of server.hosts, or from its own machine as 127.0.0.1 or localhost\n", host))
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "same-origin")
		if strings.HasPrefix(r.URL.Path, "/api/v1/") { // what runs and rows are is told to who asks, and not kept by proxies
			w.Header().Set("Cache-Control", "no-store")
		}
		next.ServeHTTP(w, r)
	})
}

// isLoopback reports whether a host is this machine, by a name that nobody else can give.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}
