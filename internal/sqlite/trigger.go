package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/tidemark-data/tidemark"
)

const triggerColumns = "SELECT id, enabled, mark, fired, cause, error FROM triggers"

// Triggers returns what is known of all triggers, of those too that the config does not have any more.
func (s *Store) Triggers(ctx context.Context) ([]tidemark.TriggerState, error) {
	rows, err := s.read.QueryContext(ctx, triggerColumns+" ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("read triggers: %w", err)
	}
	defer rows.Close()
	var all []tidemark.TriggerState
	for rows.Next() {
		state, err := scanTrigger(rows)
		if err != nil {
			return nil, fmt.Errorf("read triggers: %w", err)
		}
		all = append(all, state)
	}
	return all, rows.Err()
}

// Trigger returns what is known of a trigger: nothing but its id, of one that was never looked at.
func (s *Store) Trigger(ctx context.Context, id tidemark.TriggerID) (tidemark.TriggerState, error) {
	state, err := scanTrigger(s.read.QueryRowContext(ctx, triggerColumns+" WHERE id = ?", id))
	if errors.Is(err, sql.ErrNoRows) {
		return tidemark.TriggerState{Trigger: id}, nil
	}
	if err != nil {
		return state, fmt.Errorf("read trigger %s: %w", id, err)
	}
	return state, nil
}

// Fired returns the run that each trigger has started last, with its id, pipeline, state and times alone. Those of groups, which
// start many, are not among them, nor runs that are forgotten.
func (s *Store) Fired(ctx context.Context) (map[tidemark.TriggerID]tidemark.Run, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT t.id, r.id, r.pipeline, r.state, r.queued, r.started, r.ended FROM triggers t
		JOIN causes c ON c.pipeline = substr(t.id, 1, instr(t.id, '/') - 1) AND c.id = t.cause JOIN runs r ON r.id = c.run`)
	if err != nil {
		return nil, fmt.Errorf("read what triggers have started: %w", err)
	}
	defer rows.Close()
	last := map[tidemark.TriggerID]tidemark.Run{}
	for rows.Next() {
		var id tidemark.TriggerID
		var r tidemark.Run
		var queued, started, ended sql.NullInt64
		if err := rows.Scan(&id, &r.ID, &r.Pipeline, &r.State, &queued, &started, &ended); err != nil {
			return nil, fmt.Errorf("read what triggers have started: %w", err)
		}
		r.Queued, r.Started, r.Ended = timeOf(queued), timeOf(started), timeOf(ended)
		last[id] = r
	}
	return last, rows.Err()
}

func scanTrigger(row interface{ Scan(...any) error }) (state tidemark.TriggerState, err error) {
	var enabled sql.NullBool
	var fired sql.NullInt64
	err = row.Scan(&state.Trigger, &enabled, &state.Mark, &fired, &state.Cause, &state.Error)
	if enabled.Valid {
		state.Enabled = &enabled.Bool
	}
	state.Fired = timeOf(fired)
	return state, err
}

// keepTrigger replaces a trigger's state, but for what people have said.
func keepTrigger(ctx context.Context, tx *sql.Tx, t tidemark.TriggerState) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO triggers (id, mark, fired, cause, error) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET mark = excluded.mark, fired = excluded.fired, cause = excluded.cause, error = excluded.error`,
		t.Trigger, t.Mark, micros(t.Fired), t.Cause, t.Error)
	return err
}

// Enable notes what a person says of a trigger: on, off, or nil for as the config has it.
func (s *Store) Enable(ctx context.Context, id tidemark.TriggerID, on *bool) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO triggers (id, enabled) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET enabled = excluded.enabled", id, on)
		return err
	})
}
