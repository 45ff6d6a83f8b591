// Package posttest has what tests need of the other side of a post.Sender: a clock that the test moves, and a server that
// answers as the test says.
package posttest

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// A Clock is moved by the test. Its methods may be called at the same time.
type Clock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*timer
	added  chan struct{}
}

type timer struct {
	at time.Time
	c  chan time.Time
}

// NewClock returns a clock that stands at a time.
func NewClock(now time.Time) *Clock { return &Clock{now: now, added: make(chan struct{}, 1)} }

// Now implements post.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Timer implements post.Clock.
func (c *Clock) Timer(d time.Duration) (<-chan time.Time, func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{at: c.now.Add(d), c: make(chan time.Time, 1)}
	c.timers = append(c.timers, t)
	select {
	case c.added <- struct{}{}:
	default:
	}
	return t.c, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		i := slices.Index(c.timers, t)
		if i >= 0 {
			c.timers = slices.Delete(c.timers, i, i+1)
		}
		return i >= 0
	}
}

// Add moves the clock, and wakes nobody.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Next waits until somebody waits, moves the clock to the first timer, and returns by how much.
func (c *Clock) Next(t *testing.T) time.Duration {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		if d, ok := c.next(); ok {
			return d
		}
		select {
		case <-c.added:
		case <-limit:
			t.Fatal("nobody waits for a time")
		}
	}
}

func (c *Clock) next() (time.Duration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.timers) == 0 {
		return 0, false
	}
	first := slices.MinFunc(c.timers, func(a, b *timer) int { return a.at.Compare(b.at) })
	c.timers = slices.DeleteFunc(c.timers, func(t *timer) bool { return t == first })
	d := first.at.Sub(c.now)
	c.now = first.at
	first.c <- c.now
	return d, true
}
