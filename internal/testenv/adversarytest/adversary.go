// Package adversarytest writes to a table in every way that makes a reader by cursor lose rows or load them twice: late
// commits, slow first statements, lock waits, rollbacks, prepared XA transactions, ties, values stamped early. It keeps
// account of what was committed, so that a test can tell whether all of it arrived, and once.
//
// A test that passes proves nothing unless the writers bite: [StartControl] reads as most tools do, by MAX(cursor), and
// must lose rows.
package adversarytest

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark/internal/testenv"
)

// CursorKind is the type of the table's cursor column.
type CursorKind string

const (
	Datetime  CursorKind = "DATETIME(6)"  // column updated_at, set by the server
	Timestamp CursorKind = "TIMESTAMP(6)" // column updated_at, set by the server
	Integer   CursorKind = "BIGINT"       // column id, AUTO_INCREMENT; rows are only inserted
)

// Column is the name of the cursor column.
func (k CursorKind) Column() string {
	if k == Integer {
		return "id"
	}
	return "updated_at"
}

// Options say how the adversary writes.
type Options struct {
	Cursor CursorKind // Datetime if empty

	// Pause scales the time that transactions stay open: writers wait up to about this long, some twice. One second
	// if zero.
	Pause time.Duration

	// Early is how far back a client stamps its rows, at most. Zero leaves that writer out, as an integer cursor does.
	// A reader must allow for this much, and for the second that another writer's NOW() in whole seconds is early.
	Early time.Duration

	// Monitor polls innodb_trx every 50 ms, which keeps the server from renewing it, for this long, and then leaves it
	// alone for as long. With a monitor that never rests a reader could only guess, and the test would show nothing.
	// Zero leaves it out.
	Monitor time.Duration
}

// A Version is one committed state of a row. Number is never used twice in a table.
type Version struct {
	ID     int64
	Number int64
}

// An Adversary is a set of connections that write at the same time. The table has the columns id BIGINT AUTO_INCREMENT
// PRIMARY KEY, version BIGINT, writer VARCHAR(20), updated_at with the server's time at each change, and an index on
// updated_at.
type Adversary struct {
	t        testing.TB
	server   *testenv.Server
	database string
	table    string
	options  Options
	db       *sql.DB
	stop     context.CancelFunc
	done     sync.WaitGroup
	version  atomic.Int64
	tag      string // of this adversary's XA transactions

	mu        sync.Mutex
	committed map[Version]string // by which writer
}

// Start creates the table and begins to write. The test stops the adversary before it ends.
func Start(t testing.TB, server *testenv.Server, database, table string, options Options) *Adversary {
	t.Helper()
	if options.Cursor == "" {
		options.Cursor = Datetime
	}
	if options.Pause == 0 {
		options.Pause = time.Second
	}
	ctx, stop := context.WithCancel(t.Context())
	a := &Adversary{
		t: t, server: server, database: database, table: table, options: options, db: server.DB(t, database), stop: stop,
		tag: fmt.Sprintf("%s.%s", database, table), committed: map[Version]string{},
	}
	kind := options.Cursor
	if kind == Integer {
		kind = Datetime
	}
	now := "CURRENT_TIMESTAMP(6)"
	a.must("CREATE TABLE `%s` (id BIGINT AUTO_INCREMENT PRIMARY KEY, version BIGINT NOT NULL, writer VARCHAR(20) NOT NULL, "+
		"updated_at %s NOT NULL DEFAULT %s ON UPDATE %s, KEY (updated_at)) ENGINE=InnoDB", table, kind, now, now)
	a.must("CREATE TABLE `%s_lock` (id INT PRIMARY KEY, n INT NOT NULL) ENGINE=InnoDB", table)
	a.must("INSERT INTO `%s_lock` VALUES (1, 0), (2, 0)", table)
	t.Cleanup(func() {
		stop()
		a.done.Wait()
	})
	for name, round := range a.writers() {
		a.spawn(ctx, name, round)
	}
	return a
}

func (a *Adversary) must(format string, args ...any) {
	a.t.Helper()
	if _, err := a.db.Exec(fmt.Sprintf(format, args...)); err != nil {
		a.t.Fatal(err)
	}
}

// spawn runs a writer, one round after the other, until the adversary is stopped. A round that has begun is
// brought to its end, so that what it commits is known.
func (a *Adversary) spawn(ctx context.Context, name string, round func(*writer) error) {
	w := &writer{a: a, name: name, ctx: ctx, random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))}
	a.done.Go(func() {
		defer w.close()
		for ctx.Err() == nil {
			if err := w.round(round); err != nil {
				a.t.Errorf("writer %s: %v", name, err)
				return
			}
		}
	})
}

// Stop ends all writers and returns the account.
func (a *Adversary) Stop() Oracle {
	a.t.Helper()
	a.stop()
	a.done.Wait()
	o := Oracle{committed: a.committed, final: map[Version]string{}}
	rows, err := a.db.Query(fmt.Sprintf("SELECT id, version, writer FROM `%s`", a.table))
	if err != nil {
		a.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var v Version
		var writer string
		if err := rows.Scan(&v.ID, &v.Number, &writer); err != nil {
			a.t.Fatal(err)
		}
		o.final[v] = writer
		if _, known := a.committed[v]; !known {
			a.t.Errorf("the adversary lost count: %+v by %s is in the table and was not committed", v, writer)
		}
	}
	if err := rows.Err(); err != nil {
		a.t.Fatal(err)
	}
	return o
}

// An Oracle knows what was committed.
type Oracle struct {
	committed map[Version]string
	final     map[Version]string
}

// Committed returns the number of committed versions, and of rows that the table holds in the end.
func (o Oracle) Committed() (versions, rows int) { return len(o.committed), len(o.final) }

// A Verdict says what went wrong with what was loaded.
type Verdict struct {
	Lost    []string // in the table in the end, and not loaded
	Doubled []string // loaded more than once
	Phantom []string // loaded, and never committed
}

// OK reports whether nothing went wrong.
func (v Verdict) OK() bool { return len(v.Lost)+len(v.Doubled)+len(v.Phantom) == 0 }

// Judge compares what was loaded, in any order and with every repetition, with what was committed. A version that was
// overwritten before a reader saw it need not be there.
func (o Oracle) Judge(loaded []Version) Verdict {
	var v Verdict
	times := map[Version]int{}
	for _, l := range loaded {
		times[l]++
	}
	for l, n := range times {
		writer, known := o.committed[l]
		switch {
		case !known:
			v.Phantom = append(v.Phantom, l.text("nobody"))
		case n > 1:
			v.Doubled = append(v.Doubled, fmt.Sprintf("%s, %d times", l.text(writer), n))
		}
	}
	for l, writer := range o.final {
		if times[l] == 0 {
			v.Lost = append(v.Lost, l.text(writer))
		}
	}
	slices.Sort(v.Lost)
	slices.Sort(v.Doubled)
	slices.Sort(v.Phantom)
	return v
}

func (v Version) text(writer string) string {
	return fmt.Sprintf("%s: row %d version %d", writer, v.ID, v.Number)
}
