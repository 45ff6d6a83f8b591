package mysql

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

func TestSettleQuiet(t *testing.T) {
	onBenches(t, func(b *settleBench) {
		s := b.settle(tidemark.Watermark{})
		b.wantBy(s, tidemark.SettledQuiet)
		if b.alone && s.Bound != datetime(s.T0) {
			b.t.Errorf("bound %s, want t0 %s", s.Bound, s.T0)
		}
		if s.Bound.Less(b.cursorOf(0)) && b.alone {
			b.t.Errorf("bound %s is below a row that was committed before, %s", s.Bound, b.cursorOf(0))
		}
		if len(s.History) != 1 || !s.History[0].T0.Equal(s.T0) {
			b.t.Errorf("history %+v, want this run alone", s.History)
		}
	})
}

// TestSettleHazards has one writer for each way in which a row can come late, and shows that it is not below the bound.
func TestSettleHazards(t *testing.T) {
	for _, h := range []struct {
		name   string
		begin  func(b *settleBench) (finish func()) // brings a row with v = 1 under way, and later in
		events tidemark.SettledBy                   // the way where performance_schema is complete
	}{
		{"slow first statement", slowFirstStatement, tidemark.SettledObserved},
		{"idle open transaction", idleTransaction, tidemark.SettledObserved},
		{"autocommit off, held up by a table lock", heldUpByLock, tidemark.SettledObserved},
		{"autocommit off, open after a slow statement", openAfterSlowStatement, tidemark.SettledObserved},
		{"many statements later", manyStatements, tidemark.SettledEarlier},
		{"xa, prepared", preparedXA, ""},
		{"xa, prepared and disconnected", disconnectedXA, tidemark.SettledEarlier},
		{"xa, prepared, next transaction on the connection", preparedXAThenNext, ""},
		{"function in a select", functionInSelect, tidemark.SettledObserved},
		{"procedure", slowProcedure, tidemark.SettledObserved},
	} {
		t.Run(h.name, func(t *testing.T) {
			onBenches(t, func(b *settleBench) {
				first := b.settle(tidemark.Watermark{})
				finish := h.begin(b)
				s := b.settle(after(first))
				finish()
				b.wantSound(s, 1)
				switch {
				case !b.events:
					b.wantBy(s, tidemark.SettledEarlier)
				case h.events != "":
					b.wantBy(s, h.events)
				}
				if b.alone && s.Bound.Less(first.Bound) {
					b.t.Errorf("bound %s went below the first run's %s", s.Bound, first.Bound)
				}
				if last := s.History[len(s.History)-1]; len(last.Suspects) == 0 {
					b.t.Errorf("no suspects in %+v", last)
				}
				// Once all have gone, the bound moves up.
				next := b.settle(after(s))
				b.wantBy(next, tidemark.SettledQuiet)
			})
		})
	}
}

func slowFirstStatement(b *settleBench) func() {
	name, free := b.lock()
	wait := b.writer().start("INSERT INTO t (v) SELECT 1 FROM (SELECT GET_LOCK('"+name+"', 30) AS g) AS x", "lock")
	return func() { free(); wait() }
}

func idleTransaction(b *settleBench) func() {
	w := b.writer()
	w.exec("START TRANSACTION", "INSERT INTO t (v) VALUES (1)")
	return func() { w.exec("COMMIT") }
}

// heldUpByLock: the row's time is the statement's start, long before the transaction's.
func heldUpByLock(b *settleBench) func() {
	locker, w := b.writer(), b.writer()
	locker.exec("LOCK TABLES t WRITE")
	w.exec("SET autocommit = 0")
	wait := w.start("INSERT INTO t (v) VALUES (1)", "lock")
	time.Sleep(50 * time.Millisecond) // not for something to happen, but for the two starts to differ
	locker.exec("UNLOCK TABLES")
	wait()
	return func() { w.exec("COMMIT") }
}

func openAfterSlowStatement(b *settleBench) func() {
	w := b.writer()
	w.exec("SET autocommit = 0", "INSERT INTO t (v) SELECT 1 FROM (SELECT SLEEP(0.05)) AS x", "SELECT COUNT(*) FROM t")
	return func() { w.exec("COMMIT") }
}

