package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

const (
	pruneAtOnce = 500 // runs in one transaction, so that others get their turn

	// causesFor is how much longer than its run a cause is known: a message that is delivered again, or a request that is
	// sent again, comes within days.
	causesFor = 30 * 24 * time.Hour
)

// old are the numbers of the runs that go first.
const old = `SELECT n FROM runs r WHERE ended < ? AND end_number < (SELECT max(end_number) FROM runs WHERE pipeline = r.pipeline)
	AND end_number IS NOT (SELECT max(end_number) FROM runs INDEXED BY runs_by_success WHERE pipeline = r.pipeline AND state = 'succeeded') ORDER BY n LIMIT ?`

// Prune forgets runs that have ended before a time, with their logs and attempts, and returns how many. The last run of each
// pipeline stays, and the last that succeeded, which tells how far behind the lake is. Of a run that is gone its causes still
// tell how it ended, for a month.
func (s *Store) Prune(ctx context.Context, before time.Time) (total int, err error) {
	for n := pruneAtOnce; n == pruneAtOnce; total += n {
		err = s.change(ctx, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, `UPDATE causes SET state = r.state, queued = r.queued, ended = r.ended
				FROM (SELECT id, state, queued, ended FROM runs WHERE n IN (`+old+`)) r WHERE causes.run = r.id`, before.UnixMicro(), pruneAtOnce); err != nil {
				return err
			}
			result, err := tx.ExecContext(ctx, "DELETE FROM runs WHERE n IN ("+old+")", before.UnixMicro(), pruneAtOnce)
			if err != nil {
				return err
			}
			gone, err := result.RowsAffected()
			n = int(gone)
			return err
		})
		if err != nil {
			return total, fmt.Errorf("forget old runs: %w", err)
		}
	}
	err = s.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM causes WHERE at < ? AND NOT EXISTS (SELECT 1 FROM runs WHERE id = causes.run)",
			before.Add(-causesFor).UnixMicro())
		return err
	})
	if err != nil {
		return total, fmt.Errorf("forget old causes: %w", err)
	}
	return total, nil
}
