package schedule

import (
	"fmt"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/tidemark-data/tidemark"
)

// most bounds the times that a trigger makes up for at once.
const most = 1000

// A calendar knows the times of a trigger.
type calendar struct {
	cron  cron.Schedule // of TriggerCron
	zone  *time.Location
	catch tidemark.CatchUp
	every time.Duration // of TriggerEvery
}

// newCalendar returns the calendar of a cron or every trigger. What the config has checked does not fail here.
func newCalendar(t tidemark.Trigger) (*calendar, error) {
	if t.Kind == tidemark.TriggerEvery {
		if t.Every <= 0 {
			return nil, fmt.Errorf("trigger %s: every %s: %w", t.ID, t.Every, tidemark.ErrInvalid)
		}
		return &calendar{every: t.Every}, nil
	}
	c := &calendar{zone: time.UTC, catch: t.CatchUp}
	var err error
	if t.Zone != "" {
		if c.zone, err = time.LoadLocation(t.Zone); err != nil {
			return nil, fmt.Errorf("trigger %s: zone %q: %w: %w", t.ID, t.Zone, tidemark.ErrInvalid, err)
		}
	}
	if c.cron, err = cron.ParseStandard(t.Cron); err != nil {
		return nil, fmt.Errorf("trigger %s: cron %q: %w: %w", t.ID, t.Cron, tidemark.ErrInvalid, err)
	}
	return c, nil
}

// due returns the times that have come since mark, the last time that was fired or looked at, the oldest first; the new
// mark; and the next time to come. opened is since when this process watches the trigger: what was due before that, it
// has missed. A mark in the future, of a clock that was wrong, counts as now.
func (c *calendar) due(mark, opened, now time.Time) (fire []time.Time, newMark, next time.Time) {
	if mark.After(now) {
		mark = now
	}
	if c.every > 0 {
		return c.dueEvery(mark, now)
	}
	if mark.IsZero() {
		return nil, now, c.after(now)
	}
	var missed []time.Time
	newMark = mark
	for t := c.after(mark); !t.IsZero() && !t.After(now); t = c.after(t) {
		newMark = t
		if t.After(opened) {
			fire = last(append(fire, t))
		} else {
			missed = last(append(missed, t))
		}
	}
	return append(c.makeUp(missed), fire...), newMark, c.after(newMark)
}

// makeUp returns those of the missed times that are made up for.
func (c *calendar) makeUp(missed []time.Time) []time.Time {
	switch {
	case c.catch == tidemark.CatchUpNone || len(missed) == 0:
		return nil
	case c.catch == tidemark.CatchUpAll:
		return missed
	}
	return missed[len(missed)-1:]
}

// last forgets the oldest times where there are too many.
func last(times []time.Time) []time.Time { return times[max(len(times)-most, 0):] }

// after returns the next time of the calendar, in UTC; the zero time where there is none.
func (c *calendar) after(t time.Time) time.Time {
	next := c.cron.Next(t.In(c.zone))
	if next.IsZero() {
		return next
	}
	return next.UTC()
}

// dueEvery fires at once the first time, and then in step with that. Of several times that have passed the last one
// stands for all.
func (c *calendar) dueEvery(mark, now time.Time) (fire []time.Time, newMark, next time.Time) {
	if mark.IsZero() {
		return []time.Time{now}, now, now.Add(c.every)
	}
	steps := now.Sub(mark) / c.every
	if steps == 0 {
		return nil, mark, mark.Add(c.every)
	}
	t := mark.Add(steps * c.every)
	return []time.Time{t}, t, t.Add(c.every)
}
