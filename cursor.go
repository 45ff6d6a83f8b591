package tidemark

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// CursorKind is the family of values that a cursor column holds. Only these order changes: strings order by
// collation and floats lose digits, so they are refused.
type CursorKind uint8

const (
	CursorNone      CursorKind = iota // the kind of the zero CursorValue
	CursorInteger                     // any integer column, signed or unsigned
	CursorDate                        // DATE
	CursorDatetime                    // DATETIME: a wall clock without a zone
	CursorTimestamp                   // TIMESTAMP: an instant
)

func (k CursorKind) String() string {
	return [...]string{"none", "integer", "date", "datetime", "timestamp"}[k]
}

// Temporal reports whether the kind is a date or time.
func (k CursorKind) Temporal() bool { return k >= CursorDate }

// A Cursor is the column that orders the changes of a table.
type Cursor struct {
	Column      string
	Index       int // in Schema.Columns
	Kind        CursorKind
	Nullable    bool
	Granularity time.Duration // of the column: a day for DATE, else by its fractional digits; 0 for integers

	// ServerSet says that the server sets the value at each change (DEFAULT and ON UPDATE CURRENT_TIMESTAMP, or
	// AUTO_INCREMENT). Where it is false, applications may write older values, and Settle allows for it.
	ServerSet bool
	Indexed   bool // an index begins with the column
}

// A CursorValue is one value of a cursor: an integer of up to 64 bits, signed or unsigned, or a point in time with
// microseconds. The zero value means "none" and is below every other. CursorValues are comparable with ==.
type CursorValue struct {
	kind CursorKind
	wide bool  // an integer of 2^63 or more, n holding its bits
	n    int64 // the integer; or microseconds since 1970-01-01 00:00:00 of the cursor's own clock
}

// IntegerValue returns v as a CursorValue.
func IntegerValue(v int64) CursorValue { return CursorValue{kind: CursorInteger, n: v} }

// UnsignedValue returns v as a CursorValue.
func UnsignedValue(v uint64) CursorValue {
	return CursorValue{kind: CursorInteger, wide: v > 1<<63-1, n: int64(v)}
}

// TemporalValue returns the point that lies micros microseconds after 1970-01-01 00:00:00 on the clock of the
// cursor: UTC for a timestamp, the wall for date and datetime. kind must be temporal.
func TemporalValue(kind CursorKind, micros int64) CursorValue {
	return CursorValue{kind: kind, n: micros}
}

// Kind returns the value's kind; CursorNone for the zero value.
func (v CursorValue) Kind() CursorKind { return v.kind }

// IsZero reports whether v is "none".
func (v CursorValue) IsZero() bool { return v.kind == CursorNone }

// Micros returns a temporal value as microseconds since 1970-01-01 00:00:00 of its own clock.
func (v CursorValue) Micros() int64 { return v.n }

// Compare orders values: negative when v is below w. "None" is below all; values of two kinds have no order but
// by kind, which callers exclude before they compare (a cursor that changed its kind stops the run).
func (v CursorValue) Compare(w CursorValue) int {
	if v.kind != w.kind {
		return cmp.Compare(v.kind, w.kind)
	}
	if v.wide != w.wide {
		if v.wide {
			return 1
		}
		return -1
	}
	return cmp.Compare(v.n, w.n)
}

// Next returns the least value that is above v in any column of its kind, of whatever precision; none above the largest
// integer, and of none.
func (v CursorValue) Next() CursorValue {
	switch {
	case v.kind == CursorNone || v.wide && v.n == -1:
		return CursorValue{}
	case v.kind == CursorInteger && !v.wide && v.n == math.MaxInt64:
		return UnsignedValue(1 << 63)
	case v.kind == CursorDate:
		v.n += (24 * time.Hour).Microseconds()
	default:
		v.n++
	}
	return v
}

// Less reports whether v is below w.
func (v CursorValue) Less(w CursorValue) bool { return v.Compare(w) < 0 }

// Min returns the lower, Max the higher of two values.
func (v CursorValue) Min(w CursorValue) CursorValue {
	if w.Less(v) {
		return w
	}
	return v
}

