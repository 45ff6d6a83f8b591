package serve

import (
	"context"
	"net"
	"net/http"

	"github.com/tidemark-data/tidemark/internal/web"
)

// openPort begins to listen, and reads the certificate if there is one.
func (s *server) openPort(ctx context.Context) (net.Listener, *web.Certificate, error) {
	var certificate *web.Certificate
	guarded, err := s.guard.Guarded(ctx)
	if err == nil && s.as.Cert != "" {
		certificate, err = web.LoadCertificate(s.as.Cert, s.as.Key)
	}
	if err != nil {
		return nil, nil, err
	}
	l, err := web.Listen(ctx, s.as.Listen, guarded)
	if err != nil {
		return nil, nil, err
	}
	s.log.Info("listening", "address", l.Addr(), "encrypted", certificate != nil, "guarded", guarded)
	return l, certificate, nil
}

// handler answers over HTTP until ctx ends.
func (s *server) handler(ctx context.Context) http.Handler {
	b := &backend{server: s}
	return web.Handler(web.Options{
		Version: s.opts.Version, Log: s.log, Runs: b, Pipelines: b, Triggers: b, Use: b.use, Config: file{s},
		Ending: ctx.Done(), Guard: s.guard, Local: web.IsLocal(s.as.Listen), Hosts: s.as.Hosts, Proxies: s.as.Proxies,
		Ready: func(ctx context.Context) error {
			_, err := s.store.LastEnd(ctx)
			return err
		},
		Iceberg: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.current.Load().ServeHTTP(w, r) }),
		Metrics: s.meter.Handler(),
	})
}
