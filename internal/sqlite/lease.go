package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tidemark-data/tidemark"
)

// Begin takes the lease of a pipeline and begins the next attempt of a run that waits. ErrConflict: the run does not wait
// any more, or somebody works on another run of the pipeline. What the first attempt commits goes by the run's own id.
//
// Who lets a lease run out is taken to be gone, as by Recover: its attempt is ended, and its run waits again, or begins again
// if it is this one.
func (s *Store) Begin(ctx context.Context, id tidemark.RunID, holder string, ttl time.Duration) (tidemark.Lease, error) {
	lease := tidemark.Lease{Run: id}
	var refused error // what was put back before that stays so
	err := s.change(ctx, func(tx *sql.Tx) error {
		var pipeline tidemark.PipelineID
		err := tx.QueryRowContext(ctx, "SELECT pipeline FROM runs WHERE id = ?", id).Scan(&pipeline)
		if errors.Is(err, sql.ErrNoRows) {
			return noRun(id)
		}
		if err != nil {
			return err
		}
		now := s.stamp()
		token, other, err := s.freeLease(ctx, tx, pipeline, now)
		if err != nil {
			return err
		}
		state, err := stateOf(ctx, tx, id)
		if err != nil {
			return err
		}
		if state != tidemark.RunQueued {
			refused = notWaiting(id, state)
			return nil
		}
		if other != "" {
			refused = fmt.Errorf("pipeline %s runs already, as %s: %w", pipeline, other, tidemark.ErrConflict)
			return nil
		}
		lease.Token, lease.Expires = token+1, now.Add(ttl)
		if _, err := tx.ExecContext(ctx, `INSERT INTO leases (pipeline, token, run, expires) VALUES (?, ?, ?, ?)
			ON CONFLICT (pipeline) DO UPDATE SET token = excluded.token, run = excluded.run, expires = excluded.expires`,
			pipeline, lease.Token, id, micros(lease.Expires)); err != nil {
			return err
		}
		lease.Attempt, err = beginAttempt(ctx, tx, id, holder, now)
		return err
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return tidemark.Lease{}, fmt.Errorf("begin run %s: %w", id, err)
	}
	return lease, nil
}

func beginAttempt(ctx context.Context, tx *sql.Tx, id tidemark.RunID, holder string, now time.Time) (tidemark.Attempt, error) {
	a := tidemark.Attempt{N: 1, Commit: id, Holder: holder, Started: now}
	if err := tx.QueryRowContext(ctx, "SELECT count(*) + 1 FROM attempts WHERE run = ?", id).Scan(&a.N); err != nil {
		return a, err
	}
	if a.N > 1 {
		a.Commit = tidemark.NewRunID(now)
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO attempts (run, n, commit_run, holder, started) VALUES (?, ?, ?, ?, ?)",
		id, a.N, a.Commit, holder, micros(now)); err != nil {
		return a, err
	}
	_, err := tx.ExecContext(ctx, "UPDATE runs SET state = ?, not_before = NULL, started = coalesce(started, ?) WHERE id = ?", tidemark.RunRunning, micros(now), id)
	return a, err
}

// freeLease returns the last token of a pipeline, and the run that has its lease; "" when nobody does. A lease that has run
// out is given back, and its run is put back.
func (s *Store) freeLease(ctx context.Context, tx *sql.Tx, pipeline tidemark.PipelineID, now time.Time) (token int64, holder tidemark.RunID, err error) {
	var until int64
	var other sql.NullString
	err = tx.QueryRowContext(ctx, "SELECT token, run, expires FROM leases WHERE pipeline = ?", pipeline).Scan(&token, &other, &until)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, "", nil
	}
	holder = tidemark.RunID(other.String)
	if err != nil || holder == "" || until > now.UnixMicro() {
		return token, holder, err
	}
	return token, "", s.putBack(ctx, tx, pipeline, holder, ranOut)
}

// freeLeaseOf is freeLease of a run's pipeline, and returns the state that the run has behind it.
func (s *Store) freeLeaseOf(ctx context.Context, tx *sql.Tx, id tidemark.RunID) (tidemark.RunState, error) {
	var pipeline tidemark.PipelineID
	if err := tx.QueryRowContext(ctx, "SELECT pipeline FROM runs WHERE id = ?", id).Scan(&pipeline); err != nil {
		return "", err
	}
	if _, _, err := s.freeLease(ctx, tx, pipeline, s.stamp()); err != nil {
		return "", err
	}
	return stateOf(ctx, tx, id)
}

// held returns the pipeline of a lease that is still held, and else ErrConflict.
func held(ctx context.Context, tx *sql.Tx, l tidemark.Lease) (pipeline tidemark.PipelineID, err error) {
	err = tx.QueryRowContext(ctx, "SELECT pipeline FROM leases WHERE run = ? AND token = ? AND pipeline = (SELECT pipeline FROM runs WHERE id = ?)",
		l.Run, l.Token, l.Run).Scan(&pipeline)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("the lease of run %s is lost: %w", l.Run, tidemark.ErrConflict)
	}
	return pipeline, err
}

