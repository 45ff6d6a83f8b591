package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"github.com/tidemark-data/tidemark"
)

// Note adds an act to the audit log. It is on the disk when Note returns.
func (s *Store) Note(ctx context.Context, a tidemark.Act) error {
	return s.change(ctx, func(tx *sql.Tx) error { return note(ctx, tx, a) })
}

// note adds an act within a transaction; one without an action is none.
func note(ctx context.Context, tx *sql.Tx, a tidemark.Act) error {
	if a.Action == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO acts (at, who, kind, action, object, outcome, detail, address) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		a.At.UnixMicro(), a.Who, a.Kind, a.Action, a.Object, a.Outcome, a.Detail, a.Address)
	if err != nil {
		return fmt.Errorf("note %s of %q: %w", a.Action, a.Object, err)
	}
	return nil
}

// Acts returns the entries of the audit log that pass a filter, the newest first.
func (s *Store) Acts(ctx context.Context, f tidemark.ActFilter) ([]tidemark.Act, error) {
	if f.Before <= 0 {
		f.Before = math.MaxInt64
	}
	if f.Limit <= 0 {
		f.Limit = pageSize
	}
	rows, err := s.read.QueryContext(ctx, `SELECT n, at, who, kind, action, object, outcome, detail, address FROM acts WHERE n < ?1
		AND (?2 = '' OR who = ?2) AND substr(action, 1, length(?3)) = ?3 AND instr(object, ?4) > 0 AND (NOT ?5 OR outcome <> ?6) ORDER BY n DESC LIMIT ?7`,
		f.Before, f.Who, f.Action, f.Object, f.Refused, tidemark.ActDone, f.Limit)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	defer rows.Close()
	var all []tidemark.Act
	for rows.Next() {
		var a tidemark.Act
		var at sql.NullInt64
		if err := rows.Scan(&a.N, &at, &a.Who, &a.Kind, &a.Action, &a.Object, &a.Outcome, &a.Detail, &a.Address); err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		a.At = timeOf(at)
		all = append(all, a)
	}
	return all, rows.Err()
}

// PruneActs forgets the entries of the audit log from before a time, and returns how many.
func (s *Store) PruneActs(ctx context.Context, before time.Time) (total int, err error) {
	for n := pruneActsAtOnce; n == pruneActsAtOnce; total += n {
		err = s.change(ctx, func(tx *sql.Tx) error {
			result, err := tx.ExecContext(ctx, "DELETE FROM acts WHERE n IN (SELECT n FROM acts WHERE at < ? ORDER BY at LIMIT ?)", before.UnixMicro(), pruneActsAtOnce)
			if err != nil {
				return err
			}
			gone, err := result.RowsAffected()
			n = int(gone)
			return err
		})
		if err != nil {
			return total, fmt.Errorf("forget old entries of the audit log: %w", err)
		}
	}
	return total, nil
}

const pruneActsAtOnce = 5000 // so that others get their turn