// manyStatements has more than performance_schema remembers of a connection.
func manyStatements(b *settleBench) func() {
	w := b.writer()
	w.exec("SET autocommit = 0", "INSERT INTO t (v) SELECT 1 FROM (SELECT SLEEP(0.05)) AS x")
	for range 20 {
		w.exec("SELECT 1")
	}
	return func() { w.exec("COMMIT") }
}

func preparedXA(b *settleBench) func() {
	w, xid := b.writer(), "'"+b.database+"'"
	w.exec("XA START "+xid, "INSERT INTO t (v) VALUES (1)", "XA END "+xid, "XA PREPARE "+xid)
	return func() { w.exec("XA COMMIT " + xid) }
}

func disconnectedXA(b *settleBench) func() {
	w, xid := b.writer(), "'"+b.database+"'"
	w.exec("XA START "+xid, "INSERT INTO t (v) VALUES (1)", "XA END "+xid, "XA PREPARE "+xid)
	w.leave()
	return func() { b.sql("XA COMMIT " + xid) }
}

// preparedXAThenNext: MySQL detaches a transaction when it is prepared, and its connection goes on.
func preparedXAThenNext(b *settleBench) func() {
	if b.server.Flavor == "mariadb" {
		return preparedXA(b)
	}
	w, xid := b.writer(), "'"+b.database+"'"
	w.exec("XA START "+xid, "INSERT INTO t (v) VALUES (1)", "XA END "+xid, "XA PREPARE "+xid)
	w.exec("START TRANSACTION", "INSERT INTO t (v) VALUES (2)")
	return func() { w.exec("COMMIT"); b.sql("XA COMMIT " + xid) }
}

// functionInSelect: a SELECT can write. It reads first, so that its transaction begins before it writes.
func functionInSelect(b *settleBench) func() {
	name, free := b.lock()
	b.sql("CREATE FUNCTION f() RETURNS INT DETERMINISTIC BEGIN DECLARE n INT; SELECT COUNT(*) INTO n FROM t; SET n = GET_LOCK('" + name + "', 30); " +
		"INSERT INTO t (v) VALUES (1); RETURN n; END")
	w := b.writer()
	wait := w.start("DO (SELECT f())", "lock")
	return func() { free(); wait() }
}

func slowProcedure(b *settleBench) func() {
	name, free := b.lock()
	b.sql("CREATE PROCEDURE p() BEGIN START TRANSACTION; INSERT INTO t (v) VALUES (1); DO GET_LOCK('" + name + "', 30); COMMIT; END")
	wait := b.writer().start("CALL p()", "lock")
	return func() { free(); wait() }
}

// TestSettleReaders: who only reads holds nothing back.
func TestSettleReaders(t *testing.T) {
	for _, r := range []struct {
		name  string
		begin func(b *settleBench) (finish func())
	}{
		{"idle reader", func(b *settleBench) func() {
			w := b.writer()
			w.exec("START TRANSACTION", "SELECT COUNT(*) FROM t")
			return func() { w.exec("COMMIT") }
		}},
		{"read-only transaction in a statement", func(b *settleBench) func() {
			name, free := b.lock()
			w := b.writer()
			w.exec("START TRANSACTION READ ONLY", "SELECT COUNT(*) FROM t")
			wait := w.start("SELECT COUNT(*), GET_LOCK('"+name+"', 30) FROM t", "lock")
			return func() { free(); wait(); w.exec("COMMIT") }
		}},
		{"rolled back to a savepoint", func(b *settleBench) func() {
			w := b.writer()
			w.exec("START TRANSACTION", "SAVEPOINT s", "INSERT INTO t (v) VALUES (1)", "ROLLBACK TO s")
			return func() { w.exec("COMMIT") }
		}},
	} {
		t.Run(r.name, func(t *testing.T) {
			onBenches(t, func(b *settleBench) {
				finish := r.begin(b)
				s := b.settle(tidemark.Watermark{})
				finish()
				b.wantBy(s, tidemark.SettledQuiet)
			})
		})
	}
}

