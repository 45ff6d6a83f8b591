package tidemark_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/tidemark-data/tidemark"
)

// ascending lists values of each kind from the lowest to the highest.
var ascending = map[tidemark.CursorKind][]tidemark.CursorValue{
	tidemark.CursorInteger: {
		tidemark.IntegerValue(-1 << 63), tidemark.IntegerValue(-1), tidemark.IntegerValue(0), tidemark.UnsignedValue(1),
		tidemark.IntegerValue(1<<63 - 1), tidemark.UnsignedValue(1 << 63), tidemark.UnsignedValue(1<<64 - 1),
	},
	tidemark.CursorDate: {
		tidemark.TemporalValue(tidemark.CursorDate, -62135596800e6), tidemark.TemporalValue(tidemark.CursorDate, -86400e6),
		tidemark.TemporalValue(tidemark.CursorDate, 0), tidemark.TemporalValue(tidemark.CursorDate, 253402214400e6),
	},
	tidemark.CursorDatetime: {
		tidemark.TemporalValue(tidemark.CursorDatetime, -1), tidemark.TemporalValue(tidemark.CursorDatetime, 0),
		tidemark.TemporalValue(tidemark.CursorDatetime, 1), tidemark.TemporalValue(tidemark.CursorDatetime, 253402300799999999),
	},
	tidemark.CursorTimestamp: {
		tidemark.TemporalValue(tidemark.CursorTimestamp, 1e6), tidemark.TemporalValue(tidemark.CursorTimestamp, 1406160000000000),
		tidemark.TemporalValue(tidemark.CursorTimestamp, 1406160000000500),
	},
}

func TestCursorValueOrder(t *testing.T) {
	none := tidemark.CursorValue{}
	for kind, values := range ascending {
		for i, v := range values {
			if !none.Less(v) || v.Less(none) {
				t.Errorf("%s %s: none must be below", kind, v)
			}
			for j, w := range values {
				if got, want := v.Less(w), i < j; got != want {
					t.Errorf("%s: %s < %s is %v, want %v", kind, v, w, got, want)
				}
				if got, want := v.Max(w), values[max(i, j)]; got != want {
					t.Errorf("max(%s, %s) = %s, want %s", v, w, got, want)
				}
				if got, want := v.Min(w), values[min(i, j)]; got != want {
					t.Errorf("min(%s, %s) = %s, want %s", v, w, got, want)
				}
			}
		}
	}
}

func TestCursorValueTextRoundTrip(t *testing.T) {
	for kind, values := range ascending {
		for _, v := range values {
			text, err := v.MarshalText()
			if err != nil {
				t.Fatal(err)
			}
			var back tidemark.CursorValue
			if err := back.UnmarshalText(text); err != nil {
				t.Fatalf("%s %q: %v", kind, text, err)
			}
			if back != v {
				t.Errorf("%s %q came back as %s %q", kind, text, back.Kind(), back)
			}
		}
	}
}

func TestCursorValueText(t *testing.T) {
	const micros = 1406160000000500
	tests := []struct {
		value       tidemark.CursorValue
		text, inSQL string
	}{
		{tidemark.CursorValue{}, "", ""},
		{tidemark.UnsignedValue(1<<64 - 1), "18446744073709551615", "18446744073709551615"},
		{tidemark.IntegerValue(-7), "-7", "-7"},
		{tidemark.TemporalValue(tidemark.CursorDate, micros), "2014-07-24", "2014-07-24"},
		{tidemark.TemporalValue(tidemark.CursorDatetime, micros), "2014-07-24 00:00:00.000500", "2014-07-24 00:00:00.000500"},
		{tidemark.TemporalValue(tidemark.CursorTimestamp, micros), "2014-07-24T00:00:00.000500Z", "2014-07-24 00:00:00.000500"},
		{tidemark.TemporalValue(tidemark.CursorDatetime, -1), "1969-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999"},
	}
	for _, tt := range tests {
		if got := tt.value.String(); got != tt.text {
			t.Errorf("String() = %q, want %q", got, tt.text)
		}
		if got := tt.value.SQL(); got != tt.inSQL {
			t.Errorf("SQL() = %q, want %q", got, tt.inSQL)
		}
	}
}

