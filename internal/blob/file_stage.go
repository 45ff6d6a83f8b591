package blob

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// A staged object is the file _tidemark/_staged/<key>.<upload>, written to its end and on the disk once Close has
// returned. Complete links it to its key and then removes the staged name; a crash in between leaves both, and the
// next Complete, Abort or Sweep removes the staged one.

func stagedPath(s Staged) string { return path.Join(stagedRoot, s.Key+"."+s.Upload) }

// Stage implements Stager.
func (f *File) Stage(ctx context.Context, key string) (StagedWriter, error) {
	if err := first(checkKey(key), ctx.Err()); err != nil {
		return nil, err
	}
	staged := Staged{Key: key, Upload: rand.Text()}
	root, err := f.make()
	if err != nil {
		return nil, f.fail("stage", key, err)
	}
	file, err := f.create(root, stagedPath(staged))
	if err != nil {
		return nil, f.fail("stage", key, err)
	}
	return &fileWriter{store: f, ctx: ctx, root: root, staged: staged, file: file, buf: bufio.NewWriterSize(file, 64<<10)}, nil
}

// Complete implements Stager.
func (f *File) Complete(ctx context.Context, s Staged) error {
	if err := first(checkStaged(s), ctx.Err()); err != nil {
		return err
	}
	root, err := f.make()
	if err == nil {
		err = f.complete(root, s)
	}
	return f.fail("complete", s.Key, err)
}

func (f *File) complete(root *os.Root, s Staged) error {
	staged := stagedPath(s)
	if !hasSize(root, staged, s.Size) {
		switch {
		case hasSize(root, s.Key, s.Size): // completed before, but perhaps by a process that died before the sync
			return uncertain(syncDir(root, path.Dir(s.Key)))
		case exists(root, s.Key):
			return ErrExist
		}
		return fmt.Errorf("the staged object is gone: %w", tidemark.ErrNotFound)
	}
	if err := f.mkdir(root, path.Dir(s.Key)); err != nil {
		return err
	}
	err := link(root, staged, s.Key)
	if isMissing(err) || errors.Is(err, ErrExist) {
		if !hasSize(root, s.Key, s.Size) { // somebody else completed it this moment, or took the key
			return err
		}
	} else if err != nil {
		return err
	}
	return uncertain(first(syncDir(root, path.Dir(s.Key)), removeStaged(root, staged)))
}

func hasSize(root *os.Root, name string, size int64) bool {
	info, err := regular(root, name)
	return err == nil && info.Size() == size
}

// removeStaged removes a staged file, and its folders as far as they are empty. The folders are only cleaned for the
// sake of those who look at the lake.
func removeStaged(root *os.Root, name string) error {
	if err := root.Remove(name); err != nil && !isMissing(err) {
		return err
	}
	for dir := path.Dir(name); strings.HasPrefix(dir, stagedRoot); dir = path.Dir(dir) {
		if root.Remove(dir) != nil {
			break
		}
	}
	return nil
}

// Check implements Stager.
func (f *File) Check(ctx context.Context, s Staged) (StagedState, error) {
	if err := first(checkStaged(s), ctx.Err()); err != nil {
		return StagedGone, err
	}
	root, err := f.open()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return StagedGone, nil
	case err != nil:
		return StagedGone, f.fail("check", s.Key, err)
	}
	// In this order: between the two looks an object can become done, but never pending again.
	for _, at := range []struct {
		name  string
		state StagedState
	}{{stagedPath(s), StagedPending}, {s.Key, StagedDone}} {
		info, err := regular(root, at.name)
		if err == nil && info.Size() == s.Size {
			return at.state, nil
		}
		if err != nil && !isMissing(err) {
			return StagedGone, f.fail("check", s.Key, err)
		}
	}
	return StagedGone, nil
}

// Abort implements Stager.
func (f *File) Abort(ctx context.Context, s Staged) error {
	if err := first(checkStaged(s), ctx.Err()); err != nil {
		return err
	}
	root, err := f.open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = removeStaged(root, stagedPath(s))
	}
	return f.fail("abort", s.Key, err)
}

type fileWriter struct {
	store  *File
	ctx    context.Context // of Stage: io.Writer has none
	root   *os.Root
	staged Staged
	file   *os.File // nil once closed or aborted
	buf    *bufio.Writer
}

func (w *fileWriter) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.buf.Write(p)
	w.staged.Size += int64(n)
	return n, w.store.fail("stage", w.staged.Key, err)
}

func (w *fileWriter) Close(ctx context.Context) (Staged, error) {
	if err := ctx.Err(); err != nil {
		return Staged{}, err
	}
	err := w.buf.Flush()
	if err == nil {
		err = w.file.Sync()
	}
	if err == nil {
		err = syncDir(w.root, path.Dir(stagedPath(w.staged)))
	}
	if err != nil {
		return Staged{}, w.store.fail("stage", w.staged.Key, err)
	}
	err = w.file.Close()
	w.file = nil
	return w.staged, w.store.fail("stage", w.staged.Key, err)
}

func (w *fileWriter) Abort(context.Context) error {
	if w.file == nil {
		return nil
	}
	closeErr := w.file.Close()
	w.file = nil
	return w.store.fail("abort", w.staged.Key, first(removeStaged(w.root, stagedPath(w.staged)), closeErr))
}
