package mysql

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

// seen returns the settlement of a run that made this look.
func seen(l *look) tidemark.Settlement {
	return tidemark.Settlement{T0: l.at, Suspects: l.suspects()}
}

// ofThread returns the suspects that belong to a writer.
func ofThread(suspects []tidemark.Suspect, w *writer) (own []tidemark.Suspect) {
	for _, s := range suspects {
		if s.Thread == w.id {
			own = append(own, s)
		}
	}
	return own
}

// TestSurvivorsStatementBecomesTransaction: a statement that has ended is gone only when its transaction is.
func TestSurvivorsStatementBecomesTransaction(t *testing.T) {
	onBenches(t, func(b *settleBench) {
		o, w := b.observer(), b.writer()
		name, free := b.lock()
		w.exec("SET autocommit = 0")
		wait := w.start("INSERT INTO t (v) SELECT 1 FROM (SELECT GET_LOCK('"+name+"', 30)) AS x", "lock")
		e := seen(b.look(o))
		if own := ofThread(e.Suspects, w); len(own) != 1 || !own[0].Statement || own[0].Transaction != "" {
			b.t.Fatalf("while the statement runs: %+v, want it alone", own)
		}
		free()
		wait()
		e.Suspects = b.look(o).survivors(e)
		if own := ofThread(e.Suspects, w); len(own) != 1 || own[0].Transaction == "" {
			b.t.Fatalf("when the statement has ended: %+v, want its transaction", own)
		}
		w.exec("COMMIT")
		if own := ofThread(b.look(o).survivors(e), w); len(own) != 0 {
			b.t.Errorf("after the commit: %+v, want none", own)
		}
	})
}

// TestSurvivorsPooled: the next transaction on a connection is another.
func TestSurvivorsPooled(t *testing.T) {
	onBenches(t, func(b *settleBench) {
		o, w := b.observer(), b.writer()
		w.exec("START TRANSACTION", "INSERT INTO t (v) VALUES (1)")
		e := seen(b.look(o))
		w.exec("COMMIT AND CHAIN", "INSERT INTO t (v) VALUES (2)")
		l := b.look(o)
		if own := ofThread(l.survivors(e), w); len(own) != 0 {
			b.t.Errorf("of the first transaction: %+v, want none", own)
		}
		if own := ofThread(l.suspects(), w); len(own) != 1 {
			b.t.Errorf("of the second: %+v, want one", own)
		}
		w.exec("COMMIT")
	})
}

// TestSurvivorsNextStatement: so is the next statement, once its start is certainly later.
func TestSurvivorsNextStatement(t *testing.T) {
	onBenches(t, func(b *settleBench) {
		o, w := b.observer(), b.writer()
		name, free := b.lock()
		slow := "INSERT INTO t (v) SELECT 1 FROM (SELECT GET_LOCK('" + name + "', 30)) AS x"
		wait := w.start(slow, "lock")
		e := seen(b.look(o))
		if own := ofThread(b.look(o).survivors(e), w); len(own) != 1 {
			b.t.Errorf("the same statement: %+v, want one", own)
		}
		free()
		wait()
		w.exec("DO RELEASE_ALL_LOCKS()")
		b.await("a second to pass", func() bool { return time.Since(e.T0) > 1100*time.Millisecond || !b.alone })
		name, free = b.lock()
		wait = w.start("INSERT INTO t (v) SELECT 2 FROM (SELECT GET_LOCK('"+name+"', 30)) AS x", "lock")
		defer func() { free(); wait() }()
		b.await("the second statement to be told from the first", func() bool {
			return len(ofThread(b.look(o).survivors(e), w)) == 0
		})
	})
}

// TestSurvivorsDetached: a statement that was running may have become a prepared transaction that left its connection.
func TestSurvivorsDetached(t *testing.T) {
	onBenches(t, func(b *settleBench) {
		o, w := b.observer(), b.writer()
		name, free := b.lock()
		xid := "'" + b.database + "'"
		w.exec("XA START " + xid)
		wait := w.start("INSERT INTO t (v) SELECT 1 FROM (SELECT GET_LOCK('"+name+"', 30)) AS x", "lock")
		e := seen(b.look(o))
		free()
		wait()
		w.exec("XA END "+xid, "XA PREPARE "+xid)
		w.leave()
		e.Suspects = b.look(o).survivors(e)
		if len(e.Suspects) == 0 {
			b.t.Error("the prepared transaction is forgotten")
		}
		b.sql("XA COMMIT " + xid)
		if left := b.look(o).survivors(e); b.alone && len(left) != 0 {
			b.t.Errorf("after the commit: %+v, want none", left)
		}
	})
}

