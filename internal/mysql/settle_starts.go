package mysql

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
)

// An event is a line of performance_schema: a statement or a transaction of a connection. Times are picoseconds on the
// server's timer.
type event struct {
	thread  uint64 // performance_schema's own
	id      uint64
	start   uint64
	running bool
	parent  uint64 // the event that it is nested in, 0 for none
	inside  string // "STATEMENT" or "TRANSACTION"
}

type eventKey struct{ thread, id uint64 }

// eventTimer converts the server's timer to its clock.
type eventTimer struct {
	clock      time.Time // when our statement started; before both of these
	begin, now uint64    // the timer at the start of our statement, and in the midst of it
}

// earliest returns a moment that is not later than the truth: the clock was read before the timer.
func (t eventTimer) earliest(start uint64) time.Time { return t.clock.Add(picoseconds(start, t.now)) }

// latest returns a moment that is not earlier than the truth.
func (t eventTimer) latest(start uint64) time.Time { return t.clock.Add(picoseconds(start, t.begin)) }

func picoseconds(start, now uint64) time.Duration { return time.Duration(int64(start-now) / 1000) }

// An eventLog is what performance_schema knows of the suspects' connections.
type eventLog struct {
	timer        eventTimer
	transactions map[uint64]event // by connection: the active one
	running      map[uint64][]event
	statements   map[eventKey]event // current and recent
}

// starts returns when the suspects began to write, for those for which performance_schema tells. It is asked after the
// look, so that what it says may be about something newer: an event is believed only if it began before the look.
func (st *settling) starts(ctx context.Context, l *look, suspects []tidemark.Suspect) (map[suspectKey]time.Time, error) {
	if len(suspects) == 0 {
		return nil, nil
	}
	log, err := readEvents(ctx, st.conn, suspects)
	switch {
	case errors.Is(err, tidemark.ErrDenied), errors.Is(err, tidemark.ErrNotFound), errors.Is(err, tidemark.ErrInvalid):
		return nil, nil // not to be had: the other ways remain
	case err != nil || log == nil:
		return nil, err
	}
	starts := map[suspectKey]time.Time{}
	for _, s := range suspects {
		if at := log.startOf(s, l.at); !at.IsZero() {
			starts[keyOf(s)] = at
		}
	}
	return starts, nil
}

// startOf returns a moment before which the suspect can have no rows, or zero.
func (g *eventLog) startOf(s tidemark.Suspect, look time.Time) time.Time {
	if s.Thread == 0 {
		return time.Time{} // a prepared XA transaction: its events went with its connection
	}
	transaction, active := g.transactions[s.Thread]
	var at time.Time
	if active {
		first, found := g.first(transaction)
		if !found || g.timer.latest(transaction.start).After(look) {
			return time.Time{}
		}
		at = g.timer.earliest(first)
	}
	if s.Transaction != "" {
		return at
	}
	for _, statement := range g.running[s.Thread] {
		if g.timer.latest(statement.start).After(look) {
			continue
		}
		if start := g.timer.earliest(statement.start); at.IsZero() || start.Before(at) {
			at = start
		}
	}
	return at
}

// first returns the start of the outermost statement that an event is nested in: an implicit transaction, as with
// autocommit=0, begins in the midst of its first statement, which may have waited long for a lock and whose rows bear
// the time at which it started. False when that statement is no longer known.
func (g *eventLog) first(e event) (start uint64, found bool) {
	for e.parent != 0 && e.inside == "STATEMENT" {
		outer, known := g.statements[eventKey{e.thread, e.parent}]
		if !known {
			return 0, false
		}
		e = outer
	}
	return e.start, true
}

// readEvents returns nil when performance_schema does not see everything.
func readEvents(ctx context.Context, c *conn, suspects []tidemark.Suspect) (*eventLog, error) {
	if complete, err := seesAll(ctx, c); err != nil || !complete {
		return nil, err
	}
	g := &eventLog{transactions: map[uint64]event{}, running: map[uint64][]event{}, statements: map[eventKey]event{}}
	var err error
	if g.timer, err = readTimer(ctx, c); err != nil {
		return nil, err
	}
	list := threadList(suspects)
	// Transactions first, then current statements, then those that ended: a statement moves this way only.
	for _, table := range []string{"events_transactions_current", "events_statements_current", "events_statements_history"} {
		if err := g.read(ctx, c, table, list); err != nil {
			return nil, err
		}
	}
	return g, nil
}

func threadList(suspects []tidemark.Suspect) string {
	ids := make([]string, len(suspects))
	for i, s := range suspects {
		ids[i] = strconv.FormatUint(s.Thread, 10)
	}
	return strings.Join(ids, ",")
}

