package mysql

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// fetchesIn makes a table for watermarks whose values have that type, with the given rows, and returns it as the pipeline has it.
func fetchesIn(t *testing.T, s *testenv.Server, typ, zone string, values ...string) *WatermarkTable {
	t.Helper()
	database := s.NewDatabase(t)
	s.Exec(t, "USE "+database, "SET time_zone = '+00:00'", "CREATE TABLE fetch_details (tablename VARCHAR(64), last_fetched "+typ+")",
		"INSERT INTO fetch_details VALUES ('other', NULL)")
	for _, v := range values {
		s.Exec(t, "USE "+database, "SET time_zone = '+00:00'", "SET sql_mode = ''", "INSERT INTO fetch_details VALUES ('orders', "+v+")")
	}
	return NewWatermarkTable(configOf(s), WatermarkTableOptions{
		Table: tidemark.TableName{Database: database, Name: "fetch_details"}, Name: "orders", Zone: zone, Writes: true,
	})
}

func cursorOf(kind tidemark.CursorKind, digits int) tidemark.Cursor {
	return tidemark.Cursor{Column: "changed", Kind: kind, Granularity: granularity(kind, digits)}
}

// TestWatermarkTable reads the newest value, as the cursor has it, and inserts one; a second time it inserts nothing.
func TestWatermarkTable(t *testing.T) {
	const integer, date, datetime, timestamp = tidemark.CursorInteger, tidemark.CursorDate, tidemark.CursorDatetime, tidemark.CursorTimestamp
	cases := []struct {
		name, typ, zone string
		values          []string
		cursor          tidemark.Cursor
		newest          string
		notice          bool
		high            string // that is inserted
		then            string
		rows            int
	}{
		{"no row", "DATETIME", "", nil, cursorOf(datetime, 0), "", false, "2014-07-24 00:00:00", "2014-07-24 00:00:00", 1},
		{"several rows", "DATETIME", "", []string{"'2014-07-24'", "'2013-01-01'", "NULL"}, cursorOf(datetime, 0), "2014-07-24 00:00:00", false, "2014-07-25 01:02:03", "2014-07-25 01:02:03", 4},
		{"fractions", "DATETIME(6)", "", []string{"'2014-07-24 00:00:00.000001'"}, cursorOf(datetime, 6), "2014-07-24 00:00:00.000001", false, "2014-07-24 00:00:00.000002", "2014-07-24 00:00:00.000002", 2},
		{"fractions are cut, not rounded", "DATETIME", "", []string{"'2014-07-24'"}, cursorOf(datetime, 6), "2014-07-24 00:00:00", true, "2014-07-25 00:00:00.999999", "2014-07-25 00:00:00", 2},
		{"what is cut is there", "DATETIME", "", []string{"'2014-07-24'"}, cursorOf(datetime, 6), "2014-07-24 00:00:00", true, "2014-07-24 00:00:00.5", "2014-07-24 00:00:00", 1},
		{"ahead", "DATETIME", "", []string{"'2014-07-24'"}, cursorOf(datetime, 0), "2014-07-24 00:00:00", false, "2014-07-23 00:00:00", "2014-07-24 00:00:00", 1},
		{"a finer column", "DATETIME(3)", "", []string{"'2014-07-24 00:00:00.7'"}, cursorOf(datetime, 0), "2014-07-24 00:00:00", false, "2014-07-24 00:00:01", "2014-07-24 00:00:01", 2},
		{"dates", "DATE", "", []string{"'2014-07-24'"}, cursorOf(date, 0), "2014-07-24", false, "2014-07-25", "2014-07-25", 2},
		{"a date for a time", "DATE", "", []string{"'2014-07-24'"}, cursorOf(datetime, 0), "2014-07-24 00:00:00", true, "2014-07-25 10:00:00", "2014-07-25 00:00:00", 2},
		{"a time for a date", "DATETIME", "", []string{"'2014-07-24 10:00:00'"}, cursorOf(date, 0), "2014-07-24", false, "2014-07-25", "2014-07-25", 2},
		{"instants", "TIMESTAMP(6)", "", []string{"'2014-07-24 00:00:00'"}, cursorOf(timestamp, 6), "2014-07-24T00:00:00Z", false, "2014-07-24T00:00:00.5Z", "2014-07-24T00:00:00.500000Z", 2},
		{"an instant for the wall", "TIMESTAMP", "Europe/Berlin", []string{"'2014-07-24 00:00:00'"}, cursorOf(datetime, 0), "2014-07-24 02:00:00", false, "2014-12-24 02:00:00", "2014-12-24 02:00:00", 2},
		{"the wall for an instant", "DATETIME", "Europe/Berlin", []string{"'2014-12-24 02:00:00'"}, cursorOf(timestamp, 0), "2014-12-24T01:00:00Z", false, "2015-07-24T00:00:00Z", "2015-07-24T00:00:00Z", 2},
		{"integers", "BIGINT UNSIGNED", "", []string{"18446744073709551614", "7"}, cursorOf(integer, 0), "18446744073709551614", false, "18446744073709551615", "18446744073709551615", 3},
	}
	onServers(t, func(t *testing.T, s *testenv.Server) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				w := fetchesIn(t, s, c.typ, c.zone, c.values...)
				f, err := w.Newest(t.Context(), c.cursor)
				if err != nil || f.Value.String() != c.newest || (f.Notice != "") != c.notice {
					t.Errorf("newest is %q, notice %q, %v; want %q, notice %v", f.Value, f.Notice, err, c.newest, c.notice)
				}
				high, err := tidemark.ParseCursorValue(c.high)
				if err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if f, err := w.Insert(t.Context(), c.cursor, high); err != nil || f.Value.String() != c.then {
						t.Errorf("after insert it is %q, %v; want %q", f.Value, err, c.then)
					}
				}
				if f, err := w.Newest(t.Context(), c.cursor); err != nil || f.Value.String() != c.then {
					t.Errorf("then the newest is %q, %v; want %q", f.Value, err, c.then)
				}
				var rows int
				if err := s.DB(t, w.options.Table.Database).QueryRow("SELECT COUNT(*) FROM fetch_details WHERE tablename = 'orders'").Scan(&rows); err != nil || rows != c.rows {
					t.Errorf("%d rows, %v; want %d", rows, err, c.rows)
				}
			})
		}
	})
}

