package overlap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sort"
	"sync"

	"github.com/zeebo/xxh3"
)

// A table is the multiset of the previous entries that no row has taken yet. Its cells lie sorted in blocks; an index
// in memory has the first digest of each block. As many blocks as the cache allows are in memory. The rest lie in a
// temporary file, and a block that was changed goes back there when another one needs its place. When all fit, there
// is no file. It is safe for concurrent use.
type table struct {
	mu    sync.Mutex
	cells int      // per block
	index []digest // of the first cell of each block
	slots []block  // block i is in slots[i%len(slots)], if it is in memory
	file  *os.File // nil when all blocks have a slot
}

type block struct {
	number int // -1: the slot is empty
	cells  []byte
	dirty  bool
}

// A cell is a digest and the number of equal rows that are still to come: n, hash, and class (1 byte) with the count
// (7 bytes) in one word.
const cellBytes = 32

func putCell(cell []byte, d digest, count uint64) {
	binary.LittleEndian.PutUint64(cell, d.n)
	binary.LittleEndian.PutUint64(cell[8:], d.hash.Hi)
	binary.LittleEndian.PutUint64(cell[16:], d.hash.Lo)
	binary.LittleEndian.PutUint64(cell[24:], uint64(d.class)<<56|count)
}

func cellDigest(cell []byte) digest {
	return digest{
		ordinal{cell[31], binary.LittleEndian.Uint64(cell)},
		xxh3.Uint128{Hi: binary.LittleEndian.Uint64(cell[8:]), Lo: binary.LittleEndian.Uint64(cell[16:])},
	}
}

// A tableBuilder makes a table from digests in ascending order.
type tableBuilder struct {
	table   *table
	current []byte // the block that is being filled
	last    digest
	count   uint64 // of last, not yet in current; 0 before the first
}

// newTable starts a table of at most rows entries.
func newTable(dir string, rows int64, s sizes) (*tableBuilder, error) {
	t := &table{cells: max(4096/cellBytes, int(rows/int64(s.blocks))+1)}
	blocks := max(1, (rows+int64(t.cells)-1)/int64(t.cells))
	fit := max(1, int64(s.cache/(t.cells*cellBytes)))
	t.slots = make([]block, min(fit, blocks))
	for i := range t.slots {
		t.slots[i].number = -1
	}
	if fit < blocks {
		f, err := tempFile(dir)
		if err != nil {
			return nil, err
		}
		t.file = f
	}
	return &tableBuilder{table: t}, nil
}

// add takes the next digest. Equal ones become one cell.
func (b *tableBuilder) add(d digest) error {
	if b.count > 0 && d == b.last {
		b.count++
		return nil
	}
	if err := b.flushCell(); err != nil {
		return err
	}
	b.last, b.count = d, 1
	return nil
}

func (b *tableBuilder) flushCell() error {
	if b.count == 0 {
		return nil
	}
	if len(b.current) == b.table.cells*cellBytes {
		if err := b.flushBlock(); err != nil {
			return err
		}
	}
	if len(b.current) == 0 {
		b.table.index = append(b.table.index, b.last)
	}
	b.current = append(b.current, make([]byte, cellBytes)...)
	putCell(b.current[len(b.current)-cellBytes:], b.last, b.count)
	return nil
}

func (b *tableBuilder) flushBlock() error {
	number := len(b.table.index) - 1
	if b.table.file != nil {
		_, err := b.table.file.WriteAt(b.current, b.table.offset(number))
		b.current = b.current[:0]
		return err
	}
	b.table.slots[number] = block{number: number, cells: b.current}
	b.current = nil
	return nil
}

// done returns the table; nil when nothing was added.
func (b *tableBuilder) done() (*table, error) {
	if b.count == 0 {
		return nil, b.table.close()
	}
	if err := b.flushCell(); err != nil {
		return nil, errors.Join(err, b.table.close())
	}
	if err := b.flushBlock(); err != nil {
		return nil, errors.Join(err, b.table.close())
	}
	return b.table, nil
}

func (t *table) offset(number int) int64 { return int64(number) * int64(t.cells) * cellBytes }

// take looks each digest up, takes one copy of it out of the table where there is one left, and calls found with the
// index of each that was there.
func (t *table) take(digests []digest, found func(i int)) (n int64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, d := range digests {
		number := sort.Search(len(t.index), func(k int) bool { return d.compare(t.index[k]) < 0 }) - 1
		if number < 0 {
			continue
		}
		b, err := t.block(number)
		if err != nil {
			return 0, err
		}
		at := sort.Search(len(b.cells)/cellBytes, func(k int) bool { return d.compare(cellDigest(b.cells[k*cellBytes:])) <= 0 })
		cell := b.cells[at*cellBytes:]
		if len(cell) == 0 || cellDigest(cell) != d {
			continue
		}
		meta := binary.LittleEndian.Uint64(cell[24:])
		if meta<<8 == 0 { // all copies are taken
			continue
		}
		binary.LittleEndian.PutUint64(cell[24:], meta-1)
		b.dirty = true
		found(i)
		n++
	}
	return n, nil
}

// block returns a block in memory. It is valid until the next call.
func (t *table) block(number int) (*block, error) {
	b := &t.slots[number%len(t.slots)]
	if b.number == number {
		return b, nil
	}
	if b.dirty {
		if _, err := t.file.WriteAt(b.cells, t.offset(b.number)); err != nil {
			return nil, err
		}
	}
	info, err := t.file.Stat()
	if err != nil {
		return nil, err
	}
	size := min(int64(t.cells)*cellBytes, info.Size()-t.offset(number)) // the last block may be short
	b.cells = grow(&b.cells, int(size))
	b.number, b.dirty = -1, false // until it is whole
	if _, err := t.file.ReadAt(b.cells, t.offset(number)); err != nil {
		return nil, fmt.Errorf("read temporary file: %w", err)
	}
	b.number = number
	return b, nil
}

// close removes the file. It may be called on nil and twice.
func (t *table) close() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.index, t.slots = nil, nil
	if t.file == nil {
		return nil
	}
	err := t.file.Close()
	t.file = nil
	return err
}
