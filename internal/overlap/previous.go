package overlap

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/tidemark-data/tidemark"
)

// previous returns the entries of the previous side file as a table; nil when it has none.
func (p *Pass) previous(ctx context.Context) (*table, error) {
	body, err := p.fetch(ctx)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	r := bufio.NewReaderSize(body, 1<<16)
	h, length, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	want := p.opts.Previous.Overlap
	if h.Rows != want.Rows || length+h.Rows*int64(stride(h.width())) != want.Bytes {
		return nil, fmt.Errorf("%d rows, want %d: %w: %w", h.Rows, want.Rows, ErrDamaged, tidemark.ErrInvalid)
	}
	common, at, err := p.compare(h)
	if err != nil {
		return nil, err
	}
	if common == nil {
		return load(r, h, p.opts.Dir, p.sizes)
	}
	p.hasher.common = common
	return loadCommon(r, h, at, p.opts.Dir, p.sizes)
}

// compare decides how rows are compared with the file's: by the hash of the whole row (common is nil), or by the
// columns that both have.
func (p *Pass) compare(h header) (common, at []int, err error) {
	if h.Cursor != p.opts.Cursor.Column {
		return nil, nil, fmt.Errorf("it is of cursor %q, and the pipeline's is %q: %w", h.Cursor, p.opts.Cursor.Column, tidemark.ErrInvalid)
	}
	common, at, same := match(p.hasher.columns, h.Columns)
	if same || h.Rows == 0 {
		return nil, nil, nil
	}
	changed := fmt.Errorf("the columns have changed (%s): %w", difference(p.hasher.columns, h.Columns), tidemark.ErrInvalid)
	switch {
	case !h.Hashes:
		return nil, nil, tidemark.WithHint(
			fmt.Errorf("%d loaded rows at or above the settled value cannot be told from new ones: %w", h.Rows, changed),
			"list the former columns under source.columns (or undo the change), run until the overlap is small, then take the change over")
	case len(common) < 2 && len(h.Columns) > 1:
		return nil, nil, tidemark.WithHint(
			fmt.Errorf("no column but the cursor is left to tell loaded rows from new ones: %w", changed),
			"undo a part of the change, or load into a new target table")
	}
	return common, at, nil
}

// difference names what differs, for people.
func difference(ours, theirs []column) string {
	var b bytes.Buffer
	list := func(sign string, these, those []column) {
		for _, c := range these {
			if !slices.Contains(those, c) {
				fmt.Fprintf(&b, " %s%s %s", sign, c.Name, c.Kind)
			}
		}
	}
	list("+", ours, theirs)
	list("-", theirs, ours)
	return string(bytes.TrimSpace(b.Bytes()))
}

// smallFile is the size in bytes up to which a side file is kept in memory while it is read.
const smallFile = 1 << 20

// fetch copies the file and checks it before anybody looks inside. A file that is not what the watermark says is
// ErrDamaged; one that could not be read to its end is whatever the store says, because it may be there next time.
func (p *Pass) fetch(ctx context.Context) (io.ReadCloser, error) {
	want := p.opts.Previous.Overlap
	from, err := p.opts.Open(ctx)
	if err != nil {
		if errors.Is(err, tidemark.ErrNotFound) {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		return nil, err
	}
	defer from.Close()

	var to io.ReadWriteCloser = &inMemory{}
	if want.Bytes > smallFile {
		if to, err = tempFile(p.opts.Dir); err != nil {
			return nil, err
		}
	}
	sum := xxh3.New128()
	size, err := io.Copy(io.MultiWriter(to, sum), io.LimitReader(from, want.Bytes+1))
	if err == nil && size != want.Bytes {
		err = fmt.Errorf("not the length of %d bytes: %w: %w", want.Bytes, ErrDamaged, tidemark.ErrInvalid)
	}
	if err == nil && checksum(sum.Sum128()) != want.Checksum {
		err = fmt.Errorf("not the checksum %s: %w: %w", want.Checksum, ErrDamaged, tidemark.ErrInvalid)
	}
	if f, ok := to.(io.Seeker); ok && err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, to.Close())
	}
	return to, nil
}

type inMemory struct{ bytes.Buffer }

func (*inMemory) Close() error { return nil }

// load reads the records of a file with the same columns: they are sorted already.
func load(r io.Reader, h header, dir string, s sizes) (*table, error) {
	b, err := newTable(dir, h.Rows, s)
	if err != nil {
		return nil, err
	}
	err = records(r, h, func(record []byte) error { return b.add(digestOf(record)) })
	if err != nil {
		return nil, errors.Join(err, b.table.close())
	}
	return b.done()
}

// loadCommon reads the records of a file with other columns: each is hashed anew from the hashes of the common
// columns, at the given positions, and sorted anew.
func loadCommon(r io.Reader, h header, at []int, dir string, s sizes) (*table, error) {
	anew := newSorter(dir, 0, s)
	var row []byte
	err := records(r, h, func(record []byte) error {
		row = row[:0]
		for _, c := range at {
			row = binary.LittleEndian.AppendUint64(row, binary.BigEndian.Uint64(record[keyBytes+8*c:]))
		}
		return anew.add(digest{digestOf(record).ordinal, xxh3.Hash128(row)}, nil, ordinal{})
	})
	if err != nil {
		return nil, errors.Join(err, anew.close())
	}
	b, err := newTable(dir, h.Rows, s)
	if err != nil {
		return nil, errors.Join(err, anew.close())
	}
	err = anew.merge(ordinal{}, func(record []byte) error { return b.add(digestOf(record)) })
	if err = errors.Join(err, anew.close()); err != nil {
		return nil, errors.Join(err, b.table.close())
	}
	return b.done()
}

// records calls yield with each record; it is valid until yield returns.
func records(r io.Reader, h header, yield func(record []byte) error) error {
	record := make([]byte, stride(h.width()))
	for range h.Rows {
		if _, err := io.ReadFull(r, record); err != nil {
			return fmt.Errorf("read temporary file: %w", err)
		}
		if err := yield(record); err != nil {
			return err
		}
	}
	return nil
}
