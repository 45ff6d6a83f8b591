package verify

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
)

// A mark is what is known of the rows with one key: the text of the key, or without one the row's checksum.
type mark struct {
	source   int    // rows in the source
	lake     int    // rows in the lake
	checksum uint32 // of the source's row
	equal    int    // of the lake's rows: those with that checksum

	batch, row int // where the key of the source's row is among the batches of marks
}

// suspicious reports whether the two sides are not the same.
func (v *verifier) suspicious(m *mark) bool {
	switch {
	case v.Gone:
		return m.source == 0
	case v.comparison.Key != nil:
		return m.source != 1 || m.lake != 1 || m.equal != 1
	default:
		return m.source != m.lake
	}
}

// look names the rows that differ in some parts. It stops when enough are named, and reports whether these were all.
func (v *verifier) look(ctx context.Context, some []uint32) (whole bool, err error) {
	parts := tidemark.NewParts(v.comparison.N)
	for _, part := range some {
		parts.Add(part)
	}
	marks := map[string]*mark{}
	from, err := v.markSource(ctx, parts, marks)
	defer func() {
		for _, b := range from {
			b.Release()
		}
	}()
	if err != nil {
		return false, err
	}
	if err := v.markLake(ctx, parts, marks); err != nil {
		return false, err
	}
	maps.DeleteFunc(marks, func(_ string, m *mark) bool { return !v.suspicious(m) })
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(marks)), judgedAtOnce) {
		if v.enough() {
			return false, nil
		}
		some := make(map[string]*mark, len(chunk))
		for _, name := range chunk {
			some[name] = marks[name]
		}
		if err := v.judge(ctx, some, from); err != nil {
			return false, err
		}
	}
	return true, nil
}

// judgedAtOnce is how many rows are held in memory with all their values.
const judgedAtOnce = 5_000

// markSource adds the source's marks and returns the batches that they came in, which the caller releases.
func (v *verifier) markSource(ctx context.Context, parts tidemark.Parts, marks map[string]*mark) (from []arrow.RecordBatch, err error) {
	var name []byte
	for b, err := range v.Source.Marks(ctx, v.comparison, parts) {
		if err != nil {
			return from, err
		}
		from = append(from, b)
		err := v.markBatch(b, func(row int, key []byte, checksum uint32) {
			name = v.nameOf(name[:0], key, checksum)
			m := marks[string(name)]
			if m == nil {
				m = &mark{batch: len(from) - 1, row: row}
				marks[string(name)] = m
			}
			m.source++
			m.checksum = checksum
		})
		if err != nil {
			return from, err
		}
	}
	return from, nil
}

// markBatch calls do for the rows of a batch of keys and checksums.
func (v *verifier) markBatch(b arrow.RecordBatch, do func(row int, key []byte, checksum uint32)) error {
	v.report.Fetched += b.NumRows()
	sums, ok := b.Column(int(b.NumCols()) - 1).(*array.Int64)
	if !ok {
		return fmt.Errorf("checksums of type %s: %w", b.Column(int(b.NumCols())-1).DataType(), tidemark.ErrInvalid)
	}
	key := func(dst []byte, _ int) []byte { return dst }
	if v.comparison.Key != nil {
		var err error
		if key, err = v.Source.Texts(b, v.comparison.Key); err != nil {
			return err
		}
	}
	var text []byte
	for i := range int(b.NumRows()) {
		text = key(text[:0], i)
		do(i, text, uint32(sums.Value(i)))
	}
	return nil
}

func (v *verifier) markLake(ctx context.Context, parts tidemark.Parts, marks map[string]*mark) error {
	var name []byte
	return v.eachLakeRow(ctx, v.comparison.Columns, func(r lakeRow) error {
		if !parts.Has(r.part) {
			return nil
		}
		name = v.nameOf(name[:0], r.key, r.checksum)
		m := marks[string(name)]
		if m == nil {
			m = &mark{}
			marks[string(name)] = m
		}
		m.lake++
		if m.source > 0 && m.checksum == r.checksum {
			m.equal++
		}
		return nil
	})
}

// nameOf appends what rows are told apart by.
func (v *verifier) nameOf(dst, key []byte, checksum uint32) []byte {
	if v.comparison.Key != nil {
		return append(dst, key...)
	}
	return append(dst, byte(checksum>>24), byte(checksum>>16), byte(checksum>>8), byte(checksum))
}
