package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// A Mending makes of a table what the source is, row by row, in one commit that leaves high, settled and overlap where
// they are. It gathers what is told to it through Load, Extra and Deleted, which one goroutine calls; then Finish makes
// the files and Commit publishes them. Until then no reader sees anything. The caller closes it.
//
// It is right because of what it is told: only rows below settled, which no run reads again, and rows that the source
// does not have. Whatever changes in the source meanwhile has a cursor at or above settled, so that the next run loads
// it on top. And as the commit is fenced by the watermark, no run has loaded a newer version since the base was read.
type Mending struct {
	Base   tidemark.Watermark // the table is mended as of it
	Schema *tidemark.Schema   // of the source

	p     tidemark.Pipeline
	parts Parts
	lands *landing
	next  tidemark.Watermark

	writing *writing // of loaded rows; nil before the first
	loaded  int64

	extra, deleted tidemark.Places
	files          []tidemark.DataFile
	replaces       []string
	erased, marked int64 // deleted rows, as Finish was told to deal with them
	above          bool  // a row that the overlap knows goes or is replaced
}

// BeginMending opens a pipeline's table. A pipeline that has loaded nothing, or replaces its table in each run, is
// tidemark.ErrInvalid.
func BeginMending(ctx context.Context, p tidemark.Pipeline, parts Parts) (*Mending, error) {
	if p.Mode == tidemark.ModeReplace {
		return nil, tidemark.WithHint(fmt.Errorf("pipeline %s replaces its table in each run: %w", p.ID, tidemark.ErrInvalid),
			fmt.Sprintf("`tidemark run %s` makes it what the source is", p.ID))
	}
	if err := parts.Target.Recover(ctx); err != nil {
		return nil, fmt.Errorf("recover what an earlier run left: %w", err)
	}
	m := &Mending{p: p, parts: parts, extra: tidemark.Places{}, deleted: tidemark.Places{}}
	var err error
	if m.Base, err = parts.Target.Watermark(ctx); err != nil {
		return nil, fmt.Errorf("load the watermark: %w", err)
	}
	if m.Base.Seq == 0 {
		return nil, tidemark.WithHint(fmt.Errorf("pipeline %s has not loaded anything yet: %w", p.ID, tidemark.ErrInvalid), fmt.Sprintf("`tidemark run %s` first", p.ID))
	}
	if m.Schema, err = parts.Source.Schema(ctx); err != nil {
		return nil, err
	}
	if m.lands, err = parts.land(ctx, p, m.Schema, tidemark.Window{}); err != nil {
		return nil, err
	}
	if err := m.begin(ctx); err != nil {
		m.lands.close(parts, p)
		return nil, err
	}
	m.next = stamp(m.Base, p.ID, m.Base.Seq+1)
	return m, nil
}

// begin checks that the table can be compared with the source, row by row.
func (m *Mending) begin(ctx context.Context) error {
	if err := Comparable(m.p, m.lands.Shape()); err != nil {
		return err
	}
	_, err := Rightful(ctx, m.p, m.parts.Target, m.lands.Schema(), m.Base)
	return err
}

// Lands is what the table gets of the source's rows.
func (m *Mending) Lands() *tidemark.Schema { return m.lands.Schema() }

func (m *Mending) write(ctx context.Context, run tidemark.RunID, rows iter.Seq2[arrow.RecordBatch, error]) ([]tidemark.DataFile, error) {
	return m.parts.Target.Write(ctx, run, m.lands.Rows(ctx, rows))
}

// Load takes over rows of the source, which are written at once.
func (m *Mending) Load(ctx context.Context, rows arrow.RecordBatch) error {
	if m.writing == nil {
		if err := m.parts.Target.Prepare(ctx, m.Lands()); err != nil {
			rows.Release()
			return fmt.Errorf("prepare table %s: %w", m.p.Target, err)
		}
		m.writing = beginWriting(ctx, m.write, m.next.Run)
	}
	m.loaded += rows.NumRows()
	return m.writing.send(rows)
}

// Extra notes a row of the lake that goes, whatever the policy about deletes.
func (m *Mending) Extra(file string, row int64) { m.extra.Add(file, row) }

// Deleted notes a row of the lake that the source does not have any more.
func (m *Mending) Deleted(file string, row int64) { m.deleted.Add(file, row) }

