package blob_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tidemark-data/tidemark/internal/blob"
)

// TestS3Close: a store that is closed keeps no connection, and works on when it is asked again.
func TestS3Close(t *testing.T) {
	t.Parallel()
	var open connections
	p, config := startProxy(t, func(w http.ResponseWriter, _ *http.Request, _ int, pass func(http.ResponseWriter)) { pass(w) })
	front := httptest.NewUnstartedServer(p.Config.Handler)
	front.Config.ConnState = open.state
	front.Start()
	t.Cleanup(front.Close)
	config.Endpoint = front.URL
	s := openS3(t, config)
	for range 2 {
		var g errgroup.Group
		for range 4 {
			g.Go(func() error { return s.Put(t.Context(), "a", []byte("x"), blob.PutOptions{}) })
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		if open.number() == 0 {
			t.Fatal("no connection is kept between two requests")
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(10 * time.Second); open.number() > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d connections are left behind Close", open.number())
			}
		}
	}
}

// connections are those that a server has.
type connections struct {
	mu   sync.Mutex
	open map[net.Conn]bool
}

func (c *connections) state(conn net.Conn, s http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = map[net.Conn]bool{}
	}
	if s == http.StateClosed {
		delete(c.open, conn)
	} else {
		c.open[conn] = true
	}
}

func (c *connections) number() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}