// TestSettleWaits: a writer that commits within SettleWait costs nothing.
func TestSettleWaits(t *testing.T) {
	b := newBench(t, testenvPlain(t), false, true)
	b.pipeline.SettleWait = 10 * time.Second
	finish := idleTransaction(b)
	committed := make(chan struct{})
	go func() {
		defer close(committed)
		time.Sleep(30 * time.Millisecond)
		finish()
	}()
	s := b.settle(tidemark.Watermark{})
	<-committed
	b.wantSound(tidemark.Settled{}, 1)
	b.wantBy(s, tidemark.SettledQuiet)
	if s.Bound != datetime(s.T0) {
		t.Errorf("bound %s, want t0 %s", s.Bound, s.T0)
	}
}

// TestSettleMonitor: a monitor that reads innodb_trx every 50 ms keeps the server from renewing it. The list does not
// show the writer, and must not be believed.
func TestSettleMonitor(t *testing.T) {
	onBenches(t, func(b *settleBench) {
		b.pipeline.Lateness = time.Minute
		stop, stopped := make(chan struct{}), make(chan struct{})
		watching := make(chan struct{}, 1)
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				case <-time.After(30 * time.Millisecond):
					_, _ = b.db.Exec("SELECT COUNT(*) FROM information_schema.innodb_trx")
					select {
					case watching <- struct{}{}:
					default:
					}
				}
			}
		}()
		<-watching
		finish := idleTransaction(b)
		begun := time.Now()
		s := b.settle(tidemark.Watermark{})
		took := time.Since(begun)
		close(stop)
		<-stopped
		finish()
		b.wantSound(s, 1)
		if took > 5*time.Second {
			t.Errorf("settling took %s", took)
		}
		b.t.Logf("settled by %s in %s: %s", s.By, took, s.Notice)
	})
}

// TestSettleInteger: ids are committed out of order.
func TestSettleInteger(t *testing.T) {
	onBenches(t, func(b *settleBench) {
		b.pipeline.Cursors = []string{"id"}
		first := b.settle(tidemark.Watermark{}) // m = 1
		slow := b.writer()
		slow.exec("START TRANSACTION", "INSERT INTO t (v) VALUES (1)") // id 2
		b.sql("INSERT INTO t (v) VALUES (2)")                          // id 3
		s := b.settle(after(first))
		slow.exec("COMMIT")
		if want := tidemark.IntegerValue(1); s.Bound != want && (b.alone || want.Less(s.Bound)) {
			b.t.Errorf("bound %s by %s, want %s: id 2 was open", s.Bound, s.By, want)
		}
		last := b.settle(after(s))
		if want := tidemark.IntegerValue(3); b.alone && last.Bound != want {
			b.t.Errorf("bound %s by %s, want %s: all is committed", last.Bound, last.By, want)
		}
	})
}

// TestSettleIntegerGuess: without a list and without an earlier run, rows of lateness are taken off.
func TestSettleIntegerGuess(t *testing.T) {
	b := newBench(t, testenvPlain(t), false, true)
	b.pipeline.Cursors, b.pipeline.LatenessRows = []string{"id"}, 10
	b.sql("INSERT INTO t (id, v) VALUES (100, 1)")
	finish := idleTransactionOf(b, 2)
	defer finish()
	s := b.settle(tidemark.Watermark{})
	b.wantBy(s, tidemark.SettledLateness)
	if want := tidemark.IntegerValue(90); s.Bound != want {
		t.Errorf("bound %s, want %s", s.Bound, want)
	}
}

func idleTransactionOf(b *settleBench, v int) func() {
	w := b.writer()
	w.exec("START TRANSACTION", fmt.Sprintf("INSERT INTO t (v) VALUES (%d)", v))
	return func() { w.exec("COMMIT") }
}

// TestSettleGuess: a first run that meets a writer of unknown age guesses, and never guesses it away.
func TestSettleGuess(t *testing.T) {
	b := newBench(t, testenvPlain(t), false, true)
	b.pipeline.Lateness = time.Hour
	finish := idleTransaction(b)
	b.await("the transaction to be a second old", func() bool {
		var old bool
		err := b.db.QueryRow("SELECT SYSDATE(6) >= MAX(u) + INTERVAL 1100000 MICROSECOND FROM t").Scan(&old)
		return err == nil && old
	})
	s := b.settle(tidemark.Watermark{})
	finish()
	b.wantBy(s, tidemark.SettledLateness)
	b.wantSound(s, 1)
	b.wantHeldBy(s, b.server.User+"@127.0.0.1", "connection", "open transaction", "idle")
	if limit := datetime(s.T0.Add(-time.Hour - time.Second)); limit.Less(s.Bound) {
		t.Errorf("bound %s, want at most %s: the writer is a second old", s.Bound, limit)
	}
	last := s.History[len(s.History)-1]
	if len(last.Suspects) != 1 || last.Unknown {
		t.Errorf("recorded %+v, want one suspect", last)
	}
	if next := b.settle(after(s)); next.By != tidemark.SettledQuiet {
		t.Errorf("then settled by %s", next.By)
	}
}

