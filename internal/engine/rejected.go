package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// complete does in the table of rejected rows what the pipeline's newest commit says, unless it is done: that table's own
// watermark says what was done last. So it happens once, whoever was killed where, and in the order of the commits, as no run
// commits before it has done this.
//
// Failpoints: engine.rejected.begun, engine.rejected.written, engine.rejected.committed.
func (parts Parts) complete(ctx context.Context, p tidemark.Pipeline, w tidemark.Watermark) error {
	todo := w.Rejected
	if todo.Run == "" || parts.Rejected == nil {
		return nil
	}
	c := completion{Parts: parts, p: p.Rejects(), todo: todo, origin: w.Origin}
	if err := c.all(ctx); err != nil {
		return tidemark.WithHint(fmt.Errorf("table %s, which follows commit %d of pipeline %s: %w", c.p.Target, w.Seq, p.ID, err),
			"the commit is made; the next run adds the rejected rows before all else")
	}
	return nil
}

// A completion brings the table of rejected rows up to a commit of the main table.
type completion struct {
	Parts
	p      tidemark.Pipeline // of the rejected rows
	todo   tidemark.Rejected
	origin tidemark.Origin
	base   tidemark.Watermark
}

func (c *completion) all(ctx context.Context) error {
	if err := c.Rejected.Recover(ctx); err != nil {
		return fmt.Errorf("recover what an earlier run left: %w", err)
	}
	var err error
	if c.base, err = c.Rejected.Watermark(ctx); err != nil {
		return fmt.Errorf("load the watermark: %w", err)
	}
	if c.base.Rejected.Run == c.todo.Run {
		return nil
	}
	if err := failpoint.Hit("engine.rejected.begun"); err != nil {
		return err
	}
	switch {
	case c.todo.Rewound:
		return c.goBack(ctx)
	case c.todo.Taken:
		return c.remove(ctx)
	default:
		return c.add(ctx)
	}
}

// next is the watermark that says that it is done.
func (c *completion) next() tidemark.Watermark {
	now := time.Now()
	w := c.base
	w.Pipeline, w.Seq, w.Run, w.Origin, w.Mode = c.p.ID, c.base.Seq+1, tidemark.NewRunID(now), c.origin, c.p.Mode
	w.Rejected, w.Rows, w.Total = c.todo, c.todo.Rows, c.base.Total+c.todo.Rows
	w.Rejected.Name = "" // the file is the other pipeline's
	if c.p.Mode == tidemark.ModeReplace {
		w.Total = w.Rows
	}
	w.Committed = now.UTC()
	return w
}

// add writes the rows of the side file and commits them; where a run has replaced its table, in place of those before.
func (c *completion) add(ctx context.Context) (err error) {
	w := c.next()
	var files []tidemark.DataFile
	if c.todo.Name != "" {
		if files, err = c.write(ctx, w.Run); err != nil {
			return err
		}
	} else if c.base.Seq == 0 {
		return nil // there is no such table, and nothing for it
	}
	return c.written(ctx, tidemark.Commit{Base: c.base, Watermark: w, Files: files})
}

// written makes a commit whose files are there.
func (c *completion) written(ctx context.Context, commit tidemark.Commit) error {
	if err := failpoint.Hit("engine.rejected.written"); err != nil {
		return err
	}
	return c.commit(ctx, commit)
}

// commit is the act. That another process has done the same meanwhile is no error.
func (c *completion) commit(ctx context.Context, commit tidemark.Commit) error {
	err := commitAgain(ctx, Parts{Target: c.Rejected, Log: c.Log, Pause: c.Pause}, commit)
	if errors.Is(err, tidemark.ErrConflict) {
		if d, ok := c.Rejected.(tidemark.Discarder); ok {
			d.Discard(ctx, commit.Files)
		}
		now, werr := c.Rejected.Watermark(ctx)
		if werr == nil && now.Rejected.Run == c.todo.Run {
			return nil
		}
	}
	if err != nil {
		return err
	}
	c.Log.Info("the table of rejected rows has followed", "pipeline", c.p.ID, "table", c.p.Target, "commit", commit.Watermark.Seq, "rows", commit.Watermark.Rows)
	return failpoint.Hit("engine.rejected.committed")
}

