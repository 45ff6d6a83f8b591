package folder

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// A Store is what the target stands on.
type Store interface {
	blob.Store
	blob.Stager
}

// A Target keeps the table of one pipeline. It implements tidemark.Target and what else a target can be. Write and Rewrite may be
// called several times at once; the other methods one after the other. Several processes may have a Target for the
// same pipeline: one of them wins each commit.
type Target struct {
	store   Store
	p       tidemark.Pipeline
	log     *slog.Logger
	commits commitLog

	registrar Registrar // nil for none

	mu       sync.Mutex
	table    *table // as Prepare left it
	base     int64  // the newest commit, as Watermark saw it; data files carry the next number in their names
	complete int64  // up to this commit all files are known to be there

	files atomic.Int64 // counts the data files, for their names
}

var (
	_ tidemark.Target    = (*Target)(nil)
	_ tidemark.Discarder = (*Target)(nil)

	_ tidemark.SharedTarget = (*Target)(nil)
)

// NewTarget returns the target of a pipeline in a lake. It does not touch the lake.
func NewTarget(store Store, p tidemark.Pipeline, log *slog.Logger) *Target {
	return &Target{
		store: store, p: p, commits: commitLog{store, p.ID},
		log: log.With("pipeline", p.ID, "table", p.Target.String()),
	}
}

// check refuses pipelines that a folder cannot serve.
func (t *Target) check() error {
	if t.p.Mode == tidemark.ModeAppend || t.p.Mode == tidemark.ModeReplace {
		if t.registrar == nil {
			return nil
		}
		return t.registrar.CheckName(t.p.Target)
	}
	return tidemark.WithHint(fmt.Errorf("table %s: a folder of Parquet files cannot keep mode %s: %w", t.p.Target, t.p.Mode, tidemark.ErrInvalid),
		"use format: iceberg, which can delete single rows")
}

// Watermark implements tidemark.Target.
func (t *Target) Watermark(ctx context.Context) (tidemark.Watermark, error) {
	if err := t.check(); err != nil {
		return tidemark.Watermark{}, err
	}
	last, _, err := t.commits.newest(ctx)
	if err != nil {
		return tidemark.Watermark{}, fmt.Errorf("load watermark of %q: %w", t.p.ID, err)
	}
	var w tidemark.Watermark
	if last == nil {
		if err := t.checkOwned(ctx); err != nil {
			return tidemark.Watermark{}, err
		}
	} else {
		if last.Table != t.p.Target {
			return tidemark.Watermark{}, tidemark.WithHint(
				fmt.Errorf("pipeline %q fills table %s, not %s: %w", t.p.ID, last.Table, t.p.Target, tidemark.ErrInvalid),
				"a pipeline keeps its table: give the new one another name")
		}
		w = last.mark
	}
	t.mu.Lock()
	t.base = w.Seq
	t.mu.Unlock()
	return w, nil
}

// checkOwned refuses a table that somebody else made: its rows have no watermark, so nobody can say which of the
// source's rows are among them.
func (t *Target) checkOwned(ctx context.Context) error {
	for o, err := range t.store.List(ctx, dataPrefix(t.p.Target)) {
		if err != nil {
			return fmt.Errorf("look into table %s: %w", t.p.Target, err)
		}
		if !visible(t.p.Target, o.Key) {
			continue
		}
		if others, err := t.others(ctx); err != nil || len(others) > 0 {
			return err
		}
		return tidemark.WithHint(
			fmt.Errorf("table %s holds %s, but no watermark of pipeline %q: %w", t.p.Target, o.Key, t.p.ID, tidemark.ErrInvalid),
			fmt.Sprintf("if a pipeline loaded these rows under another name: `tidemark watermark adopt %s OLD`; if not, choose an empty table", t.p.ID))
	}
	return nil
}

// others returns the other pipelines that have committed to the table.
func (t *Target) others(ctx context.Context) (others []tidemark.PipelineID, err error) {
	all, err := t.Watermarks(ctx)
	for _, w := range all {
		if w.Pipeline != t.p.ID {
			others = append(others, w.Pipeline)
		}
	}
	return others, err
}

// Watermarks implements tidemark.SharedTarget.
func (t *Target) Watermarks(ctx context.Context) ([]tidemark.Watermark, error) {
	table, err := loadTable(ctx, t.store, t.p.Target)
	if err != nil || table == nil {
		return nil, err
	}
	var all []tidemark.Watermark
	for _, id := range slices.Sorted(slices.Values(table.Pipelines)) {
		last, _, err := commitLog{t.store, id}.newest(ctx)
		if err != nil {
			return nil, err
		}
		if last != nil && last.Table == t.p.Target {
			all = append(all, last.mark)
		}
	}
	return all, nil
}

// Discard implements tidemark.Discarder.
func (t *Target) Discard(ctx context.Context, files []tidemark.DataFile) {
	ours, err := dataFiles(files)
	if err != nil {
		t.log.Warn("files of a given-up attempt stay behind", "err", err)
		return
	}
	t.abort(ctx, ours)
}

// abort removes staged files, best effort: what stays behind is swept later.
func (t *Target) abort(ctx context.Context, files []fileRecord) {
	err := each(ctx, files, func(ctx context.Context, f fileRecord) error { return t.store.Abort(ctx, f.Staged) })
	if err != nil {
		t.log.Debug("staged files stay behind", "err", err)
	}
}

// parallel is how many requests are under way at the same time.
const parallel = 16

// each calls do for all items, several at once, and returns the first error.
func each[T any](ctx context.Context, items []T, do func(context.Context, T) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, item := range items {
		group.Go(func() error { return do(ctx, item) })
	}
	return group.Wait()
}

// detached returns a context for what has to be done even though ctx has ended. It ends after a while by itself.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
}
