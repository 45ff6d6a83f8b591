package schedule

import "time"

// A Clock tells the time and wakes.
type Clock interface {
	Now() time.Time

	// Timer returns a channel that gets a value once d has passed, and what stops that.
	Timer(d time.Duration) (<-chan time.Time, func() bool)
}

// Machine is the clock of this machine.
type Machine struct{}

// Now implements Clock.
func (Machine) Now() time.Time { return time.Now() }

// Timer implements Clock.
func (Machine) Timer(d time.Duration) (<-chan time.Time, func() bool) {
	t := time.NewTimer(d)
	return t.C, t.Stop
}
