package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
)

// A turnstile is a limit with its clock.
type turnstile struct {
	*limit
	now time.Time
}

// fail lets a login fail, and returns how long to wait before one is heard; 0: this one was.
func (l *turnstile) fail(name, from string) time.Duration {
	_, err := l.begin(name, addr(from), l.now)
	var wait *WaitError
	if errors.As(err, &wait) {
		return wait.After
	}
	return 0
}

// succeed lets a login succeed, and reports whether it was heard.
func (l *turnstile) succeed(name, from string) bool {
	keys, err := l.begin(name, addr(from), l.now)
	if err != nil {
		return false
	}
	l.succeeded(name, addr(from), keys, l.now)
	return true
}

// TestDelays: some failures are free, then the delay grows, to its end.
func TestDelays(t *testing.T) {
	l := &turnstile{newLimit(), dawn}
	for i := range freeFailures {
		if wait := l.fail("ann", "192.0.2.1"); wait != 0 {
			t.Fatalf("failure %d: wait %s", i, wait)
		}
	}
	var waits []time.Duration
	for range 9 {
		wait := l.fail("ann", "192.0.2.1")
		waits = append(waits, wait)
		if again := l.fail("ann", "192.0.2.1"); again != wait {
			t.Errorf("asking again makes it %s, not %s", again, wait)
		}
		l.now = l.now.Add(wait - 1)
		if left := l.fail("ann", "192.0.2.1"); left != 1 {
			t.Errorf("just before: %s are left", left)
		}
		l.now = l.now.Add(1)
		if wait := l.fail("ann", "192.0.2.1"); wait != 0 {
			t.Errorf("behind the delay: wait %s", wait)
		}
	}
	s := time.Second
	if want := []time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s, 60 * s, 60 * s, 60 * s}; !slices.Equal(waits, want) {
		t.Errorf("delays %v, want %v", waits, want)
	}
	l.now = l.now.Add(forgetAfter)
	for i := range freeFailures {
		if wait := l.fail("ann", "192.0.2.1"); wait != 0 {
			t.Errorf("an hour later, failure %d: wait %s", i, wait)
		}
	}
}

// TestKeys: failures count for the name wherever they come from, and for the address whatever the name is.
func TestKeys(t *testing.T) {
	l := &turnstile{newLimit(), dawn}
	for i := range freeFailures {
		l.fail("ann", fmt.Sprintf("192.0.2.%d", i))
		l.fail(fmt.Sprint("user", i), "198.51.100.1")
		l.fail(fmt.Sprint("six", i), fmt.Sprintf("2001:db8::%d", i))
	}
	for _, c := range []struct {
		name, from string
		heard      bool
	}{
		{"ann", "203.0.113.1", false}, {"bob", "203.0.113.2", true}, {"bob", "198.51.100.1", false}, {"bob", "::ffff:198.51.100.1", false},
		{"bob", "2001:db8::ffff", false}, {"bob", "2001:db8:0:1::1", true},
	} {
		if wait := l.fail(c.name, c.from); (wait == 0) != c.heard {
			t.Errorf("%s from %s: wait %s", c.name, c.from, wait)
		}
	}
}

// TestKnownAddress: others cannot keep out who comes from where he came before; and he is not let off himself.
func TestKnownAddress(t *testing.T) {
	l := &turnstile{newLimit(), dawn}
	if !l.succeed("ann", "192.0.2.1") {
		t.Fatal("a first login is refused")
	}
	for range 20 {
		l.fail("ann", "203.0.113.1") // somewhere else, in her name
		l.fail("bob", "192.0.2.1")   // beside her, in another name
	}
	if l.succeed("ann", "203.0.113.2") || l.succeed("carl", "192.0.2.1") {
		t.Error("failures do not count")
	}
	if !l.succeed("ann", "192.0.2.1") {
		t.Error("ann is kept out by others")
	}
	for range freeFailures {
		l.fail("ann", "192.0.2.1")
	}
	if l.succeed("ann", "192.0.2.1") {
		t.Error("failures from a known address do not count")
	}
	l.now = l.now.Add(maxDelay)
	if !l.succeed("ann", "192.0.2.1") || !l.succeed("ann", "203.0.113.2") {
		t.Error("a minute later the right password is not heard")
	}
}

// TestOwnNameIsNoWayRound: who has a name of his own does not get more guesses at others by logging in between.
func TestOwnNameIsNoWayRound(t *testing.T) {
	l := &turnstile{newLimit(), dawn}
	heard := 0
	for i := range 100 {
		l.succeed("eve", "192.0.2.1")
		if l.fail(fmt.Sprint("user", i), "192.0.2.1") == 0 {
			heard++
		}
	}
	if heard != freeFailures {
		t.Errorf("%d guesses were heard, want %d", heard, freeFailures)
	}
}

// TestMemory: strangers with many names and addresses do not fill the memory.
func TestMemory(t *testing.T) {
	l := &turnstile{newLimit(), dawn}
	for i := range 3 * maxKeys {
		from := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String()
		if i%2 == 0 {
			l.fail(fmt.Sprint("user", i), from)
		} else {
			l.succeed(fmt.Sprint("user", i), from)
		}
	}
	for what, c := range map[string]counts{"failures": l.failures, "known": l.known} {
		if n := len(c.byKey); n > maxKeys || n != c.order.Len() || n < maxKeys/2 {
			t.Errorf("%s: %d keys, %d in order", what, n, c.order.Len())
		}
	}
}

// TestAtOnce: many logins at the same time are no more guesses than one behind the other.
func TestAtOnce(t *testing.T) {
	s := newStage(t)
	var heard, waited atomic.Int64
	var all sync.WaitGroup
	for i := range 30 {
		all.Go(func() {
			_, _, err := s.Login(t.Context(), "ann", fmt.Sprint("guess ", i), addr(fmt.Sprintf("203.0.113.%d", i)))
			var wait *WaitError
			switch {
			case errors.As(err, &wait) && errors.Is(err, tidemark.ErrTransient) && wait.After > 0:
				waited.Add(1)
			case errors.Is(err, tidemark.ErrDenied):
				heard.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if heard.Load() != freeFailures || waited.Load() != 30-freeFailures {
		t.Errorf("%d guesses were heard, %d told to wait", heard.Load(), waited.Load())
	}
	if acts, err := s.Acts(t.Context(), s.root, tidemark.ActFilter{Limit: 100}); err != nil || len(acts) != freeFailures+2 || acts[0].Object != "ann" || acts[0].Outcome != "denied" || acts[0].Who != "" {
		t.Errorf("noted: %+v, %v", acts, err)
	}
}