// Renew keeps a lease for longer, and returns who wants the run to end; "" when nobody does. A lease that was lost is
// ErrConflict.
func (s *Store) Renew(ctx context.Context, l tidemark.Lease, ttl time.Duration) (cancel string, err error) {
	err = s.change(ctx, func(tx *sql.Tx) error {
		pipeline, err := held(ctx, tx, l)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE leases SET expires = ? WHERE pipeline = ?", micros(s.stamp().Add(ttl)), pipeline); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, "SELECT cancel FROM runs WHERE id = ?", l.Run).Scan(&cancel)
	})
	return cancel, err
}

// End ends an attempt and gives its lease back. A lease that was lost is ErrConflict, and nothing changes: the run waits
// already, or somebody else works on it. One that has run out, and that nobody has taken, is not lost. A run that is to wait
// for another attempt, and that somebody wants to end, is cancelled. ErrInvalid: a state in which no attempt ends.
func (s *Store) End(ctx context.Context, l tidemark.Lease, e tidemark.Ending) (tidemark.Run, error) {
	switch e.State {
	case tidemark.RunSucceeded, tidemark.RunFailed, tidemark.RunCancelled, tidemark.RunQueued:
	default:
		return tidemark.Run{}, fmt.Errorf("end run %s: an attempt does not end as %q: %w", l.Run, e.State, tidemark.ErrInvalid)
	}
	err := s.change(ctx, func(tx *sql.Tx) error {
		pipeline, err := held(ctx, tx, l)
		if err != nil {
			return err
		}
		return s.endAttempt(ctx, tx, pipeline, l.Run, l.Attempt.N, e)
	})
	if err != nil {
		return tidemark.Run{}, fmt.Errorf("end run %s: %w", l.Run, err)
	}
	return s.Run(ctx, l.Run)
}

func (s *Store) endAttempt(ctx context.Context, tx *sql.Tx, pipeline tidemark.PipelineID, id tidemark.RunID, n int, e tidemark.Ending) error {
	if _, err := tx.ExecContext(ctx, "UPDATE leases SET run = NULL WHERE pipeline = ?", pipeline); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE attempts SET ended = ?, kind = ?, error = ? WHERE run = ? AND n = ?", micros(s.stamp()), e.Kind, e.Error, id, n); err != nil {
		return err
	}
	if e.State == tidemark.RunQueued {
		var by string
		if err := tx.QueryRowContext(ctx, "SELECT cancel FROM runs WHERE id = ?", id).Scan(&by); err != nil {
			return err
		}
		if by != "" {
			e.State, e.Error, e.Hint = tidemark.RunCancelled, "cancelled by "+by, ""
		}
	}
	return s.finish(ctx, tx, id, e)
}

// finish puts a run into a state: an ended one, with the next end number, or queued again.
func (s *Store) finish(ctx context.Context, tx *sql.Tx, id tidemark.RunID, e tidemark.Ending) error {
	var result any
	if e.Result != nil {
		text, err := json.Marshal(e.Result)
		if err != nil {
			return err
		}
		result = string(text)
	}
	var ended any
	number := "NULL"
	if e.State.Ended() {
		ended, number = micros(s.stamp()), "(SELECT coalesce(max(end_number), 0) + 1 FROM runs)"
	}
	_, err := tx.ExecContext(ctx, `UPDATE runs SET state = ?, not_before = ?, ended = ?, result = coalesce(?, result), error = ?, hint = ?, end_number = `+number+`
		WHERE id = ?`, e.State, micros(e.NotBefore), ended, result, e.Error, e.Hint, id)
	return err
}

// Why an attempt ended of which nobody has told the end.
const (
	cutOff = "the process ended"
	ranOut = "the lease ran out"
)

// putBack ends the last attempt of a run as cut off. The run waits again, or is cancelled where that was wanted.
func (s *Store) putBack(ctx context.Context, tx *sql.Tx, pipeline tidemark.PipelineID, id tidemark.RunID, why string) error {
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM attempts WHERE run = ?", id).Scan(&n); err != nil {
		return err
	}
	return s.endAttempt(ctx, tx, pipeline, id, n, tidemark.Ending{State: tidemark.RunQueued, Kind: tidemark.Interrupted, Error: why})
}

// Recover puts back what was worked on: this process is the only one that has the store, so whoever did is gone. Those runs
// wait again, or are cancelled where that was wanted, and are returned. It is called before the first Begin. What stays
// behind later, because its end could not be kept, is among those that Queued returns once its lease has run out.
func (s *Store) Recover(ctx context.Context) ([]tidemark.Run, error) {
	running, err := s.runs(ctx, "WHERE state = ? ORDER BY n", tidemark.RunRunning)
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, func(tx *sql.Tx) error {
		for _, r := range running {
			if err := s.putBack(ctx, tx, r.Pipeline, r.ID, cutOff); err != nil {
				return fmt.Errorf("put back run %s: %w", r.ID, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, r := range running {
		if running[i], err = s.Run(ctx, r.ID); err != nil {
			return nil, err
		}
	}
	return running, nil
}