// Above notes that a row that goes or is replaced is one that the overlap knows.
func (m *Mending) Above() { m.above = true }

// Rows reads the rows of a table in the lake again.
type Rows interface {
	// Pick yields columns of some rows, in batches that the consumer releases.
	Pick(ctx context.Context, columns []string, rows []tidemark.FileRows) iter.Seq2[arrow.RecordBatch, error]

	// Schema is the table's.
	Schema() *arrow.Schema
}

// Finish makes the files of the commit. Rows that the source has deleted stay unless deletes is set; then they go, or
// are marked where the pipeline says so.
func (m *Mending) Finish(ctx context.Context, lake Rows, deletes bool) error {
	if m.writing != nil {
		files, err := m.writing.end()
		m.writing = nil
		if err != nil {
			return err
		}
		m.files = append(m.files, files...)
		if err := m.lands.passed(m.p); err != nil {
			return err
		}
	}
	if deletes && len(m.deleted) > 0 {
		if err := m.finishDeleted(ctx, lake); err != nil {
			return err
		}
	}
	if len(m.extra) > 0 {
		if err := m.rewrite(ctx); err != nil {
			return err
		}
	}
	return failpoint.Hit("engine.mend.written")
}

// finishDeleted deals with the deleted rows. A merge writes their keys, or the marked rows, on top; where every version
// of a row stays the files that hold them are written anew.
func (m *Mending) finishDeleted(ctx context.Context, lake Rows) error {
	mark := m.p.Deletes == tidemark.DeletesMark
	count := &m.erased
	if mark {
		count = &m.marked
	}
	*count = m.deleted.Len()
	if mark {
		if err := m.markDeleted(ctx, lake); err != nil {
			return err
		}
	}
	switch {
	case m.p.Mode != tidemark.ModeMerge:
		m.extra.Merge(m.deleted)
	case !mark:
		return m.erase(ctx, lake)
	}
	return nil
}

// erase writes the keys of the deleted rows.
func (m *Mending) erase(ctx context.Context, lake Rows) error {
	eraser, ok := m.parts.Target.(tidemark.Eraser)
	if !ok {
		return fmt.Errorf("rows cannot be taken out of table %s: %w", m.p.Target, tidemark.ErrInvalid)
	}
	if err := m.parts.Target.Prepare(ctx, m.Lands()); err != nil {
		return fmt.Errorf("prepare table %s: %w", m.p.Target, err)
	}
	key := mergeKey(m.p, m.Lands())
	keys := func(yield func(arrow.RecordBatch, error) bool) {
		for b, err := range lake.Pick(ctx, key, m.deleted.Files()) {
			if err != nil {
				yield(nil, err)
				return
			}
			ordered, err := inOrder(b, key)
			b.Release()
			if !yield(ordered, err) || err != nil {
				return
			}
		}
	}
	files, err := eraser.Erase(ctx, m.next.Run, keys)
	m.files = append(m.files, files...)
	if err != nil {
		return fmt.Errorf("erase deleted rows of table %s: %w", m.p.Target, err)
	}
	return nil
}

// rewrite takes rows out of the files that hold them.
func (m *Mending) rewrite(ctx context.Context) error {
	if err := m.parts.Target.Prepare(ctx, m.Lands()); err != nil {
		return fmt.Errorf("prepare table %s: %w", m.p.Target, err)
	}
	files, err := takeOut(ctx, m.p, m.parts.Target, m.next.Run, m.extra)
	m.files = append(m.files, files...)
	if err != nil {
		return err
	}
	m.replaces = slices.Sorted(maps.Keys(m.extra))
	return nil
}

// takeOut writes the files that hold rows anew without these. The table is prepared.
func takeOut(ctx context.Context, p tidemark.Pipeline, target tidemark.Target, run tidemark.RunID, rows tidemark.Places) ([]tidemark.DataFile, error) {
	rewriter, ok := target.(tidemark.Rewriter)
	if !ok {
		return nil, fmt.Errorf("rows cannot be taken out of table %s: %w", p.Target, tidemark.ErrInvalid)
	}
	files, err := rewriter.Rewrite(ctx, run, rows.Files())
	if err != nil {
		err = fmt.Errorf("take rows out of table %s: %w", p.Target, err)
	}
	return files, err
}

