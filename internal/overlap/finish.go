package overlap

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/zeebo/xxh3"

	"github.com/tidemark-data/tidemark"
)

// A File is a finished side file, ready to be stored. It lies in a temporary file until Close.
type File struct {
	temp    *os.File
	overlap tidemark.Overlap
}

// Overlap describes the file. The caller sets the name under which it stores it.
func (f *File) Overlap() tidemark.Overlap { return f.overlap }

// Open returns the content from the beginning, as often as the caller likes and until Close. The reader is an
// io.Seeker and an io.ReaderAt too.
func (f *File) Open() (io.ReadCloser, error) {
	if f.temp == nil {
		return nil, fmt.Errorf("open overlap: %w", os.ErrClosed)
	}
	return reader{io.NewSectionReader(f.temp, 0, f.overlap.Bytes)}, nil
}

type reader struct{ *io.SectionReader }

func (reader) Close() error { return nil }

// Close removes the temporary file. It may be called twice.
func (f *File) Close() error {
	if f.temp == nil {
		return nil
	}
	err := f.temp.Close()
	f.temp = nil
	return err
}

// Excess says in words why the side file would be larger than Options.Limit with that settled value; "" when it would
// not be.
func (p *Pass) Excess(settled tidemark.CursorValue) (string, error) {
	p.keep.Lock()
	defer p.keep.Unlock()
	rows, nulls, err := p.next.count(floorOf(settled))
	if err != nil || p.opts.Limit <= 0 || rows+nulls <= p.opts.Limit {
		return "", err
	}
	high := p.High()
	ties, _, err := p.next.count(floorOf(high))
	switch total := rows + nulls; {
	case err != nil:
		return "", err
	case nulls > total/2:
		return fmt.Sprintf("%d of %d rows have no %s", nulls, total, p.opts.Cursor.Column), nil
	case ties > total/2:
		return fmt.Sprintf("%d of %d rows share %s = %s", ties, total, p.opts.Cursor.Column, high), nil
	default:
		return fmt.Sprintf("%d rows lie between settled %s and high %s", total, settled, high), nil
	}
}

// Finish ends the pass and returns the side file for the commit that moves the watermark to settled: every row that
// was applied with a cursor at or above it, or without one. settled must not be below the lower of Options.Bound and
// High, nor below the previous one. Finish may be called again with a higher value: each File is on its own. The
// caller closes them.
func (p *Pass) Finish(settled tidemark.CursorValue) (*File, error) {
	if err := p.end(settled); err != nil {
		return nil, err
	}
	p.keep.Lock()
	defer p.keep.Unlock()
	if err := p.table.close(); err != nil { // nobody looks anything up any more
		return nil, fmt.Errorf("finish overlap: %w", err)
	}
	f, err := p.write(floorOf(settled))
	if err != nil {
		return nil, fmt.Errorf("finish overlap: %w", err)
	}
	return f, nil
}

func (p *Pass) end(settled tidemark.CursorValue) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("finish overlap: the pass is closed: %w", tidemark.ErrInvalid)
	}
	if settled.Less(p.floor) {
		return fmt.Errorf("finish overlap: settled %s is below %s, and the rows between were not kept: %w", settled, p.floor, tidemark.ErrInvalid)
	}
	p.ended, p.floor = true, settled
	return nil
}

// write merges the entries into a temporary file.
func (p *Pass) write(floor ordinal) (f *File, err error) {
	rows, nulls, err := p.next.count(floor)
	if err != nil {
		return nil, err
	}
	rows += nulls
	width := p.next.outWidth(rows)
	head, err := header{
		Version: version, Cursor: p.opts.Cursor.Column, Columns: p.hasher.columns, Rows: rows, Hashes: width > 0,
	}.append(nil)
	if err != nil {
		return nil, err
	}
	temp, err := tempFile(p.opts.Dir)
	if err != nil {
		return nil, err
	}
	sum := xxh3.New128()
	w := bufio.NewWriterSize(io.MultiWriter(temp, sum), 1<<16)
	if _, err = w.Write(head); err == nil {
		err = p.next.merge(floor, func(record []byte) error {
			_, err := w.Write(record[:stride(width)])
			return err
		})
	}
	if err = errors.Join(err, w.Flush()); err != nil {
		return nil, errors.Join(err, temp.Close())
	}
	return &File{temp: temp, overlap: tidemark.Overlap{
		Rows: rows, Bytes: int64(len(head)) + rows*int64(stride(width)), Checksum: checksum(sum.Sum128()),
	}}, nil
}
