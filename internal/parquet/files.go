package parquet

import (
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet/metadata"
)

// A Sink takes the bytes of one file.
type Sink interface {
	io.Writer

	// Close ends the file and makes it durable, but not visible to readers of the table.
	Close() error

	// Abort removes what was written, also after Close. It is best effort and never called twice.
	Abort()
}

// A File is a file that was written whole.
type File[S Sink] struct {
	Sink  S // closed
	Rows  int64
	Bytes int64
	Meta  *metadata.FileMetaData
}

// WriteFiles writes rows into as many files as they need: a new one begins when one has about fileSize bytes. It
// calls open for each with its number, from 0. It releases each batch. Without rows there is no file. On an error
// all sinks are aborted, the finished ones too.
func WriteFiles[S Sink](ctx context.Context, rows iter.Seq2[arrow.RecordBatch, error], schema *arrow.Schema, fileSize int64,
	open func(n int) (S, error), o Options) (files []File[S], err error) {

	r := roller[S]{schema: schema, size: fileSize, open: open, opts: o}
	defer func() {
		if err != nil {
			r.abort()
		}
	}()
	for b, err := range rows {
		if err != nil {
			return nil, err
		}
		err = r.write(b)
		b.Release()
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
	}
	if err := r.finish(); err != nil {
		return nil, err
	}
	return r.done, nil
}

// A roller writes one file after the other.
type roller[S Sink] struct {
	schema *arrow.Schema
	size   int64
	open   func(n int) (S, error)
	opts   Options

	done []File[S]
	sink S
	file *Writer // nil between files
}

func (r *roller[S]) write(b arrow.RecordBatch) error {
	if b.NumRows() == 0 {
		return nil
	}
	if r.file == nil {
		sink, err := r.open(len(r.done))
		if err != nil {
			return err
		}
		r.sink = sink
		if r.file, err = NewWriter(sink, r.schema, r.opts); err != nil {
			sink.Abort()
			return err
		}
	}
	if err := r.file.Write(b); err != nil {
		return err
	}
	if r.file.Size() >= r.size {
		return r.finish()
	}
	return nil
}

// finish ends the current file, if there is one.
func (r *roller[S]) finish() error {
	if r.file == nil {
		return nil
	}
	meta, err := r.file.Close()
	if err != nil {
		return err
	}
	if err := r.sink.Close(); err != nil {
		return fmt.Errorf("close data file: %w", err)
	}
	r.done = append(r.done, File[S]{Sink: r.sink, Rows: r.file.Rows(), Bytes: r.file.Size(), Meta: meta})
	r.file = nil
	return nil
}

func (r *roller[S]) abort() {
	if r.file != nil {
		r.sink.Abort()
	}
	for _, f := range r.done {
		f.Sink.Abort()
	}
}
