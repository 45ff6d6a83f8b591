package iceberg

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"

	"github.com/tidemark-data/tidemark"
)

func rowsAsOf(t *testing.T, l *Lake, v tidemark.Version) (rows int64, err error) {
	t.Helper()
	s, err := l.SnapshotAsOf(t.Context(), pipeline("").Target, v)
	if err != nil {
		return 0, err
	}
	for _, f := range s.Data {
		rows += f.Rows
	}
	return rows, nil
}

func checkAsOf(t *testing.T, l *Lake, v tidemark.Version, want int64) {
	t.Helper()
	if got, err := rowsAsOf(t, l, v); err != nil || got != want {
		t.Errorf("as of %s: %d rows, %v; want %d", v, got, err, want)
	}
}

// TestSnapshotAsOf: each commit is found by its number, its snapshot's id and its time, also when the table went back
// behind it, and until it expires.
func TestSnapshotAsOf(t *testing.T) {
	l, p := open(t, memOptions()), pipeline(tidemark.ModeAppend)
	if _, err := rowsAsOf(t, l, tidemark.Version{Name: "1"}); !errors.Is(err, tidemark.ErrNotFound) {
		t.Errorf("of a table that is not there: %v", err)
	}
	target := l.Target(p, testLog(t))
	var ids []string
	var times []time.Time
	begin := time.Now()
	for i := range int32(4) {
		time.Sleep(2 * time.Millisecond) // snapshots have the time in milliseconds
		mustLoad(t, target, rowsOf(10*i, 10*i+10, "a"))
		s := l.mustSnapshot(t)
		ids, times = append(ids, s.ID), append(times, s.At)
	}
	check := func(until int) {
		t.Helper()
		for i := range until {
			want := int64(10 * (i + 1))
			checkAsOf(t, l, tidemark.Version{Name: fmt.Sprint(i + 1)}, want)
			checkAsOf(t, l, tidemark.Version{Name: fmt.Sprintf("%s:%d", p.ID, i+1)}, want)
			checkAsOf(t, l, tidemark.Version{Name: ids[i]}, want)
			checkAsOf(t, l, tidemark.Version{At: times[i]}, want)
			checkAsOf(t, l, tidemark.Version{At: times[i].Add(time.Millisecond)}, want)
		}
	}
	check(4)
	checkAsOf(t, l, tidemark.Version{Name: "main"}, 40)
	tag(t, l, "kept", loadTable(t, l).CurrentSnapshot().SnapshotID)
	for _, v := range []tidemark.Version{{Name: "5"}, {Name: "0"}, {Name: "other:1"}, {Name: "nosuch"}, {At: begin.Add(-time.Hour)}} {
		if _, err := rowsAsOf(t, l, v); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "commit 4 of ") {
			t.Errorf("as of %s: %v (%s)", v, err, tidemark.Hint(err))
		}
	}

	time.Sleep(2 * time.Millisecond)
	if err := goBack(t, target, 2); err != nil {
		t.Fatal(err)
	}
	check(4)
	checkAsOf(t, l, tidemark.Version{Name: "5"}, 20)
	checkAsOf(t, l, tidemark.Version{At: time.Now()}, 20)

	maintain(t, l, p, UpkeepOptions{KeepLast: 1, LeftoverAge: time.Hour})
	checkAsOf(t, l, tidemark.Version{Name: "kept"}, 40) // a tag keeps it
	checkAsOf(t, l, tidemark.Version{At: time.Now()}, 20)
	for _, v := range []tidemark.Version{{Name: "1"}, {Name: ids[2]}, {At: times[1]}} {
		if _, err := rowsAsOf(t, l, v); !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), "commit 5 of ") {
			t.Errorf("expired, as of %s: %v (%s)", v, err, tidemark.Hint(err))
		}
	}
}

// TestSnapshotAsOfTwoPipelines: a number says nothing where two pipelines count.
func TestSnapshotAsOfTwoPipelines(t *testing.T) {
	l, p := open(t, memOptions()), pipeline(tidemark.ModeAppend)
	mustLoad(t, l.Target(p, testLog(t)), rowsOf(0, 10, "a"))
	other := p
	other.ID = "other"
	mustLoad(t, l.Target(other, testLog(t)), rowsOf(10, 15, "b"))
	_, err := rowsAsOf(t, l, tidemark.Version{Name: "1"})
	if !errors.Is(err, tidemark.ErrInvalid) || !strings.Contains(tidemark.Hint(err), ":1'") {
		t.Errorf("err = %v (%s)", err, tidemark.Hint(err))
	}
	checkAsOf(t, l, tidemark.Version{Name: string(p.ID) + ":1"}, 10)
	checkAsOf(t, l, tidemark.Version{Name: "other:1"}, 15)
}

