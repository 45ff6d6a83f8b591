package mysql

import (
	"fmt"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
)

// newReplica starts a server that follows the bench's, and waits until it has the table.
func newReplica(b *settleBench, args ...string) *settleBench {
	b.t.Helper()
	replica := *b
	replica.server = startMariaDB(b.t, append(args, "--server-id=2", "--log-slave-updates=ON")...)
	replica.db = replica.server.DB(b.t, "")
	replica.sql("SET GLOBAL gtid_slave_pos = ''")
	replica.follow(b)
	b.await("the replica to have the table", func() bool {
		var n int
		err := replica.db.QueryRow("SELECT COUNT(*) FROM " + b.database + ".t").Scan(&n)
		return err == nil && n == 1
	})
	return &replica
}

func (b *settleBench) follow(primary *settleBench) {
	b.t.Helper()
	p := primary.server
	b.sql("STOP SLAVE", fmt.Sprintf("CHANGE MASTER TO MASTER_HOST='%s', MASTER_PORT=%d, MASTER_USER='%s', MASTER_PASSWORD='%s', "+
		"MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1", p.Host, p.Port, p.User, p.Password), "START SLAVE")
}

// settleOn settles on a primary for a read on the replica.
func (b *settleBench) settleOn(primary *settleBench, previous tidemark.Watermark) tidemark.Settled {
	b.t.Helper()
	config := configOf(b.server)
	if primary != nil {
		there := configOf(primary.server)
		config.Primary = &there
	}
	s := openSource(b.t, config, b.pipeline)
	settled, err := s.Settle(b.t.Context(), previous)
	if err != nil {
		b.t.Fatal(err)
	}
	return settled
}

func TestSettleReplica(t *testing.T) {
	primary := newBench(t, startMariaDB(t), false, true)
	replica := newReplica(primary)
	replica.pipeline.Lateness = time.Minute

	t.Run("without its primary", func(t *testing.T) {
		s := replica.settleOn(nil, tidemark.Watermark{})
		replica.wantBy(s, tidemark.SettledLateness)
		wantText(t, s.Notice, "replica", "settle_on")
		if want := datetime(s.T0.Add(-time.Minute)); s.Bound != want {
			t.Errorf("bound %s, want %s", s.Bound, want)
		}
	})

	t.Run("quiet", func(t *testing.T) {
		primary.sql("INSERT INTO t (v) VALUES (10)")
		s := replica.settleOn(primary, tidemark.Watermark{})
		replica.wantBy(s, tidemark.SettledQuiet)
		replica.wantHas(10)
		if s.Bound != datetime(s.T0) {
			t.Errorf("bound %s, want t0 %s", s.Bound, s.T0)
		}
	})

	t.Run("behind, and catching up", func(t *testing.T) {
		replica.sql("STOP SLAVE SQL_THREAD")
		primary.sql("INSERT INTO t (v) VALUES (11)")
		started := make(chan struct{})
		go func() {
			defer close(started)
			time.Sleep(400 * time.Millisecond)
			replica.sql("START SLAVE SQL_THREAD")
		}()
		s := replica.settleOn(primary, tidemark.Watermark{})
		replica.wantBy(s, tidemark.SettledQuiet)
		replica.wantHas(11)
		<-started
	})

	t.Run("far behind", func(t *testing.T) {
		replica.sql("STOP SLAVE SQL_THREAD")
		primary.sql("INSERT INTO t (v) VALUES (12)")
		s := replica.settleOn(primary, tidemark.Watermark{})
		replica.wantBy(s, tidemark.SettledLateness)
		wantText(t, s.Notice, "lags behind")
		replica.sql("START SLAVE SQL_THREAD")
	})

	t.Run("a writer on the primary", func(t *testing.T) {
		first := replica.settleOn(primary, tidemark.Watermark{})
		finish := idleTransaction(primary)
		s := replica.settleOn(primary, after(first))
		finish()
		replica.wantBy(s, tidemark.SettledEarlier)
		primary.wantSound(s, 1)
	})
}

// wantHas checks that a row is there for whoever reads now.
func (b *settleBench) wantHas(v int) {
	b.t.Helper()
	var n int
	if err := b.db.QueryRow("SELECT COUNT(*) FROM "+b.database+".t WHERE v = ?", v).Scan(&n); err != nil {
		b.t.Fatal(err)
	}
	if n != 1 {
		b.t.Errorf("settled, but row %d is not there yet", v)
	}
}

// TestCommitting is about a moment that a test cannot hold a server in: a commit that has left innodb_trx and is not in
// the GTID set yet.
func TestCommitting(t *testing.T) {
	at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	list := func(c connection) *look { return &look{at: at, connections: map[uint64]connection{7: c}} }
	commit := connection{id: 7, user: "app", command: "Query", since: at.Add(-time.Second)}
	sleeping := connection{id: 7, user: "app", command: "Sleep", since: at}
	next := connection{id: 7, user: "app", command: "Query", since: at.Add(time.Second)}
	query := connection{id: 7, user: "app", command: "Query", since: at.Add(-time.Second), selects: true}
	for _, c := range []struct {
		name      string
		then, now connection
		want      bool
	}{
		{"still runs", commit, commit, true},
		{"has ended", commit, sleeping, false},
		{"has ended, and the next one runs", commit, next, false},
		{"was idle", sleeping, commit, false},
		{"is a query", query, query, false},
	} {
		if got := list(c.now).committing(list(c.then), &look{}); got != c.want {
			t.Errorf("%s: %t, want %t", c.name, got, c.want)
		}
	}
	if (&look{}).committing(list(commit), &look{}) {
		t.Error("a connection that is gone still commits")
	}
}
