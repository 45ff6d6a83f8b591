package overlap

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/zeebo/xxh3"

	"github.com/tidemark-data/tidemark"
)

// A column is what the side file's header says of one: enough to tell whether its hashes can be compared.
type column struct {
	Name string `json:"name"`
	Kind kind   `json:"kind"`
}

// A hasher turns rows into entries. It is used by all goroutines of a pass and never changes after Begin.
type hasher struct {
	columns []column // in the order of their names: a reordered table hashes the same
	index   []int    // of each in the batches

	// common are the columns, as indexes into columns, that the previous file has too, where it does not have the
	// same ones; nil where it has. Then rows are looked up by these alone.
	common []int
}

func newHasher(s *tidemark.Schema) (*hasher, error) {
	h := &hasher{index: make([]int, len(s.Columns))}
	for i := range s.Columns {
		h.index[i] = i
	}
	slices.SortFunc(h.index, func(i, j int) int { return cmp.Compare(s.Columns[i].Name, s.Columns[j].Name) })
	for _, i := range h.index {
		c := s.Columns[i]
		k, err := kindOf(c.Type)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name, err)
		}
		h.columns = append(h.columns, column{Name: c.Name, Kind: k})
	}
	return h, nil
}

// A digest is the identity of a row: its cursor and the hash of its values. In the lookup after a schema change the
// hash is that of the common columns.
type digest struct {
	ordinal
	hash xxh3.Uint128
}

func (d digest) compare(e digest) int {
	if d.ordinal != e.ordinal {
		if d.less(e.ordinal) {
			return -1
		}
		return 1
	}
	if c := cmp.Compare(d.hash.Hi, e.hash.Hi); c != 0 {
		return c
	}
	return cmp.Compare(d.hash.Lo, e.hash.Lo)
}

// chunkRows is how many rows are hashed before they are looked up and stored. It bounds the scratch memory: column
// hashes take at most 1 MiB. The more rows, the more of them share a page in the lookup.
func (h *hasher) chunkRows() int { return max(1, min(16_384, (1<<17)/len(h.columns))) }

// A scratch is the working memory of one goroutine inside Apply. Its slices are reused.
type scratch struct {
	keys    []int64
	rows    []int32
	drop    []bool
	row     []byte
	columns []uint64 // len(hasher.columns) per entry
	entries []digest // what is stored
	lookups []digest // what is looked up: entries itself, but after a schema change
}

// hash fills s with the digests of rows. Column hashes are computed only where somebody needs them.
func (h *hasher) hash(s *scratch, values []appender, rows []int32, ordinalAt func(row int32) ordinal, wide bool) {
	s.entries, s.lookups, s.columns = s.entries[:0], s.lookups[:0], s.columns[:0]
	wide = wide || h.common != nil
	for _, row := range rows {
		s.row = s.row[:0]
		for _, value := range values {
			from := len(s.row)
			s.row = value(s.row, int(row))
			if wide {
				s.columns = append(s.columns, xxh3.Hash(s.row[from:]))
			}
		}
		s.entries = append(s.entries, digest{ordinalAt(row), xxh3.Hash128(s.row)})
	}
	if h.common == nil {
		s.lookups = append(s.lookups, s.entries...)
		return
	}
	for i, e := range s.entries {
		hashes := s.columns[i*len(h.columns):]
		s.row = s.row[:0]
		for _, c := range h.common {
			s.row = binary.LittleEndian.AppendUint64(s.row, hashes[c])
		}
		s.lookups = append(s.lookups, digest{e.ordinal, xxh3.Hash128(s.row)})
	}
}

// bind returns the appenders of a batch in the order of the hasher's columns.
func (h *hasher) bind(b arrow.RecordBatch) []appender {
	values := make([]appender, len(h.index))
	for i, column := range h.index {
		values[i] = appenderOf(b.Column(column))
	}
	return values
}