// TestSettleLookBack: the run that recorded a writer serves as an earlier one when another writer is there.
func TestSettleLookBack(t *testing.T) {
	b := newBench(t, testenvPlain(t), false, true)
	finish := idleTransactionOf(b, 1)
	first := b.settle(tidemark.Watermark{})
	b.wantBy(first, tidemark.SettledLateness)
	finish()
	second := b.settle(after(first))
	finish = idleTransactionOf(b, 2)
	third := b.settle(after(second))
	fourth := b.settle(after(third))
	finish()
	for _, s := range []tidemark.Settled{third, fourth} {
		b.wantBy(s, tidemark.SettledEarlier)
		b.wantHeldBy(s, "open transaction")
		b.wantSound(s, 2)
		if s.Bound != datetime(second.T0) {
			t.Errorf("bound %s, want the second run's t0 %s", s.Bound, second.T0)
		}
	}
	if len(fourth.History) != 3 {
		t.Errorf("%d settlements kept, want the second run's, the third's and its own", len(fourth.History))
	}
}

func TestSettleDenied(t *testing.T) {
	onBenches(t, func(b *settleBench) {
		b.pipeline.Lateness = time.Minute
		user := b.database + "_r"
		b.sql("CREATE USER "+user+" IDENTIFIED BY 'tide-test-reader'", "GRANT SELECT ON "+b.database+".* TO "+user)
		b.t.Cleanup(func() { b.sql("DROP USER " + user) })
		finish := idleTransaction(b)
		b.server = b.as(user, "tide-test-reader")
		s := b.settle(tidemark.Watermark{})
		finish()
		b.wantSound(s, 1)
		if s.By != tidemark.SettledLateness || s.Bound != datetime(s.T0.Add(-time.Minute)) {
			b.t.Errorf("settled by %s at %s, want lateness off %s", s.By, s.Bound, s.T0)
		}
		wantText(b.t, s.Notice, "GRANT PROCESS", "1m0s")
		if last := s.History[len(s.History)-1]; !last.Unknown {
			b.t.Errorf("recorded %+v, want it unknown", last)
		}
	})
}

func TestSettleClockBack(t *testing.T) {
	b := newBench(t, testenvPlain(t), false, true)
	s := b.source()
	now := b.settle(tidemark.Watermark{}).T0
	if _, err := s.Settle(t.Context(), tidemark.Watermark{Seq: 1, T0: now.Add(time.Hour)}); !errors.Is(err, tidemark.ErrInvalid) || tidemark.Hint(err) == "" {
		t.Errorf("an hour back: %v, hint %q", err, tidemark.Hint(err))
	} else {
		wantText(t, err.Error(), "clock", "1h0m0s before the last run")
	}
	if _, err := s.Settle(t.Context(), tidemark.Watermark{Seq: 1, T0: now.Add(900 * time.Millisecond)}); err != nil {
		t.Errorf("a little back: %v", err)
	}
}

// TestSettleNeverBack: what was proven once stays true.
func TestSettleNeverBack(t *testing.T) {
	b := newBench(t, testenvPlain(t), false, true)
	first := b.settle(tidemark.Watermark{})
	b.pipeline.Slack = time.Hour
	if s := b.settle(after(first)); s.Bound != first.Bound {
		t.Errorf("bound %s, want the previous %s", s.Bound, first.Bound)
	}
}

