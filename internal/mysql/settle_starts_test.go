package mysql

import (
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
)

// TestSettleIncompleteEvents: performance_schema is believed only where nothing can escape it.
func TestSettleIncompleteEvents(t *testing.T) {
	without := func(option string) []string {
		args := append([]string{}, withEvents...)
		return append(args, option)
	}
	for name, option := range map[string]string{
		"no instrument":         "--performance-schema-instrument=transaction=OFF",
		"a statement is left":   "--performance-schema-instrument=statement/sql/insert=OFF",
		"no transactions":       "--performance-schema-consumer-events-transactions-current=OFF",
		"no history":            "--performance-schema-consumer-events-statements-history=OFF",
		"no thread instruments": "--performance-schema-consumer-thread-instrumentation=OFF",
		"threads are lost":      "--performance-schema-max-thread-instances=30",
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, startMariaDB(t, without(option)...), false, true)
			first := b.settle(tidemark.Watermark{})
			if name == "threads are lost" {
				for range 40 {
					b.writer()
				}
			}
			finish := heldUpByLock(b)
			s := b.settle(after(first))
			finish()
			b.wantBy(s, tidemark.SettledEarlier)
			b.wantSound(s, 1)
		})
	}
}

// TestSettleThreadNotInstrumented: one connection that escapes is enough.
func TestSettleThreadNotInstrumented(t *testing.T) {
	b := newBench(t, startMariaDB(t, withEvents...), true, true)
	first := b.settle(tidemark.Watermark{})
	w := b.writer()
	w.exec("UPDATE performance_schema.threads SET INSTRUMENTED = 'NO' WHERE PROCESSLIST_ID = CONNECTION_ID()")
	finish := idleTransaction(b)
	s := b.settle(after(first))
	finish()
	b.wantBy(s, tidemark.SettledEarlier)
	b.wantSound(s, 1)
}

func TestStartOf(t *testing.T) {
	clock := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	second := uint64(1e12)
	timer := eventTimer{clock: clock, begin: 100 * second, now: 100*second + 2e9} // 2 ms into our statement
	ago := func(seconds uint64) uint64 { return 100*second - seconds*second }
	early := func(seconds int) time.Time {
		return clock.Add(-time.Duration(seconds)*time.Second - 2*time.Millisecond)
	}
	look := clock.Add(-500 * time.Millisecond)
	statement := tidemark.Suspect{Thread: 7, Statement: true}
	open := tidemark.Suspect{Thread: 7, Transaction: "9"}
	nested := func(start, parent uint64) event {
		return event{thread: 40, id: 5, start: start, running: true, parent: parent, inside: "STATEMENT"}
	}
	for _, c := range []struct {
		name        string
		suspect     tidemark.Suspect
		transaction *event
		running     []event
		statements  []event
		want        time.Time
	}{
		{name: "a statement alone", suspect: statement, running: []event{{start: ago(3)}}, want: early(3)},
		{name: "in a procedure", suspect: statement, running: []event{{start: ago(3)}, {start: ago(8)}}, want: early(8)},
		{name: "one that began after the look", suspect: statement, running: []event{{start: ago(0)}}},
		{name: "nothing", suspect: statement},
		{name: "a transaction without its event", suspect: open, running: []event{{start: ago(3)}}},
		{name: "a transaction", suspect: open, transaction: &event{start: ago(4)}, want: early(4)},
		{name: "one that began after the look, the old one is gone", suspect: open, transaction: &event{start: ago(0)}},
		{name: "an implicit one", suspect: open, transaction: new(nested(ago(4), 4)),
			statements: []event{{thread: 40, id: 4, start: ago(9)}}, want: early(9)},
		{name: "whose statement was in a function", suspect: open, transaction: new(nested(ago(4), 4)),
			statements: []event{{thread: 40, id: 4, start: ago(9), parent: 3, inside: "STATEMENT"}, {thread: 40, id: 3, start: ago(20)}}, want: early(20)},
		{name: "whose statement is forgotten", suspect: open, transaction: new(nested(ago(4), 4)),
			statements: []event{{thread: 41, id: 4, start: ago(9)}}},
		{name: "a statement in an old transaction", suspect: statement, transaction: &event{start: ago(60)}, running: []event{{start: ago(3)}}, want: early(60)},
		{name: "prepared and left", suspect: tidemark.Suspect{Transaction: "9"}, transaction: &event{start: ago(4)}},
	} {
		g := &eventLog{timer: timer, transactions: map[uint64]event{}, running: map[uint64][]event{7: c.running}, statements: map[eventKey]event{}}
		if c.transaction != nil {
			g.transactions[7] = *c.transaction
		}
		for _, s := range c.statements {
			g.statements[eventKey{s.thread, s.id}] = s
		}
		if got := g.startOf(c.suspect, look); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
