package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tidemark-data/tidemark"
)

// settleGrace is how long Settle may take beyond the pipeline's SettleWait.
const settleGrace = time.Second

// Settle finds the bound below which no row can appear any more.
//
// Why it holds: a row's cursor is fixed when its statement starts, and the row is seen when its transaction commits.
// Let t0 be the server's clock now. A row with a cursor below t0 comes from a statement that started before t0. So
// it is committed by now, or its statement is running, or its transaction is open: it has a suspect. The bound is t0, or
// the oldest start of a suspect. A run that reads after Settle has returned sees every row below the bound that
// will ever be. For an integer cursor, m = MAX(cursor) is read just before t0: whoever took a smaller value did so
// in a statement that started before t0.
//
// The start of a suspect comes from performance_schema, or from an earlier run whose list it was not yet on. Where
// neither is to be had, Settle takes the pipeline's Lateness and says so in the Notice.
//
// A pipeline without a cursor gets T0 alone. A server whose clock went back is ErrInvalid.
func (s *Source) Settle(ctx context.Context, previous tidemark.Watermark) (tidemark.Settled, error) {
	var settled tidemark.Settled
	err := s.with(ctx, func(home *conn) (err error) {
		settled, err = s.settle(ctx, home, previous)
		return err
	})
	if err != nil {
		return tidemark.Settled{}, fmt.Errorf("settle %s: %w", s.pipeline.Table, err)
	}
	return settled, nil
}

// settle uses home for what is asked of the server that rows are read from.
func (s *Source) settle(ctx context.Context, home *conn, previous tidemark.Watermark) (tidemark.Settled, error) {
	t, err := s.current(ctx)
	if err != nil {
		return tidemark.Settled{}, err
	}
	st := &settling{
		table: t.name, cursor: t.schema.Cursor, pipeline: s.pipeline, previous: previous,
		observer: observer{source: s, deadline: time.Now().Add(s.pipeline.SettleWait + settleGrace)},
	}
	defer st.close()
	role, err := roleOf(ctx, home)
	if err != nil {
		return tidemark.Settled{}, err
	}
	if role.follows && s.config.Primary != nil {
		primary, err := Open(ctx, *s.config.Primary, s.pipeline, s.log)
		if err != nil {
			return tidemark.Settled{}, fmt.Errorf("the primary of a replica: %w", err)
		}
		defer primary.Close()
		st.source = primary
	} else if role.blind != "" {
		st.blind = &blindness{why: role.blind}
	}
	if err := st.findHorizon(ctx); err != nil {
		return tidemark.Settled{}, err
	}
	if st.source != s {
		if err := st.catchUp(ctx, home); err != nil {
			return tidemark.Settled{}, err
		}
	}
	return st.finish(ctx, home)
}

// A settling is one call of Settle.
type settling struct {
	observer
	table    tidemark.TableName
	cursor   *tidemark.Cursor // nil without one
	pipeline tidemark.Pipeline
	previous tidemark.Watermark

	t0       time.Time
	max      tidemark.CursorValue
	suspects []tidemark.Suspect    // as the last look leaves them
	history  []tidemark.Settlement // the previous ones, as the last look leaves them
	last     *look                 // nil when nothing could be seen

	blind   *blindness // set when the suspects or their starts cannot be known: way d
	horizon time.Time  // no row to come has a cursor below; of no use when blind
	by      tidemark.SettledBy
	holder  *tidemark.Suspect // who keeps the horizon below t0; nil when nobody does
}

// findHorizon looks who is writing and finds the horizon, or why it cannot be known.
func (st *settling) findHorizon(ctx context.Context) error {
	st.history = slices.Clone(st.previous.Settlements)
	if err := st.begin(ctx); err != nil {
		return err
	}
	if st.blind != nil {
		return nil
	}
	first, err := st.look(ctx, st.t0)
	if err != nil {
		return st.orBlind(err)
	}
	st.see(first, first.suspects())
	return st.findStarts(ctx)
}

