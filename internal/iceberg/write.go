package iceberg

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/failpoint"
	"github.com/tidemark-data/tidemark/internal/parquet"
)

// Write stores batches as data files of the table, under names that nobody can guess and no file has:
//
//	<table>/data/[<partition>/]<run>-<writer>-<n>.parquet
//	<table>/data/<run>-<writer>-<n>-deletes.parquet         of a merge, the keys of the same rows
//
// where writer is new for each call. Failpoint: iceberg.write, before each file is made durable.
func (t *Target) Write(ctx context.Context, run tidemark.RunID, rows iter.Seq2[arrow.RecordBatch, error]) ([]tidemark.DataFile, error) {
	l := t.prepared()
	if l == nil {
		return nil, fmt.Errorf("write to table %s before it was prepared: %w", t.p.Target, tidemark.ErrInvalid)
	}
	w := &writer{Target: t, ctx: ctx, l: l, name: writerName(run)}
	if len(l.casts) > 0 {
		rows = w.widened(rows)
	}
	if len(l.key) > 0 && !l.blind {
		return w.merge(rows)
	}
	return w.data(rows)
}

// A writer is one call of Write.
type writer struct {
	*Target
	ctx  context.Context
	l    *layout
	name string
}

// prepared returns what Prepare has made ready, or nil.
func (t *Target) prepared() *layout {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.layout
}

// writerName returns the beginning of the names of a writer's files, which no other's have.
func writerName(run tidemark.RunID) string { return fmt.Sprintf("%s-%s", run, rand.Text()[:10]) }

// data writes the rows alone.
func (w *writer) data(rows iter.Seq2[arrow.RecordBatch, error]) ([]tidemark.DataFile, error) {
	open := func(n int, at parquet.Partition) (*sink, error) {
		return w.open(at.Path(), fmt.Sprintf("%s-%d.parquet", w.name, n), len(at) > 0), nil
	}
	files, err := parquet.WriteFiles(w.ctx, rows, w.l.schema, w.l.partition.by(), w.p.FileSize, open, parquet.Options{})
	if err != nil {
		return nil, err
	}
	made := make([]tidemark.DataFile, len(files))
	for i, f := range files {
		d, err := w.describe(f, iceberg.EntryContentData)
		if err != nil {
			abort(files)
			return nil, err
		}
		made[i] = d
	}
	return made, nil
}

// merge writes the rows and the equality deletes that take away their older versions.
func (w *writer) merge(rows iter.Seq2[arrow.RecordBatch, error]) ([]tidemark.DataFile, error) {
	keys := &keyWriter{writer: w}
	made, err := w.data(keys.tee(rows))
	if err != nil {
		keys.abort()
		return nil, err
	}
	deletes, err := keys.finish()
	if err != nil {
		keys.abort()
		w.Discard(context.WithoutCancel(w.ctx), made)
		return nil, err
	}
	return append(made, deletes...), nil
}

// widened casts the columns that are narrower than the table's.
func (w *writer) widened(rows iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for b, err := range rows {
			if err == nil {
				b, err = w.widen(b)
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// widen releases b.
func (w *writer) widen(b arrow.RecordBatch) (arrow.RecordBatch, error) {
	defer b.Release()
	columns := slices.Clone(b.Columns())
	var wide []arrow.Array
	defer func() {
		for _, column := range wide {
			column.Release()
		}
	}()
	for _, i := range w.l.casts {
		column, err := compute.CastArray(w.ctx, columns[i], compute.SafeCastOptions(w.l.schema.Field(i).Type))
		if err != nil {
			return nil, fmt.Errorf("column %q to %s: %w: %w", b.ColumnName(i), w.l.schema.Field(i).Type, tidemark.ErrInvalid, err)
		}
		columns[i], wide = column, append(wide, column)
	}
	return array.NewRecordBatch(w.l.schema, columns, b.NumRows()), nil
}

// A sink is a file of the table that is being written.
type sink struct {
	*objectWriter
}

func (s *sink) Close() error {
	if err := failpoint.Hit("iceberg.write"); err != nil {
		return err
	}
	return s.objectWriter.Close()
}

// open begins a file. One of many that grow at the same time is spooled.
func (w *writer) open(folder, name string, many bool) *sink {
	if folder != "" {
		name = folder + "/" + name
	}
	o := &objectWriter{ctx: w.ctx, store: w.lake.store, key: w.l.folder + name, limit: wholeFile}
	if many {
		o.limit, o.spool, o.dir = wholeSpooled, true, w.lake.dir
	}
	return &sink{o}
}

func abort(files []parquet.File[*sink]) {
	for _, f := range files {
		f.Sink.Abort()
	}
}

// describe makes of a written file what a manifest says about it, by the footer that the encoder has returned.
func (w *writer) describe(f parquet.File[*sink], content iceberg.ManifestEntryContent) (*dataFile, error) {
	args := table.DataFileArgs{
		Schema: w.l.table.Schema(), Format: iceberg.ParquetFile, Metadata: f.Meta, FormatVersion: 2,
		FilePath: w.lake.root.uri(f.Sink.key), FileSize: f.Bytes, Content: content,
		Properties: metrics(w.l.table, f.Meta),
	}
	if content == iceberg.EntryContentEqDeletes {
		args.Spec, args.EqualityFieldIDs = w.l.deletes, w.l.keyIDs()
	} else {
		args.Spec, args.PartitionValues = w.l.table.Spec(), w.l.partition.values(w.l.schema, f.Partition)
	}
	described, err := table.DataFileFromMetadata(args)
	if err != nil {
		return nil, fmt.Errorf("describe file %s: %w", f.Sink.key, err)
	}
	return &dataFile{DataFile: described, key: f.Sink.key, blind: len(w.l.key) > 0 && w.l.blind}, nil
}
