package overlap

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"sync"
)

// A table is the multiset of the previous entries that no row has taken yet. It consists of sorted records in a file,
// an index in memory with the first record of each page, and a bit per record that says whether it is taken. Of equal
// records the first ones are taken first. It is safe for concurrent use.
type table struct {
	mu      sync.Mutex
	rows    int64
	stride  int64 // bytes per record
	index   []digest
	records *pages
	taken   *pages
	order   []int32 // scratch
	closers []io.Closer
}

// newTable makes a table of sorted records and takes over what holds them.
func newTable(records io.ReaderAt, holder io.Closer, rows int64, width int, dir string, s sizes) (*table, error) {
	t := &table{rows: rows, stride: int64(stride(width)), closers: []io.Closer{holder}}
	// Pages are as small as the index allows, since a lookup in a large table reads a whole one.
	perPage := max(1, 4096/t.stride, (rows+int64(s.pages)-1)/int64(s.pages))
	t.records = newPages(records, nil, rows*t.stride, perPage*t.stride, s.cache)
	var record [keyBytes]byte
	for n := int64(0); n < rows; n += perPage {
		if _, err := records.ReadAt(record[:], n*t.stride); err != nil {
			return nil, errors.Join(fmt.Errorf("read temporary file: %w", err), t.close())
		}
		t.index = append(t.index, digestOf(record[:]))
	}
	bits := (rows + 7) / 8
	if t.taken = newPages(nil, nil, bits, 4096, s.cache/4); t.taken.resident() {
		return t, nil
	}
	f, err := tempFile(dir)
	if err != nil {
		return nil, errors.Join(err, t.close())
	}
	t.closers = append(t.closers, f)
	if err := f.Truncate(bits); err != nil { // zeros
		return nil, errors.Join(err, t.close())
	}
	t.taken.from, t.taken.to = f, f
	return t, nil
}

// take looks each digest up, takes one equal record where one is left, and calls found with the digest's index.
func (t *table) take(digests []digest, found func(i int)) (n int64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.order = grow(&t.order, len(digests))
	for i := range t.order {
		t.order[i] = int32(i)
	}
	if !t.records.resident() { // neighbours lie in one page: read it once
		slices.SortFunc(t.order, func(a, b int32) int {
			return cmp.Or(digests[a].compare(digests[b]), cmp.Compare(a, b))
		})
	}
	for _, i := range t.order {
		record, err := t.free(digests[i])
		if err != nil {
			return 0, err
		}
		if record < 0 {
			continue
		}
		if err := t.mark(record); err != nil {
			return 0, err
		}
		found(int(i))
		n++
	}
	return n, nil
}

// free returns the number of the first record equal to d that is not taken; -1 when there is none. The taken ones
// come first among equals, so that they are passed by doubling steps: a million equal rows are no hardship.
func (t *table) free(d digest) (int64, error) {
	first, err := t.lowerBound(d)
	if err != nil {
		return 0, err
	}
	gone := func(n int64) bool { // record n is equal and taken
		if err != nil || n >= t.rows {
			return false
		}
		var equal, marked bool
		if equal, err = t.equal(n, d); equal && err == nil {
			marked, err = t.marked(n)
		}
		return equal && marked
	}
	low, step := first, int64(1) // all equal records before low are taken
	for gone(low + step - 1) {
		low, step = low+step, step*2
	}
	next := low + int64(sort.Search(int(step-1), func(k int) bool { return !gone(low + int64(k)) }))
	if err != nil {
		return 0, err
	}
	if next >= t.rows {
		return -1, nil
	}
	if equal, err := t.equal(next, d); err != nil || !equal {
		return -1, err
	}
	return next, nil
}

// lowerBound returns the number of the first record that is not below d; t.rows when there is none.
func (t *table) lowerBound(d digest) (int64, error) {
	// The last page that begins below d is the first that can hold it; later ones may begin with it.
	page := int64(sort.Search(len(t.index), func(k int) bool { return t.index[k].compare(d) >= 0 })) - 1
	if page < 0 {
		return 0, nil
	}
	s, _, err := t.records.at(page * t.records.page)
	if err != nil {
		return 0, err
	}
	rows := len(s.bytes) / int(t.stride)
	within := sort.Search(rows, func(k int) bool { return digestOf(s.bytes[k*int(t.stride):]).compare(d) >= 0 })
	return page*(t.records.page/t.stride) + int64(within), nil
}

func (t *table) equal(n int64, d digest) (bool, error) {
	s, at, err := t.records.at(n * t.stride)
	return err == nil && digestOf(s.bytes[at:]) == d, err
}

func (t *table) marked(n int64) (bool, error) {
	s, at, err := t.taken.at(n / 8)
	return err == nil && s.bytes[at]&(1<<(n%8)) != 0, err
}

func (t *table) mark(n int64) error {
	s, at, err := t.taken.at(n / 8)
	if err != nil {
		return err
	}
	s.bytes[at] |= 1 << (n % 8)
	s.dirty = true
	return nil
}

// close removes the files. It may be called on nil and twice.
func (t *table) close() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var err error
	for _, c := range t.closers {
		err = errors.Join(err, c.Close())
	}
	*t.records, t.index, t.closers = pages{}, nil, nil
	return err
}