func (g *eventLog) read(ctx context.Context, c *conn, table, threads string) error {
	res, err := c.query(ctx, "SELECT t.PROCESSLIST_ID, e.THREAD_ID, e.EVENT_ID, e.TIMER_START, e.END_EVENT_ID IS NULL, "+
		"COALESCE(e.NESTING_EVENT_ID, 0), COALESCE(e.NESTING_EVENT_TYPE, '') FROM performance_schema."+table+
		" e JOIN performance_schema.threads t ON t.THREAD_ID = e.THREAD_ID WHERE e.TIMER_START IS NOT NULL AND t.PROCESSLIST_ID IN ("+threads+")")
	if err != nil {
		return err
	}
	for _, r := range res.rows {
		n, err := numbers(r[:6])
		if err != nil {
			return err
		}
		e := event{thread: n[1], id: n[2], start: n[3], running: n[4] == 1, parent: n[5], inside: r[6].text}
		if table == "events_transactions_current" {
			if e.running {
				g.transactions[n[0]] = e
			}
			continue
		}
		g.statements[eventKey{e.thread, e.id}] = e
		if e.running && table == "events_statements_current" {
			g.running[n[0]] = append(g.running[n[0]], e)
		}
	}
	return nil
}

func numbers(cells []cell) ([]uint64, error) {
	out := make([]uint64, len(cells))
	for i, c := range cells {
		var err error
		if out[i], err = strconv.ParseUint(c.text, 10, 64); err != nil {
			return nil, malformed("a number of performance_schema")
		}
	}
	return out, nil
}

// readTimer reads clock and timer by one statement, which is an event itself.
func readTimer(ctx context.Context, c *conn) (eventTimer, error) {
	row, err := c.queryRow(ctx, "SELECT UTC_TIMESTAMP(6), MIN(e.TIMER_START), MAX(e.TIMER_END) FROM performance_schema.events_statements_current e "+
		"JOIN performance_schema.threads t ON t.THREAD_ID = e.THREAD_ID WHERE t.PROCESSLIST_ID = CONNECTION_ID() AND e.END_EVENT_ID IS NULL")
	if err != nil {
		return eventTimer{}, err
	}
	if row[1].null || row[2].null {
		return eventTimer{}, fmt.Errorf("our own statement is not in performance_schema: %w", tidemark.ErrNotFound)
	}
	clock, err := parseServerTime(row[0].text)
	if err != nil {
		return eventTimer{}, err
	}
	n, err := numbers(row[1:])
	if err != nil {
		return eventTimer{}, err
	}
	return eventTimer{clock: clock, begin: n[0], now: n[1]}, nil
}

// seesAll reports whether no statement and no transaction can escape performance_schema. Instruments below statement/sp
// are for the parts of stored programs, whose whole is what counts; MySQL has some of them off by default.
func seesAll(ctx context.Context, c *conn) (bool, error) {
	row, err := c.queryRow(ctx, "SELECT @@GLOBAL.performance_schema")
	if err != nil || row[0].text != "1" {
		return false, err
	}
	row, err = c.queryRow(ctx, "SELECT "+
		"(SELECT COUNT(*) FROM performance_schema.setup_instruments WHERE NAME = 'transaction' AND ENABLED = 'YES' AND TIMED = 'YES'), "+
		"(SELECT COUNT(*) FROM performance_schema.setup_instruments WHERE NAME LIKE 'statement/%' AND NAME NOT LIKE 'statement/sp/%' "+
		"AND (ENABLED = 'NO' OR TIMED = 'NO')), "+
		"(SELECT COUNT(*) FROM performance_schema.setup_consumers WHERE ENABLED = 'YES' AND NAME IN ('events_transactions_current', "+
		"'events_statements_current', 'events_statements_history', 'global_instrumentation', 'thread_instrumentation')), "+
		"(SELECT COUNT(*) FROM performance_schema.threads WHERE TYPE = 'FOREGROUND' AND INSTRUMENTED = 'NO')")
	if err != nil {
		return false, err
	}
	for i, want := range []string{"1", "0", "5", "0"} {
		if row[i].text != want {
			return false, nil
		}
	}
	res, err := c.query(ctx, "SHOW GLOBAL STATUS WHERE Variable_name IN ('Performance_schema_thread_instances_lost', "+
		"'Performance_schema_thread_classes_lost', 'Performance_schema_statement_classes_lost')")
	if err != nil {
		return false, err
	}
	for _, r := range res.rows {
		if r[1].text != "0" {
			return false, nil
		}
	}
	return len(res.rows) == 3, nil
}
