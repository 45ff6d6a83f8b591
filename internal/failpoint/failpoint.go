// Package failpoint gives names to the places where a test kills the process or makes a step fail, so that the real
// binary can be stopped between any two writes of a commit and run again.
//
// The code under test calls [Hit] with a name. Nothing happens until the main program has called [Arm], which it does
// with the environment variable TIDEMARK_FAILPOINTS. This is the only package with state of its own: a place to die
// belongs to the process, not to one of its values.
package failpoint

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
)

// ErrHit is what an armed place of kind "error" returns, wrapped with its name.
var ErrHit = errors.New("failpoint hit")

// armed is nil in every process that is not under test.
var armed atomic.Pointer[map[string]*point]

// A point is a place and what happens there. Its fields are fixed but for the counter.
type point struct {
	kill bool
	at   int64 // the hit that counts, from 1; 0 means each
	hits atomic.Int64
}

// Hit marks a place. It returns nil at once when the place is not armed. An armed place kills the process, so that no
// deferred function runs, or returns an error that wraps ErrHit. It may be called from several goroutines.
func Hit(name string) error {
	points := armed.Load()
	if points == nil {
		return nil
	}
	p, ok := (*points)[name]
	if !ok {
		return nil
	}
	if n := p.hits.Add(1); p.at != 0 && n != p.at {
		return nil
	}
	if p.kill {
		die()
	}
	return fmt.Errorf("%s: %w", name, ErrHit)
}

// die ends the process as a power cut would. The signal is delivered at some moment after the call, so this goroutine
// must not go on meanwhile: the step behind the place would be done after all.
func die() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		os.Exit(137) // the status of a killed process; no deferred function runs here either
	}
	select {}
}

// Arm replaces what is armed by spec, a comma-separated list of NAME=ACTION or NAME=ACTION@N. The action is "kill" or
// "error"; N is the hit at which it happens, from 1. Without N each hit counts. An empty spec disarms all places. A
// spec that cannot be read is an error, and nothing has changed.
func Arm(spec string) error {
	if strings.TrimSpace(spec) == "" {
		armed.Store(nil)
		return nil
	}
	points := make(map[string]*point)
	for item := range strings.SplitSeq(spec, ",") {
		name, action, ok := strings.Cut(strings.TrimSpace(item), "=")
		if !ok || name == "" {
			return fmt.Errorf("failpoint %q: want NAME=kill, NAME=error or NAME=kill@N", item)
		}
		if _, twice := points[name]; twice {
			return fmt.Errorf("failpoint %q: named twice", name)
		}
		p, err := parseAction(action)
		if err != nil {
			return fmt.Errorf("failpoint %q: %w", name, err)
		}
		points[name] = p
	}
	armed.Store(&points)
	return nil
}

func parseAction(text string) (*point, error) {
	action, count, counted := strings.Cut(text, "@")
	p := &point{kill: action == "kill"}
	if action != "kill" && action != "error" {
		return nil, fmt.Errorf("action %q: want kill or error", action)
	}
	if !counted {
		return p, nil
	}
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil || n < 1 {
		return nil, fmt.Errorf("hit %q: want a number from 1", count)
	}
	p.at = n
	return p, nil
}