// TestWatermarkTableRefuses looks at what cannot serve.
func TestWatermarkTableRefuses(t *testing.T) {
	onServers(t, func(t *testing.T, s *testenv.Server) {
		high := tidemark.TemporalValue(tidemark.CursorDatetime, time.Date(2039, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro())
		cursor := cursorOf(tidemark.CursorDatetime, 0)
		refused := func(what string, err, kind error, hint string) {
			t.Helper()
			if !errors.Is(err, kind) || !strings.Contains(tidemark.Hint(err), hint) {
				t.Errorf("%s: %v (hint %q), want %v with a hint on %q", what, err, tidemark.Hint(err), kind, hint)
			}
		}
		newest := func(w *WatermarkTable) error { _, err := w.Newest(t.Context(), cursor); return err }
		refused("text", newest(fetchesIn(t, s, "VARCHAR(40)", "", "'2014-07-24'")), tidemark.ErrInvalid, "DATETIME")
		refused("an integer", newest(fetchesIn(t, s, "BIGINT", "", "7")), tidemark.ErrInvalid, "DATETIME")
		refused("NULL", newest(fetchesIn(t, s, "DATETIME", "", "NULL")), tidemark.ErrInvalid, "largest cursor value")
		refused("a zero date", newest(fetchesIn(t, s, "DATETIME", "", "'0000-00-00'")), tidemark.ErrInvalid, "largest cursor value")

		w := fetchesIn(t, s, "TIMESTAMP NULL", "Europe/Berlin")
		_, err := w.Insert(t.Context(), cursor, high)
		if s.Flavor == "mysql" || err != nil { // newer MariaDBs have room up to 2106
			refused("a value that does not fit", err, tidemark.ErrInvalid, "")
		}
		w = fetchesIn(t, s, "DATETIME", "")
		s.Exec(t, "ALTER TABLE "+identTable(w.options.Table)+" CHANGE last_fetched fetched DATETIME")
		refused("no such column", newest(w), tidemark.ErrNotFound, "columns tablename and last_fetched")
		w.options.Table.Name = "fetch_detail"
		refused("no such table", newest(w), tidemark.ErrNotFound, "fetch_details")

		w = fetchesIn(t, s, "DATETIME", "", "'2014-07-24'")
		s.Exec(t, "ALTER TABLE "+identTable(w.options.Table)+" ADD UNIQUE (tablename)")
		_, err = w.Insert(t.Context(), cursor, high)
		refused("a unique name", err, tidemark.ErrInvalid, "both tablename and last_fetched")

		user := fmt.Sprintf("tide_reader_%d", time.Now().UnixNano()%1e9)
		s.Exec(t, "CREATE USER "+user+" IDENTIFIED BY 'tide-test-reader'", "GRANT SELECT ON "+w.options.Table.Database+".* TO "+user)
		t.Cleanup(func() { s.Exec(t, "DROP USER "+user) })
		if err := w.Writable(t.Context()); err != nil {
			t.Errorf("a user with all rights cannot insert: %v", err)
		}
		reader := *s
		reader.User, reader.Password = user, "tide-test-reader"
		read := NewWatermarkTable(configOf(&reader), w.options)
		if err := newest(read); err != nil {
			t.Errorf("a user with SELECT cannot read: %v", err)
		}
		refused("a user without INSERT", read.Writable(t.Context()), tidemark.ErrDenied, "GRANT SELECT, INSERT")
		_, err = read.Insert(t.Context(), cursor, high)
		refused("a row of a user without INSERT", err, tidemark.ErrDenied, "GRANT INSERT")
		w.options.Writes = false
		_, err = NewWatermarkTable(configOf(s), w.options).Insert(t.Context(), cursor, high)
		refused("a table that is only read", err, tidemark.ErrInvalid, "")
	})
}

// TestWallClock goes from the wall to instants and back, over the days on which clocks are set.
func TestWallClock(t *testing.T) {
	berlin, _ := zoneByName("Europe/Berlin")
	york, _ := zoneByName("America/New_York")
	for _, c := range []struct {
		zone       *time.Location
		wall, want string
	}{
		{berlin, "2014-07-24 02:00:00", "2014-07-24 00:00:00"},
		{berlin, "2014-12-24 02:00:00", "2014-12-24 01:00:00"},
		{berlin, "2014-10-26 01:59:59", "2014-10-25 23:59:59"},
		{berlin, "2014-10-26 02:30:00", "2014-10-26 00:30:00"}, // comes twice
		{berlin, "2014-10-26 03:30:00", "2014-10-26 02:30:00"},
		{berlin, "2014-03-30 01:30:00", "2014-03-30 00:30:00"},
		{berlin, "2014-03-30 03:30:00", "2014-03-30 01:30:00"},
		{berlin, "2014-03-30 02:30:00", "2014-03-30 01:30:00"}, // is left out
		{york, "2014-11-02 01:30:00", "2014-11-02 05:30:00"},
		{york, "2014-11-02 02:30:00", "2014-11-02 07:30:00"},
		{time.UTC, "2014-07-24 00:00:00", "2014-07-24 00:00:00"},
	} {
		at, err := time.Parse(time.DateTime, c.wall)
		if err != nil {
			t.Fatal(err)
		}
		if got := time.UnixMicro(instantOf(at.UnixMicro(), c.zone)).UTC().Format(time.DateTime); got != c.want {
			t.Errorf("%s in %s is %s, want %s", c.wall, c.zone, got, c.want)
		}
	}
}
