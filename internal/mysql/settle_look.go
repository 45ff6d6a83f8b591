package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
)

// A look is who was writing at one moment: first the running statements, then the open transactions. In this order,
// so that a statement that ends in between is seen as the transaction that it leaves, or has committed.
type look struct {
	at           time.Time // the server's clock, just before
	asked        time.Time // the same on this machine's
	connections  map[uint64]connection
	transactions []transaction
}

// A connection is a line of the server's process list.
type connection struct {
	id      uint64
	user    string
	host    string // without its port
	command string
	state   string
	since   time.Time // when its statement started, or it fell asleep: never later than the truth; zero if not known
	selects bool      // its statement is a SELECT
}

// A transaction is a line of innodb_trx.
type transaction struct {
	id       string // for ever its own once it has modified a row; before, it may be shared
	thread   uint64 // 0 for a prepared XA transaction that has left its connection
	modified bool
	readOnly bool // it cannot write
	marker   bool // it has the form of ours
	started  time.Time
}

const (
	// lookAgain is the least pause before innodb_trx is read again. The server renews it only after 100 ms without
	// a reader: one who reads sooner sees nothing new and makes everybody wait.
	lookAgain = 120 * time.Millisecond

	// lookGrid divides the server's time. All who must read again do so at its points, so that many pipelines
	// read together, and leave the server in peace in between.
	lookGrid = 125 * time.Millisecond

	// maxTransactions is where a list begins to be doubtful: the server holds 16 MiB for it, with the locks that are
	// waited for, and leaves out what is too much without a word.
	maxTransactions = 2000
)

// A blindness says why the suspects, or their starts, cannot be known. It does not fail the run, which takes the
// pipeline's lateness in place of a proof.
type blindness struct {
	why  string
	hint string // what would change it; ""
}

func (b *blindness) Error() string { return b.why }

// orBlind turns a refusal into blindness and lets every other error pass.
func (st *settling) orBlind(err error) error {
	var b *blindness
	if !errors.As(err, &b) {
		return err
	}
	st.blind, st.last = b, nil
	return nil
}

// An observer looks at a server over connections that are used for one look each.
type observer struct {
	source   *Source
	deadline time.Time // of this machine's clock, for all looks together
	conn     *conn     // of the last look
}

// fresh replaces the observer's connection. Each look needs a new one: by its id it finds its own marker, and an id
// that was used before may still stand in the server's cached list.
func (o *observer) fresh(ctx context.Context) (*conn, error) {
	o.close()
	c, err := o.source.dial(ctx)
	o.conn = c
	return c, err
}

func (o *observer) close() {
	if o.conn != nil {
		o.source.release(o.conn)
		o.conn = nil
	}
}

func serverClock(ctx context.Context, c *conn) (time.Time, error) {
	row, err := c.queryRow(ctx, "SELECT UTC_TIMESTAMP(6)")
	if err != nil {
		return time.Time{}, err
	}
	return parseServerTime(row[0].text)
}

func parseServerTime(text string) (time.Time, error) {
	at, err := time.Parse("2006-01-02 15:04:05", text)
	if err != nil {
		return time.Time{}, malformed("the time " + strconv.Quote(text))
	}
	return at, nil
}

// look lists who is writing, on the fresh connection. at is the server's clock if it is known. A *blindness is returned
// where the list cannot be had.
func (o *observer) look(ctx context.Context, at time.Time) (*look, error) {
	if o.conn.server.family == familyDolt {
		return nil, &blindness{why: "this server does not tell which transactions are open"}
	}
	l := &look{at: at, asked: time.Now()}
	var err error
	if at.IsZero() {
		if l.at, err = serverClock(ctx, o.conn); err != nil {
			return nil, err
		}
	}
	if err := l.readConnections(ctx, o.conn); err != nil {
		return nil, blindIfRefused(err)
	}
	if err := o.readTransactions(ctx, l); err != nil {
		return nil, blindIfRefused(err)
	}
	return l, nil
}

// blindIfRefused sorts the errors of the two lists: a server that refuses them will do so each time.
func blindIfRefused(err error) error {
	switch code := codeOf(err); {
	case code == 0 || errors.Is(err, tidemark.ErrTransient) || errors.Is(err, tidemark.ErrRestart):
		return err
	case errors.Is(err, tidemark.ErrDenied):
		return &blindness{why: "the connection's user may not see other users' statements and transactions", hint: hintProcess}
	default:
		return &blindness{why: fmt.Sprintf("this server does not tell which transactions are open (error %d)", code)}
	}
}

// readConnections reads the process list. MySQL's information_schema.PROCESSLIST is to be removed, so it is asked by
// SHOW there; MariaDB's has milliseconds.
func (l *look) readConnections(ctx context.Context, c *conn) error {
	statement := "SHOW PROCESSLIST"
	if c.server.family == familyMariaDB {
		statement = "SELECT ID, USER, HOST, NULL, COMMAND, TIME_MS, STATE, LEFT(INFO, 6) FROM information_schema.PROCESSLIST"
	}
	res, err := c.query(ctx, statement)
	if err != nil {
		return err
	}
	l.connections = make(map[uint64]connection, len(res.rows))
	for _, r := range res.rows {
		id, err := strconv.ParseUint(r[0].text, 10, 64)
		if err != nil {
			return malformed("a connection's id")
		}
		l.connections[id] = connection{
			id: id, user: r[1].text, host: withoutPort(r[2].text), command: r[4].text, state: r[6].text,
			since: l.since(r[5], c.server.family), selects: len(r[7].text) >= 6 && strings.EqualFold(r[7].text[:6], "SELECT"),
		}
	}
	return nil
}

