package mysql

import (
	"context"
	"fmt"
	"strconv"
	"time"
	_ "time/tzdata" // the rules of all zones, also where the machine has none

	"github.com/tidemark-data/tidemark"
)

// zone returns the zone whose clock DATETIME and DATE cursors show: the pipeline's, or else the server's global one.
func (st *settling) zone(ctx context.Context, home *conn) (*time.Location, error) {
	if st.cursor.Kind == tidemark.CursorTimestamp {
		return time.UTC, nil
	}
	if name := st.pipeline.CursorZone; name != "" {
		zone, ok := zoneByName(name)
		if !ok {
			return nil, tidemark.WithHint(fmt.Errorf("cursor zone %q: %w", name, tidemark.ErrInvalid),
				"write it as Europe/Berlin or +02:00")
		}
		return zone, nil
	}
	row, err := home.queryRow(ctx, "SELECT @@GLOBAL.time_zone, @@GLOBAL.system_time_zone")
	if err != nil {
		return nil, err
	}
	name, system := row[0].text, row[1].text
	if name == "SYSTEM" && (system == "UTC" || system == "Etc/UTC" || system == "GMT") {
		return time.UTC, nil
	}
	if name != "SYSTEM" {
		if zone, ok := zoneByName(name); ok {
			return zone, nil
		}
	}
	return probeZone(ctx, home, name, st.instant())
}

// zoneByName knows IANA's names and MySQL's offsets.
func zoneByName(name string) (*time.Location, bool) {
	if name != "" && (name[0] == '+' || name[0] == '-') {
		at, err := time.Parse("-07:00", name)
		if err != nil {
			return nil, false
		}
		_, offset := at.Zone()
		return time.FixedZone(name, offset), true
	}
	if name == "" || name == "Local" { // which Go would take for this machine's zone
		return nil, false
	}
	zone, err := time.LoadLocation(name)
	return zone, err == nil
}

// probeZone asks the server for the offset of a zone that only it knows: "CEST" does not tell whose summer that is.
// The smaller of the offsets now and after foldReach is taken as fixed: should the clock be set back in between, the
// bound is at most an hour too low, which costs a larger overlap for a day and loses nothing.
func probeZone(ctx context.Context, c *conn, name string, at time.Time) (*time.Location, error) {
	now, later := at.Unix(), at.Add(foldReach).Unix()
	probe := func(unix int64) string {
		utc := "CAST('" + time.Unix(unix, 0).UTC().Format("2006-01-02 15:04:05") + "' AS DATETIME)"
		return "TIMESTAMPDIFF(SECOND, " + utc + ", CONVERT_TZ(" + utc + ", '+00:00', @@GLOBAL.time_zone))"
	}
	row, err := c.queryRow(ctx, "SELECT "+probe(now)+", "+probe(later))
	if err != nil {
		return nil, err
	}
	first, err1 := strconv.Atoi(row[0].text)
	second, err2 := strconv.Atoi(row[1].text)
	if err1 != nil || err2 != nil {
		return nil, tidemark.WithHint(fmt.Errorf("the server's time zone %q is not known: %w", name, tidemark.ErrInvalid),
			"set the pipeline's cursor_zone to the zone that the cursor is written in, such as Europe/Berlin")
	}
	return time.FixedZone(name, min(first, second)), nil
}
