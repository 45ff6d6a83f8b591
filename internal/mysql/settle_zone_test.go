package mysql

import (
	"errors"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
)

func TestEarliestWall(t *testing.T) {
	load := func(name string) *time.Location {
		zone, ok := zoneByName(name)
		if !ok {
			t.Fatalf("zone %q is not known", name)
		}
		return zone
	}
	for _, c := range []struct{ zone, at, want string }{
		{"Europe/Berlin", "2026-07-01T10:00:00Z", "2026-07-01 12:00:00"},
		{"Europe/Berlin", "2026-10-24T20:00:00Z", "2026-10-24 22:00:00"},
		// On 2026-10-25 at 01:00Z the clock goes from 03:00 back to 02:00.
		{"Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25 02:00:00"}, // first coming of 02:00
		{"Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25 02:00:00"}, // 02:30 now, and 02:00 is still to come
		{"Europe/Berlin", "2026-10-25T00:59:59Z", "2026-10-25 02:00:00"},
		{"Europe/Berlin", "2026-10-25T01:00:00Z", "2026-10-25 02:00:00"},
		{"Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25 02:30:00"},
		{"Europe/Berlin", "2026-10-24T23:30:00Z", "2026-10-25 01:30:00"},
		{"Europe/Berlin", "2026-03-29T00:59:59Z", "2026-03-29 01:59:59"}, // in spring an hour is skipped
		{"Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29 03:00:00"},
		{"America/Havana", "2026-11-01T04:30:00Z", "2026-11-01 00:00:00"}, // back from 01:00 to 00:00
		{"Australia/Lord_Howe", "2026-04-04T14:50:00Z", "2026-04-05 01:30:00"},
		{"+02:00", "2026-10-25T00:30:00Z", "2026-10-25 02:30:00"},
		{"-03:30", "2026-10-25T00:30:00Z", "2026-10-24 21:00:00"},
		{"UTC", "1969-12-31T23:59:59Z", "1969-12-31 23:59:59"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		got := tidemark.TemporalValue(tidemark.CursorDatetime, earliestWall(at, load(c.zone))).String()
		if got != c.want {
			t.Errorf("%s in %s: %s, want %s", c.at, c.zone, got, c.want)
		}
	}
}

// TestEarliestWallHolds walks through the night in which the clock goes back, and shows that no clock reading at or after
// an instant is below the bound of that instant.
func TestEarliestWallHolds(t *testing.T) {
	zone, _ := zoneByName("Europe/Berlin")
	begin := time.Date(2026, 10, 24, 22, 0, 0, 0, time.UTC)
	for at := begin; at.Before(begin.Add(6 * time.Hour)); at = at.Add(7 * time.Minute) {
		bound, reached := earliestWall(at, zone), false
		for later := at; later.Before(at.Add(3 * time.Hour)); later = later.Add(time.Minute) {
			if wall(later.In(zone)) < bound {
				t.Fatalf("bound of %s is %d, but the clock shows %s at %s", at, bound, later.In(zone), later)
			}
			reached = reached || wall(later.In(zone)) < bound+time.Minute.Microseconds()
		}
		if !reached {
			t.Errorf("bound of %s is too low", at)
		}
	}
}

func TestTemporalBound(t *testing.T) {
	at := time.Date(2026, 10, 25, 0, 30, 15, 987654321, time.UTC)
	zone, _ := zoneByName("Europe/Berlin")
	for _, c := range []struct {
		kind        tidemark.CursorKind
		granularity time.Duration
		want        string
	}{
		{tidemark.CursorTimestamp, time.Microsecond, "2026-10-25T00:30:15.987654Z"},
		{tidemark.CursorTimestamp, time.Second, "2026-10-25T00:30:15Z"},
		{tidemark.CursorDatetime, 100 * time.Millisecond, "2026-10-25 02:00:00"},
		{tidemark.CursorDate, 24 * time.Hour, "2026-10-25"},
	} {
		got := temporalBound(tidemark.Cursor{Kind: c.kind, Granularity: c.granularity}, at, zone)
		if got.String() != c.want {
			t.Errorf("%s of %s: %s, want %s", c.kind, c.granularity, got, c.want)
		}
	}
	midnight := time.Date(1969, 12, 31, 22, 59, 59, 0, time.UTC) // 23:59:59 in Berlin, before 1970
	if got := temporalBound(tidemark.Cursor{Kind: tidemark.CursorDate, Granularity: 24 * time.Hour}, midnight, zone).String(); got != "1969-12-31" {
		t.Errorf("before 1970: %s", got)
	}
}

func TestMinusRows(t *testing.T) {
	for _, c := range []struct {
		from tidemark.CursorValue
		rows int64
		want string
	}{
		{tidemark.IntegerValue(100), 10, "90"},
		{tidemark.IntegerValue(5), 10, "-5"},
		{tidemark.IntegerValue(-9223372036854775807), 10, "-9223372036854775808"},
		{tidemark.UnsignedValue(18446744073709551615), 10, "18446744073709551605"},
		{tidemark.UnsignedValue(9223372036854775809), 10, "9223372036854775799"},
		{tidemark.CursorValue{}, 10, ""},
	} {
		if got := minusRows(c.from, c.rows).String(); got != c.want {
			t.Errorf("%s - %d = %s, want %s", c.from, c.rows, got, c.want)
		}
	}
}

// TestSettleServerZone: a DATETIME is written in the server's zone, of which MySQL tells an abbreviation only.
func TestSettleServerZone(t *testing.T) {
	t.Setenv("TZ", "Asia/Kathmandu") // +05:45, without summer time
	b := newBench(t, startMariaDB(t), false, true)
	b.pipeline.CursorZone = ""
	kathmandu, _ := zoneByName("Asia/Kathmandu")
	for _, zone := range []string{"SYSTEM", "+05:45"} {
		b.sql("SET GLOBAL time_zone = '" + zone + "'")
		finish := idleTransaction(b)
		s := b.settle(tidemark.Watermark{})
		finish()
		if want := datetime(time.UnixMicro(wall(s.T0.In(kathmandu))).UTC()); want.Less(s.Bound) || s.Bound.Less(datetime(time.UnixMicro(want.Micros()-2e6))) {
			t.Errorf("global time_zone %s: bound %s, want about %s", zone, s.Bound, want)
		}
		// The age of the transaction is right although innodb_trx tells it in the system's zone.
		if own := s.History[0].Suspects; len(own) != 1 || s.T0.Sub(own[0].Started) > 3*time.Second || s.T0.Before(own[0].Started) {
			t.Errorf("suspects %+v at %s", own, s.T0)
		}
		b.sql("DELETE FROM t WHERE v = 1")
	}
}

// TestSettleUnknownZone: the server knows the offset of a zone whose name it does not tell.
func TestProbeZone(t *testing.T) {
	t.Setenv("TZ", "Europe/Berlin")
	b := newBench(t, startMariaDB(t), false, true)
	c := connectTo(t, b.server)
	for _, x := range []struct {
		at     string
		offset int
	}{
		{"2026-07-01T12:00:00Z", 7200},
		{"2026-12-01T12:00:00Z", 3600},
		{"2026-10-24T12:00:00Z", 3600}, // the clock goes back in less than a day
		{"2026-03-28T12:00:00Z", 3600},
	} {
		at, _ := time.Parse(time.RFC3339, x.at)
		zone, err := probeZone(t.Context(), c, "SYSTEM", at)
		if err != nil {
			t.Fatal(err)
		}
		if _, offset := at.In(zone).Zone(); offset != x.offset {
			t.Errorf("at %s: offset %d, want %d", x.at, offset, x.offset)
		}
	}
}

func TestSettleBadZone(t *testing.T) {
	b := newBench(t, testenvPlain(t), false, true)
	b.pipeline.CursorZone = "Mars/Olympus"
	_, err := b.source().Settle(t.Context(), tidemark.Watermark{})
	if !errors.Is(err, tidemark.ErrInvalid) || tidemark.Hint(err) == "" {
		t.Errorf("error %v with hint %q", err, tidemark.Hint(err))
	}
}
