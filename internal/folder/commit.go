package folder

import (
	"context"
	"errors"
	"fmt"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// The failpoints, each with ".before" and ".after", in the order of a commit:
//
//	folder.table      the table's record, in Prepare
//	folder.commit     the log record, which is the commit: before it nothing has happened, after it everything has
//	folder.delete     each file that a commit replaces or takes back, or that belongs to a void commit
//	folder.complete   each data file; before folder.delete in a commit that rewrites
//	folder.register   what a catalog of other programs is told
//	folder.newest     the hint
//	folder.void       the log record that takes a commit back, in Recover

// Commit implements tidemark.Target. When it returns ErrTransient the commit may be made, with files that are not yet
// visible; Recover completes them.
func (t *Target) Commit(ctx context.Context, c tidemark.Commit) error {
	files, err := dataFiles(c.Files)
	if err != nil {
		return err
	}
	if err := t.checkCommit(c); err != nil {
		return err
	}
	// A repeated call finds its own work, whose files are no longer staged.
	there, err := t.commits.get(ctx, c.Watermark.Seq)
	if err != nil {
		return err
	}
	repeated := there != nil
	if !repeated {
		if there, err = t.publish(ctx, c, files); err != nil {
			return err
		}
	}
	if there.mark.Run != c.Watermark.Run || there.Void > 0 {
		ctx, cancel := detached(ctx)
		defer cancel()
		t.abort(ctx, files)
		return fmt.Errorf("commit %d of %q was made by run %s: %w", c.Watermark.Seq, t.p.ID, there.mark.Run, tidemark.ErrConflict)
	}
	if repeated {
		if next, err := t.commits.get(ctx, there.seq()+1); err != nil || (next != nil && next.Void != there.seq()) {
			return err // it was complete before another could follow
		}
	}
	return t.finishOwn(ctx, there)
}

func (t *Target) checkCommit(c tidemark.Commit) error {
	w := c.Watermark
	if w.Seq != c.Base.Seq+1 || w.Pipeline != t.p.ID || w.Run == "" || w.Mode != t.p.Mode {
		return fmt.Errorf("commit %d on %d of %q by run %q in mode %s is not one of pipeline %q: %w",
			w.Seq, c.Base.Seq, w.Pipeline, w.Run, w.Mode, t.p.ID, tidemark.ErrInvalid)
	}
	if c.Rewind != nil && len(c.Files)+len(c.Replaces) > 0 {
		return fmt.Errorf("commit %d of %q goes back and brings files: %w", w.Seq, w.Pipeline, tidemark.ErrInvalid)
	}
	return t.check()
}

// publish puts the log record. It returns the record that lies there now, ours or that of the run that was faster.
func (t *Target) publish(ctx context.Context, c tidemark.Commit, files []fileRecord) (*record, error) {
	base, err := t.ensure(ctx, c.Base.Seq)
	if err != nil {
		return nil, err
	}
	next := &record{Table: t.p.Target, Files: files, mark: c.Watermark}
	switch {
	case c.Rewind != nil:
		err = t.goBack(ctx, next, c)
	case len(c.Replaces) > 0 || c.KeepRows && len(files) > 0 && t.p.Mode == tidemark.ModeReplace:
		err = t.mend(ctx, next, base, c.Replaces)
	default:
		err = t.succeed(ctx, next, base, c.KeepRows)
	}
	if err != nil {
		return nil, err
	}
	if err := t.checkStaged(ctx, files); err != nil {
		return nil, err
	}
	data, err := next.encode()
	if err != nil {
		return nil, err
	}
	if err := failpoint.Hit("folder.commit.before"); err != nil {
		return nil, err
	}
	there, err := t.commits.put(ctx, next, data)
	if err != nil {
		return nil, err
	}
	if err := t.checkBase(ctx, c.Base.Seq, there); err != nil {
		return nil, err
	}
	return there, failpoint.Hit("folder.commit.after")
}

// checkBase makes sure that the commit was put behind its base. When a table is dropped its log is deleted, the lowest number
// first, until nothing is left of it: who was asleep meanwhile finds the place after its base free, and then base is gone.
func (t *Target) checkBase(ctx context.Context, base int64, there *record) error {
	if base == 0 {
		return nil
	}
	_, err := t.store.Stat(ctx, recordKey(t.p.ID, base))
	if !errors.Is(err, tidemark.ErrNotFound) {
		if err != nil {
			err = fmt.Errorf("look for commit %d of %q, on which this one stands: %w", base, t.p.ID, transient(err))
		}
		return err
	}
	if err := t.store.Delete(ctx, recordKey(t.p.ID, there.seq())); err != nil {
		return fmt.Errorf("take back commit %d of %q, whose table was dropped: %w", there.seq(), t.p.ID, err)
	}
	return fmt.Errorf("table %s was dropped: %w", t.p.Target, tidemark.ErrConflict)
}

// ensure sees to it that all files of the base commit exist before another commit follows: nobody completes the files
// of a commit that is not the newest. It returns the base's record, nil for the first commit.
func (t *Target) ensure(ctx context.Context, base int64) (*record, error) {
	if base == 0 {
		return nil, nil
	}
	r, err := t.commits.get(ctx, base)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, fmt.Errorf("commit on top of %d of %q, which is not there: %w", base, t.p.ID, tidemark.ErrConflict)
	}
	t.mu.Lock()
	complete := t.complete
	t.mu.Unlock()
	if base <= complete {
		return r, nil
	}
	end, err := t.finish(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("complete commit %d of %q before the next: %w", base, t.p.ID, err)
	}
	if end != finished {
		return nil, fmt.Errorf("commit %d of %q, on which this one stands, was taken back: %w", base, t.p.ID, tidemark.ErrConflict)
	}
	return r, nil
}

// succeed says what the new commit of a pipeline that replaces its table does with the files that the table has as of
// the commit before: it takes them away, or has them itself where the rows are to stay.
func (t *Target) succeed(ctx context.Context, next, base *record, keep bool) error {
	if t.p.Mode != tidemark.ModeReplace {
		return nil
	}
	last, err := t.commits.effective(ctx, base)
	if err != nil || last == nil {
		return err
	}
	if keep {
		next.Files = last.Files
		return nil
	}
	for _, f := range last.Files {
		next.Replaces = append(next.Replaces, f.Staged.Key)
	}
	return nil
}

// checkStaged looks at each staged file in the last moment: a lifecycle rule may have removed it, after days.
func (t *Target) checkStaged(ctx context.Context, files []fileRecord) error {
	return each(ctx, files, func(ctx context.Context, f fileRecord) error {
		state, err := t.store.Check(ctx, f.Staged)
		if err != nil {
			return fmt.Errorf("check staged file %s: %w", f.Staged.Key, err)
		}
		if state == blob.StagedGone {
			return tidemark.WithHint(fmt.Errorf("staged file %s is gone before it was committed: %w", f.Staged.Key, tidemark.ErrRestart),
				"a lifecycle rule of the bucket may abort multipart uploads too early")
		}
		return nil
	})
}

// finishOwn completes the files of our commit. The commit is made, whatever happens here.
func (t *Target) finishOwn(ctx context.Context, r *record) error {
	end, err := t.finish(ctx, r)
	if err != nil {
		return fmt.Errorf("commit %d of %q is made, but what follows it is not done; the next run begins with that: %w", r.seq(), t.p.ID, transient(err))
	}
	if end == voided {
		return fmt.Errorf("commit %d of %q lost its staged files and was taken back: %w", r.seq(), t.p.ID, tidemark.ErrRestart)
	}
	return nil
}
