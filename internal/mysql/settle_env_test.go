package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// withEvents are the options of a MariaDB that shows events as MySQL does by default.
var withEvents = []string{
	"--performance-schema=ON", "--performance-schema-instrument=transaction=ON", "--performance-schema-instrument=statement/%=ON",
	"--performance-schema-consumer-events-transactions-current=ON", "--performance-schema-consumer-events-statements-current=ON",
	"--performance-schema-consumer-events-statements-history=ON",
}

// A bench is a server with a table to settle.
type settleBench struct {
	t        *testing.T
	server   *testenv.Server
	db       *sql.DB
	database string
	events   bool // performance_schema is complete
	alone    bool // nobody else uses the server
	pipeline tidemark.Pipeline
}

// onBenches runs a test on a private MariaDB without and with performance_schema, and on the server that the
// environment names, which others may use at the same time.
func onBenches(t *testing.T, test func(b *settleBench)) {
	t.Helper()
	t.Run("plain", func(t *testing.T) { test(newBench(t, testenv.PrivateMariaDB(t), false, true)) })
	t.Run("events", func(t *testing.T) { test(newBench(t, testenv.PrivateMariaDB(t, withEvents...), true, true)) })
	t.Run("external", func(t *testing.T) {
		s := testenv.External(t)
		test(newBench(t, s, s.Flavor == "mysql", false))
	})
}

// newBench makes the table. No lateness and no slack are taken off, so that a bound that is not proven is too high.
func newBench(t *testing.T, s *testenv.Server, events, alone bool) *settleBench {
	t.Helper()
	b := &settleBench{t: t, server: s, database: s.NewDatabase(t), events: events, alone: alone}
	b.db = s.DB(t, b.database)
	b.sql("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v INT, " +
		"u DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), KEY (u))")
	b.sql("INSERT INTO t (v) VALUES (0)")
	b.pipeline = tidemark.Pipeline{
		ID: "test", Table: tidemark.TableName{Database: b.database, Name: "t"}, Mode: tidemark.ModeAppend, Splits: 1,
		Nulls: tidemark.NullsLoad, Cursors: []string{"u"}, CursorZone: "+00:00", SettleWait: 250 * time.Millisecond,
	}
	return b
}

func (b *settleBench) sql(statements ...string) {
	b.t.Helper()
	for _, statement := range statements {
		if _, err := b.db.Exec(statement); err != nil {
			b.t.Fatalf("%s: %v", statement, err)
		}
	}
}

func (b *settleBench) source() *Source {
	b.t.Helper()
	return openSource(b.t, configOf(b.server), b.pipeline)
}

// settle settles the table on a source of its own, as a run does.
func (b *settleBench) settle(previous tidemark.Watermark) tidemark.Settled {
	b.t.Helper()
	s := b.source()
	defer s.Close()
	settled, err := s.Settle(b.t.Context(), previous)
	if err != nil {
		b.t.Fatal(err)
	}
	return settled
}

// after returns the watermark that a run leaves that settled so.
func after(s tidemark.Settled) tidemark.Watermark {
	return tidemark.Watermark{Seq: 1, Settled: s.Bound, T0: s.T0, Settlements: s.History}
}

// A writer is a connection that writes.
type writer struct {
	b    *settleBench
	conn *sql.Conn
	id   uint64
}

func (b *settleBench) writer() *writer {
	b.t.Helper()
	conn, err := b.db.Conn(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = conn.Close() })
	w := &writer{b: b, conn: conn}
	if err := conn.QueryRowContext(b.t.Context(), "SELECT CONNECTION_ID()").Scan(&w.id); err != nil {
		b.t.Fatal(err)
	}
	return w
}

func (w *writer) exec(statements ...string) {
	w.b.t.Helper()
	for _, statement := range statements {
		if _, err := w.conn.ExecContext(w.b.t.Context(), statement); err != nil {
			w.b.t.Fatalf("%s: %v", statement, err)
		}
	}
	w.rest()
}

// rest waits until the server shows the connection at rest. It answers a statement a moment before: who looks in between
// sees it running still, and rightly takes it for a suspect.
func (w *writer) rest() {
	w.b.t.Helper()
	w.b.await("connection %d to rest", func() bool { return strings.HasPrefix(w.b.processes()[w.id], "Sleep") }, w.id)
}

// start runs a statement that waits, and returns when the server shows it waiting in a state that contains the text. The
// returned function waits until the statement has ended.
func (w *writer) start(statement, state string) (finish func()) {
	w.b.t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := w.conn.ExecContext(context.WithoutCancel(w.b.t.Context()), statement)
		done <- err
	}()
	w.b.await("%s to wait", func() bool {
		now, there := w.b.processes()[w.id]
		return there && strings.Contains(strings.ToLower(now), state)
	}, statement)
	return func() {
		w.b.t.Helper()
		if err := <-done; err != nil {
			w.b.t.Fatalf("%s: %v", statement, err)
		}
		w.rest()
	}
}

