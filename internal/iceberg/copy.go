package iceberg

import (
	"context"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/parquet"
)

// A copier writes data files anew without some of their rows.
type copier struct {
	lake  *Lake
	data  *writer                    // of the new files
	marks map[string]tidemark.RowSet // by path: the rows that are left out
	made  []*dataFile

	// asItIs: a file is taken as it is, whatever its manifest says of the number of its rows. Someone may have changed it
	// by hand, and that is what is being mended.
	asItIs bool

	writers int // so far
}

// writer returns a writer of files with names of their own: each numbers them from 0.
func (c *copier) writer(ctx context.Context) *writer {
	w := *c.data
	w.ctx, w.name = ctx, fmt.Sprintf("%s-%d", c.data.name, c.writers)
	c.writers++
	return &w
}

// files returns the new files.
func (c *copier) files() []tidemark.DataFile {
	files := make([]tidemark.DataFile, len(c.made))
	for i, f := range c.made {
		files[i] = f
	}
	return files
}

// copy writes the rows of a bin of files, as bins makes them, and counts them.
func (c *copier) copy(ctx context.Context, bin []liveFile) error {
	var want, got int64
	files, err := c.writer(ctx).data(c.kept(ctx, bin, &want))
	if err != nil {
		return err
	}
	for _, f := range files {
		own := f.(*dataFile)
		c.made, got = append(c.made, own), got+own.Count()
	}
	if got != want {
		return fmt.Errorf("%d files written anew would keep %d rows of %d: %w", len(bin), got, want, tidemark.ErrInvalid)
	}
	return nil
}

// kept yields the rows of files that are not left out, and counts them.
func (c *copier) kept(ctx context.Context, bin []liveFile, n *int64) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for _, f := range bin {
			marks, row := c.marks[f.FilePath()], int64(0)
			for b, err := range c.lake.readAll(ctx, f, c.data.l.schema) {
				if err == nil {
					first := row
					row += b.NumRows()
					b, err = parquet.Without(ctx, b, marks, first)
				}
				if err == nil {
					*n += b.NumRows()
				}
				if !yield(b, err) || err != nil {
					return
				}
			}
			if err := c.checkRows(f, row); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// checkRows compares what was read of a file with what is known of it.
func (c *copier) checkRows(f liveFile, rows int64) error {
	if !c.asItIs {
		return f.check(rows)
	}
	if end := c.marks[f.FilePath()].End(); end > rows {
		return fmt.Errorf("%s has %d rows, and row %d shall go: %w", f.FilePath(), rows, end-1, tidemark.ErrInvalid)
	}
	return nil
}

// check fails when a file does not have as many rows as its manifest says.
func (f liveFile) check(rows int64) error {
	if rows != f.Count() {
		return fmt.Errorf("read %s: %d rows, and its manifest says %d: %w", f.FilePath(), rows, f.Count(), tidemark.ErrInvalid)
	}
	return nil
}

// read yields the rows of a file, and fails when they are not as many as the manifest says.
func (l *Lake) read(ctx context.Context, f liveFile, schema *arrow.Schema) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		rows := int64(0)
		for b, err := range l.readAll(ctx, f, schema) {
			if err == nil {
				rows += b.NumRows()
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
		if err := f.check(rows); err != nil {
			yield(nil, err)
		}
	}
}

// readAll yields the rows of a file.
func (l *Lake) readAll(ctx context.Context, f liveFile, schema *arrow.Schema) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		files := fileIO{ctx: ctx, store: l.store, root: l.root}
		from, err := files.Open(f.FilePath())
		if err != nil {
			yield(nil, fmt.Errorf("read %s: %w", f.FilePath(), err))
			return
		}
		defer from.Close()
		for b, err := range parquet.Read(ctx, from, schema) {
			if err != nil {
				err = fmt.Errorf("read %s: %w", f.FilePath(), err)
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}
