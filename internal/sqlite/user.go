package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/tidemark-data/tidemark"
)

const userColumns = "SELECT name, role, hash, disabled, created, created_by, changed FROM users"

// Users returns all users, by name.
func (s *Store) Users(ctx context.Context) ([]tidemark.User, error) {
	rows, err := s.read.QueryContext(ctx, userColumns+" ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	defer rows.Close()
	var all []tidemark.User
	for rows.Next() {
		u, err := scanUser(rows)
		if err != nil {
			return nil, fmt.Errorf("read users: %w", err)
		}
		all = append(all, u)
	}
	return all, rows.Err()
}

// User returns one; ErrNotFound when there is none of that name.
func (s *Store) User(ctx context.Context, name string) (tidemark.User, error) {
	u, err := scanUser(s.read.QueryRowContext(ctx, userColumns+" WHERE name = ?", name))
	if errors.Is(err, sql.ErrNoRows) {
		return u, noUser(name)
	}
	if err != nil {
		return u, fmt.Errorf("read user %q: %w", name, err)
	}
	return u, nil
}

func scanUser(row interface{ Scan(...any) error }) (u tidemark.User, err error) {
	var created, changed sql.NullInt64
	err = row.Scan(&u.Name, &u.Role, &u.Hash, &u.Disabled, &created, &u.CreatedBy, &changed)
	u.Created, u.Changed = timeOf(created), timeOf(changed)
	return u, err
}

// AddUser adds a user, and notes the act with it. ErrConflict: the name is taken, or the first user is no admin.
func (s *Store) AddUser(ctx context.Context, u tidemark.User, a tidemark.Act) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `INSERT INTO users (name, role, hash, disabled, created, created_by, changed) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			u.Name, u.Role, u.Hash, u.Disabled, u.Created.UnixMicro(), u.CreatedBy, u.Changed.UnixMicro())
		if err != nil {
			return fmt.Errorf("add user %q: %w", u.Name, err)
		}
		if none(result) {
			return fmt.Errorf("user %q is there already: %w", u.Name, tidemark.ErrConflict)
		}
		if err := anAdmin(ctx, tx); err != nil {
			return fmt.Errorf("add user %q: %w", u.Name, err)
		}
		return note(ctx, tx, a)
	})
}

// ChangeUser changes a user, and notes the act with it. A new password, and that a user is disabled, end the sessions.
// ErrNotFound: there is none. ErrConflict: nobody would be left who is an admin, or the hash is not c.Was any more.
func (s *Store) ChangeUser(ctx context.Context, name string, c tidemark.UserChange, a tidemark.Act) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		u, err := scanUser(tx.QueryRowContext(ctx, userColumns+" WHERE name = ?", name))
		if errors.Is(err, sql.ErrNoRows) {
			return noUser(name)
		}
		if err != nil {
			return fmt.Errorf("change user %q: %w", name, err)
		}
		if c.Was != "" && c.Was != u.Hash {
			return fmt.Errorf("user %q has another password meanwhile: %w", name, tidemark.ErrConflict)
		}
		out := false
		if c.Role != "" {
			u.Role = c.Role
		}
		if c.Disabled != nil {
			u.Disabled, out = *c.Disabled, *c.Disabled
		}
		if c.Hash != "" {
			u.Hash = c.Hash
			if c.Was == "" {
				u.Changed, out = s.stamp(), true
			}
		}
		_, err = tx.ExecContext(ctx, "UPDATE users SET role = ?, disabled = ?, hash = ?, changed = ? WHERE name = ?", u.Role, u.Disabled, u.Hash, u.Changed.UnixMicro(), name)
		if err == nil && out {
			_, err = tx.ExecContext(ctx, "DELETE FROM sessions WHERE user = ?", name)
		}
		if err == nil {
			err = anAdmin(ctx, tx)
		}
		if err != nil {
			return fmt.Errorf("change user %q: %w", name, err)
		}
		return note(ctx, tx, a)
	})
}

// RemoveUser removes a user with the sessions, and notes the act with it. ErrNotFound: there is none. ErrConflict: users
// would be left, and none of them an admin.
func (s *Store) RemoveUser(ctx context.Context, name string, a tidemark.Act) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "DELETE FROM users WHERE name = ?", name)
		if err != nil {
			return fmt.Errorf("remove user %q: %w", name, err)
		}
		if none(result) {
			return noUser(name)
		}
		if err := anAdmin(ctx, tx); err != nil {
			return fmt.Errorf("remove user %q: %w", name, err)
		}
		return note(ctx, tx, a)
	})
}

// anAdmin refuses a change behind which there are users, and none of them can say who may come.
func anAdmin(ctx context.Context, tx *sql.Tx) error {
	var users, admins int
	err := tx.QueryRowContext(ctx, "SELECT count(*), count(*) FILTER (WHERE role = ? AND NOT disabled) FROM users", tidemark.RoleAdmin).Scan(&users, &admins)
	if err == nil && users > 0 && admins == 0 {
		err = tidemark.WithHint(fmt.Errorf("no admin would be left: %w", tidemark.ErrConflict), "make another user an admin first")
	}
	return err
}

func noUser(name string) error { return fmt.Errorf("user %q: %w", name, tidemark.ErrNotFound) }

// none reports whether a statement has changed nothing.
func none(r sql.Result) bool {
	n, err := r.RowsAffected()
	return err == nil && n == 0
}
