package overlap

import (
	"fmt"
	"io"
)

// A pages is a cache of the pages of a file. The page with number n has its place in slots[n%len(slots)]: when all
// pages fit, none is ever read twice. A changed page goes back to the file when another one needs its place.
type pages struct {
	from  io.ReaderAt // nil: pages begin as zeros
	to    io.WriterAt // nil: no page is changed, or all have a slot
	size  int64       // of the file in bytes
	page  int64       // bytes per page; the last one may be shorter
	slots []pageSlot
}

type pageSlot struct {
	number int64 // plus one; 0: empty
	bytes  []byte
	dirty  bool
}

// newPages returns a cache of at most cache bytes, but of one page at least.
func newPages(from io.ReaderAt, to io.WriterAt, size, page int64, cache int) *pages {
	all := (size + page - 1) / page
	return &pages{from: from, to: to, size: size, page: page, slots: make([]pageSlot, max(1, min(all, int64(cache)/page)))}
}

// resident reports whether all pages have a slot.
func (p *pages) resident() bool { return int64(len(p.slots))*p.page >= p.size }

// at returns the page that holds the byte at offset, and where in it. It is valid until the next call.
func (p *pages) at(offset int64) (*pageSlot, int64, error) {
	number := offset / p.page
	s := &p.slots[number%int64(len(p.slots))]
	if s.number == number+1 {
		return s, offset - number*p.page, nil
	}
	if s.dirty {
		if _, err := p.to.WriteAt(s.bytes, (s.number-1)*p.page); err != nil {
			return nil, 0, fmt.Errorf("write temporary file: %w", err)
		}
	}
	s.number, s.dirty = 0, false // until it is whole
	s.bytes = grow(&s.bytes, int(min(p.page, p.size-number*p.page)))
	if p.from != nil {
		if _, err := p.from.ReadAt(s.bytes, number*p.page); err != nil {
			return nil, 0, fmt.Errorf("read temporary file: %w", err)
		}
	}
	s.number = number + 1
	return s, offset - number*p.page, nil
}
