package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/tidemark-data/tidemark"
)

// sessionsOfUser is how many sessions a user has at most. The oldest go first.
const sessionsOfUser = 50

// AddSession begins a session of a user whose password has the hash verified, and notes the act with it. ErrConflict: the
// user has another password meanwhile, is disabled, or is gone.
func (s *Store) AddSession(ctx context.Context, n tidemark.Session, verified string, a tidemark.Act) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "INSERT INTO sessions (hash, user, created, seen) SELECT ?, name, ?, ? FROM users WHERE name = ? AND hash = ? AND NOT disabled",
			n.Hash, n.Created.UnixMicro(), n.Seen.UnixMicro(), n.User, verified)
		if err != nil {
			return fmt.Errorf("begin a session of %q: %w", n.User, err)
		}
		if none(result) {
			return fmt.Errorf("user %q was changed meanwhile: %w", n.User, tidemark.ErrConflict)
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE user = ? ORDER BY created DESC, hash LIMIT -1 OFFSET ?)", n.User, sessionsOfUser)
		if err != nil {
			return fmt.Errorf("end old sessions of %q: %w", n.User, err)
		}
		return note(ctx, tx, a)
	})
}

// SessionOf returns the session with a hash and its user, both as they are at one moment; ErrNotFound when there is none.
func (s *Store) SessionOf(ctx context.Context, hash []byte) (n tidemark.Session, u tidemark.User, err error) {
	var began, seen, created, changed sql.NullInt64
	err = s.read.QueryRowContext(ctx, `SELECT s.hash, s.user, s.created, s.seen, u.name, u.role, u.hash, u.disabled, u.created, u.created_by, u.changed
		FROM sessions s JOIN users u ON u.name = s.user WHERE s.hash = ?`, hash).
		Scan(&n.Hash, &n.User, &began, &seen, &u.Name, &u.Role, &u.Hash, &u.Disabled, &created, &u.CreatedBy, &changed)
	if errors.Is(err, sql.ErrNoRows) {
		return n, u, fmt.Errorf("no such session: %w", tidemark.ErrNotFound)
	}
	if err != nil {
		return n, u, fmt.Errorf("read a session: %w", err)
	}
	n.Created, n.Seen, u.Created, u.Changed = timeOf(began), timeOf(seen), timeOf(created), timeOf(changed)
	return n, u, nil
}

// TouchSession notes when the session with a hash was seen. One that is gone is nothing.
func (s *Store) TouchSession(ctx context.Context, hash []byte, at time.Time) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE sessions SET seen = ? WHERE hash = ?", at.UnixMicro(), hash)
		return err
	})
}

// EndSession ends the session with a hash, and notes the act with it. ErrNotFound: there is none.
func (s *Store) EndSession(ctx context.Context, hash []byte, a tidemark.Act) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE hash = ?", hash)
		if err != nil {
			return fmt.Errorf("end a session: %w", err)
		}
		if none(result) {
			return fmt.Errorf("no such session: %w", tidemark.ErrNotFound)
		}
		return note(ctx, tx, a)
	})
}

// PruneSessions forgets sessions that were begun, or last seen, before a time.
func (s *Store) PruneSessions(ctx context.Context, begun, seen time.Time) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE created < ? OR seen < ?", begun.UnixMicro(), seen.UnixMicro())
		return err
	})
}