// TestSnapshotAsOfColumns: a table as it was has the columns that it had.
func TestSnapshotAsOfColumns(t *testing.T) {
	l, p := open(t, memOptions()), pipeline(tidemark.ModeAppend)
	target := l.Target(p, testLog(t))
	mustLoad(t, target, rowsOf(0, 10, "a"))
	wider := source()
	wider.Columns = append(wider.Columns, tidemark.Column{Name: "more", Type: wider.Columns[0].Type, Nullable: true})
	if err := target.Prepare(t.Context(), wider); err != nil {
		t.Fatal(err)
	}
	s, err := l.SnapshotAsOf(t.Context(), p.Target, tidemark.Version{Name: "1"})
	if err != nil || s.Schema.NumFields() != 3 {
		t.Errorf("it has %v, %v; want three columns", s.Schema, err)
	}
	if now := l.mustSnapshot(t); now.Schema.NumFields() != 4 {
		t.Errorf("now it has %v", now.Schema)
	}
}

func TestSnapshotBounds(t *testing.T) {
	l := open(t, memOptions())
	target := l.Target(pipeline(tidemark.ModeAppend), testLog(t))
	mustLoad(t, target, rowsOf(3, 10, "a"))
	mustLoad(t, target, rowsOf(20, 30, "b"))
	s := l.mustSnapshot(t)
	for i, f := range s.Data {
		lower, upper := "3", "9"
		if f.Rows == 10 {
			lower, upper = "20", "29"
		}
		b, ok := s.Bounds(i, "id")
		if !ok || b.Lower == nil || *b.Lower != lower || b.Upper == nil || *b.Upper != upper || b.Nulls != 0 {
			t.Errorf("file of %d rows: %+v, %v; want %s to %s", f.Rows, b, ok, lower, upper)
		}
	}
	if _, ok := s.Bounds(0, "nosuch"); ok {
		t.Error("a column that is not there has bounds")
	}
}

func TestBoundText(t *testing.T) {
	types := iceberg.PrimitiveTypes
	for _, tt := range []struct {
		typ  iceberg.Type
		data []byte
		want string // "": none
	}{
		{types.Int32, []byte{0xfe, 0xff, 0xff, 0xff}, "-2"},
		{types.Int64, []byte{1, 0, 0, 0}, "1"}, // from when it was an int
		{types.Int64, []byte{0, 0, 0, 0, 0, 0, 0, 0x80}, "-9223372036854775808"},
		{types.Int64, []byte{1}, ""},
		{types.Date, []byte{0x93, 0x3f, 0, 0}, "2014-07-24"},
		{types.Date, []byte{0xff, 0xff, 0xff, 0x7f}, ""}, // no year of four digits
		{types.Timestamp, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, "1969-12-31 23:59:59.999999"},
		{types.TimestampTz, []byte{0, 0, 0, 0, 0, 0, 0, 0}, "1970-01-01 00:00:00.000000"},
		{types.Timestamp, []byte{0, 0, 0, 0, 0, 0, 0, 0x80}, ""},
		{iceberg.DecimalTypeOf(10, 2), []byte{0xff}, "-0.01"},
		{iceberg.DecimalTypeOf(10, 2), []byte{0x01, 0x00}, "2.56"},
		{iceberg.DecimalTypeOf(20, 0), []byte{0x00, 0xff}, "255"},
		{iceberg.DecimalTypeOf(38, 10), []byte{}, ""},
		{types.String, []byte("größe"), "größe"},
		{types.String, []byte("gr\xc3"), ""},
		{types.String, []byte("a\x00b"), ""},
		{types.Float64, []byte{0, 0, 0, 0, 0, 0, 0, 0}, ""},
		{types.Binary, []byte{1}, ""},
	} {
		got := ""
		if text := boundText(tt.typ, tt.data); text != nil {
			got = *text
		}
		if got != tt.want {
			t.Errorf("%s %x = %q, want %q", tt.typ, tt.data, got, tt.want)
		}
	}
}
