package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/engine"
	"github.com/tidemark-data/tidemark/internal/folder"
	"github.com/tidemark-data/tidemark/internal/iceberg"
	"github.com/tidemark-data/tidemark/internal/trace"
)

// MaintainOptions say what Maintain does. DefaultMaintenance has good ones.
type MaintainOptions struct {
	DryRun bool // nothing is written

	KeepAge  time.Duration // snapshots that are younger stay: readers may be at them, and rewind goes back to them
	KeepLast int           // so many stay whatever their age; at least 1
	// Folders: small files of Parquet folders are put together too. Who lists a folder may see rows twice for a moment,
	// so no run does it by itself.
	Folders bool

	LeftoverAge time.Duration // what no snapshot names is removed when it is older; at least MinLeftoverAge
}

// MinLeftoverAge is the least age of left-over files that are removed: a run that is under way has files that no
// snapshot names yet.
const MinLeftoverAge = 24 * time.Hour

// DefaultMaintenance are the options of the maintenance behind a run.
func DefaultMaintenance() MaintainOptions {
	return MaintainOptions{KeepAge: 7 * 24 * time.Hour, KeepLast: 20, LeftoverAge: 7 * 24 * time.Hour}
}

func (o MaintainOptions) validate() error {
	switch {
	case o.KeepAge < 0:
		return fmt.Errorf("keep snapshots of %s: want no negative age: %w", o.KeepAge, tidemark.ErrInvalid)
	case o.KeepLast < 1:
		return fmt.Errorf("keep the last %d snapshots: want at least 1: %w", o.KeepLast, tidemark.ErrInvalid)
	case o.LeftoverAge < MinLeftoverAge:
		return fmt.Errorf("remove left-over files after %s: want at least %s, or files of runs that are under way would go: %w", o.LeftoverAge, MinLeftoverAge, tidemark.ErrInvalid)
	}
	return nil
}

// A MaintenanceRow is what was done for the table of one pipeline.
type MaintenanceRow struct {
	Pipeline tidemark.PipelineID `json:"pipeline"`
	Table    tidemark.TableID    `json:"table"`
	tidemark.Maintenance

	DryRun bool          `json:"dry_run,omitempty"` // it is what would be done
	Took   time.Duration `json:"took_ns"`
	Error  string        `json:"error,omitempty"`
	Err    error         `json:"-"`
}

// Maintain keeps the tables of the pipelines of those names, or of all, quick to read and free of what nobody needs. It
// may run beside runs, be killed, and run again. What fails is an Err in its row and does not stop the others. The error
// is for names that are not in the config and options that are wrong; then nothing was done.
func (r *Runner) Maintain(ctx context.Context, names []string, o MaintainOptions) ([]MaintenanceRow, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	pipelines, err := r.named(ctx, names)
	if err != nil {
		return nil, err
	}
	rows := make([]MaintenanceRow, len(pipelines))
	for i, p := range pipelines {
		row := &rows[i]
		began := time.Now()
		*row = MaintenanceRow{Pipeline: p.ID, Table: p.Target, DryRun: o.DryRun}
		row.Maintenance, row.Err = r.maintain(ctx, p, o, false)
		if row.Err != nil {
			row.Error = row.Err.Error()
		}
		row.Took = time.Since(began)
	}
	return rows, nil
}

func (r *Runner) maintain(ctx context.Context, p config.Pipeline, o MaintainOptions, auto bool) (tidemark.Maintenance, error) {
	if err := ctx.Err(); err != nil {
		return tidemark.Maintenance{}, err
	}
	l, err := r.lake(ctx, p.Lake)
	if err != nil {
		return tidemark.Maintenance{}, err
	}
	if err := l.proven(ctx); err != nil {
		return tidemark.Maintenance{}, fmt.Errorf("connection %s: %w", p.Lake, err)
	}
	if p.Format == tidemark.FormatParquet {
		return r.maintainFolder(ctx, l, p, o, auto)
	}
	m, err := l.iceberg.Maintain(ctx, p.Pipeline, iceberg.UpkeepOptions{
		Auto: auto, DryRun: o.DryRun, KeepAge: o.KeepAge, KeepLast: o.KeepLast, LeftoverAge: o.LeftoverAge,
	}, r.log)
	if errors.Is(err, tidemark.ErrNotFound) && !m.Done() {
		if _, there := l.iceberg.Snapshot(ctx, p.Target); errors.Is(there, tidemark.ErrNotFound) {
			return m, nil // no run has made it yet
		}
	}
	return m, err
}

// maintainFolder puts small files together, if that is wanted, and removes what nobody needs.
func (r *Runner) maintainFolder(ctx context.Context, l *lake, p config.Pipeline, o MaintainOptions, auto bool) (m tidemark.Maintenance, err error) {
	if o.Folders {
		parts, err := r.lakeParts(ctx, p)
		if err != nil {
			return m, err
		}
		open := func(ctx context.Context) (engine.Table, error) { return r.scan(ctx, p.Lake, p.Target) }
		if m, err = engine.Compact(ctx, p.Pipeline, parts, open, o.DryRun); err != nil {
			return m, err
		}
	}
	clean, err := folder.Clean(ctx, l.store, p.Pipeline, folder.CleanOptions{Auto: auto, DryRun: o.DryRun, KeepLast: o.KeepLast, LeftoverAge: o.LeftoverAge})
	m.Removed, m.Freed = clean.Removed, clean.Freed
	m.Notices = append(m.Notices, clean.Notices...)
	return m, err
}

// maintainBehind does what is due for the table of a run that has committed. It never makes the run fail.
func (r *Runner) maintainBehind(ctx context.Context, p config.Pipeline, result *tidemark.RunResult) {
	if p.Maintenance == tidemark.MaintenanceOff || !result.Committed || p.Mode == tidemark.ModeReplace && p.Format == tidemark.FormatParquet {
		return
	}
	began := time.Now()
	ctx, end := trace.Begin(ctx, "maintenance", trace.Text("pipeline", string(p.ID)))
	m, err := r.maintain(ctx, p, DefaultMaintenance(), true)
	end(err, trace.Number("files_removed", int64(m.Removed)))
	if m.Done() {
		result.Maintenance = &m
	}
	result.Notices = append(result.Notices, m.Notices...)
	if err != nil && ctx.Err() == nil {
		result.Notices = append(result.Notices, fmt.Sprintf("the run is committed; the maintenance behind it ended early: %s", err))
	}
	if m.Done() || err != nil {
		result.Took += time.Since(began)
	}
}