// Nothing reports whether the table is as it should be.
func (m *Mending) Nothing() bool { return len(m.files) == 0 && len(m.replaces) == 0 }

// Erased is how many deleted rows go, of a finished mending.
func (m *Mending) Erased() int64 { return m.erased }

// Marked is how many deleted rows are marked, of a finished mending.
func (m *Mending) Marked() int64 { return m.marked }

// watermark is that of the commit. A row that was taken out or marked and comes back as it was, with a cursor at or above
// settled, must not be taken for loaded: a merge forgets the overlap, and the next run writes those rows once more. Where
// rows are appended none at or above settled is taken out.
func (m *Mending) watermark() tidemark.Watermark {
	w := m.next
	w.Committed = time.Now().UTC()
	w.Rows = m.loaded
	w.Total = m.Base.Total + m.loaded - m.extra.Len()
	if m.p.Mode != tidemark.ModeMerge {
		w.Total += m.marked // taken out, and written once more
	}
	w.Total = max(w.Total, 0)
	if m.above {
		w.Overlap = tidemark.Overlap{}
	}
	return w
}

// Commit publishes what Finish has made, and says in the audit trail who wanted it: ErrConflict when a run has committed
// since the base was read, or a file was compacted; then nothing has changed.
func (m *Mending) Commit(ctx context.Context, what string, by By) (tidemark.Watermark, error) {
	w := m.watermark()
	e := tidemark.Event{Action: tidemark.ActionRepair, From: tidemark.PositionOf(m.Base), To: tidemark.PositionOf(w), What: what}
	for _, f := range m.files {
		e.Added.Add(f.Rows(), f.Bytes())
	}
	err := act(ctx, m.parts, e, m.commit(w), by)
	m.settleFiles(err)
	if err != nil {
		return m.Base, fmt.Errorf("repair pipeline %s: %w", m.p.ID, err)
	}
	m.parts.Log.Info("repaired", "pipeline", m.p.ID, "run", w.Run, "commit", w.Seq, "what", what)
	return w, nil
}

// CommitSweep publishes what Finish has made of deleted rows that a run has looked for at that time.
func (m *Mending) CommitSweep(ctx context.Context, at time.Time) (tidemark.Watermark, error) {
	w := m.watermark()
	w.Swept = at.UTC()
	err := commitAgain(ctx, m.parts, m.commit(w))
	m.settleFiles(err)
	if err != nil {
		return m.Base, err
	}
	m.parts.Log.Info("swept", "pipeline", m.p.ID, "run", w.Run, "commit", w.Seq, "removed", m.erased, "marked", m.marked)
	return w, nil
}

func (m *Mending) commit(w tidemark.Watermark) tidemark.Commit {
	return tidemark.Commit{Base: m.Base, Watermark: w, Files: m.files, Replaces: m.replaces}
}

// settleFiles decides whose the files are after a commit: where it is certain that it was not made they are discarded.
func (m *Mending) settleFiles(err error) {
	if !errors.Is(err, tidemark.ErrConflict) && !errors.Is(err, tidemark.ErrRestart) {
		m.files = nil
	}
}

// Close ends what is under way and removes the files that were not committed.
func (m *Mending) Close(ctx context.Context) {
	if m.writing != nil {
		m.writing.stop()
		files, _ := m.writing.end()
		m.files = append(m.files, files...)
	}
	m.lands.close(m.parts, m.p)
	if d, ok := m.parts.Target.(tidemark.Discarder); ok && len(m.files) > 0 {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		d.Discard(ctx, m.files)
	}
}

// inOrder returns columns of a batch in an order of their own.
func inOrder(b arrow.RecordBatch, names []string) (arrow.RecordBatch, error) {
	fields, columns := make([]arrow.Field, len(names)), make([]arrow.Array, len(names))
	for i, name := range names {
		at := b.Schema().FieldIndices(name)
		if len(at) == 0 {
			return nil, fmt.Errorf("the lake lacks column %q: %w", name, tidemark.ErrInvalid)
		}
		fields[i], columns[i] = b.Schema().Field(at[0]), b.Column(at[0])
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, b.NumRows()), nil
}
