package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// A Server is what tidemark serve goes by.
type Server struct {
	Listen      string   // HOST:PORT
	Hosts       []string // by which it may be asked, in small letters
	Proxies     []netip.Prefix
	Cert, Key   string        // files, absolute; "" where connections are not encrypted
	Store       string        // the file of runs and triggers, absolute
	Parallel    int           // runs at the same time, at least 1
	KeepRuns    time.Duration // how long those that have ended are kept
	StopTimeout time.Duration // how long a stop waits for runs
	URL         string        // where people reach it, without a slash at its end; "" where that is not known
	Lineage     Lineage
}

// Runs is what a server goes by that runs a pipeline.
type Runs struct {
	Retries  int           // further attempts after a fault that may pass
	Timeout  time.Duration // of a run; 0: none
	Priority int

	Freshness time.Duration // how old what the table holds may be; 0: that is not watched
}

// leastKept keeps a run for as long as it takes to look at it, and for triggers that wait for its end to see that.
const leastKept = time.Hour

func (b *builder) server(spec serverSpec) Server {
	b.within("server", "parallel", int64(spec.Parallel), 1, 1000)
	if time.Duration(spec.KeepRuns) < leastKept {
		b.at(join("server", "keep_runs"), "", "want at least 1h")
	}
	if spec.Store == "" {
		b.missing("server", "store")
	}
	_, port, err := net.SplitHostPort(spec.Listen)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
		b.at(join("server", "listen"), "write it as 127.0.0.1:8080", "want HOST:PORT")
	}
	if spec.URL != "" {
		b.webAddress(join("server", "url"), spec.URL)
	}
	cert, key := b.serverTLS(spec.TLS)
	return Server{
		URL: strings.TrimRight(spec.URL, "/"), Lineage: b.lineage(spec.Lineage),
		Listen: spec.Listen, Hosts: b.hosts(spec.Hosts), Proxies: b.proxies(spec.Proxies), Cert: cert, Key: key,
		Store: b.abs(spec.Store), Parallel: spec.Parallel, KeepRuns: time.Duration(spec.KeepRuns), StopTimeout: time.Duration(spec.StopTimeout),
	}
}

// hosts checks the names of the server.
func (b *builder) hosts(names []string) (hosts []string) {
	for _, name := range names {
		if strings.ContainsAny(name, ":/ ") || name == "" {
			b.at(join("server", "hosts"), "write the name alone, as tidemark.example.com", "%q is no name of a host", name)
		}
		hosts = append(hosts, strings.ToLower(name))
	}
	return hosts
}

// proxies reads addresses and networks.
func (b *builder) proxies(texts []string) (all []netip.Prefix) {
	for _, text := range texts {
		network, err := netip.ParsePrefix(text)
		if address, single := netip.ParseAddr(text); single == nil {
			network, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		if err != nil {
			b.at(join("server", "proxies"), "", "want an address or a network such as 10.0.0.0/8, got %q", text)
		}
		all = append(all, network)
	}
	return all
}

func (b *builder) serverTLS(spec serverTLSSpec) (cert, key string) {
	switch {
	case spec.Cert == "" && spec.Key == "":
		return "", ""
	case spec.Cert == "":
		b.missing(join("server", "tls"), "cert")
	case spec.Key == "":
		b.missing(join("server", "tls"), "key")
	}
	return b.abs(spec.Cert), b.abs(spec.Key)
}

func (s runShared) runs() Runs {
	return Runs{Retries: s.Retries, Timeout: time.Duration(s.Timeout), Priority: s.Priority, Freshness: time.Duration(s.Freshness)}
}

// maxRuns returns the limits of connections that have one.
func (b *builder) maxRuns(specs map[string]connectionSpec) map[string]int {
	limits := map[string]int{}
	for name, spec := range specs {
		shared := spec.shared()
		path := join("connections", name)
		if b.has(join(path, "max_runs")) || shared.MaxRuns != 0 { // by the file or by the environment
			b.within(path, "max_runs", int64(shared.MaxRuns), 1, 1000)
			limits[name] = shared.MaxRuns
		}
	}
	return limits
}

func (s connectionSpec) shared() connectionShared {
	switch {
	case s.MySQL != nil:
		return s.MySQL.connectionShared
	case s.S3 != nil:
		return s.S3.connectionShared
	case s.File != nil:
		return s.File.connectionShared
	}
	return connectionShared{}
}