// goBack makes the table what it was behind the commit that is gone back to.
func (c *completion) goBack(ctx context.Context) error {
	to, err := c.rewindTo(ctx)
	if err != nil || c.base.Seq == 0 {
		return err
	}
	w := c.next()
	w.Rows, w.Total = 0, to.Total
	commit := tidemark.Commit{Base: c.base, Watermark: w, KeepRows: true}
	if to.Seq != c.base.Seq {
		plan, err := c.Rejected.(tidemark.Rewinder).PlanRewind(ctx, to.Seq)
		if err != nil {
			return err
		}
		commit.Rewind = &plan
	}
	return c.commit(ctx, commit)
}

// rewindTo finds the commit of the table behind which it was as it shall be; the zero watermark for before the first.
func (c *completion) rewindTo(ctx context.Context) (to tidemark.Watermark, err error) {
	back, ok := c.Rejected.(tidemark.Rewinder)
	if !ok {
		return to, fmt.Errorf("the table cannot go back: %w", tidemark.ErrInvalid)
	}
	h, err := back.History(ctx)
	if err != nil || c.todo.Back == "" || h.Now.Seq == 0 {
		return to, err
	}
	at := slices.IndexFunc(h.Commits, func(w tidemark.Watermark) bool { return w.Rejected.Run == c.todo.Back })
	if at < 0 {
		return to, fmt.Errorf("what it was behind run %s is not known any more: its snapshot has expired: %w", c.todo.Back, tidemark.ErrNotFound)
	}
	return h.Commits[at], nil
}

// write makes data files of the side file.
func (c *completion) write(ctx context.Context, run tidemark.RunID) ([]tidemark.DataFile, error) {
	file, err := c.fetch(ctx)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader, err := ipc.NewReader(file)
	if err != nil {
		return nil, c.damaged(err)
	}
	defer reader.Release()
	if err := c.Rejected.Prepare(ctx, tableOf(reader.Schema(), c.origin)); err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	return c.Rejected.Write(ctx, run, c.batches(reader))
}

// tableOf is the table that rejected rows need.
func tableOf(schema *arrow.Schema, origin tidemark.Origin) *tidemark.Schema {
	s := &tidemark.Schema{Origin: origin}
	for _, f := range schema.Fields() {
		doc, _ := f.Metadata.GetValue(tidemark.DocKey)
		s.Columns = append(s.Columns, tidemark.Column{Name: f.Name, Type: f.Type, Nullable: f.Nullable, SourceType: doc})
	}
	return s
}

func (c *completion) batches(reader *ipc.Reader) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for reader.Next() {
			b := reader.RecordBatch()
			b.Retain()
			if !yield(b, nil) {
				return
			}
		}
		if err := reader.Err(); err != nil && !errors.Is(err, io.EOF) {
			yield(nil, c.damaged(err))
		}
	}
}

// fetch copies the side file to this machine and proves that it is whole.
func (c *completion) fetch(ctx context.Context) (*os.File, error) {
	from, err := c.Side.Get(ctx, c.todo.Name)
	if err != nil {
		return nil, fmt.Errorf("side file %s: %w", c.todo.Name, err)
	}
	defer from.Close()
	file, err := os.CreateTemp(c.Dir, "rejected-")
	if err != nil {
		return nil, fmt.Errorf("temporary file: %w", err)
	}
	_ = os.Remove(file.Name())
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(file, sum), from)
	if err == nil && (n != c.todo.Bytes || hex.EncodeToString(sum.Sum(nil)) != c.todo.Checksum) {
		err = c.damaged(fmt.Errorf("it has %d bytes and another checksum", n))
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

func (c *completion) damaged(err error) error {
	return tidemark.WithHint(fmt.Errorf("side file %s is damaged: %w: %w", c.todo.Name, tidemark.ErrInvalid, err),
		"restore it, or go back to the commit before with `tidemark rewind`: a run reads these rows again")
}
