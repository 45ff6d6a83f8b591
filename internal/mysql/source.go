package mysql

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tidemark-data/tidemark"
)

// Source reads one table for one pipeline. It keeps a few idle connections between calls. Its methods may be called
// from several goroutines at once.
type Source struct {
	config   Config
	pipeline tidemark.Pipeline
	log      *slog.Logger
	server   server        // of the first connection
	pause    time.Duration // before a lost read is begun or continued; doubled for each further try

	mu      sync.Mutex
	idle    []*conn
	open    map[*conn]struct{} // all that are not closed, idle or in use
	closed  bool
	table   *table // as the last Schema saw it
	notices []string
}

var _ tidemark.Source = (*Source)(nil)

// maxIdle is the number of connections that are kept for the next call.
const maxIdle = 4

// Open connects to the server, so that a wrong address or password shows here. The caller closes the source.
func Open(ctx context.Context, config Config, p tidemark.Pipeline, log *slog.Logger) (*Source, error) {
	s := &Source{config: config, pipeline: p, log: log, pause: firstPause, open: map[*conn]struct{}{}}
	c, err := s.acquire(ctx)
	if err != nil {
		return nil, err
	}
	s.server = c.server
	s.release(c)
	return s, nil
}

// Close ends all connections. A Read that is under way fails.
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, c := range s.idle {
		c.close()
		delete(s.open, c)
	}
	for c := range s.open {
		_ = c.net.Close() // its user sees a lost connection and closes it
	}
	s.idle = nil
	return nil
}

// Server returns the server's family and version for people, as in "MySQL 8.0.36".
func (s *Source) Server() string { return s.server.family.String() + " " + s.server.version }

// acquire returns an idle connection or a new one. It is given back with release or discard.
func (s *Source) acquire(ctx context.Context) (*conn, error) {
	s.mu.Lock()
	if n := len(s.idle); n > 0 && !s.closed {
		c := s.idle[n-1]
		s.idle = s.idle[:n-1]
		s.mu.Unlock()
		return c, nil
	}
	s.mu.Unlock()
	return s.dial(ctx)
}

func (s *Source) dial(ctx context.Context) (*conn, error) {
	c, err := connect(ctx, s.config)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		c.close()
		return nil, fmt.Errorf("read %s: the source is closed: %w", s.pipeline.Table, tidemark.ErrInvalid)
	}
	s.open[c] = struct{}{}
	return c, nil
}

// release gives a connection back, to be used again unless it is broken.
func (s *Source) release(c *conn) {
	s.mu.Lock()
	keep := !c.broken && !s.closed && len(s.idle) < maxIdle
	if keep {
		c.reused = true
		s.idle = append(s.idle, c)
	} else {
		delete(s.open, c)
	}
	s.mu.Unlock()
	if !keep {
		c.close()
	}
}

// discard closes a connection on which the server may still be sending.
func (s *Source) discard(c *conn) {
	c.broken = true
	s.release(c)
}

// with runs do on a connection. One that turns out to have ended while it was idle is replaced once: everything that
// the source asks is safe to ask twice.
func (s *Source) with(ctx context.Context, do func(*conn) error) error {
	c, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	stale := c.reused
	err = do(c)
	s.release(c)
	if !stale || !isLost(err) || ctx.Err() != nil {
		return err
	}
	if c, err = s.dial(ctx); err != nil {
		return err
	}
	defer s.release(c)
	return do(c)
}

// notice logs what the owner of the table should know, and keeps it for Notices. It is said once.
func (s *Source) notice(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.mu.Lock()
	known := slices.Contains(s.notices, text)
	if !known {
		s.notices = append(s.notices, text)
	}
	s.mu.Unlock()
	if !known {
		s.log.Info("about the source", "pipeline", s.pipeline.ID, "table", s.pipeline.Table.String(), "notice", text)
	}
}
