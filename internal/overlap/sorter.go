package overlap

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
)

// A sorter takes entries in any order and gives them back sorted, however many they are. It holds a buffer in memory;
// what does not fit goes to disk as sorted runs. It is not safe for concurrent use.
type sorter struct {
	dir   string
	sizes sizes
	width int // column hashes per entry; 0 once they have been given up

	entries []slot
	columns []uint64 // width per entry, at slot.pos

	file    *os.File // holds all runs; nil before the first
	end     int64    // of what is written
	runs    []sorted
	spilled int64 // entries in the runs
}

// A slot is an entry in the buffer. Sorting moves slots and leaves the column hashes where they are.
type slot struct {
	digest
	pos int32
}

const slotBytes = 40

// sorted is a part of the file that is in order.
type sorted struct {
	offset int64
	rows   int64
	width  int
}

func newSorter(dir string, width int, s sizes) *sorter {
	return &sorter{dir: dir, width: width, sizes: s}
}

// add takes one entry. When the buffer is full, what lies below floor is dropped first: that is nearly everything
// while the cursor rises, so that only a true overlap ever touches the disk.
func (s *sorter) add(d digest, columns []uint64, floor ordinal) error {
	limit := max(1, s.sizes.buffer/(slotBytes+8*s.width))
	if len(s.entries) >= limit {
		s.prune(floor)
		if len(s.entries) > limit/2 {
			if err := s.spill(floor); err != nil {
				return err
			}
		}
	}
	s.entries = append(s.entries, slot{d, int32(len(s.entries))})
	s.columns = append(s.columns, columns[:s.width]...)
	return nil
}

// prune drops the entries below floor from the buffer.
func (s *sorter) prune(floor ordinal) {
	kept := 0
	for i, e := range s.entries {
		if e.class != classNull && e.less(floor) {
			continue
		}
		copy(s.columns[kept*s.width:], s.columns[i*s.width:(i+1)*s.width])
		s.entries[kept] = slot{e.digest, int32(kept)}
		kept++
	}
	s.entries, s.columns = s.entries[:kept], s.columns[:kept*s.width]
}

func (s *sorter) sort() {
	slices.SortFunc(s.entries, func(a, b slot) int { return a.compare(b.digest) })
}

// spill writes the buffer to disk as a sorted run.
func (s *sorter) spill(floor ordinal) error {
	if len(s.entries) == 0 {
		return nil
	}
	if s.file == nil {
		f, err := tempFile(s.dir)
		if err != nil {
			return err
		}
		s.file = f
	}
	if len(s.runs) >= s.sizes.runs {
		if err := s.compact(floor); err != nil {
			return err
		}
	}
	s.sort()
	w := bufio.NewWriterSize(io.NewOffsetWriter(s.file, s.end), 1<<16)
	var record []byte
	for _, e := range s.entries {
		record = appendRecord(record[:0], e.digest, s.hashes(e))
		if _, err := w.Write(record); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	s.append(int64(len(s.entries)), s.width)
	s.entries, s.columns = s.entries[:0], s.columns[:0]
	s.narrow()
	return nil
}

// append notes a run that has been written at the end of the file.
func (s *sorter) append(rows int64, width int) {
	s.runs = append(s.runs, sorted{offset: s.end, rows: rows, width: width})
	s.end += rows * int64(stride(width))
	s.spilled += rows
}

// narrow gives the column hashes up when the entries on disk are far more than the side file may hold with them:
// they would cost gigabytes. Should the threshold rise so much after all that a small file comes out, it has no
// column hashes, and a change of the schema right after it stops the next run instead of being compared.
func (s *sorter) narrow() {
	if s.width > 0 && s.spilled > 4*s.sizes.columns {
		s.width, s.columns = 0, nil
	}
}

func (s *sorter) hashes(e slot) []uint64 {
	return s.columns[int(e.pos)*s.width : (int(e.pos)+1)*s.width]
}

// compact merges all runs into one, in a new file, so that a merge never reads from too many at once.
func (s *sorter) compact(floor ordinal) error {
	f, err := tempFile(s.dir)
	if err != nil {
		return err
	}
	old, width := s.file, s.runsWidth()
	w := bufio.NewWriterSize(f, 1<<16)
	var rows int64
	err = s.mergeRuns(floor, func(record []byte) error {
		rows++
		_, err := w.Write(record[:stride(width)])
		return err
	})
	if err = errors.Join(err, w.Flush()); err != nil {
		return errors.Join(err, f.Close())
	}
	s.file, s.runs, s.end, s.spilled = f, nil, 0, 0
	s.append(rows, width)
	return old.Close()
}

// runsWidth returns the number of column hashes that every run has.
func (s *sorter) runsWidth() int {
	width := s.width
	for _, r := range s.runs {
		width = min(width, r.width)
	}
	return width
}

// outWidth returns the number of column hashes that rows entries are given back with: all or 0.
func (s *sorter) outWidth(rows int64) int {
	if rows > s.sizes.columns {
		return 0
	}
	return s.runsWidth()
}

// count returns the number of entries at or above floor, and of those without a cursor.
func (s *sorter) count(floor ordinal) (rows, nulls int64, err error) {
	for _, e := range s.entries {
		switch {
		case e.class == classNull:
			nulls++
		case !e.less(floor):
			rows++
		}
	}
	for _, r := range s.runs {
		n, from, err := s.cut(r, floor)
		if err != nil {
			return 0, 0, err
		}
		nulls += n
		rows += r.rows - from
	}
	return rows, nulls, nil
}

// cut finds how many entries at the beginning of a run have no cursor, and the first one with a cursor at or above
// floor.
func (s *sorter) cut(r sorted, floor ordinal) (nulls, from int64, err error) {
	var record [keyBytes]byte
	search := func(ok func(digest) bool) int64 {
		return int64(sort.Search(int(r.rows), func(i int) bool {
			if _, e := s.file.ReadAt(record[:], r.offset+int64(i)*int64(stride(r.width))); e != nil {
				err = fmt.Errorf("read temporary file: %w", e)
				return true
			}
			return ok(digestOf(record[:]))
		}))
	}
	nulls = search(func(d digest) bool { return d.class != classNull })
	from = search(func(d digest) bool { return d.class != classNull && !d.less(floor) })
	return nulls, from, err
}

// close removes the runs. It may be called on nil and twice.
func (s *sorter) close() error {
	if s == nil || s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file, s.runs, s.entries, s.columns = nil, nil, nil, nil
	return err
}