// Max returns the higher of two values.
func (v CursorValue) Max(w CursorValue) CursorValue {
	if v.Less(w) {
		return w
	}
	return v
}

const (
	dateForm      = "2006-01-02"
	datetimeForm  = "2006-01-02 15:04:05"
	timestampForm = "2006-01-02T15:04:05"
)

// String returns the value's only text form: decimal digits, 2006-01-02, "2006-01-02 15:04:05.999999" or
// 2006-01-02T15:04:05.999999Z, the fraction with six digits and only where there is one; "" for none.
func (v CursorValue) String() string {
	at := time.UnixMicro(v.n).UTC()
	switch v.kind {
	case CursorInteger:
		if v.wide {
			return strconv.FormatUint(uint64(v.n), 10)
		}
		return strconv.FormatInt(v.n, 10)
	case CursorDate:
		return at.Format(dateForm)
	case CursorDatetime:
		return at.Format(datetimeForm) + v.fraction()
	case CursorTimestamp:
		return at.Format(timestampForm) + v.fraction() + "Z"
	default:
		return ""
	}
}

// SQL returns the value as the source's server reads it, to be sent as a parameter in a session whose time zone is
// UTC: like String, but an instant without the T and Z.
func (v CursorValue) SQL() string {
	if v.kind != CursorTimestamp {
		return v.String()
	}
	return time.UnixMicro(v.n).UTC().Format(datetimeForm) + v.fraction()
}

func (v CursorValue) fraction() string {
	micros := ((v.n % 1e6) + 1e6) % 1e6
	if micros == 0 {
		return ""
	}
	return fmt.Sprintf(".%06d", micros)
}

// ParseCursorValue reads what String wrote; the kind follows from the form.
func ParseCursorValue(s string) (CursorValue, error) {
	parse := func(kind CursorKind, form, text string) (CursorValue, error) {
		at, err := time.Parse(form, text) // accepts a fraction that the form does not name
		if err != nil {
			return CursorValue{}, fmt.Errorf("cursor value %q: %w: %w", s, ErrInvalid, err)
		}
		return TemporalValue(kind, at.UnixMicro()), nil
	}
	switch {
	case s == "":
		return CursorValue{}, nil
	case strings.HasSuffix(s, "Z"):
		return parse(CursorTimestamp, timestampForm, strings.TrimSuffix(s, "Z"))
	case strings.Contains(s, " "):
		return parse(CursorDatetime, datetimeForm, s)
	case strings.Contains(s[1:], "-"):
		return parse(CursorDate, dateForm, s)
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return IntegerValue(n), nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return CursorValue{}, fmt.Errorf("cursor value %q: %w", s, ErrInvalid)
	}
	return UnsignedValue(n), nil
}

// Parse reads a value of this kind as a person writes it: as String does; or a timestamp without its T and Z, and a
// datetime or timestamp as a date alone. What is none is ErrInvalid, with the form that is wanted as a hint.
func (k CursorKind) Parse(text string) (CursorValue, error) {
	v, err := ParseCursorValue(text)
	if err == nil && v.kind != k {
		switch {
		case k == CursorDatetime && v.kind == CursorDate, k == CursorTimestamp && (v.kind == CursorDate || v.kind == CursorDatetime):
			return TemporalValue(k, v.n), nil
		}
		err = fmt.Errorf("%q is of kind %s, and the cursor of kind %s: %w", text, v.kind, k, ErrInvalid)
	}
	if err != nil {
		forms := map[CursorKind]string{
			CursorInteger: "digits", CursorDate: dateForm, CursorDatetime: `"` + datetimeForm + `"`, CursorTimestamp: timestampForm + "Z",
		}
		return CursorValue{}, WithHint(err, "write it as "+forms[k])
	}
	return v, nil
}

// MarshalText is String.
func (v CursorValue) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText is ParseCursorValue.
func (v *CursorValue) UnmarshalText(text []byte) error {
	parsed, err := ParseCursorValue(string(text))
	*v = parsed
	return err
}
