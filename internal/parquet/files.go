package parquet

import (
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet/metadata"
)

// A Sink takes the bytes of one file.
type Sink interface {
	io.Writer

	// Close ends the file and makes it durable, but not visible to readers of the table.
	Close() error

	// Abort removes what was written, also after Close. It is best effort and called at most once.
	Abort()
}

// A File is a file that was written whole.
type File[S Sink] struct {
	Sink      S // closed
	Partition Partition
	Rows      int64
	Bytes     int64
	Meta      *metadata.FileMetaData
}

// An Opener makes the sink of a file: the n-th, from 0, of one call of WriteFiles.
type Opener[S Sink] func(n int, p Partition) (S, error)

// maxOpen bounds the files that are open at the same time, and openBytes what they hold together by their own
// count; what they take is about four times as much, as buffers grow by doubling and each column has some. Rows of
// many partitions in any order make small row groups, and files, rather than take more memory.
const (
	maxOpen   = 64
	openBytes = 8 << 20
)

// DefaultFileSize is the size of data files where none is given, in bytes.
const DefaultFileSize = 256 << 20

// WriteFiles writes rows into as many files as they need: one for each partition, and another one when a file has
// about fileSize bytes. It releases each batch. Without rows there is no file. On an error all sinks are aborted,
// the finished ones too. by may be nil: no partitions. A fileSize of 0 means DefaultFileSize.
func WriteFiles[S Sink](ctx context.Context, rows iter.Seq2[arrow.RecordBatch, error], schema *arrow.Schema, by *Partitioning,
	fileSize int64, open Opener[S], o Options) (files []File[S], err error) {

	if by == nil {
		by = &Partitioning{}
	}
	if fileSize <= 0 {
		fileSize = DefaultFileSize
	}
	f := fanOut[S]{schema: schema, by: by, size: fileSize, opener: open, opts: o, open: make(map[string]*openFile[S])}
	defer func() {
		if err != nil {
			f.abort()
		}
	}()
	for b, err := range rows {
		if err != nil {
			return nil, err
		}
		err = f.write(ctx, b)
		b.Release()
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(f.open)) {
		if err := f.finish(key); err != nil {
			return nil, err
		}
	}
	return f.done, nil
}

// A fanOut writes the files of several partitions at once.
type fanOut[S Sink] struct {
	schema *arrow.Schema
	by     *Partitioning
	size   int64
	opener Opener[S]
	opts   Options

	done  []File[S]
	open  map[string]*openFile[S] // by partition key
	count int                     // files begun
	clock int                     // counts writes, to find the file that has rested longest
}

type openFile[S Sink] struct {
	file   *Writer
	sink   S
	at     Partition
	usedAt int
}

func (f *fanOut[S]) write(ctx context.Context, b arrow.RecordBatch) error {
	if b.NumRows() == 0 {
		return nil
	}
	parts, err := f.by.split(ctx, b)
	if err != nil {
		return err
	}
	defer releaseParts(parts)
	for _, p := range parts {
		if err := f.writePart(p); err != nil {
			return err
		}
	}
	return nil
}

func (f *fanOut[S]) writePart(p part) error {
	file, err := f.file(p)
	if err != nil {
		return err
	}
	f.clock++
	file.usedAt = f.clock
	if err := file.file.Write(p.batch); err != nil {
		return err
	}
	if file.file.Size() >= f.size {
		return f.finish(p.key)
	}
	return f.shrink()
}

// file returns the open file of a part, or begins one.
func (f *fanOut[S]) file(p part) (*openFile[S], error) {
	if file, ok := f.open[p.key]; ok {
		return file, nil
	}
	if len(f.open) >= maxOpen {
		if err := f.finish(f.rested()); err != nil {
			return nil, err
		}
	}
	sink, err := f.opener(f.count, p.at)
	if err != nil {
		return nil, err
	}
	f.count++
	file := &openFile[S]{sink: sink, at: p.at}
	f.open[p.key] = file // from here on abort reaches it
	file.file, err = NewWriter(sink, f.schema, f.opts)
	return file, err
}

// rested returns the key of the file that was not written to for the longest time.
func (f *fanOut[S]) rested() (key string) {
	oldest := f.clock + 1
	for k, file := range f.open {
		if file.usedAt < oldest {
			key, oldest = k, file.usedAt
		}
	}
	return key
}

// shrink writes out the largest row groups until all files together hold little enough.
func (f *fanOut[S]) shrink() error {
	if len(f.open) < 2 {
		return nil // a single Writer bounds itself
	}
	for {
		var total int64
		var largest *Writer
		for _, file := range f.open {
			held := file.file.Memory()
			total += held
			if largest == nil || held > largest.Memory() {
				largest = file.file
			}
		}
		if total <= openBytes {
			return nil
		}
		if err := largest.Flush(); err != nil {
			return err
		}
	}
}

// finish ends an open file.
func (f *fanOut[S]) finish(key string) error {
	file := f.open[key]
	meta, err := file.file.Close()
	if err != nil {
		return err
	}
	if err := file.sink.Close(); err != nil {
		return fmt.Errorf("close data file: %w", err)
	}
	delete(f.open, key)
	f.done = append(f.done, File[S]{
		Sink: file.sink, Partition: file.at, Rows: file.file.Rows(), Bytes: file.file.Size(), Meta: meta,
	})
	return nil
}

func (f *fanOut[S]) abort() {
	for _, file := range f.open {
		file.sink.Abort()
	}
	for _, file := range f.done {
		file.Sink.Abort()
	}
}
