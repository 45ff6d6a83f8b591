package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/parquet"
)

var _ tidemark.Rewriter = (*Target)(nil)

// A mending is a data file of which some rows are to go.
type mending struct {
	fileRecord
	gone tidemark.RowSet
}

// Rewrite implements tidemark.Rewriter. The rows that stay get the columns that the table has now, and may come to lie
// together with those of other files. Only files that this pipeline has committed can be replaced: the log of another
// one in the same table would go on naming them.
func (t *Target) Rewrite(ctx context.Context, run tidemark.RunID, files []tidemark.FileRows) ([]tidemark.DataFile, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	mend, err := t.mendings(ctx, files)
	if err != nil || len(mend) == 0 {
		return nil, err
	}
	var want, got int64
	made, err := t.stage(ctx, run, func(schema *arrow.Schema) iter.Seq2[arrow.RecordBatch, error] {
		return t.kept(ctx, mend, schema, &want)
	})
	if err != nil {
		return nil, err
	}
	for _, f := range made {
		got += f.Rows()
	}
	if got != want {
		t.Discard(ctx, made)
		return nil, fmt.Errorf("rewriting %d files of table %s would keep %d rows of %d: %w", len(mend), t.p.Target, got, want, tidemark.ErrInvalid)
	}
	return made, nil
}

// mendings looks up files in the log.
func (t *Target) mendings(ctx context.Context, files []tidemark.FileRows) (mend []mending, err error) {
	t.mu.Lock()
	table, base := t.table, t.base
	t.mu.Unlock()
	if table == nil {
		return nil, fmt.Errorf("rewrite files of table %s before it was prepared: %w", t.p.Target, tidemark.ErrInvalid)
	}
	held, err := t.held(ctx, base)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, f := range files {
		have, ok := held[f.Key]
		switch {
		case !ok:
			return nil, t.notHeld(ctx, f.Key)
		case seen[f.Key]:
			return nil, fmt.Errorf("data file %s is to be rewritten twice: %w", f.Key, tidemark.ErrInvalid)
		}
		seen[f.Key] = true
		mend = append(mend, mending{have, f.Rows})
	}
	return mend, nil
}

// held returns the files that the table has of this pipeline as of a commit, by their keys.
func (t *Target) held(ctx context.Context, seq int64) (map[string]fileRecord, error) {
	files, err := t.commits.held(ctx, seq, t.p.Mode)
	if err != nil {
		return nil, err
	}
	byKey := make(map[string]fileRecord, len(files))
	for _, f := range files {
		byKey[f.Staged.Key] = f.fileRecord
	}
	return byKey, nil
}

// notHeld says why a file cannot be rewritten: it is another pipeline's, or the table's no more.
func (t *Target) notHeld(ctx context.Context, key string) error {
	others, err := t.Watermarks(ctx)
	if err != nil {
		return err
	}
	for _, w := range others {
		if w.Pipeline == t.p.ID {
			continue
		}
		files, err := commitLog{t.store, w.Pipeline}.held(ctx, w.Seq, w.Mode)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(files, func(f heldFile) bool { return f.Staged.Key == key }) {
			return tidemark.WithHint(
				fmt.Errorf("data file %s of table %s was committed by pipeline %q, and %q cannot replace it: %w", key, t.p.Target, w.Pipeline, t.p.ID, tidemark.ErrInvalid),
				fmt.Sprintf("in a folder of Parquet files each pipeline mends the rows that it has loaded: do it with %q", w.Pipeline))
		}
	}
	return fmt.Errorf("table %s has no data file %s (any more): %w", t.p.Target, key, tidemark.ErrConflict)
}

// kept yields the rows that stay, and counts them. A file is taken as it is, whatever the log says of its size: someone may
// have changed it by hand, and that is what is being mended.
func (t *Target) kept(ctx context.Context, mend []mending, schema *arrow.Schema, n *int64) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for _, m := range mend {
			row := int64(0)
			for b, err := range t.rows(ctx, m.fileRecord, schema) {
				if err == nil {
					first := row
					row += b.NumRows()
					b, err = parquet.Without(ctx, b, m.gone, first)
				}
				if err != nil {
					yield(nil, fmt.Errorf("read data file %s: %w", m.Staged.Key, err))
					return
				}
				*n += b.NumRows()
				if !yield(b, nil) {
					return
				}
			}
			if end := m.gone.End(); end > row {
				yield(nil, fmt.Errorf("row %d is to be taken out of data file %s, which has %d: %w", end-1, m.Staged.Key, row, tidemark.ErrInvalid))
				return
			}
		}
	}
}

// rows yields the rows of a data file.
func (t *Target) rows(ctx context.Context, f fileRecord, schema *arrow.Schema) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		o, err := t.store.Stat(ctx, f.Staged.Key)
		if errors.Is(err, tidemark.ErrNotFound) {
			err = replacedMeanwhile(err)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		from := &ranges{ctx: ctx, store: t.store, key: f.Staged.Key}
		for b, err := range parquet.Read(ctx, io.NewSectionReader(from, 0, o.Size), schema) {
			if err != nil && from.failed != nil {
				err = from.failed // the reader's own words may hide its kind
			}
			if errors.Is(err, tidemark.ErrNotFound) {
				err = replacedMeanwhile(err)
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// replacedMeanwhile is what it means that a file which the log names is not there: another run has followed.
func replacedMeanwhile(err error) error {
	return fmt.Errorf("another run has replaced it: %w: %w", tidemark.ErrConflict, err)
}

// ranges reads an object by ranges. It is used by one goroutine.
type ranges struct {
	ctx    context.Context // of the Rewrite that it belongs to
	store  blob.Store
	key    string
	failed error
}

// ReadAt implements io.ReaderAt.
func (r *ranges) ReadAt(p []byte, off int64) (n int, err error) {
	body, err := r.store.Get(r.ctx, r.key, off, int64(len(p)))
	if err == nil {
		n, err = io.ReadFull(body, p)
		if closed := body.Close(); err == nil {
			err = closed
		}
		if err != nil {
			err = fmt.Errorf("%d bytes from %d on: %w: %w", len(p), off, tidemark.ErrTransient, err)
		}
	}
	if err != nil {
		r.failed = err
	}
	return n, err
}

// mend makes of the next record of the log one that rewrites: it takes the replaced files out of the table and leaves
// the others there. Where the table is as a whole what its newest commit brought, that has them all.
func (t *Target) mend(ctx context.Context, next, base *record, replaces []string) error {
	var held []heldFile
	if base != nil {
		var err error
		if held, err = t.commits.held(ctx, base.seq(), t.p.Mode); err != nil {
			return err
		}
	}
	left := map[string]fileRecord{}
	for _, f := range held {
		left[f.Staged.Key] = f.fileRecord
	}
	for _, key := range replaces {
		if _, ok := left[key]; !ok {
			return fmt.Errorf("data file %s, which commit %d of %q replaces, is not one of table %s: %w", key, next.seq(), t.p.ID, t.p.Target, tidemark.ErrConflict)
		}
		delete(left, key)
	}
	next.Rewrites, next.Replaces = true, replaces
	if t.p.Mode != tidemark.ModeReplace {
		return nil
	}
	for _, f := range held {
		if _, stays := left[f.Staged.Key]; stays {
			next.Files = append(next.Files, f.fileRecord)
		}
	}
	return nil
}
