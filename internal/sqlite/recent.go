package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/tidemark-data/tidemark"
)

// names are the pipelines of which a run has ended. It goes from one to the next in the index, so that what it costs grows with
// the pipelines and not with their runs.
const names = `WITH RECURSIVE names (name) AS (
		SELECT min(pipeline) FROM runs INDEXED BY runs_by_end WHERE end_number IS NOT NULL
		UNION ALL
		SELECT (SELECT min(pipeline) FROM runs INDEXED BY runs_by_end WHERE end_number IS NOT NULL AND pipeline > name) FROM names WHERE name IS NOT NULL
	) `

// loaded is what a run has committed, as the index runs_by_ended has it, which has all that is asked for here.
const loaded = "iif(json_extract(result, '$.committed'), json_extract(result, '$.rows_new'), 0)"

const (
	recentRows = names + `SELECT name, (SELECT sum(` + loaded + `) FROM runs INDEXED BY runs_by_ended WHERE pipeline = name AND ended >= ? AND ended IS NOT NULL)
		FROM names WHERE name IS NOT NULL`
	recentRuns = "SELECT id, state, started, ended, " + loaded + " FROM runs INDEXED BY runs_by_ended WHERE pipeline = ? AND ended IS NOT NULL ORDER BY ended DESC LIMIT ?"
)

// Recent returns of each pipeline of which a run has ended the last n that have, and what was committed by all that have ended
// since a time. It is quick however many runs there are.
func (s *Store) Recent(ctx context.Context, since time.Time, n int) (all map[tidemark.PipelineID]tidemark.Recent, err error) {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("read recent runs: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	if all, err = rowsSince(ctx, tx, since); err != nil {
		return nil, fmt.Errorf("read what was loaded of late: %w", err)
	}
	runs, err := tx.PrepareContext(ctx, recentRuns)
	if err != nil {
		return nil, fmt.Errorf("read recent runs: %w", err)
	}
	defer runs.Close()
	for id, one := range all {
		if one.Runs, err = lastRuns(ctx, runs, id, n); err != nil {
			return nil, fmt.Errorf("read recent runs of %s: %w", id, err)
		}
		all[id] = one
	}
	return all, nil
}

func rowsSince(ctx context.Context, tx *sql.Tx, since time.Time) (map[tidemark.PipelineID]tidemark.Recent, error) {
	rows, err := tx.QueryContext(ctx, recentRows, since.UnixMicro())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[tidemark.PipelineID]tidemark.Recent{}
	for rows.Next() {
		var one tidemark.Recent
		var sum sql.NullInt64
		if err := rows.Scan(&one.Pipeline, &sum); err != nil {
			return nil, err
		}
		one.Rows = sum.Int64
		all[one.Pipeline] = one
	}
	return all, rows.Err()
}

func lastRuns(ctx context.Context, query *sql.Stmt, id tidemark.PipelineID, n int) (all []tidemark.RecentRun, err error) {
	rows, err := query.QueryContext(ctx, id, n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r tidemark.RecentRun
		var started, ended, committed sql.NullInt64
		if err := rows.Scan(&r.ID, &r.State, &started, &ended, &committed); err != nil {
			return nil, err
		}
		r.Started, r.Ended, r.Rows = timeOf(started), timeOf(ended), committed.Int64
		all = append(all, r)
	}
	return all, rows.Err()
}
