package testenv

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"
)

// A Clock is moved by the test. It implements schedule.Clock, and its methods may be called at the same time.
type Clock struct {
	mu     sync.Mutex
	now    time.Time
	timers map[chan time.Time]time.Time // by what they wake: when
}

// NewClock returns a clock that stands at a time of RFC 3339.
func NewClock(t testing.TB, at string) *Clock {
	t.Helper()
	now, err := time.Parse(time.RFC3339, at)
	if err != nil {
		t.Fatal(err)
	}
	return &Clock{now: now, timers: map[chan time.Time]time.Time{}}
}

// Now implements schedule.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Timer implements schedule.Clock. One for less than a moment wakes at once: whoever computed it has seen the time before
// it was moved.
func (c *Clock) Timer(d time.Duration) (<-chan time.Time, func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wake := make(chan time.Time, 1)
	if d <= time.Millisecond {
		wake <- c.now
	} else {
		c.timers[wake] = c.now.Add(d)
	}
	return wake, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, waits := c.timers[wake]
		delete(c.timers, wake)
		return waits
	}
}

// To moves the clock to a time of RFC 3339, and wakes who waits for that.
func (c *Clock) To(t testing.TB, at string) {
	t.Helper()
	now, err := time.Parse(time.RFC3339, at)
	if err != nil || now.Before(c.Now()) {
		t.Fatalf("the clock cannot go from %s to %s: %v", c.Now(), at, err)
	}
	c.set(now)
}

func (c *Clock) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
	for wake, when := range c.timers {
		if !when.After(now) {
			delete(c.timers, wake)
			wake <- now
		}
	}
}

// Show lets other processes see the clock by FollowClock until the end of the test, and returns where.
func (c *Clock) Show(t testing.TB) (url string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, c.Now().Format(time.RFC3339Nano))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// FollowClock returns a clock that goes as one of another process, a few milliseconds behind it, as long as this process
// lives: without the other one it ends the process.
func FollowClock(url string) *Clock {
	c := &Clock{now: seen(url), timers: map[chan time.Time]time.Time{}}
	go func() {
		for ; ; time.Sleep(5 * time.Millisecond) {
			if now := seen(url); now.After(c.Now()) {
				c.set(now)
			}
		}
	}()
	return c
}

func seen(url string) time.Time {
	resp, err := http.Get(url) //nolint:noctx // until the end of the process
	if err == nil {
		defer resp.Body.Close()
		var text []byte
		if text, err = io.ReadAll(resp.Body); err == nil {
			var now time.Time
			if now, err = time.Parse(time.RFC3339Nano, string(text)); err == nil {
				return now
			}
		}
	}
	fmt.Fprintln(os.Stderr, "the test's clock is gone:", err)
	os.Exit(1)
	return time.Time{}
}