func TestCursorValueNext(t *testing.T) {
	for _, c := range []struct{ value, next string }{
		{"", ""}, {"7", "8"}, {"-1", "0"}, {"9223372036854775807", "9223372036854775808"}, {"18446744073709551614", "18446744073709551615"},
		{"18446744073709551615", ""}, {"2014-07-31", "2014-08-01"}, {"2014-07-24 23:59:59.999999", "2014-07-25 00:00:00"},
		{"1969-12-31T23:59:59Z", "1969-12-31T23:59:59.000001Z"},
	} {
		v, err := tidemark.ParseCursorValue(c.value)
		if err != nil {
			t.Fatal(err)
		}
		if next := v.Next(); next.String() != c.next || !next.IsZero() && !v.Less(next) {
			t.Errorf("next of %q is %q, want %q", v, next, c.next)
		}
	}
}

func TestParseCursorValueRefuses(t *testing.T) {
	for _, text := range []string{"x", "1.5", "2014-13-01", "2014-07-24 25:00:00", "99999999999999999999", "-", "Z", " "} {
		if v, err := tidemark.ParseCursorValue(text); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("ParseCursorValue(%q) = %v, %v, want ErrInvalid", text, v, err)
		}
	}
}

func FuzzParseCursorValue(f *testing.F) {
	for _, values := range ascending {
		for _, v := range values {
			f.Add(v.String())
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := tidemark.ParseCursorValue(text)
		if err != nil {
			return
		}
		back, err := tidemark.ParseCursorValue(v.String())
		if err != nil || back != v {
			t.Errorf("%q is %q, which is %q, %v", text, v, back, err)
		}
	})
}

func TestRunIDsAreSortable(t *testing.T) {
	var ids []tidemark.RunID
	for i := range 100 {
		ids = append(ids, tidemark.NewRunID(someTime.Add(durationOf(i))))
	}
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) || len(ids[0]) != 26 {
		t.Errorf("run ids must be unique, sorted by time and 26 long: %v", ids[:3])
	}
}

func TestCursorKindParse(t *testing.T) {
	for _, tt := range []struct {
		kind       tidemark.CursorKind
		text, want string // "": an error
	}{
		{tidemark.CursorInteger, "17", "17"}, {tidemark.CursorInteger, "2024-01-01", ""}, {tidemark.CursorInteger, "soon", ""},
		{tidemark.CursorDate, "2024-01-01", "2024-01-01"}, {tidemark.CursorDate, "2024-01-01 10:00:00", ""},
		{tidemark.CursorDatetime, "2024-01-01", "2024-01-01 00:00:00"}, {tidemark.CursorDatetime, "2024-01-01 10:00:00.5", "2024-01-01 10:00:00.500000"}, {tidemark.CursorDatetime, "17", ""},
		{tidemark.CursorTimestamp, "2024-01-01", "2024-01-01T00:00:00Z"}, {tidemark.CursorTimestamp, "2024-01-01 10:00:00", "2024-01-01T10:00:00Z"},
		{tidemark.CursorTimestamp, "2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z"}, {tidemark.CursorTimestamp, "", ""},
	} {
		got, err := tt.kind.Parse(tt.text)
		if got.String() != tt.want || (err != nil) != (tt.want == "") || err != nil && (!errors.Is(err, tidemark.ErrInvalid) || tidemark.Hint(err) == "") {
			t.Errorf("%s: Parse(%q) = %s, %v (%s), want %q", tt.kind, tt.text, got, err, tidemark.Hint(err), tt.want)
		}
	}
}