func withoutPort(host string) string {
	if at := strings.LastIndexByte(host, ':'); at > 0 && strings.Count(host, ":") == 1 {
		return host[:at]
	}
	return host
}

// since turns the time that a connection has been at it into a moment that is not later than the truth: l.at is before
// the list was made, and MySQL subtracts whole seconds from whole seconds.
func (l *look) since(elapsed cell, f family) time.Time {
	if f == familyMariaDB {
		ms, err := strconv.ParseFloat(elapsed.text, 64)
		if err != nil || ms < 0 {
			return time.Time{}
		}
		return l.at.Add(-time.Duration(ms * float64(time.Millisecond))).Add(-time.Millisecond)
	}
	seconds, err := strconv.ParseInt(elapsed.text, 10, 32)
	if err != nil || seconds < 0 {
		return time.Time{}
	}
	return l.at.Truncate(time.Second).Add(-time.Duration(seconds) * time.Second)
}

// readTransactions opens a marker transaction and reads innodb_trx until the marker is in it: then the list is
// younger than the marker, and so than the process list. The marker is explicit and read-only, because MySQL shows
// its own dictionary reads under our id too, and those may be older.
func (o *observer) readTransactions(ctx context.Context, l *look) error {
	row, err := o.conn.queryRow(ctx, "SELECT CONNECTION_ID()") // a proxy may not show us the server's own
	if err != nil {
		return err
	}
	own, err := strconv.ParseUint(row[0].text, 10, 64)
	if err != nil {
		return malformed("our connection's id")
	}
	delete(l.connections, own)
	if err := o.conn.exec(ctx, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"); err != nil {
		return err
	}
	for {
		all, err := l.queryTransactions(ctx, o.conn)
		switch {
		case codeOf(err) == codeNotUTF8:
		case err != nil:
			return err
		case len(all) >= maxTransactions:
			return &blindness{why: fmt.Sprintf("%d transactions are open, more than the server lists with certainty", len(all))}
		case slices.ContainsFunc(all, func(t transaction) bool { return t.thread == own && t.marker }):
			l.transactions = slices.DeleteFunc(all, func(t transaction) bool { return t.thread == own })
			return o.conn.exec(ctx, "COMMIT")
		}
		if time.Now().Add(lookAgain).After(o.deadline) {
			return starved(err)
		}
		if err := o.pause(ctx, l); err != nil {
			return err
		}
	}
}

// codeNotUTF8 is MySQL's answer while any transaction runs a statement with bytes that are no UTF-8, as with a BLOB
// written into the text: it wants to show the statement, and gives up on the whole list.
const codeNotUTF8 = 3854

func starved(err error) error {
	if err != nil {
		return &blindness{why: "the server cannot list its transactions while one of them runs a statement that is not UTF-8"}
	}
	return &blindness{
		why:  "somebody reads information_schema.innodb_trx so often that the server does not renew it",
		hint: "let monitors read innodb_trx at most every few seconds",
	}
}

// queryTransactions reads innodb_trx. trx_started is in the server's system zone, so only its distance from now,
// taken in that zone, means something.
func (l *look) queryTransactions(ctx context.Context, c *conn) ([]transaction, error) {
	res, err := c.query(ctx, "SELECT trx_id, trx_mysql_thread_id, trx_rows_modified, trx_is_read_only, trx_autocommit_non_locking, "+
		"TIMESTAMPDIFF(SECOND, trx_started, CONVERT_TZ(NOW(), '+00:00', 'SYSTEM')) FROM information_schema.innodb_trx")
	if err != nil {
		return nil, err
	}
	all := make([]transaction, len(res.rows))
	for i, r := range res.rows {
		t := transaction{id: r[0].text, modified: r[2].text != "0"}
		if t.thread, err = strconv.ParseUint(r[1].text, 10, 64); err != nil {
			return nil, malformed("a transaction's thread")
		}
		readOnly, implicit := r[3].text == "1", r[4].text == "1"
		t.marker = readOnly && !implicit
		// MySQL reads its dictionary in an implicit read-only transaction beside the statement's own, which may be
		// yet to come. MariaDB does not.
		t.readOnly = readOnly && (!implicit || c.server.family == familyMariaDB)
		if age, err := strconv.ParseInt(r[5].text, 10, 64); err == nil {
			t.started = l.at.Truncate(time.Second).Add(-time.Duration(age) * time.Second)
		}
		all[i] = t
	}
	return all, nil
}

// pause waits for the next point of the grid on the server's clock that is at least lookAgain away.
func (o *observer) pause(ctx context.Context, l *look) error {
	server := l.at.Add(time.Since(l.asked))
	earliest := server.Add(lookAgain)
	next := earliest.Truncate(lookGrid)
	if next.Before(earliest) {
		next = next.Add(lookGrid)
	}
	return sleep(ctx, next.Sub(server))
}
