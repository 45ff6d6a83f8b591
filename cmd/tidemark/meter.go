package main

import (
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// A reading is what the counters of a run said at one moment.
type reading struct {
	at                    time.Time
	rows, bytes, expected int64 // expected is 0 while unknown
	read                  bool  // all splits have been read: what is left is the commit
}

// A meter makes speeds out of readings. It is not safe for concurrent use.
type meter struct {
	name        string
	first, last reading
}

// see takes a new reading. When the counters have gone back, a new attempt has begun, and the speed with it.
func (m *meter) see(r reading) {
	if m.first.at.IsZero() || r.rows < m.last.rows {
		m.first = r
	}
	m.last = r
}

// speed returns rows and bytes per second since the first reading of the attempt.
func (m *meter) speed() (rows, bytes float64) {
	seconds := m.last.at.Sub(m.first.at).Seconds()
	if seconds <= 0 {
		return 0, 0
	}
	return float64(m.last.rows-m.first.rows) / seconds, float64(m.last.bytes-m.first.bytes) / seconds
}

// percent returns how much of the expected rows has been read: never 100 before the end, since the number is the
// server's guess. It is -1 while nothing is expected.
func (m *meter) percent() int {
	switch {
	case m.last.read:
		return 100
	case m.last.expected <= 0:
		return -1
	default:
		return int(min(100*m.last.rows/m.last.expected, 99))
	}
}

// left returns the time until all is read, or -1 when it cannot be known.
func (m *meter) left() time.Duration {
	speed, _ := m.speed()
	rest := m.last.expected - m.last.rows
	if m.last.read || m.last.expected <= 0 || rest <= 0 || speed <= 0 {
		return -1
	}
	return time.Duration(float64(rest) / speed * float64(time.Second))
}

// line is the meter for a terminal.
func (m *meter) line() string {
	rows, bytes := m.speed()
	parts := []string{
		thousands(m.last.rows) + " rows",
		thousands(int64(rows)) + " rows/s",
		fmt.Sprintf("%.1f MB/s", bytes/1e6),
	}
	if percent := m.percent(); percent >= 0 {
		parts = append(parts, fmt.Sprintf("%d%%", percent))
	}
	switch left := m.left(); {
	case m.last.read:
		parts = append(parts, "committing")
	case left >= 0:
		parts = append(parts, "ETA "+took(left))
	}
	return strings.Join(parts, " · ")
}

// attributes is the meter for a log.
func (m *meter) attributes() []slog.Attr {
	rows, bytes := m.speed()
	list := []slog.Attr{
		slog.String("pipeline", m.name), slog.Int64("rows", m.last.rows),
		slog.Int64("rows_per_s", int64(rows)), slog.Float64("mb_per_s", float64(int64(bytes/1e5))/10),
	}
	if percent := m.percent(); percent >= 0 {
		list = append(list, slog.Int("percent", percent))
	}
	if left := m.left(); left >= 0 {
		list = append(list, slog.Duration("eta", left.Round(time.Second)))
	}
	return list
}