func TestPrune(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC) }
	run := func(minute, suspects int, unknown bool) tidemark.Settlement {
		s := tidemark.Settlement{T0: at(minute), Unknown: unknown}
		for i := range suspects {
			s.Suspects = append(s.Suspects, tidemark.Suspect{Thread: uint64(i + 1)})
		}
		return s
	}
	many := make([]tidemark.Settlement, 40)
	for i := range many {
		many[i] = run(i, min(i, 1), false)
	}
	for _, c := range []struct {
		name    string
		history []tidemark.Settlement
		own     tidemark.Settlement
		integer bool
		want    string
	}{
		{"first run", nil, run(9, 0, false), false, "[9:0]"},
		{"all are gone from the newest", []tidemark.Settlement{run(1, 0, false), run(2, 0, false)}, run(9, 0, false), false, "[2:0 9:0]"},
		{"some are left of the newer", []tidemark.Settlement{run(1, 0, false), run(2, 0, false), run(3, 2, false)}, run(9, 1, false), false, "[2:0 3:2 9:1]"},
		{"unknown is no help", []tidemark.Settlement{run(1, 0, true), run(2, 1, false)}, run(9, 1, false), false, "[2:1 9:1]"},
		{"but to integers", []tidemark.Settlement{run(1, 0, true), run(2, 1, false)}, run(9, 1, false), true, "[1:0? 2:1 9:1]"},
		{"too many suspects", nil, run(9, 65, false), false, "[9:0?]"},
	} {
		if got := brieflyAll(prune(c.history, c.own, c.integer)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
	kept := prune(many, run(50, 1, false), false)
	if len(kept) != tidemark.MaxSettlements || !kept[0].T0.Equal(at(0)) || !kept[1].T0.Equal(at(10)) {
		t.Errorf("of 40: %d kept: %s, want the first and the newest", len(kept), brieflyAll(kept))
	}
}

func brieflyAll(settlements []tidemark.Settlement) string {
	out := make([]string, len(settlements))
	for i, s := range settlements {
		out[i] = fmt.Sprintf("%d:%d", s.T0.Minute(), len(s.Suspects))
		if s.Unknown {
			out[i] += "?"
		}
	}
	return fmt.Sprint(out)
}

// TestReadsOnly is about lists that a test cannot bring a server to show on purpose.
func TestReadsOnly(t *testing.T) {
	busy := map[uint64]connection{7: {id: 7, user: "app", command: "Query"}}
	for _, c := range []struct {
		name         string
		transactions []transaction
		want         int
	}{
		{"no transaction yet", nil, 1},
		{"a read-only one", []transaction{{id: "1", thread: 7, readOnly: true}}, 0},
		{"one that may write", []transaction{{id: "1", thread: 7}}, 1},
		{"both, as when MySQL reads its dictionary", []transaction{{id: "1", thread: 7, readOnly: true}, {id: "2", thread: 7}}, 1},
		{"one that has written", []transaction{{id: "2", thread: 7, modified: true}}, 2},
		{"a read-only one with a temporary table", []transaction{{id: "2", thread: 7, modified: true, readOnly: true}}, 0},
		{"somebody else's", []transaction{{id: "2", thread: 8, readOnly: true}}, 1},
		{"prepared and left", []transaction{{id: "2", thread: 0}}, 2},
	} {
		l := &look{connections: busy, transactions: c.transactions}
		if got := l.suspects(); len(got) != c.want {
			t.Errorf("%s: suspects %+v, want %d", c.name, got, c.want)
		}
	}
}

func TestRunning(t *testing.T) {
	for _, c := range []struct {
		user, command string
		want          bool
	}{
		{"app", "Query", true}, {"app", "Execute", true}, {"app", "Killed", true}, {"app", "Sleep", false},
		{"event_scheduler", "Daemon", false}, {"event_scheduler", "Connect", true}, {"system user", "Connect", true},
		{"repl", "Binlog Dump", false}, {"repl", "Binlog Dump GTID", false}, {"unauthenticated user", "Connect", false},
	} {
		if got := (connection{user: c.user, command: c.command}).running(); got != c.want {
			t.Errorf("%s by %s: running %t, want %t", c.command, c.user, got, c.want)
		}
	}
}

func TestDescribe(t *testing.T) {
	at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	l := &look{at: at, connections: map[uint64]connection{
		7: {id: 7, user: "app", host: "10.0.0.5", command: "Sleep"},
		8: {id: 8, user: "app", host: "10.0.0.5", command: "Query", state: "Waiting for table metadata lock"},
	}}
	for _, c := range []struct {
		suspect tidemark.Suspect
		want    string
	}{
		{tidemark.Suspect{Thread: 7, Transaction: "1572", Started: at.Add(-5 * time.Minute), Who: "app@10.0.0.5"},
			"app@10.0.0.5, connection 7: in an open transaction for 5m0s, idle"},
		{tidemark.Suspect{Thread: 8, Statement: true, Started: at.Add(-12 * time.Second), Who: "app@10.0.0.5"},
			"app@10.0.0.5, connection 8: in a statement for 12s (Query: Waiting for table metadata lock)"},
		{tidemark.Suspect{Transaction: "1572", Started: at.Add(-time.Hour)},
			"prepared XA transaction 1572 without a connection, for 1h0m0s (XA RECOVER lists it)"},
		{tidemark.Suspect{Thread: 9, Transaction: "3"}, "connection 9: in an open transaction of unknown age"},
	} {
		if diff := cmp.Diff(c.want, l.describe(c.suspect)); diff != "" {
			t.Error(diff)
		}
	}
}
