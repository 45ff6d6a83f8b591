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
	file, err := p.fetch(ctx)
	if err != nil {
		return nil, err
	}
	want := p.opts.Previous.Overlap
	h, length, err := readHeader(io.NewSectionReader(file, 0, want.Bytes))
	if err == nil && (h.Rows != want.Rows || length+h.Rows*int64(stride(h.width())) != want.Bytes) {
		err = fmt.Errorf("%d rows, want %d: %w: %w", h.Rows, want.Rows, ErrDamaged, tidemark.ErrInvalid)
	}
	var at []int
	if err == nil {
		p.hasher.common, at, err = p.compare(h)
	}
	if err != nil || h.Rows == 0 {
		return nil, errors.Join(err, file.Close())
	}
	records := io.NewSectionReader(file, length, want.Bytes-length)
	if p.hasher.common == nil {
		return newTable(records, file, h.Rows, h.width(), p.opts.Dir, p.sizes)
	}
	t, err := loadCommon(records, h, at, p.opts.Dir, p.sizes)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
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

// content is a side file on this machine.
type content interface {
	io.ReaderAt
	io.Closer
}

// fetch copies the file and checks it before anybody looks inside. A file that is not what the watermark says is
// ErrDamaged; one that could not be read to its end is whatever the store says, because it may be there next time.
func (p *Pass) fetch(ctx context.Context) (content, error) {
	want := p.opts.Previous.Overlap
	from, err := p.opts.Open(ctx)
	if err != nil {
		if errors.Is(err, tidemark.ErrNotFound) {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		return nil, err
	}
	defer from.Close()

	if want.Bytes <= smallFile {
		var b bytes.Buffer
		if err := copyChecked(&b, from, want); err != nil {
			return nil, err
		}
		return inMemory{bytes.NewReader(b.Bytes())}, nil
	}
	f, err := tempFile(p.opts.Dir)
	if err != nil {
		return nil, err
	}
	if err := copyChecked(f, from, want); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

func copyChecked(to io.Writer, from io.Reader, want tidemark.Overlap) error {
	sum := xxh3.New128()
	size, err := io.Copy(io.MultiWriter(to, sum), io.LimitReader(from, want.Bytes+1))
	switch {
	case err != nil:
		return err
	case size != want.Bytes:
		return fmt.Errorf("not the length of %d bytes: %w: %w", want.Bytes, ErrDamaged, tidemark.ErrInvalid)
	case checksum(sum.Sum128()) != want.Checksum:
		return fmt.Errorf("not the checksum %s: %w: %w", want.Checksum, ErrDamaged, tidemark.ErrInvalid)
	}
	return nil
}

// loadCommon makes a table of a file with other columns: each record is hashed anew from the hashes of the common
// columns, at the given positions, and they are sorted anew.
func loadCommon(records io.Reader, h header, at []int, dir string, s sizes) (t *table, err error) {
	anew := newSorter(dir, 0, s)
	defer func() { err = errors.Join(err, anew.close()) }()
	r := bufio.NewReaderSize(records, 1<<16)
	record, row := make([]byte, stride(h.width())), []byte(nil)
	for range h.Rows {
		if _, err := io.ReadFull(r, record); err != nil {
			return nil, fmt.Errorf("read temporary file: %w", err)
		}
		row = row[:0]
		for _, c := range at {
			row = binary.LittleEndian.AppendUint64(row, binary.BigEndian.Uint64(record[keyBytes+8*c:]))
		}
		if err := anew.add(digest{digestOf(record).ordinal, xxh3.Hash128(row)}, nil, ordinal{}); err != nil {
			return nil, err
		}
	}
	f, err := tempFile(dir)
	if err != nil {
		return nil, err
	}
	w := bufio.NewWriterSize(f, 1<<16)
	err = anew.merge(ordinal{}, func(record []byte) error {
		_, err := w.Write(record)
		return err
	})
	if err = errors.Join(err, w.Flush()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return newTable(f, f, h.Rows, 0, dir, s)
}
