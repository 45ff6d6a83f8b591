package adversarytest

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark/internal/testenv"
)

// A Control reads an adversary's table as most tools do: WHERE cursor > the largest value seen. What it loads must have
// holes, or the adversary is none.
type Control struct {
	t     testing.TB
	db    *sql.DB
	query string
	stop  context.CancelFunc
	done  sync.WaitGroup

	last   string
	loaded []Version
}

// StartControl begins to read the table every period.
func StartControl(t testing.TB, server *testenv.Server, database, table string, kind CursorKind, period time.Duration) *Control {
	t.Helper()
	column := kind.Column()
	first := "-1"
	if kind != Integer {
		first = "1980-01-01 00:00:00"
	}
	ctx, stop := context.WithCancel(t.Context())
	c := &Control{
		t: t, db: server.DB(t, database), stop: stop, last: first,
		query: fmt.Sprintf("SELECT id, version, CAST(`%s` AS CHAR) FROM `%s` WHERE `%s` > ? ORDER BY `%s`", column, table, column, column),
	}
	c.done.Go(func() {
		ticks := time.NewTicker(period)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
				c.read()
			case <-ctx.Done():
				return
			}
		}
	})
	return c
}

func (c *Control) read() {
	rows, err := c.db.Query(c.query, c.last)
	if err != nil {
		c.t.Errorf("control: %v", err)
		return
	}
	defer rows.Close()
	for rows.Next() {
		var v Version
		if err := rows.Scan(&v.ID, &v.Number, &c.last); err != nil {
			c.t.Errorf("control: %v", err)
			return
		}
		c.loaded = append(c.loaded, v)
	}
	if err := rows.Err(); err != nil {
		c.t.Errorf("control: %v", err)
	}
}

// Stop reads once more, after the adversary has stopped, and returns all that was loaded.
func (c *Control) Stop() []Version {
	c.stop()
	c.done.Wait()
	c.read()
	return c.loaded
}