func TestSettleDeductions(t *testing.T) {
	b := newBench(t, testenvPlain(t), false, true)
	b.sql("ALTER TABLE t ADD COLUMN app DATETIME, ADD COLUMN d DATE, ADD COLUMN ts TIMESTAMP(3) NULL, ADD COLUMN n BIGINT UNSIGNED")
	b.sql("UPDATE t SET n = 18446744073709551615")
	b.pipeline.Lateness, b.pipeline.LatenessRows, b.pipeline.Slack = 10*time.Minute, 10_000, 10*time.Second
	for _, c := range []struct {
		column string
		want   func(t0 time.Time) string
	}{
		{"u", func(t0 time.Time) string { return datetime(t0.Add(-10 * time.Second)).String() }},
		{"app", func(t0 time.Time) string { return t0.Add(-610 * time.Second).Format("2006-01-02 15:04:05") }},
		{"d", func(t0 time.Time) string { return t0.Add(-610 * time.Second).Format("2006-01-02") }},
		{"ts", func(t0 time.Time) string {
			at := t0.Add(-610 * time.Second).Truncate(time.Millisecond)
			return tidemark.TemporalValue(tidemark.CursorTimestamp, at.UnixMicro()).String()
		}},
		{"id", func(time.Time) string { return "1" }},
		{"n", func(time.Time) string { return "18446744073709541615" }},
	} {
		b.pipeline.Cursors = []string{c.column}
		s := b.settle(tidemark.Watermark{})
		if got, want := s.Bound.String(), c.want(s.T0); got != want {
			t.Errorf("cursor %s: bound %s, want %s", c.column, got, want)
		}
	}
}

// TestSettleBinaryStatement: MySQL cannot show its transactions while one of them runs a statement with bytes that are no
// UTF-8. A list that fails is read again.
func TestSettleBinaryStatement(t *testing.T) {
	onBenches(t, func(b *settleBench) {
		name, free := b.lock()
		w := b.writer()
		w.exec("START TRANSACTION", "INSERT INTO t (v) VALUES (1)")
		wait := w.start("DO GET_LOCK('"+name+"', 30), '\xff\xfe\x80'", "lock")
		freed := make(chan struct{})
		go func() {
			defer close(freed)
			time.Sleep(300 * time.Millisecond)
			free()
		}()
		s := b.settle(tidemark.Watermark{})
		<-freed
		wait()
		w.exec("COMMIT")
		if b.events { // the list was had in the end, and with it the start
			b.wantSound(s, 1)
			b.wantBy(s, tidemark.SettledObserved)
		}
	})
}

// TestSettleEmbedded: a server that knows nothing of transactions is not waited for.
func TestSettleEmbedded(t *testing.T) {
	server := testenv.Embedded(t)
	s := openSource(t, configOf(server), tidemark.Pipeline{
		ID: "test", Table: tidemark.TableName{Database: "retail_db", Name: "orders"}, Mode: tidemark.ModeAppend, Splits: 1,
		Nulls: tidemark.NullsLoad, Cursors: []string{"order_last_updated"}, SettleWait: 250 * time.Millisecond, Lateness: time.Minute,
	})
	settled, err := s.Settle(t.Context(), tidemark.Watermark{})
	if err != nil {
		t.Fatal(err)
	}
	// Once for what the server cannot tell, once for a column that the application sets.
	want := datetime(settled.T0.Add(-2 * time.Minute).Truncate(time.Second))
	if settled.By != tidemark.SettledLateness || settled.Bound != want || settled.Notice == "" {
		t.Errorf("settled %+v, want %s by lateness, with a notice", settled, want)
	}
}

// TestSettleUnknownIsNoWitness: a run that could not see who was writing says nothing about a writer that is seen later.
func TestSettleUnknownIsNoWitness(t *testing.T) {
	b := newBench(t, testenvPlain(t), false, true)
	b.pipeline.Lateness = time.Minute
	user := b.database + "_r"
	b.sql("CREATE USER "+user+" IDENTIFIED BY 'tide-test-reader'", "GRANT SELECT ON "+b.database+".* TO "+user)
	t.Cleanup(func() { b.sql("DROP USER " + user) })
	finish := idleTransaction(b)
	all := b.server
	b.server = b.as(user, "tide-test-reader")
	first := b.settle(tidemark.Watermark{})
	b.server = all
	previous := after(first)
	s := b.settle(previous)
	finish()
	b.wantSound(s, 1)
	b.wantBy(s, tidemark.SettledLateness)
}
