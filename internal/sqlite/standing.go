package sqlite

import (
	"context"
	"fmt"

	"github.com/tidemark-data/tidemark"
)

// succeeded goes from one pipeline to the next in the index, rather than through all its runs: what it costs grows with the
// pipelines. The state is written out, since that is how SQLite finds a partial index to fit; left alone it takes the one by
// state, and sorts.
const succeeded = `WITH RECURSIVE names (name) AS (
		SELECT min(pipeline) FROM runs INDEXED BY runs_by_success WHERE state = 'succeeded'
		UNION ALL
		SELECT (SELECT min(pipeline) FROM runs INDEXED BY runs_by_success WHERE state = 'succeeded' AND pipeline > name) FROM names WHERE name IS NOT NULL
	), last (n) AS (
		SELECT (SELECT max(end_number) FROM runs INDEXED BY runs_by_success WHERE state = 'succeeded' AND pipeline = name) FROM names WHERE name IS NOT NULL
	)
	SELECT id, pipeline, state, priority, queued, not_before, started, ended, cancel, result, error, hint, end_number
	FROM last JOIN runs ON end_number = last.n`

// Succeeded returns the last run of each pipeline that succeeded, without its causes and attempts. It is quick however many
// runs there are.
func (s *Store) Succeeded(ctx context.Context) (map[tidemark.PipelineID]tidemark.Run, error) {
	rows, err := s.read.QueryContext(ctx, succeeded)
	if err != nil {
		return nil, fmt.Errorf("read the last successes: %w", err)
	}
	defer rows.Close()
	last := map[tidemark.PipelineID]tidemark.Run{}
	for rows.Next() {
		r, err := scanRun(rows)
		if err != nil {
			return nil, fmt.Errorf("read the last successes: %w", err)
		}
		last[r.Pipeline] = r
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the last successes: %w", err)
	}
	return last, nil
}

const waiting = "SELECT (SELECT count(*) FROM runs WHERE state = ?), (SELECT count(*) FROM runs WHERE state = ?)"

// Waiting returns how many runs are queued, and how many are under way.
func (s *Store) Waiting(ctx context.Context) (queued, running int, err error) {
	err = s.read.QueryRowContext(ctx, waiting, tidemark.RunQueued, tidemark.RunRunning).Scan(&queued, &running)
	if err != nil {
		return 0, 0, fmt.Errorf("count the runs that wait: %w", err)
	}
	return queued, running, nil
}
