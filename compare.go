package tidemark

import (
	"context"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
)

// A Comparer is a Source that can be compared with the lake without moving its rows: the server computes checksums. A
// row's checksum is the CRC-32 (IEEE) of its text, that is, of the texts of its columns, joined by commas, as
// [Comparer.Texts] makes them of the lake's rows. Its methods may be called at the same time.
type Comparer interface {
	// Sums returns one PartSum per part of c, computed by the server in statements that each read a piece of the table.
	Sums(ctx context.Context, c Comparison) ([]PartSum, error)

	// Marks yields the rows of some parts: the key columns and, as the last column, the row's checksum as a long. The
	// consumer releases each batch.
	Marks(ctx context.Context, c Comparison, parts Parts) iter.Seq2[arrow.RecordBatch, error]

	// Pending yields the keys of the rows that the comparison leaves out because the next run reads them: the same
	// columns as Marks without the checksum.
	Pending(ctx context.Context, c Comparison) iter.Seq2[arrow.RecordBatch, error]

	// Fetch yields whole rows, as Read does, whatever their cursor: those whose key is among the rows of keys, a batch
	// of key columns; or, of a comparison without a key, those of the comparison with one of the checksums, a batch of
	// one column of longs.
	Fetch(ctx context.Context, c Comparison, keys arrow.RecordBatch) iter.Seq2[arrow.RecordBatch, error]

	// Texts returns a function that appends the text of one row of b to dst: of the columns of those names, as the
	// server writes them in Sums. A column that b does not have reads NULL.
	Texts(b arrow.RecordBatch, columns []string) (func(dst []byte, row int) []byte, error)
}

// A Comparison says which rows and columns of a source are compared. The rows are divided into parts: a row is in part
// CRC-32(text of its key) mod N; without a key, of the whole row.
type Comparison struct {
	Columns []string    // of the source; those that are compared, in the order of their texts
	Key     []string    // of the source; identifies a row. Empty: a row is known by all of its values
	N       uint32      // the number of parts, a power of two
	Below   uint32      // only the parts below this number are compared, to take a sample; 0: all
	Since   CursorValue // only rows at or above; none: all
	Settled CursorValue // only rows below, and with a cursor; none: all

	// Pause is called between two statements that read pieces, with the number of rows that the last one has read; it
	// may wait, to spare the server. nil: no pause.
	Pause func(ctx context.Context, rows int64) error
}

// PartOf returns the part of a row by its key's checksum.
func (c Comparison) PartOf(key uint32) uint32 { return key & (c.N - 1) }

// A PartSum is what is compared of a part. Two parts are equal when their PartSums are; a row that differs shows, but
// for one in 2^32.
type PartSum struct {
	Rows int64
	Sum  uint64 // of the rows' checksums
}

// Add counts a row with that checksum.
func (s *PartSum) Add(checksum uint32) {
	s.Rows++
	s.Sum += uint64(checksum)
}

// Parts is a set of parts, one bit for each.
type Parts []uint64

// NewParts returns the empty set of n parts.
func NewParts(n uint32) Parts { return make(Parts, (n+63)/64) }

// Add puts a part into the set.
func (p Parts) Add(part uint32) { p[part/64] |= 1 << (part % 64) }

// Has reports whether a part is in the set.
func (p Parts) Has(part uint32) bool { return p[part/64]&(1<<(part%64)) != 0 }