// begin reads m, then t0. In this order: what lies below m was taken before t0.
func (st *settling) begin(ctx context.Context) error {
	c, err := st.fresh(ctx)
	if err != nil {
		return err
	}
	if st.cursor != nil && st.cursor.Kind == tidemark.CursorInteger {
		row, err := c.queryRow(ctx, "SELECT MAX("+ident(st.cursor.Column)+") FROM "+identTable(st.table))
		if err != nil {
			return err
		}
		if st.max, err = tidemark.ParseCursorValue(row[0].text); err != nil {
			return err
		}
	}
	if st.t0, err = serverClock(ctx, c); err != nil {
		return err
	}
	return st.checkClock()
}

// clockTolerance is how far the server's clock may go back between two runs, as NTP may set it.
const clockTolerance = time.Second

func (st *settling) checkClock() error {
	back := st.previous.T0.Sub(st.t0)
	if back <= clockTolerance {
		return nil
	}
	return tidemark.WithHint(
		fmt.Errorf("the server's clock shows %s, which is %s before the last run: %w",
			st.t0.Format(time.RFC3339), back.Round(time.Second), tidemark.ErrInvalid),
		"rows that are written now may lie below the watermark. Set the server's clock right (did it fail over, or was a "+
			"backup restored?); once it has passed the last run's time, the pipeline goes on")
}

// see takes over what a look found.
func (st *settling) see(l *look, suspects []tidemark.Suspect) {
	st.last, st.suspects = l, suspects
	for i, e := range st.history {
		st.history[i].Suspects = l.survivors(e)
	}
}

// findStarts goes through the ways: nobody is there; everybody's start is known; wait for those whose start is not; and
// for those that stay, what earlier runs saw.
func (st *settling) findStarts(ctx context.Context) error {
	until := time.Now().Add(st.pipeline.SettleWait)
	for {
		starts, err := st.starts(ctx, st.last, st.suspects)
		if err != nil {
			return err
		}
		known := !slices.ContainsFunc(st.suspects, func(s tidemark.Suspect) bool { return starts[keyOf(s)].IsZero() })
		if known || time.Now().Add(lookAgain).After(until) {
			st.conclude(starts)
			return nil
		}
		if err := st.pause(ctx, st.last); err != nil {
			return err
		}
		if _, err := st.fresh(ctx); err != nil {
			return err
		}
		again, err := st.look(ctx, time.Time{})
		if b := new(blindness); errors.As(err, &b) {
			st.conclude(starts) // the first look stands: it names nobody too few
			return nil
		} else if err != nil {
			return err
		}
		st.see(again, again.survivors(st.settlement()))
	}
}

// settlement returns what this run saw, as later runs look back to it.
func (st *settling) settlement() tidemark.Settlement {
	return tidemark.Settlement{T0: st.t0, Max: st.max, Suspects: st.suspects, Unknown: st.last == nil}
}

// conclude takes for each suspect the later of its start and the newest run whose list it was not on: it cannot
// have older rows. The earliest of these is the horizon.
func (st *settling) conclude(starts map[suspectKey]time.Time) {
	st.horizon, st.by, st.holder = st.t0, tidemark.SettledQuiet, nil
	for i, s := range st.suspects {
		since, by := starts[keyOf(s)], tidemark.SettledObserved
		if free := st.lastWithout(s); free.After(since) {
			since, by = free, tidemark.SettledEarlier
		}
		if since.IsZero() {
			st.holder = &st.suspects[i]
			st.blind = &blindness{why: "nothing tells when " + st.last.describe(s) + " began to write", hint: hintStarts}
			return
		}
		if st.by != tidemark.SettledEarlier {
			st.by = by
		}
		if since.Before(st.horizon) {
			st.horizon, st.holder = since, &st.suspects[i]
		}
	}
}

// lastWithout returns the T0 of the newest earlier run whose list the suspect was not on: it was not running then and
// had written nothing. Zero when there is none.
func (st *settling) lastWithout(s tidemark.Suspect) time.Time {
	for _, e := range slices.Backward(st.history) {
		listed := slices.ContainsFunc(e.Suspects, func(other tidemark.Suspect) bool { return keyOf(other) == keyOf(s) })
		if !e.Unknown && !listed {
			return e.T0
		}
	}
	return time.Time{}
}
