package adversarytest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"
)

// writers returns the parts, at least eight, each with what a reader by cursor gets wrong about it.
func (a *Adversary) writers() map[string]func(*writer) error {
	parts := map[string]func(*writer) error{
		"quick":        quick,
		"slow":         slowStatement,
		"idle":         idleTransaction,
		"pooled":       pooled,
		"lock wait":    lockWait,
		"rollback":     rollback,
		"xa":           preparedXA,
		"autocommit 0": heldUpByLock,
		"implicit":     implicitTransaction,
		"tied":         ties,
	}
	if a.options.Cursor != Integer {
		parts["update"] = update
		parts["hot row"] = hotRow
		if a.options.Early > 0 {
			parts["early"] = early
		}
	}
	if a.options.Monitor > 0 {
		parts["monitor"] = monitor
	}
	return parts
}

// quick commits rows at once: they push MAX(cursor) past everybody else's.
func quick(w *writer) error {
	if err := w.insert(""); err != nil {
		return err
	}
	w.pause(0.1)
	return w.commit("")
}

// slowStatement: the row's time is fixed when the statement starts, and innodb_trx is empty until it writes.
func slowStatement(w *writer) error {
	sleep := w.random.Float64() * w.a.options.Pause.Seconds()
	if err := w.insert(fmt.Sprintf(" FROM (SELECT SLEEP(%.3f)) AS x", sleep)); err != nil {
		return err
	}
	return w.commit("")
}

// idleTransaction writes, waits and commits: its row is older than what others have committed meanwhile.
func idleTransaction(w *writer) error {
	if err := w.exec("START TRANSACTION"); err != nil {
		return err
	}
	for range 1 + w.random.IntN(3) {
		if err := w.insert(""); err != nil {
			return err
		}
		w.pause(1)
	}
	return w.commit("COMMIT")
}

// pooled begins the next transaction as soon as the last has ended, so that its connection always has one.
func pooled(w *writer) error {
	if err := w.exec("START TRANSACTION"); err != nil {
		return err
	}
	if err := w.insert(""); err != nil {
		return err
	}
	w.pause(0.2)
	return w.commit("COMMIT AND CHAIN")
}

// lockWait: a statement on a second connection starts, waits for this one's row lock, and writes its row with the time
// at which it started.
func lockWait(w *writer) error {
	if err := w.exec("START TRANSACTION"); err != nil {
		return err
	}
	// The table before the lock: who came for the table later, behind LOCK TABLES, would wait in a circle.
	if err := w.insert(""); err != nil {
		return err
	}
	if err := w.exec(fmt.Sprintf("UPDATE `%s_lock` SET n = n + 1 WHERE id = 1", w.a.table)); err != nil {
		return err
	}
	waiter := &writer{a: w.a, name: w.name, ctx: w.ctx, random: w.random}
	if err := waiter.connect(); err != nil {
		return err
	}
	defer waiter.close()
	waited := make(chan error, 1)
	go func() {
		waited <- waiter.insert(fmt.Sprintf(" FROM `%s_lock` WHERE id = 1 FOR UPDATE", w.a.table))
	}()
	w.pause(1)
	err := w.commit("COMMIT")
	if late := <-waited; late != nil {
		return errors.Join(err, late)
	}
	return errors.Join(err, waiter.commit(""))
}

// rollback takes back what it wrote, in part or whole, so that ids have gaps for ever.
func rollback(w *writer) error {
	if err := w.exec("START TRANSACTION"); err != nil {
		return err
	}
	if err := w.insert(""); err != nil {
		return err
	}
	w.pause(0.5)
	if w.random.IntN(2) == 0 {
		w.open = nil
		return w.exec("ROLLBACK")
	}
	kept := len(w.open)
	if err := w.exec("SAVEPOINT s"); err != nil {
		return err
	}
	if err := w.insert(""); err != nil {
		return err
	}
	w.open = w.open[:kept]
	if err := w.exec("ROLLBACK TO s"); err != nil {
		return err
	}
	w.pause(0.2)
	return w.commit("COMMIT")
}

// preparedXA leaves its connection with a prepared transaction, which no process list shows, and commits it later
// from another.
func preparedXA(w *writer) error {
	xid := fmt.Sprintf("'%s','%d'", w.a.tag, w.a.version.Add(1))
	if err := w.exec("XA START " + xid); err != nil {
		return err
	}
	if err := w.insert(""); err != nil {
		return err
	}
	w.pause(0.2)
	for _, statement := range []string{"XA END " + xid, "XA PREPARE " + xid} {
		if err := w.exec(statement); err != nil {
			return err
		}
	}
	w.close()
	w.pause(1)
	if err := w.connect(); err != nil {
		return err
	}
	if w.random.IntN(4) == 0 {
		w.open = nil
		return w.untilDetached("XA ROLLBACK " + xid)
	}
	if err := w.untilDetached("XA COMMIT " + xid); err != nil {
		return err
	}
	return w.commit("")
}

