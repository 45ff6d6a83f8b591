package run

import (
	"context"
	"sync"
	"time"

	"github.com/tidemark-data/tidemark/internal/config"
)

// A pace spreads the rows that several readers take from one server over time.
type pace struct {
	each time.Duration // of one row

	mu   sync.Mutex
	next time.Time // when the rows that were read so far have had their time
}

// paceOf returns the pause that keeps the readers of a connection together below its read_rate; nil where it has none.
func (r *Runner) paceOf(connection string) func(context.Context, int64) error {
	c, ok := r.cfg.Connections[connection].(*config.MySQL)
	if !ok || c.ReadRate == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.paces[connection] == nil {
		r.paces[connection] = &pace{each: time.Second / time.Duration(c.ReadRate)}
	}
	return r.paces[connection].wait
}

// wait waits until rows that were read have had their time, behind those of others. Time in which nobody reads is not saved
// up.
func (p *pace) wait(ctx context.Context, rows int64) error {
	timer := time.NewTimer(time.Until(p.take(rows, time.Now())))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// take returns when the time of rows is over that were read by now.
func (p *pace) take(rows int64, now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next.Before(now) {
		p.next = now
	}
	p.next = p.next.Add(time.Duration(rows) * p.each)
	return p.next
}
