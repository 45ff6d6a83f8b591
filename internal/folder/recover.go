package folder

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// Recover implements tidemark.Target. It completes the newest commit, or takes it back when its files are lost.
func (t *Target) Recover(ctx context.Context) error {
	if err := t.check(); err != nil {
		return err
	}
	for {
		last, complete, err := t.commits.newest(ctx)
		if err != nil {
			return fmt.Errorf("find the newest commit of %q: %w", t.p.ID, err)
		}
		if last == nil {
			return nil
		}
		if complete >= last.seq() {
			t.completed(last.seq())
			return nil
		}
		if _, err := loadTable(ctx, t.store, t.p.Target); err != nil { // it may be about to go
			return err
		}
		t.log.Info("finish a commit", "commit", last.seq(), "run", last.mark.Run, "void", last.Void)
		end, err := t.finish(ctx, last)
		if err != nil {
			return fmt.Errorf("finish commit %d of %q: %w", last.seq(), t.p.ID, err)
		}
		if end == finished {
			return nil
		}
	}
}

// An ending is what became of a commit.
type ending uint8

const (
	finished   ending = iota // all its files are there
	voided                   // it was taken back
	superseded               // it was finished by another process, and another commit has followed
)

// finish does what is left to do after the record was put. Every step may be done twice, by any process. A commit
// that is not void must be the newest when this begins, and nobody puts the next before this has succeeded once.
func (t *Target) finish(ctx context.Context, r *record) (ending, error) {
	if r.Void > 0 {
		return finished, t.finishVoid(ctx, r)
	}
	there, err := t.allThere(ctx, r)
	if err != nil {
		return finished, err
	}
	if !there {
		return t.void(ctx, r)
	}
	if !r.Rewrites {
		// First the old files, then the new: a reader may see less for a moment, but no row twice.
		if err := each(ctx, r.Replaces, t.delete); err != nil {
			return finished, err
		}
	}
	err = each(ctx, r.Files, t.completeFile)
	if errors.Is(err, tidemark.ErrNotFound) {
		return t.void(ctx, r)
	}
	if err != nil {
		return finished, err
	}
	if r.Rewrites {
		if end, err := t.deleteRewritten(ctx, r); err != nil || end != finished {
			return end, err
		}
	}
	if err := t.register(ctx, r); err != nil {
		return finished, err
	}
	return finished, t.putHint(ctx, r.seq())
}

// deleteRewritten removes what a commit has rewritten, all of whose own files are completed. Until it has, a reader who
// lists the folder sees rows twice; the other way round some would be nowhere, and be lost with the staged files.
func (t *Target) deleteRewritten(ctx context.Context, r *record) (ending, error) {
	next, err := t.commits.get(ctx, r.seq()+1)
	if err != nil {
		return finished, err
	}
	if next != nil && next.Void == r.seq() { // put by a process that saw less than this one
		return voided, nil
	}
	return finished, each(ctx, r.Replaces, t.delete)
}

// voidRewritten is void for a commit that rewrites. Once such a one has deleted a file it cannot be taken back: its own
// files were all there then, and somebody else has removed one since.
func (t *Target) voidRewritten(ctx context.Context, lost *record) (ending, error) {
	err := each(ctx, lost.Replaces, func(ctx context.Context, key string) error {
		_, err := t.store.Stat(ctx, key)
		if errors.Is(err, tidemark.ErrNotFound) {
			return fmt.Errorf("%s is gone already: %w", key, err)
		}
		return err
	})
	if !errors.Is(err, tidemark.ErrNotFound) {
		if err == nil {
			return t.takeBack(ctx, lost)
		}
		return finished, err
	}
	if next, err := t.commits.get(ctx, lost.seq()+1); err != nil || next != nil {
		return t.overtaken(ctx, lost)
	}
	return finished, tidemark.WithHint(
		fmt.Errorf("a data file of commit %d of %q was removed by somebody after it had taken the place of others: %w: %w", lost.seq(), t.p.ID, tidemark.ErrInvalid, err),
		fmt.Sprintf("put back the files that %s names, such as from the bucket's versions", recordKey(t.p.ID, lost.seq())))
}

// allThere reports whether each file is staged or completed. Nothing is completed or deleted before that is clear,
// or a commit that must be taken back would have been half visible.
func (t *Target) allThere(ctx context.Context, r *record) (bool, error) {
	var gone atomic.Bool
	err := each(ctx, r.Files, func(ctx context.Context, f fileRecord) error {
		state, err := t.store.Check(ctx, f.Staged)
		if err != nil {
			return fmt.Errorf("check staged file %s: %w", f.Staged.Key, err)
		}
		if state == blob.StagedGone {
			gone.Store(true)
		}
		return nil
	})
	return !gone.Load(), err
}

func (t *Target) completeFile(ctx context.Context, f fileRecord) error {
	if err := failpoint.Hit("folder.complete.before"); err != nil {
		return err
	}
	if err := t.store.Complete(ctx, f.Staged); err != nil {
		return fmt.Errorf("complete data file %s: %w", f.Staged.Key, err)
	}
	return failpoint.Hit("folder.complete.after")
}

