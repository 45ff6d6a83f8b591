package config

import (
	"testing"
	"time"
)

func TestSize(t *testing.T) {
	for text, want := range map[string]int64{
		"64MiB": 64 << 20, "1GiB": 1 << 30, "10 KB": 10_000, "0B": 0, "7TB": 7e12, "8388607TiB": 8388607 << 40,
	} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); err != nil || int64(got) != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "64", "64M", "64mib", "-1MiB", "1.5GiB", "MiB", "8388608TiB", "99999999999999999999B", "+1B"} {
		got := Size(7)
		if err := got.UnmarshalText([]byte(text)); err == nil || got != 7 {
			t.Errorf("%q was read as %d", text, got)
		}
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"250ms": 250 * time.Millisecond, "15m": 15 * time.Minute, "1h30m": 90 * time.Minute, "2d": 48 * time.Hour,
		"0": 0, "1.5s": 1500 * time.Millisecond,
	} {
		var got Duration
		if err := got.UnmarshalText([]byte(text)); err != nil || time.Duration(got) != want {
			t.Errorf("%q: %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "10", "10 minutes", "-1s", "d", "-1d", "1.5d", "106752d", "9999999h9999999h"} {
		got := Duration(7)
		if err := got.UnmarshalText([]byte(text)); err == nil || got != 7 {
			t.Errorf("%q was read as %s", text, got)
		}
	}
	for want, d := range map[string]time.Duration{"10m": 10 * time.Minute, "2h": 2 * time.Hour, "1h30m": 90 * time.Minute, "1m5s": 65 * time.Second} {
		if got := Duration(d).String(); got != want {
			t.Errorf("%d is written %s, want %s", d, got, want)
		}
	}
}

func FuzzSize(f *testing.F) {
	for _, seed := range []string{"64MiB", "1 TB", "0B", "x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s, again Size
		if s.UnmarshalText([]byte(text)) != nil {
			return
		}
		if s < 0 {
			t.Errorf("%q is negative: %d", text, s)
		}
		if err := again.UnmarshalText([]byte(s.String())); err != nil || again != s {
			t.Errorf("%q is %d, written %s, read as %d, %v", text, s, s, again, err)
		}
	})
}

func FuzzDuration(f *testing.F) {
	for _, seed := range []string{"15m", "2d", "1h30m", "1us", "0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var d, again Duration
		if d.UnmarshalText([]byte(text)) != nil {
			return
		}
		if d < 0 {
			t.Errorf("%q is negative: %s", text, d)
		}
		if err := again.UnmarshalText([]byte(d.String())); err != nil || again != d {
			t.Errorf("%q is %d, written %s, read as %d, %v", text, d, d, again, err)
		}
	})
}
