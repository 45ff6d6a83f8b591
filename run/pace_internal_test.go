package run

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestPace: readers share the time, idle time is not saved up, and the end of a run ends the waiting.
func TestPace(t *testing.T) {
	p := &pace{each: time.Millisecond}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, step := range []struct {
		rows     int64
		now, end time.Duration
	}{
		{1000, 0, time.Second},
		{500, 0, 1500 * time.Millisecond}, // another reader, at the same time
		{100, 1200 * time.Millisecond, 1600 * time.Millisecond},
		{100, time.Hour, time.Hour + 100*time.Millisecond},
	} {
		if got := p.take(step.rows, start.Add(step.now)).Sub(start); got != step.end {
			t.Errorf("%d rows at %s have their time until %s, want %s", step.rows, step.now, got, step.end)
		}
	}
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if err := (&pace{each: time.Hour}).wait(ctx, 1); !errors.Is(err, stop) {
		t.Errorf("waiting when the run ends: %v", err)
	}
}
