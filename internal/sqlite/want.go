package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/tidemark-data/tidemark"
)

// Want notes a cause, and what becomes of its trigger, in one transaction. A pipeline takes a cause once: one that it had
// before changes nothing, and the run that it belongs to is returned. Where a run of the pipeline waits, it takes the cause
// on, since it will read whatever there is when it begins; else a new run is queued. The runs come in the order of w.Runs.
//
// A cause may have outlived its run. That run is returned as far as it is still known: id, pipeline, state, causes, and the
// times at which it was queued and ended.
func (s *Store) Want(ctx context.Context, w tidemark.Want) ([]tidemark.Run, error) {
	var ids []tidemark.RunID
	err := s.change(ctx, func(tx *sql.Tx) error {
		ids = ids[:0]
		for _, wanted := range w.Runs {
			id, err := s.wantOne(ctx, tx, w.Cause, wanted)
			if err != nil {
				return fmt.Errorf("want a run of %s: %w", wanted.Pipeline, err)
			}
			ids = append(ids, id)
		}
		if w.State == nil {
			return nil
		}
		return keepTrigger(ctx, tx, *w.State)
	})
	if err != nil {
		return nil, err
	}
	runs := make([]tidemark.Run, 0, len(ids))
	for _, id := range ids {
		r, err := s.Run(ctx, id)
		if errors.Is(err, tidemark.ErrNotFound) {
			r, err = s.forgotten(ctx, id)
		}
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	return runs, nil
}

func (s *Store) wantOne(ctx context.Context, tx *sql.Tx, c tidemark.Cause, w tidemark.Wanted) (id tidemark.RunID, err error) {
	err = tx.QueryRowContext(ctx, "SELECT run FROM causes WHERE pipeline = ? AND id = ?", w.Pipeline, c.ID).Scan(&id)
	if err == nil || !errors.Is(err, sql.ErrNoRows) {
		return id, err
	}
	err = tx.QueryRowContext(ctx, "SELECT id FROM runs WHERE pipeline = ? AND state = ? ORDER BY n LIMIT 1", w.Pipeline, tidemark.RunQueued).Scan(&id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		now := s.stamp()
		id = tidemark.NewRunID(now)
		_, err = tx.ExecContext(ctx, "INSERT INTO runs (id, pipeline, state, priority, queued) VALUES (?, ?, ?, ?, ?)",
			id, w.Pipeline, tidemark.RunQueued, w.Priority, micros(now))
	case err == nil:
		_, err = tx.ExecContext(ctx, "UPDATE runs SET priority = max(priority, ?) WHERE id = ?", w.Priority, id)
	}
	if err != nil {
		return "", err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO causes (pipeline, id, run, trigger, kind, at, by, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		w.Pipeline, c.ID, id, c.Trigger, c.Kind, c.At.UnixMicro(), c.By, c.Detail)
	return id, err
}

// forgotten returns what the causes of a run that is gone still tell of it.
func (s *Store) forgotten(ctx context.Context, id tidemark.RunID) (tidemark.Run, error) {
	r := tidemark.Run{ID: id}
	var queued, ended sql.NullInt64
	err := s.read.QueryRowContext(ctx, "SELECT pipeline, state, queued, ended FROM causes WHERE run = ? LIMIT 1", id).Scan(&r.Pipeline, &r.State, &queued, &ended)
	if errors.Is(err, sql.ErrNoRows) {
		return r, noRun(id)
	}
	if err != nil {
		return r, fmt.Errorf("read the causes of run %s: %w", id, err)
	}
	r.Queued, r.Ended = timeOf(queued), timeOf(ended)
	r.Causes, err = causesOf(ctx, s.read, id)
	return r, err
}

// Queued returns the runs that may begin: those of a higher priority first, then those that have waited longer. Runs are
// among them whose lease has run out, and who are running by name alone.
func (s *Store) Queued(ctx context.Context) ([]tidemark.Run, error) {
	return s.runs(ctx, `WHERE state = ? OR state = ? AND NOT EXISTS (SELECT 1 FROM leases WHERE pipeline = runs.pipeline AND run = runs.id AND expires > ?)
		ORDER BY priority DESC, n`, tidemark.RunQueued, tidemark.RunRunning, micros(s.stamp()))
}

// Skip ends a run that waits; one that does not is ErrConflict. One whose lease has run out waits, or is cancelled where that
// was wanted.
func (s *Store) Skip(ctx context.Context, id tidemark.RunID, why string) (tidemark.Run, error) {
	err := s.change(ctx, func(tx *sql.Tx) error {
		state, err := stateOf(ctx, tx, id)
		if err != nil {
			return err
		}
		if state == tidemark.RunRunning {
			if state, err = s.freeLeaseOf(ctx, tx, id); err != nil || state.Ended() {
				return err
			}
		}
		if state != tidemark.RunQueued {
			return notWaiting(id, state)
		}
		return s.finish(ctx, tx, id, tidemark.Ending{State: tidemark.RunSkipped, Error: why})
	})
	if err != nil {
		return tidemark.Run{}, err
	}
	return s.Run(ctx, id)
}

// Cancel ends a run that waits, and notes of one that is worked on that somebody wants it to end. One that has ended is
// ErrConflict.
func (s *Store) Cancel(ctx context.Context, id tidemark.RunID, by string) (tidemark.Run, error) {
	err := s.change(ctx, func(tx *sql.Tx) error {
		state, err := stateOf(ctx, tx, id)
		if err != nil {
			return err
		}
		if state.Ended() {
			return fmt.Errorf("run %s has ended, it is %s: %w", id, state, tidemark.ErrConflict)
		}
		if _, err := tx.ExecContext(ctx, "UPDATE runs SET cancel = ? WHERE id = ? AND cancel = ''", by, id); err != nil {
			return err
		}
		if state == tidemark.RunRunning {
			return nil
		}
		return s.finish(ctx, tx, id, tidemark.Ending{State: tidemark.RunCancelled, Error: "cancelled by " + by})
	})
	if err != nil {
		return tidemark.Run{}, err
	}
	return s.Run(ctx, id)
}

func notWaiting(id tidemark.RunID, state tidemark.RunState) error {
	return fmt.Errorf("run %s does not wait, it is %s: %w", id, state, tidemark.ErrConflict)
}

// stateOf returns the state of a run.
func stateOf(ctx context.Context, tx *sql.Tx, id tidemark.RunID) (state tidemark.RunState, err error) {
	err = tx.QueryRowContext(ctx, "SELECT state FROM runs WHERE id = ?", id).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		return "", noRun(id)
	}
	return state, err
}