// untilDetached repeats a statement on a prepared transaction until the server has noticed that its connection is gone.
func (w *writer) untilDetached(statement string) error {
	for deadline := time.Now().Add(lockTimeout * time.Second); ; time.Sleep(5 * time.Millisecond) {
		err := w.exec(statement)
		var e *mysql.MySQLError
		if err == nil || !errors.As(err, &e) || e.Number != 1397 || time.Now().After(deadline) {
			return err
		}
	}
}

// heldUpByLock: with autocommit off a transaction begins inside its first statement, here seconds after that
// started, because LOCK TABLES held it up.
func heldUpByLock(w *writer) error {
	locker := &writer{a: w.a, name: w.name, ctx: w.ctx, random: w.random}
	if err := locker.connect(); err != nil {
		return err
	}
	defer locker.close()
	if err := locker.exec(fmt.Sprintf("LOCK TABLES `%s` WRITE", w.a.table)); err != nil {
		return err
	}
	if err := w.exec("SET autocommit = 0"); err != nil {
		return err
	}
	waited := make(chan error, 1)
	go func() { waited <- w.insert("") }()
	locker.pause(0.4)
	if err := locker.exec("UNLOCK TABLES"); err != nil {
		return err
	}
	if err := <-waited; err != nil {
		return err
	}
	w.pause(1)
	if err := w.commit("COMMIT"); err != nil {
		return err
	}
	w.pause(4) // the others want the table too
	return nil
}

// implicitTransaction has a slow first statement in a transaction that goes on.
func implicitTransaction(w *writer) error {
	if err := w.exec("SET autocommit = 0"); err != nil {
		return err
	}
	if err := slowInsert(w); err != nil {
		return err
	}
	for range w.random.IntN(20) {
		if err := w.exec("DO 1"); err != nil {
			return err
		}
	}
	w.pause(1)
	return w.commit("COMMIT")
}

func slowInsert(w *writer) error {
	return w.insert(fmt.Sprintf(" FROM (SELECT SLEEP(%.3f)) AS x", 0.5*w.random.Float64()*w.a.options.Pause.Seconds()))
}

// ties writes many rows of one statement, which all bear the same time, in several transactions of the same second.
func ties(w *writer) error {
	if err := w.exec("START TRANSACTION"); err != nil {
		return err
	}
	if err := w.exec("SET SESSION timestamp = FLOOR(UNIX_TIMESTAMP())"); err != nil { // as NOW() in whole seconds would
		return err
	}
	for range 1 + w.random.IntN(5) {
		if err := w.insert(""); err != nil {
			return err
		}
	}
	if err := w.exec("SET SESSION timestamp = DEFAULT"); err != nil {
		return err
	}
	w.pause(0.3)
	return w.commit("COMMIT")
}

// update changes a row of its own several times within a second.
func update(w *writer) error {
	if err := w.insert(""); err != nil {
		return err
	}
	id := w.open[len(w.open)-1].ID
	if err := w.commit(""); err != nil {
		return err
	}
	for range 5 {
		w.pause(0.2)
		if err := w.update(id); err != nil {
			return err
		}
		if err := w.commit(""); err != nil {
			return err
		}
	}
	return nil
}

// hotRow changes the same row again and again in transactions that stay open, so that readers see the old version long
// after the new one has its time.
func hotRow(w *writer) error {
	var id int64
	query := fmt.Sprintf("SELECT id FROM `%s` WHERE writer = ? ORDER BY id LIMIT 1", w.a.table)
	err := w.conn.QueryRowContext(context.Background(), query, w.name).Scan(&id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		if err := w.insert(""); err != nil {
			return err
		}
		return w.commit("")
	case err != nil:
		return err
	}
	if err := w.exec("START TRANSACTION"); err != nil {
		return err
	}
	if err := w.update(id); err != nil {
		return err
	}
	w.pause(2)
	return w.commit("COMMIT")
}

// early stamps its rows itself, with a clock that is behind.
func early(w *writer) error {
	version := w.a.version.Add(1)
	back := int64(w.random.Float64() * float64(w.a.options.Early.Microseconds()))
	statement := fmt.Sprintf("INSERT INTO `%s` (version, writer, updated_at) SELECT %d, '%s', NOW(6) - INTERVAL %d MICROSECOND",
		w.a.table, version, w.name, back)
	if err := w.insertBy(statement, version); err != nil {
		return err
	}
	w.pause(0.3)
	return w.commit("")
}

// monitor reads innodb_trx as a console does, in turns of activity and rest.
func monitor(w *writer) error {
	for until := time.Now().Add(w.a.options.Monitor); time.Now().Before(until) && w.ctx.Err() == nil; {
		if err := w.exec("DO (SELECT COUNT(*) FROM information_schema.innodb_trx)"); err != nil && !isUnprintable(err) {
			return err
		}
		w.wait(50 * time.Millisecond)
	}
	w.wait(w.a.options.Monitor)
	return nil
}

// isUnprintable reports whether MySQL could not list transactions because one runs a statement that is not UTF-8.
func isUnprintable(err error) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && e.Number == 3854
}

func (w *writer) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.ctx.Done():
	}
}
