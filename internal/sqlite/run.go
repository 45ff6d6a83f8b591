package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tidemark-data/tidemark"
)

const pageSize = 100

// Run returns a run; ErrNotFound when there is none.
func (s *Store) Run(ctx context.Context, id tidemark.RunID) (tidemark.Run, error) {
	runs, err := s.runs(ctx, "WHERE id = ?", id)
	if err != nil {
		return tidemark.Run{}, err
	}
	if len(runs) == 0 {
		return tidemark.Run{}, noRun(id)
	}
	return runs[0], nil
}

// Runs returns the runs that pass a filter, those first that were queued last. ErrNotFound: of f.Before.
func (s *Store) Runs(ctx context.Context, f tidemark.RunFilter) ([]tidemark.Run, error) {
	var before int64
	if f.Before != "" {
		err := s.read.QueryRowContext(ctx, "SELECT n FROM runs WHERE id = ?", f.Before).Scan(&before)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, noRun(f.Before)
		}
		if err != nil {
			return nil, fmt.Errorf("list runs: %w", err)
		}
	}
	where, args := listed(f, before)
	return s.runs(ctx, where, args...)
}

// listed says in SQL which runs pass a filter; before is the number of f.Before.
func listed(f tidemark.RunFilter, before int64) (where string, args []any) {
	conditions := []string{"true"}
	in := func(column string, n int) {
		conditions = append(conditions, column+" IN (?"+strings.Repeat(", ?", n-1)+")")
	}
	if len(f.Pipelines) > 0 {
		in("pipeline", len(f.Pipelines))
		for _, p := range f.Pipelines {
			args = append(args, p)
		}
	}
	if len(f.States) > 0 {
		in("state", len(f.States))
		for _, state := range f.States {
			args = append(args, state)
		}
	}
	if !f.Since.IsZero() {
		// The first number of that time ends the search, which goes down by number. Later ones are looked at each, since a
		// clock may have gone back.
		conditions = append(conditions, "queued >= ?", "n >= (SELECT coalesce(min(n), 9223372036854775807) FROM runs INDEXED BY runs_by_queued WHERE queued >= ?)")
		args = append(args, f.Since.UnixMicro(), f.Since.UnixMicro())
	}
	if f.Before != "" {
		conditions, args = append(conditions, "n < ?"), append(args, before)
	}
	limit := f.Limit
	if limit <= 0 {
		limit = pageSize
	}
	return "WHERE " + strings.Join(conditions, " AND ") + " ORDER BY n DESC LIMIT ?", append(args, limit)
}

// Ended returns at most limit runs in the order in which they ended, from the one behind a number on.
func (s *Store) Ended(ctx context.Context, after int64, limit int) ([]tidemark.Run, error) {
	return s.runs(ctx, "WHERE end_number > ? ORDER BY end_number LIMIT ?", after, limit)
}

// LastEnd returns the highest end number; 0 before the first.
func (s *Store) LastEnd(ctx context.Context) (n int64, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT coalesce(max(end_number), 0) FROM runs").Scan(&n)
	return n, err
}

// lastEnds are the end numbers of those runs.
const lastEnds = names + "SELECT (SELECT max(end_number) FROM runs INDEXED BY runs_by_end WHERE pipeline = name AND end_number IS NOT NULL) FROM names WHERE name IS NOT NULL"

// Last returns the run of each pipeline that ended last.
func (s *Store) Last(ctx context.Context) (map[tidemark.PipelineID]tidemark.Run, error) {
	runs, err := s.runs(ctx, "WHERE end_number IN ("+lastEnds+")")
	if err != nil {
		return nil, err
	}
	last := map[tidemark.PipelineID]tidemark.Run{}
	for _, r := range runs {
		last[r.Pipeline] = r
	}
	return last, nil
}

// runs reads runs with their causes and attempts, all as they are at one moment.
func (s *Store) runs(ctx context.Context, where string, args ...any) (runs []tidemark.Run, err error) {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("read runs: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	rows, err := tx.QueryContext(ctx, `SELECT id, pipeline, state, priority, queued, not_before, started, ended, cancel, result, error, hint, coalesce(end_number, 0)
		FROM runs `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read runs: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scanRun(rows)
		if err != nil {
			return nil, fmt.Errorf("read runs: %w", err)
		}
		runs = append(runs, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read runs: %w", err)
	}
	for i := range runs {
		if err := complete(ctx, tx, &runs[i]); err != nil {
			return nil, fmt.Errorf("read run %s: %w", runs[i].ID, err)
		}
	}
	return runs, nil
}

func scanRun(rows *sql.Rows) (r tidemark.Run, err error) {
	var queued, notBefore, started, ended sql.NullInt64
	var result sql.NullString
	err = rows.Scan(&r.ID, &r.Pipeline, &r.State, &r.Priority, &queued, &notBefore, &started, &ended, &r.Cancel, &result, &r.Error, &r.Hint, &r.EndNumber)
	if err != nil {
		return r, err
	}
	r.Queued, r.NotBefore, r.Started, r.Ended = timeOf(queued), timeOf(notBefore), timeOf(started), timeOf(ended)
	if result.Valid {
		r.Result = new(tidemark.RunResult)
		err = json.Unmarshal([]byte(result.String), r.Result)
	}
	return r, err
}

// complete adds what lies in other tables.
func complete(ctx context.Context, tx *sql.Tx, r *tidemark.Run) (err error) {
	if r.Causes, err = causesOf(ctx, tx, r.ID); err != nil {
		return err
	}
	attempts, err := tx.QueryContext(ctx, "SELECT n, commit_run, holder, started, ended, kind, error FROM attempts WHERE run = ? ORDER BY n", r.ID)
	if err != nil {
		return err
	}
	defer attempts.Close()
	for attempts.Next() {
		var a tidemark.Attempt
		var started, ended sql.NullInt64
		if err := attempts.Scan(&a.N, &a.Commit, &a.Holder, &started, &ended, &a.Kind, &a.Error); err != nil {
			return err
		}
		a.Started, a.Ended = timeOf(started), timeOf(ended)
		r.Attempts = append(r.Attempts, a)
	}
	return attempts.Err()
}

// causesOf returns the causes of a run, the oldest first.
func causesOf(ctx context.Context, db queryer, id tidemark.RunID) (all []tidemark.Cause, err error) {
	causes, err := db.QueryContext(ctx, "SELECT id, trigger, kind, at, by, detail FROM causes WHERE run = ? ORDER BY at, id", id)
	if err != nil {
		return nil, err
	}
	defer causes.Close()
	for causes.Next() {
		var c tidemark.Cause
		var at sql.NullInt64
		if err := causes.Scan(&c.ID, &c.Trigger, &c.Kind, &at, &c.By, &c.Detail); err != nil {
			return nil, err
		}
		c.At = timeOf(at)
		all = append(all, c)
	}
	return all, causes.Err()
}

// A queryer is a pool of connections or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}
