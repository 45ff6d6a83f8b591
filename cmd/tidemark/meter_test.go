package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		name     string
		readings []reading
		want     string
	}{
		{"not begun", []reading{{}}, "0 rows · 0 rows/s · 0.0 MB/s"},
		{"half", []reading{{}, {at: start.Add(4 * time.Second), rows: 2_000_000, bytes: 50_000_000, expected: 4_000_000}},
			"2,000,000 rows · 500,000 rows/s · 12.5 MB/s · 50% · ETA 4.0 s"},
		{"more than expected", []reading{{}, {at: start.Add(time.Second), rows: 11, bytes: 0, expected: 10}},
			"11 rows · 11 rows/s · 0.0 MB/s · 99%"},
		{"read", []reading{{}, {at: start.Add(2 * time.Second), rows: 10, bytes: 4_000_000, expected: 20, read: true}},
			"10 rows · 5 rows/s · 2.0 MB/s · 100% · committing"},
		{"a new attempt", []reading{
			{}, {at: start.Add(10 * time.Second), rows: 1000, expected: 2000}, {at: start.Add(20 * time.Second), expected: 2000},
			{at: start.Add(21 * time.Second), rows: 500, expected: 2000},
		}, "500 rows · 500 rows/s · 0.0 MB/s · 25% · ETA 3.0 s"},
	} {
		var m meter
		for _, r := range c.readings {
			if r.at.IsZero() {
				r.at = start
			}
			m.see(r)
		}
		if got := m.line(); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestMeterAttributes(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	m := meter{name: "orders"}
	m.see(reading{at: start})
	m.see(reading{at: start.Add(4 * time.Second), rows: 2_000_000, bytes: 50_000_000, expected: 4_000_000})
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).LogAttrs(t.Context(), slog.LevelInfo, "progress", m.attributes()...)
	want := `level=INFO msg=progress pipeline=orders rows=2000000 rows_per_s=500000 mb_per_s=12.5 percent=50 eta=4s`
	if got := strings.TrimSpace(out.String()); !strings.HasSuffix(got, want) {
		t.Errorf("got %s, want %s at its end", got, want)
	}
}
