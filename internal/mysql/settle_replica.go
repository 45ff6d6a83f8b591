package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
)

// A role is what a server is among others. Transactions that are open elsewhere are not on a server's lists, so that
// only one that takes all writes itself can be settled.
type role struct {
	follows bool   // it applies what another server committed
	blind   string // why its lists do not tell everything; ""
}

// roleOf finds out whether a server follows another, or is one of several that take writes.
func roleOf(ctx context.Context, c *conn) (role, error) {
	if c.server.family == familyDolt {
		return role{}, nil
	}
	res, err := c.query(ctx, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'innodb_read_only', 'wsrep_on', "+
		"'group_replication_single_primary_mode', 'group_replication_group_name')")
	if err != nil {
		return role{}, err
	}
	variables := map[string]string{}
	for _, r := range res.rows {
		variables[r[0].text] = strings.ToUpper(r[1].text)
	}
	const other = "this server is one of several that take writes, and shows its own transactions only"
	switch {
	case variables["wsrep_on"] == "ON":
		return role{blind: other}, nil
	case variables["group_replication_single_primary_mode"] == "OFF" && variables["group_replication_group_name"] != "":
		return role{blind: other}, nil
	case variables["innodb_read_only"] == "ON":
		return follower, nil
	}
	channels, err := replicaChannels(ctx, c)
	switch {
	case errors.Is(err, tidemark.ErrDenied) && variables["read_only"] != "ON":
		return role{}, nil
	case errors.Is(err, tidemark.ErrDenied):
		return follower, nil
	case err != nil:
		return role{}, err
	case channels > 0:
		return follower, nil
	}
	return role{}, nil
}

var follower = role{follows: true, blind: "this server is a replica, which does not show what is open on its primary; " +
	"name the primary's connection in settle_on to have proof"}

// replicaChannels counts the servers that this one follows.
func replicaChannels(ctx context.Context, c *conn) (int, error) {
	statement := "SHOW REPLICA STATUS"
	switch {
	case c.server.family == familyMariaDB:
		statement = "SHOW ALL SLAVES STATUS"
	case !c.server.atLeast(8, 1):
		statement = "SHOW SLAVE STATUS"
	}
	res, err := c.query(ctx, statement)
	return len(res.rows), err
}

// catchUp waits until the replica has applied all that the primary had committed when it was settled.
func (st *settling) catchUp(ctx context.Context, replica *conn) error {
	if st.blind != nil {
		return nil
	}
	position, err := st.position(ctx)
	if err != nil || st.blind != nil {
		return err
	}
	left := max(time.Until(st.deadline), settleGrace)
	statement := fmt.Sprintf("SELECT WAIT_FOR_EXECUTED_GTID_SET('%s', %d)", position, int(left.Seconds())+1)
	reached := "0"
	if replica.server.family == familyMariaDB {
		statement = fmt.Sprintf("SELECT MASTER_GTID_WAIT('%s', %.3f)", position, left.Seconds())
	}
	row, err := replica.queryRow(ctx, statement)
	switch {
	case err != nil && codeOf(err) == 0:
		return err
	case err != nil:
		st.blind = &blindness{why: fmt.Sprintf("the replica cannot wait for its primary's GTIDs (error %d)", codeOf(err))}
	case row[0].text != reached:
		st.blind = &blindness{why: "the replica lags behind its primary by more than " + left.Round(time.Millisecond).String()}
	}
	return nil
}

// position returns the primary's GTID set once it holds every transaction that the last look no longer listed. A
// commit leaves innodb_trx before it is in the set, but its statement runs until it is: so who runs a statement just
// after the look must first have ended it.
func (st *settling) position(ctx context.Context) (string, error) {
	then := &look{}
	if err := then.refresh(ctx, st.conn); err != nil {
		return "", err
	}
	for now := then; now.committing(then, st.last); {
		if time.Now().After(st.deadline) {
			st.blind = &blindness{why: "statements on the primary did not end in time, so that its GTIDs do not tell what is committed"}
			return "", nil
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return "", err
		}
		now = &look{}
		if err := now.refresh(ctx, st.conn); err != nil {
			return "", err
		}
	}
	variable := "@@GLOBAL.gtid_executed"
	if st.conn.server.family == familyMariaDB {
		variable = "@@GLOBAL.gtid_current_pos"
	}
	row, err := st.conn.queryRow(ctx, "SELECT "+variable)
	if err != nil {
		return "", err
	}
	if row[0].text == "" {
		st.blind = &blindness{why: "the primary keeps no GTIDs to wait for on the replica", hint: "set log_bin and gtid_mode on the primary"}
	}
	return strings.Join(strings.Fields(row[0].text), ""), nil
}

// committing reports whether a statement that ran earlier may still run, and may be a commit.
func (l *look) committing(earlier, last *look) bool {
	for id, then := range earlier.connections {
		now, there := l.connections[id]
		same := there && now.running() && !now.since.After(earlier.at)
		if same && then.running() && !then.selects && !last.readsOnly(id) {
			return true
		}
	}
	return false
}

// refresh reads clock and process list.
func (l *look) refresh(ctx context.Context, c *conn) (err error) {
	if l.at, err = serverClock(ctx, c); err != nil {
		return err
	}
	err = l.readConnections(ctx, c)
	delete(l.connections, uint64(c.id))
	return err
}
