package overlap

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/tidemark-data/tidemark"
)

// The side file:
//
//	magic     8 bytes "TIDEMARK"
//	length    4 bytes, big-endian: of the header
//	header    JSON
//	records   header.rows times: class (1), cursor (8), row hash (16), big-endian; and, where header.hashes is true,
//	          8 bytes per column, in the order of header.columns
//
// The records are sorted as bytes. The file ends with the last one. Its checksum, over all of it, is not in the file
// but in the watermark, so that a file of another commit is not believed either.
const magic = "TIDEMARK"

// version is that of the format and of the canonical form of values: a change in canon.go is a new version.
const version = 1

// maxHeader bounds the header in bytes: 4,096 columns with names of 64 characters need a tenth of it.
const maxHeader = 16 << 20

type header struct {
	Version int      `json:"version"`
	Cursor  string   `json:"cursor"` // its column
	Columns []column `json:"columns"`
	Rows    int64    `json:"rows"`
	Hashes  bool     `json:"hashes"` // each record has a hash per column
}

func (h header) width() int {
	if h.Hashes {
		return len(h.Columns)
	}
	return 0
}

func (h header) append(dst []byte) ([]byte, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	dst = append(dst, magic...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(text)))
	return append(dst, text...), nil
}

// readHeader reads the header of a file whose checksum is right, and returns its length with the magic. What cannot
// be read is ErrDamaged; a newer version is tidemark.ErrInvalid.
func readHeader(r io.Reader) (h header, length int64, err error) {
	damaged := func(what string) (header, int64, error) {
		return header{}, 0, fmt.Errorf("%s: %w: %w", what, ErrDamaged, tidemark.ErrInvalid)
	}
	var prefix [len(magic) + 4]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil || string(prefix[:len(magic)]) != magic {
		return damaged("it is no overlap file")
	}
	size := binary.BigEndian.Uint32(prefix[len(magic):])
	if size > maxHeader {
		return damaged("header too long")
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return damaged("header cut off")
	}
	if err := json.Unmarshal(text, &h); err != nil || h.Rows < 0 {
		return damaged("header cannot be read")
	}
	if h.Version != version {
		return header{}, 0, tidemark.WithHint(
			fmt.Errorf("version %d is not known: %w", h.Version, tidemark.ErrInvalid),
			"a newer tidemark wrote it: update this one")
	}
	return h, int64(len(prefix)) + int64(size), nil
}

// match returns the columns, as indexes into ours, that theirs has too with the same kind, and reports whether the
// two are the same. theirs are the positions of the same columns there.
func match(ours, theirs []column) (common, at []int, same bool) {
	for i, c := range ours {
		if k := slices.Index(theirs, c); k >= 0 {
			common, at = append(common, i), append(at, k)
		}
	}
	return common, at, len(common) == len(ours) && len(common) == len(theirs)
}

func checksum(sum xxh3.Uint128) string {
	return fmt.Sprintf("xxh3-128:%016x%016x", sum.Hi, sum.Lo)
}
