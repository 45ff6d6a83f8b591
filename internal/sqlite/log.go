package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/tidemark-data/tidemark"
)

// Of a run's log its beginning and its end are kept.
const (
	firstLines = 1000
	lastLines  = 9000
)

// AppendLog adds lines to the log of a run, and numbers them. Of a long log the middle is dropped. A run that
// is not there, or not any more, is ErrNotFound.
func (s *Store) AppendLog(ctx context.Context, run tidemark.RunID, attempt int, lines []tidemark.LogLine) error {
	if len(lines) == 0 {
		return nil
	}
	err := s.change(ctx, func(tx *sql.Tx) error {
		if _, err := stateOf(ctx, tx, run); err != nil {
			return err
		}
		var last int64
		if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(n), 0) FROM logs WHERE run = ?", run).Scan(&last); err != nil {
			return err
		}
		insert, err := tx.PrepareContext(ctx, "INSERT INTO logs (run, n, at, attempt, level, text, attrs) VALUES (?, ?, ?, ?, ?, ?, ?)")
		if err != nil {
			return err
		}
		defer insert.Close()
		for _, l := range lines {
			last++
			if _, err := insert.ExecContext(ctx, run, last, l.At.UnixMicro(), attempt, l.Level, l.Text, l.Attrs); err != nil {
				return err
			}
		}
		if last <= firstLines+lastLines {
			return nil
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM logs WHERE run = ? AND n > ? AND n <= ?", run, firstLines, last-lastLines)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep the log of run %s: %w", run, err)
	}
	return nil
}

// Log returns at most limit lines of a run's log, from the one behind a number on.
func (s *Store) Log(ctx context.Context, run tidemark.RunID, after int64, limit int) ([]tidemark.LogLine, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT n, at, attempt, level, text, attrs FROM logs WHERE run = ? AND n > ? ORDER BY n LIMIT ?", run, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read the log of run %s: %w", run, err)
	}
	defer rows.Close()
	var lines []tidemark.LogLine
	for rows.Next() {
		var l tidemark.LogLine
		var at sql.NullInt64
		if err := rows.Scan(&l.N, &at, &l.Attempt, &l.Level, &l.Text, &l.Attrs); err != nil {
			return nil, fmt.Errorf("read the log of run %s: %w", run, err)
		}
		l.At = timeOf(at)
		lines = append(lines, l)
	}
	return lines, rows.Err()
}
