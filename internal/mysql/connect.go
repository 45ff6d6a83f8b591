package mysql

import (
	"context"
	"fmt"
	"time"
)

// A conn is a connection with a pinned session. It is for one goroutine at a time.
type conn struct {
	*wire
	id     uint32 // the server's connection id, the thread of innodb_trx and KILL
	server server
	reused bool // it has been idle, so that its end may show only now
	broken bool // the server may still be sending: it can only be closed
}

// connect logs in, finds out what the server is and pins the session. The caller closes the connection.
func connect(ctx context.Context, config Config) (*conn, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	raw, id, err := login(ctx, config)
	if err != nil {
		return nil, err
	}
	c := &conn{wire: newWire(raw), id: id}
	if err := c.settleIn(ctx, config); err != nil {
		c.close()
		return nil, &sessionFailure{fmt.Errorf("connect to %s: %w", config.Address(), err)}
	}
	return c, nil
}

func (c *conn) settleIn(ctx context.Context, config Config) error {
	var err error
	if c.server, err = identify(ctx, c, config); err != nil {
		return err
	}
	return pin(ctx, c, config.writes)
}

// watch makes ctx's end cut the connection short, so that no read or write of it blocks on. The returned function
// ends the watch; it must be called.
func (c *conn) watch(ctx context.Context) (done func()) {
	stop := context.AfterFunc(ctx, func() { _ = c.net.SetDeadline(time.Unix(1, 0)) })
	return func() {
		if !stop() {
			c.broken = true
		}
	}
}

// close ends the connection. When it was idle the server is told, so that it does not count it as aborted.
func (c *conn) close() {
	if !c.broken {
		_ = c.net.SetWriteDeadline(time.Now().Add(time.Second))
		_ = c.command(comQuit)
	}
	_ = c.net.Close()
}
