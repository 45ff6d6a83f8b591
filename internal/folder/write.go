package folder

import (
	"context"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/parquet"
)

// A dataFile is a staged file. It implements tidemark.DataFile.
type dataFile struct{ fileRecord }

func (f dataFile) Path() string { return f.Staged.Key }
func (f dataFile) Rows() int64  { return f.fileRecord.Rows }
func (f dataFile) Bytes() int64 { return f.Staged.Size }

// dataFiles returns the records of files that Write made.
func dataFiles(files []tidemark.DataFile) ([]fileRecord, error) {
	records := make([]fileRecord, len(files))
	for i, f := range files {
		ours, ok := f.(dataFile)
		if !ok {
			return nil, fmt.Errorf("data file %s was not written by this target: %w", f.Path(), tidemark.ErrInvalid)
		}
		records[i] = ours.fileRecord
	}
	return records, nil
}

// Write implements tidemark.Target. The files are staged: no reader sees them.
func (t *Target) Write(ctx context.Context, run tidemark.RunID, rows iter.Seq2[arrow.RecordBatch, error]) ([]tidemark.DataFile, error) {
	return t.stage(ctx, run, func(*arrow.Schema) iter.Seq2[arrow.RecordBatch, error] { return rows })
}

// stage writes rows, which may have the schema that files get now.
func (t *Target) stage(ctx context.Context, run tidemark.RunID, rows func(*arrow.Schema) iter.Seq2[arrow.RecordBatch, error]) ([]tidemark.DataFile, error) {
	t.mu.Lock()
	table, seq := t.table, t.base+1
	t.mu.Unlock()
	if table == nil {
		return nil, fmt.Errorf("write to table %s before it was prepared: %w", t.p.Target, tidemark.ErrInvalid)
	}
	schema, err := table.schema()
	if err != nil {
		return nil, err
	}
	by, err := partitioning(schema, t.p.PartitionBy)
	if err != nil {
		return nil, err
	}
	open := func(_ int, p parquet.Partition) (*sink, error) {
		w, err := t.store.Stage(ctx, dataKey(t.p.Target, p.Path(), seq, run, t.files.Add(1)))
		if err != nil {
			return nil, err
		}
		return &sink{ctx: ctx, target: t, w: w}, nil
	}
	written, err := parquet.WriteFiles(ctx, conform(ctx, rows(schema), schema), schema, by, t.p.FileSize, open, parquet.Options{})
	if err != nil {
		return nil, fmt.Errorf("write data files of table %s: %w", t.p.Target, err)
	}
	files := make([]tidemark.DataFile, len(written))
	for i, f := range written {
		files[i] = dataFile{fileRecord{Staged: f.Sink.staged, Rows: f.Rows}}
	}
	return files, nil
}

// A sink stages one data file. It implements parquet.Sink.
type sink struct {
	ctx    context.Context // of the Write that it belongs to
	target *Target
	w      blob.StagedWriter
	staged blob.Staged
	closed bool
}

func (s *sink) Write(p []byte) (int, error) { return s.w.Write(p) }

func (s *sink) Close() (err error) {
	s.staged, err = s.w.Close(s.ctx)
	s.closed = err == nil
	return err
}

func (s *sink) Abort() {
	ctx, cancel := detached(s.ctx) // the usual reason to abort is that ctx has ended
	defer cancel()
	if s.closed {
		s.target.abort(ctx, []fileRecord{{Staged: s.staged}})
		return
	}
	if err := s.w.Abort(ctx); err != nil {
		s.target.log.Debug("staged file stays behind", "err", err)
	}
}

// partitioning reads the pipeline's partition_by; nil for none.
func partitioning(schema *arrow.Schema, specs []string) (*parquet.Partitioning, error) {
	if len(specs) == 0 {
		return nil, nil
	}
	var fields []parquet.PartitionField
	for _, spec := range specs {
		f, err := parquet.ParsePartition(spec)
		if err != nil {
			return nil, err
		}
		if f.Transform != parquet.Identity && schema.HasField(f.Name) {
			return nil, fmt.Errorf("partition_by %q: the table has a column %q, which readers would mix up with the folder's name: %w",
				spec, f.Name, tidemark.ErrInvalid)
		}
		fields = append(fields, f)
	}
	return parquet.NewPartitioning(schema, fields)
}
