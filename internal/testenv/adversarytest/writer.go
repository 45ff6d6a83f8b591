package adversarytest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/go-sql-driver/mysql"
)

// A writer is a connection that plays one part, round after round.
type writer struct {
	a      *Adversary
	name   string
	ctx    context.Context // ends the pauses, not the statements
	random *rand.Rand
	conn   *sql.Conn
	open   []Version // written in the open transaction
}

// lockTimeout keeps two writers that wait for each other from stopping the whole.
const lockTimeout = 20

func (w *writer) round(play func(*writer) error) error {
	if w.conn == nil {
		if err := w.connect(); err != nil {
			return err
		}
	}
	err := play(w)
	if isContention(err) {
		w.open = nil
		w.close() // which rolls back, whatever the transaction was
		return nil
	}
	return err
}

func isContention(err error) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && (e.Number == 1213 || e.Number == 1205)
}

func (w *writer) connect() (err error) {
	if w.conn, err = w.a.db.Conn(context.Background()); err != nil {
		return err
	}
	return w.exec(fmt.Sprintf("SET SESSION innodb_lock_wait_timeout = %d, SESSION lock_wait_timeout = %d", lockTimeout, lockTimeout))
}

func (w *writer) close() {
	if w.conn != nil {
		// Out of the pool: the session has settings of its own.
		_ = w.conn.Raw(func(any) error { return driver.ErrBadConn })
		_ = w.conn.Close()
		w.conn = nil
	}
}

// exec runs a statement to its end, whatever becomes of the adversary meanwhile.
func (w *writer) exec(statement string, args ...any) error {
	_, err := w.conn.ExecContext(context.Background(), statement, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// pause waits up to a share of the options' pause.
func (w *writer) pause(share float64) {
	timer := time.NewTimer(time.Duration(w.random.Float64() * share * float64(w.a.options.Pause)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.ctx.Done():
	}
}

// insert writes a row whose values come from a SELECT, "" for none. What it wrote counts when it is committed.
func (w *writer) insert(from string) error {
	version := w.a.version.Add(1)
	statement := fmt.Sprintf("INSERT INTO `%s` (version, writer) SELECT %d, '%s'%s", w.a.table, version, w.name, from)
	return w.insertBy(statement, version)
}

func (w *writer) insertBy(statement string, version int64) error {
	result, err := w.conn.ExecContext(context.Background(), statement)
	if err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	id, err := result.LastInsertId()
	if err == nil {
		w.open = append(w.open, Version{ID: id, Number: version})
	}
	return err
}

// update gives a row of this adversary's a new version.
func (w *writer) update(id int64) error {
	version := w.a.version.Add(1)
	err := w.exec(fmt.Sprintf("UPDATE `%s` SET version = %d, writer = '%s' WHERE id = %d", w.a.table, version, w.name, id))
	if err == nil {
		w.open = append(w.open, Version{ID: id, Number: version})
	}
	return err
}

// commit ends the transaction by the statement, "" when it has ended already, and takes its rows into the account.
func (w *writer) commit(statement string) error {
	if statement != "" {
		if err := w.exec(statement); err != nil {
			return err
		}
	}
	w.a.mu.Lock()
	defer w.a.mu.Unlock()
	for _, v := range w.open {
		w.a.committed[v] = w.name
	}
	w.open = nil
	return nil
}
