package auth

import (
	"container/list"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/tidemark-data/tidemark"
)

// A WaitError refuses a login because too many have failed. It is tidemark.ErrTransient.
type WaitError struct {
	After time.Duration // until the next one is heard
}

func (e *WaitError) Error() string {
	return fmt.Sprintf("too many logins have failed: wait %s", max(e.After.Round(time.Second), time.Second))
}

// Unwrap returns the kind.
func (e *WaitError) Unwrap() error { return tidemark.ErrTransient }

const (
	freeFailures = 5
	firstDelay   = time.Second // behind the last free failure; doubled for each further one
	maxDelay     = time.Minute // so that nobody is locked out for good
	forgetAfter  = time.Hour   // without another failure
	maxKeys      = 10_000      // that are remembered; those go first whose last failure is longest ago
	rememberFor  = 30 * 24 * time.Hour
)

// A limit counts failed logins per name and per address, and makes who fails wait. Who has logged in with a name from an
// address before is counted by the two together alone: so others cannot keep him out by failing in his name, or beside
// him behind one proxy. It is safe for concurrent use, and is forgotten with the process.
type limit struct {
	mu       sync.Mutex
	failures counts
	known    counts // pairs of name and address that have logged in
}

func newLimit() *limit { return &limit{failures: newCounts(), known: newCounts()} }

// A count is of one key.
type count struct {
	key  string
	n    int
	last time.Time
}

// counts are those of the keys that were touched last.
type counts struct {
	order *list.List // of *count, the one touched last at the front
	byKey map[string]*list.Element
}

func newCounts() counts { return counts{order: list.New(), byKey: map[string]*list.Element{}} }

// of returns the count of a key; zero when it is not known, or not any more.
func (c counts) of(key string, now time.Time, forget time.Duration) count {
	e := c.byKey[key]
	if e == nil {
		return count{key: key}
	}
	found := e.Value.(*count)
	if now.Sub(found.last) >= forget {
		return count{key: key}
	}
	return *found
}

// put keeps a count.
func (c counts) put(n count) {
	if e := c.byKey[n.key]; e != nil {
		*e.Value.(*count) = n
		c.order.MoveToFront(e)
		return
	}
	c.byKey[n.key] = c.order.PushFront(&n)
	if c.order.Len() > maxKeys {
		c.drop(c.order.Back().Value.(*count).key)
	}
}

func (c counts) drop(key string) {
	if e := c.byKey[key]; e != nil {
		c.order.Remove(e)
		delete(c.byKey, key)
	}
}

// keys are what a login is counted by.
func (l *limit) keys(name string, from netip.Addr, now time.Time) []string {
	address := network(from)
	pair := "both " + name + " " + address
	if l.known.of(pair, now, rememberFor).n > 0 {
		return []string{pair}
	}
	return []string{"name " + name, "address " + address}
}

// begin counts a login as failed before it is looked at, so that many at the same time do not all get in; or refuses it
// with a WaitError, and does not count it.
func (l *limit) begin(name string, from netip.Addr, now time.Time) (keys []string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	keys = l.keys(name, from, now)
	var wait time.Duration
	for _, key := range keys {
		c := l.failures.of(key, now, forgetAfter)
		wait = max(wait, c.last.Add(delay(c.n)).Sub(now))
	}
	if wait > 0 {
		return nil, &WaitError{After: wait}
	}
	for _, key := range keys {
		c := l.failures.of(key, now, forgetAfter)
		c.n, c.last = c.n+1, now
		l.failures.put(c)
	}
	return keys, nil
}

// delay is how long to wait behind n failures.
func delay(n int) time.Duration {
	if n < freeFailures {
		return 0
	}
	return min(firstDelay<<min(n-freeFailures, 10), maxDelay)
}

// undo takes back what begin has counted: the login came to nothing for another reason.
func (l *limit) undo(keys []string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range keys {
		c := l.failures.of(key, now, forgetAfter)
		if c.n--; c.n > 0 {
			l.failures.put(c)
		} else {
			l.failures.drop(key)
		}
	}
}

// succeeded forgets the failures of a name, and remembers the address from which it has logged in. Of the failures of the
// address only this login is taken back: else who has a name of his own could try others without end.
func (l *limit) succeeded(name string, from netip.Addr, keys []string, now time.Time) {
	l.undo(keys, now)
	l.mu.Lock()
	defer l.mu.Unlock()
	pair := "both " + name + " " + network(from)
	l.failures.drop("name " + name)
	l.failures.drop(pair)
	l.known.put(count{key: pair, n: 1, last: now})
}

// network is what an address is counted by: who has an IPv6 address has a /64 of them.
func network(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