func (t *Target) delete(ctx context.Context, key string) error {
	if err := failpoint.Hit("folder.delete.before"); err != nil {
		return err
	}
	if err := t.store.Delete(ctx, key); err != nil {
		return fmt.Errorf("delete data file %s: %w", key, err)
	}
	return failpoint.Hit("folder.delete.after")
}

// putHint says that all files of a commit are there. Losing it costs the next run a few requests, so that is no
// reason to fail.
func (t *Target) putHint(ctx context.Context, seq int64) error {
	if err := failpoint.Hit("folder.newest.before"); err != nil {
		return err
	}
	if err := t.store.Put(ctx, newestKey(t.p.ID), encodeHint(seq), blob.PutOptions{}); err != nil {
		t.log.Debug("the hint was not written", "commit", seq, "err", err)
	}
	t.completed(seq)
	return failpoint.Hit("folder.newest.after")
}

func (t *Target) completed(seq int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.complete = max(t.complete, seq)
}

// void takes a commit back whose files are lost.
func (t *Target) void(ctx context.Context, lost *record) (ending, error) {
	if lost.Rewrites {
		return t.voidRewritten(ctx, lost)
	}
	return t.takeBack(ctx, lost)
}

// takeBack puts the record that says so. It has the watermark of the commit before, so that the window is read again.
func (t *Target) takeBack(ctx context.Context, lost *record) (ending, error) {
	void := &record{Table: lost.Table, Void: lost.seq(), mark: tidemark.Watermark{
		// Before the first commit there is no watermark; what was read stays the same.
		Origin: lost.mark.Origin, Cursor: lost.mark.Cursor, Mode: lost.mark.Mode, Key: lost.mark.Key,
	}}
	if lost.seq() > 1 {
		before, err := t.commits.get(ctx, lost.seq()-1)
		if err != nil {
			return finished, err
		}
		if before == nil {
			return finished, fmt.Errorf("commit %d of %q is missing in the log: %w", lost.seq()-1, t.p.ID, tidemark.ErrInvalid)
		}
		void.mark = before.mark
	}
	void.mark.Pipeline, void.mark.Seq = t.p.ID, lost.seq()+1
	data, err := void.encode()
	if err != nil {
		return finished, err
	}
	if err := failpoint.Hit("folder.void.before"); err != nil {
		return finished, err
	}
	err = t.store.Put(ctx, recordKey(t.p.ID, void.seq()), data, blob.PutOptions{IfAbsent: true})
	if errors.Is(err, blob.ErrExist) {
		return t.overtaken(ctx, lost)
	}
	if err != nil {
		return finished, fmt.Errorf("take back commit %d of %q: %w", lost.seq(), t.p.ID, err)
	}
	if err := t.checkBase(ctx, lost.seq(), void); err != nil {
		return finished, err
	}
	t.log.Warn("staged files of a commit are gone, its window is read again", "commit", lost.seq(), "run", lost.mark.Run)
	if err := failpoint.Hit("folder.void.after"); err != nil {
		return finished, err
	}
	return voided, t.finishVoid(ctx, void)
}

// overtaken tells what became of a commit behind which another record lies. That is the one which takes it back, put
// by another process; or an ordinary one, and then the commit was finished first, and what looked like lost files
// were replaced ones.
func (t *Target) overtaken(ctx context.Context, r *record) (ending, error) {
	next, err := t.commits.get(ctx, r.seq()+1)
	switch {
	case err != nil:
		return finished, err
	case next != nil && next.Void != r.seq():
		return superseded, nil
	default:
		return voided, nil
	}
}

// finishVoid removes what a void commit has left. An upload is aborted before its file is deleted, so that no
// process which is still completing it can bring the file back.
func (t *Target) finishVoid(ctx context.Context, void *record) error {
	lost, err := t.commits.get(ctx, void.Void)
	if err != nil {
		return err
	}
	if lost == nil {
		return fmt.Errorf("commit %d of %q is missing in the log: %w", void.Void, t.p.ID, tidemark.ErrInvalid)
	}
	before, err := t.heldBefore(ctx, lost)
	if err != nil {
		return err
	}
	err = each(ctx, lost.Files, func(ctx context.Context, f fileRecord) error {
		if _, kept := before[f.Staged.Key]; kept {
			return nil
		}
		if err := t.store.Abort(ctx, f.Staged); err != nil {
			return fmt.Errorf("abort staged file %s: %w", f.Staged.Key, err)
		}
		return t.delete(ctx, f.Staged.Key)
	})
	if err != nil {
		return err
	}
	return t.putHint(ctx, void.seq())
}

// heldBefore returns the files that a lost commit has taken over from the ones before, rather than brought.
func (t *Target) heldBefore(ctx context.Context, lost *record) (map[string]fileRecord, error) {
	if t.p.Mode != tidemark.ModeReplace {
		return nil, nil
	}
	return t.held(ctx, lost.seq()-1)
}

// transient makes sure that another attempt is made: it finds the commit and completes it.
func transient(err error) error {
	if errors.Is(err, tidemark.ErrTransient) || errors.Is(err, tidemark.ErrDenied) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", tidemark.ErrTransient, err)
}
