package overlap

import (
	"bufio"
	"bytes"
	"container/heap"
	"fmt"
	"io"
)

// merge calls yield with each entry without a cursor or at or above floor, in order: a record of at least the
// sorter's width that is valid until yield returns. It can be repeated; nothing may be added any more.
func (s *sorter) merge(floor ordinal, yield func(record []byte) error) error {
	if len(s.runs) > 0 { // to give the buffer's memory to the read buffers
		if err := s.spill(floor); err != nil {
			return err
		}
		s.entries, s.columns = nil, nil
		return s.mergeRuns(floor, yield)
	}
	s.sort()
	var record []byte
	for _, e := range s.entries {
		if e.class != classNull && e.less(floor) {
			continue
		}
		record = appendRecord(record[:0], e.digest, s.hashes(e))
		if err := yield(record); err != nil {
			return err
		}
	}
	return nil
}

// mergeRuns is merge without the buffer.
func (s *sorter) mergeRuns(floor ordinal, yield func(record []byte) error) error {
	var sources sources
	size := min(1<<16, s.sizes.merge/(2*len(s.runs)))
	for _, r := range s.runs {
		nulls, from, err := s.cut(r, floor)
		if err != nil {
			return err
		}
		for _, part := range [][2]int64{{0, nulls}, {max(nulls, from), r.rows}} {
			if part[0] == part[1] {
				continue
			}
			width := int64(stride(r.width))
			section := io.NewSectionReader(s.file, r.offset+part[0]*width, (part[1]-part[0])*width)
			src := &source{from: bufio.NewReaderSize(section, size), record: make([]byte, width), left: part[1] - part[0]}
			if err := src.next(); err != nil {
				return err
			}
			sources = append(sources, src)
		}
	}
	heap.Init(&sources)
	for len(sources) > 0 {
		first := sources[0]
		if err := yield(first.record); err != nil {
			return err
		}
		if first.left == 0 {
			heap.Pop(&sources)
			continue
		}
		if err := first.next(); err != nil {
			return err
		}
		heap.Fix(&sources, 0)
	}
	return nil
}

// A source is a run that is being merged, at its current record.
type source struct {
	from   *bufio.Reader
	record []byte
	left   int64 // records behind the current one
}

func (s *source) next() error {
	if _, err := io.ReadFull(s.from, s.record); err != nil {
		return fmt.Errorf("read temporary file: %w", err)
	}
	s.left--
	return nil
}

// sources is a heap by current record.
type sources []*source

func (s sources) Len() int { return len(s) }
func (s sources) Less(i, j int) bool {
	return bytes.Compare(s[i].record[:keyBytes], s[j].record[:keyBytes]) < 0
}
func (s sources) Swap(i, j int) { s[i], s[j] = s[j], s[i] }
func (s *sources) Push(x any)   { *s = append(*s, x.(*source)) }
func (s *sources) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}