// leave ends the connection without a word to the server, and waits until it is gone there.
func (w *writer) leave() {
	w.b.t.Helper()
	_ = w.conn.Raw(func(any) error { return driver.ErrBadConn })
	_, _ = w.b.db.Exec(fmt.Sprintf("KILL %d", w.id))
	w.b.await("connection %d to go", func() bool {
		_, there := w.b.processes()[w.id]
		return !there
	}, w.id)
}

// processes returns the command and state of each connection.
func (b *settleBench) processes() map[uint64]string {
	b.t.Helper()
	rows, err := b.db.Query("SHOW PROCESSLIST")
	if err != nil {
		b.t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		b.t.Fatal(err)
	}
	states := map[uint64]string{}
	for rows.Next() {
		var id uint64
		var command, state sql.NullString
		into := make([]any, len(columns))
		for i := range into {
			into[i] = new(sql.RawBytes)
		}
		into[0], into[4], into[6] = &id, &command, &state
		if err := rows.Scan(into...); err != nil {
			b.t.Fatal(err)
		}
		states[id] = command.String + ": " + state.String
	}
	if err := rows.Err(); err != nil {
		b.t.Fatal(err)
	}
	return states
}

func (b *settleBench) await(what string, ok func() bool, args ...any) {
	b.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("waited in vain for "+what, args...)
		}
	}
}

// lock takes a named lock that statements of writers can wait for, and returns what lets them go on.
func (b *settleBench) lock() (name string, free func()) {
	b.t.Helper()
	name = b.database
	w := b.writer()
	w.exec("DO GET_LOCK('" + name + "', 0)")
	return name, func() { w.exec("DO RELEASE_LOCK('" + name + "')") }
}

// cursorOf returns the cursor of the row with that v.
func (b *settleBench) cursorOf(v int) tidemark.CursorValue {
	b.t.Helper()
	var text string
	if err := b.db.QueryRow("SELECT CAST(u AS CHAR) FROM t WHERE v = ?", v).Scan(&text); err != nil {
		b.t.Fatal(err)
	}
	value, err := tidemark.ParseCursorValue(text)
	if err != nil {
		b.t.Fatal(err)
	}
	return value
}

// wantSound checks that the row that has come since is not below the bound.
func (b *settleBench) wantSound(s tidemark.Settled, v int) {
	b.t.Helper()
	if row := b.cursorOf(v); row.Less(s.Bound) {
		b.t.Errorf("settled by %s at %s (t0 %s), but the row came with %s: it is lost", s.By, s.Bound, s.T0.Format(time.RFC3339Nano), row)
	}
}

// wantBy checks the way, where no stranger can have changed it.
func (b *settleBench) wantBy(s tidemark.Settled, want tidemark.SettledBy) {
	b.t.Helper()
	if !b.alone {
		b.t.Logf("settled by %s, held by %q %s", s.By, s.HeldBy, s.Notice)
		return
	}
	if s.By != want {
		b.t.Errorf("settled by %s, want %s (held by %q, notice %q)", s.By, want, s.HeldBy, s.Notice)
	}
	if (s.Notice != "") != (want == tidemark.SettledLateness) {
		b.t.Errorf("settled by %s: notice %q", s.By, s.Notice)
	}
}

func (b *settleBench) wantHeldBy(s tidemark.Settled, parts ...string) {
	b.t.Helper()
	for _, part := range parts {
		if b.alone && !strings.Contains(s.HeldBy, part) {
			b.t.Errorf("held by %q, want %q in it", s.HeldBy, part)
		}
	}
}

// datetime is a server time as a cursor value.
func datetime(at time.Time) tidemark.CursorValue {
	return tidemark.TemporalValue(tidemark.CursorDatetime, at.UnixMicro())
}

// testObserver returns an observer that may look for some seconds.
func (b *settleBench) observer() *observer {
	b.t.Helper()
	s, err := Open(b.t.Context(), configOf(b.server), b.pipeline, slog.New(slog.DiscardHandler))
	if err != nil {
		b.t.Fatal(err)
	}
	o := &observer{source: s, deadline: time.Now().Add(20 * time.Second)}
	b.t.Cleanup(func() {
		o.close()
		_ = s.Close()
	})
	return o
}

func (b *settleBench) look(o *observer) *look {
	b.t.Helper()
	if _, err := o.fresh(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	l, err := o.look(b.t.Context(), time.Time{})
	if blind := new(blindness); errors.As(err, &blind) && !b.alone {
		b.t.Skipf("others keep this server from being looked at: %v", err)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return l
}

func testenvPlain(t *testing.T) *testenv.Server {
	t.Helper()
	return testenv.PrivateMariaDB(t)
}

// as returns the server as another user reaches it.
func (b *settleBench) as(user, password string) *testenv.Server {
	other := *b.server
	other.User, other.Password = user, password
	return &other
}

func wantText(t *testing.T, got string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(got, part) {
			t.Errorf("%q does not say %q", got, part)
		}
	}
}

func startMariaDB(t *testing.T, args ...string) *testenv.Server {
	t.Helper()
	return testenv.StartMariaDB(t, args...)
}
