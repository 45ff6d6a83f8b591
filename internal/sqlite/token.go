package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/tidemark-data/tidemark"
)

const tokenColumns = "SELECT name, hash, role, created, created_by, expires, used FROM tokens"

// Tokens returns all tokens, by name, those too that have expired.
func (s *Store) Tokens(ctx context.Context) ([]tidemark.Token, error) {
	rows, err := s.read.QueryContext(ctx, tokenColumns+" ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	defer rows.Close()
	var all []tidemark.Token
	for rows.Next() {
		t, err := scanToken(rows)
		if err != nil {
			return nil, fmt.Errorf("read tokens: %w", err)
		}
		all = append(all, t)
	}
	return all, rows.Err()
}

// TokenOf returns the token with a hash; ErrNotFound when there is none.
func (s *Store) TokenOf(ctx context.Context, hash []byte) (tidemark.Token, error) {
	t, err := scanToken(s.read.QueryRowContext(ctx, tokenColumns+" WHERE hash = ?", hash))
	if errors.Is(err, sql.ErrNoRows) {
		return t, fmt.Errorf("no such token: %w", tidemark.ErrNotFound)
	}
	if err != nil {
		return t, fmt.Errorf("read a token: %w", err)
	}
	return t, nil
}

func scanToken(row interface{ Scan(...any) error }) (t tidemark.Token, err error) {
	var created, expires, used sql.NullInt64
	err = row.Scan(&t.Name, &t.Hash, &t.Role, &created, &t.CreatedBy, &expires, &used)
	t.Created, t.Expires, t.Used = timeOf(created), timeOf(expires), timeOf(used)
	return t, err
}

// AddToken adds a token, and notes the act with it. ErrConflict: the name is taken.
func (s *Store) AddToken(ctx context.Context, t tidemark.Token, a tidemark.Act) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "INSERT INTO tokens (name, hash, role, created, created_by, expires) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			t.Name, t.Hash, t.Role, t.Created.UnixMicro(), t.CreatedBy, micros(t.Expires))
		if err != nil {
			return fmt.Errorf("add token %q: %w", t.Name, err)
		}
		if none(result) {
			return fmt.Errorf("token %q is there already: %w", t.Name, tidemark.ErrConflict)
		}
		return note(ctx, tx, a)
	})
}

// RemoveToken takes a token back, and notes the act with it. ErrNotFound: there is none of that name.
func (s *Store) RemoveToken(ctx context.Context, name string, a tidemark.Act) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "DELETE FROM tokens WHERE name = ?", name)
		if err != nil {
			return fmt.Errorf("remove token %q: %w", name, err)
		}
		if none(result) {
			return fmt.Errorf("token %q: %w", name, tidemark.ErrNotFound)
		}
		return note(ctx, tx, a)
	})
}

// TouchToken notes when the token with a hash was used. One that is gone is nothing.
func (s *Store) TouchToken(ctx context.Context, hash []byte, at time.Time) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE tokens SET used = ? WHERE hash = ?", at.UnixMicro(), hash)
		return err
	})
}
