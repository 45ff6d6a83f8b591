package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A Size is a number of bytes. Its text is a whole number and a unit: B, KiB, MiB, GiB, TiB by 1024, or KB, MB, GB,
// TB by 1000. The unit is never left out, because 256 would then be read as megabytes by one person and as bytes by
// the program.
type Size int64

var sizeUnits = []struct {
	name  string
	bytes int64
}{ // the longer names first: each ends in B
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1},
}

var errSize = errors.New("want a size such as 64MiB")

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	word := strings.TrimSpace(string(text))
	for _, unit := range sizeUnits {
		digits, found := strings.CutSuffix(word, unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 63)
		if err != nil {
			return errSize
		}
		if int64(n) > math.MaxInt64/unit.bytes {
			return errors.New("the size is out of range")
		}
		*s = Size(int64(n) * unit.bytes)
		return nil
	}
	return errSize
}

// String returns the size with the largest binary unit that divides it.
func (s Size) String() string {
	for _, unit := range sizeUnits[:4] {
		if s != 0 && int64(s)%unit.bytes == 0 {
			return fmt.Sprintf("%d%s", int64(s)/unit.bytes, unit.name)
		}
	}
	return fmt.Sprintf("%dB", int64(s))
}

// MarshalText is String.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// A Duration is a length of time, never negative. Its text is that of time.ParseDuration, or a number of days: 250ms,
// 15m, 1h30m, 2d. A bare number has no meaning, save 0.
type Duration time.Duration

var errDuration = errors.New("want a duration such as 15m")

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	word := strings.TrimSpace(string(text))
	parsed, err := time.ParseDuration(word)
	if days, found := strings.CutSuffix(word, "d"); found {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 31)
		if err == nil && n > uint64(math.MaxInt64/(24*time.Hour)) {
			return errors.New("the duration is out of range")
		}
		parsed = time.Duration(n) * 24 * time.Hour
	}
	if err != nil {
		return errDuration
	}
	if parsed < 0 {
		return errors.New("a duration cannot be negative")
	}
	*d = Duration(parsed)
	return nil
}

// String returns the duration as time.Duration writes it, without units that are zero.
func (d Duration) String() string {
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText is String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Strings is one text or a list of texts.
type Strings []string

// A Literal is a value of a column as it is written: text, a number, true or false.
type Literal string

// UnmarshalText takes any text.
func (l *Literal) UnmarshalText(text []byte) error {
	*l = Literal(text)
	return nil
}

// Literals is a list of values.
type Literals []Literal
