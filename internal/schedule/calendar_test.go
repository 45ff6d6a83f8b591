package schedule

import (
	"slices"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	if text == "" {
		return time.Time{}
	}
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return v.UTC()
}

// TestDue: which times fire, up to where the mark moves, and what comes next.
func TestDue(t *testing.T) {
	hourly := tidemark.Trigger{Kind: tidemark.TriggerCron, Cron: "0 * * * *", CatchUp: tidemark.CatchUpOne}
	none, all := hourly, hourly
	none.CatchUp, all.CatchUp = tidemark.CatchUpNone, tidemark.CatchUpAll
	berlin := tidemark.Trigger{Kind: tidemark.TriggerCron, Cron: "30 2 * * *", Zone: "Europe/Berlin", CatchUp: tidemark.CatchUpAll}
	every := tidemark.Trigger{Kind: tidemark.TriggerEvery, Every: 5 * time.Minute}
	for name, c := range map[string]struct {
		trigger           tidemark.Trigger
		mark, opened, now string
		fire              []string
		newMark, next     string
	}{
		"the first look":             {hourly, "", "2026-01-01T10:30:00Z", "2026-01-01T10:30:00Z", nil, "2026-01-01T10:30:00Z", "2026-01-01T11:00:00Z"},
		"not yet":                    {hourly, "2026-01-01T10:00:00Z", "2026-01-01T10:00:01Z", "2026-01-01T10:59:59Z", nil, "2026-01-01T10:00:00Z", "2026-01-01T11:00:00Z"},
		"on the dot":                 {hourly, "2026-01-01T10:00:00Z", "2026-01-01T10:00:01Z", "2026-01-01T11:00:00Z", []string{"2026-01-01T11:00:00Z"}, "2026-01-01T11:00:00Z", "2026-01-01T12:00:00Z"},
		"late, but there":            {none, "2026-01-01T10:00:00Z", "2026-01-01T10:00:01Z", "2026-01-01T12:10:00Z", []string{"2026-01-01T11:00:00Z", "2026-01-01T12:00:00Z"}, "2026-01-01T12:00:00Z", "2026-01-01T13:00:00Z"},
		"missed, none":               {none, "2026-01-01T10:00:00Z", "2026-01-01T14:30:00Z", "2026-01-01T14:30:00Z", nil, "2026-01-01T14:00:00Z", "2026-01-01T15:00:00Z"},
		"missed, one":                {hourly, "2026-01-01T10:00:00Z", "2026-01-01T14:30:00Z", "2026-01-01T14:30:00Z", []string{"2026-01-01T14:00:00Z"}, "2026-01-01T14:00:00Z", "2026-01-01T15:00:00Z"},
		"missed, all":                {all, "2026-01-01T11:00:00Z", "2026-01-01T14:30:00Z", "2026-01-01T14:30:00Z", []string{"2026-01-01T12:00:00Z", "2026-01-01T13:00:00Z", "2026-01-01T14:00:00Z"}, "2026-01-01T14:00:00Z", "2026-01-01T15:00:00Z"},
		"missed, and came":           {none, "2026-01-01T10:00:00Z", "2026-01-01T11:30:00Z", "2026-01-01T12:00:00Z", []string{"2026-01-01T12:00:00Z"}, "2026-01-01T12:00:00Z", "2026-01-01T13:00:00Z"},
		"a mark to come":             {hourly, "2030-01-01T10:00:00Z", "2026-01-01T11:30:00Z", "2026-01-01T11:30:00Z", nil, "2026-01-01T11:30:00Z", "2026-01-01T12:00:00Z"},
		"a zone":                     {berlin, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-01T01:30:00Z", []string{"2026-01-01T01:30:00Z"}, "2026-01-01T01:30:00Z", "2026-01-02T01:30:00Z"},
		"spring has no 2:30":         {berlin, "2026-03-28T02:00:00Z", "2026-03-28T02:00:00Z", "2026-03-29T12:00:00Z", nil, "2026-03-28T02:00:00Z", "2026-03-30T00:30:00Z"},
		"autumn has 2:30 twice":      {berlin, "2026-10-24T12:00:00Z", "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"}, "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"},
		"every, the first":           {every, "", "2026-01-01T10:00:07Z", "2026-01-01T10:00:07Z", []string{"2026-01-01T10:00:07Z"}, "2026-01-01T10:00:07Z", "2026-01-01T10:05:07Z"},
		"every, not yet":             {every, "2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z", "2026-01-01T10:04:59Z", nil, "2026-01-01T10:00:00Z", "2026-01-01T10:05:00Z"},
		"every, in step":             {every, "2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z", "2026-01-01T10:05:02Z", []string{"2026-01-01T10:05:00Z"}, "2026-01-01T10:05:00Z", "2026-01-01T10:10:00Z"},
		"every, missed":              {every, "2026-01-01T10:00:00Z", "2026-01-01T11:02:00Z", "2026-01-01T11:02:00Z", []string{"2026-01-01T11:00:00Z"}, "2026-01-01T11:00:00Z", "2026-01-01T11:05:00Z"},
		"every, the clock went back": {every, "2026-01-01T10:00:00Z", "2026-01-01T09:00:00Z", "2026-01-01T09:00:00Z", nil, "2026-01-01T09:00:00Z", "2026-01-01T09:05:00Z"},
	} {
		calendar, err := newCalendar(c.trigger)
		if err != nil {
			t.Fatal(err)
		}
		fire, mark, next := calendar.due(at(t, c.mark), at(t, c.opened), at(t, c.now))
		var want []time.Time
		for _, text := range c.fire {
			want = append(want, at(t, text))
		}
		if !slices.Equal(fire, want) || !mark.Equal(at(t, c.newMark)) || !next.Equal(at(t, c.next)) {
			t.Errorf("%s: fires %v, mark %v, next %v; want %v, %s, %s", name, fire, mark, next, want, c.newMark, c.next)
		}
	}
}

// TestDueBounded: what was missed in years is not made up for one by one.
func TestDueBounded(t *testing.T) {
	calendar, err := newCalendar(tidemark.Trigger{Kind: tidemark.TriggerCron, Cron: "* * * * *", CatchUp: tidemark.CatchUpAll})
	if err != nil {
		t.Fatal(err)
	}
	now := at(t, "2026-01-08T00:00:00Z")
	fire, _, _ := calendar.due(at(t, "2026-01-01T00:00:00Z"), now, now)
	if len(fire) != most || !fire[most-1].Equal(now) {
		t.Errorf("%d times, the last %v; want %d, the last of them now", len(fire), fire[len(fire)-1], most)
	}
}
