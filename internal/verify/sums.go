package verify

import (
	"context"
	"hash/crc32"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/zeebo/xxh3"
	"golang.org/x/sync/errgroup"

	"github.com/tidemark-data/tidemark"
)

// sums has both sides sum up their rows, at the same time.
func (v *verifier) sums(ctx context.Context) (source, lake []tidemark.PartSum, err error) {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		source, err = v.Source.Sums(ctx, v.comparison)
		return err
	})
	g.Go(func() (err error) {
		lake, err = v.lakeSums(ctx)
		return err
	})
	return source, lake, g.Wait()
}

func (v *verifier) lakeSums(ctx context.Context) ([]tidemark.PartSum, error) {
	sums := make([]tidemark.PartSum, v.comparison.N)
	err := v.eachLakeRow(ctx, v.comparison.Columns, func(r lakeRow) error {
		sums[r.part].Add(r.checksum)
		return nil
	})
	v.report.Pending += v.above
	return sums, err
}

// A lakeRow is a row of the lake that counts.
type lakeRow struct {
	batch    *tidemark.LakeRows
	row      int
	key      []byte // its text; valid until the next row
	part     uint32
	checksum uint32 // of the row
}

// eachLakeRow calls do for the rows of the lake that are compared, with at least the comparison's columns.
func (v *verifier) eachLakeRow(ctx context.Context, columns []string, do func(lakeRow) error) error {
	read := slices.Clone(columns)
	if c := v.Schema.Cursor; c != nil && !slices.Contains(read, c.Column) && slices.Contains(v.Columns, c.Column) {
		read = append(read, c.Column)
	}
	if v.Mark != "" && slices.Contains(v.Columns, v.Mark) {
		read = append(read, v.Mark)
	}
	for b, err := range v.Lake.Rows(ctx, read) {
		if err != nil {
			return err
		}
		err = v.eachRowOf(b, do)
		b.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) eachRowOf(b *tidemark.LakeRows, do func(lakeRow) error) error {
	c := v.comparison
	row, err := v.Source.Texts(b, c.Columns)
	if err != nil {
		return err
	}
	var key func([]byte, int) []byte
	if c.Key != nil {
		if key, err = v.Source.Texts(b, c.Key); err != nil {
			return err
		}
	}
	counts, err := v.counts(b)
	if err != nil {
		return err
	}
	var text, keyText []byte
	for i := range int(b.NumRows()) {
		if counts != nil && !counts(i) {
			continue
		}
		text = row(text[:0], i)
		r := lakeRow{batch: b, row: i, checksum: crc32.ChecksumIEEE(text)}
		r.part = c.PartOf(r.checksum)
		if key != nil {
			keyText = key(keyText[:0], i)
			r.key, r.part = keyText, c.PartOf(crc32.ChecksumIEEE(keyText))
			if v.pending.has(keyText) {
				continue
			}
		}
		if c.Below > 0 && r.part >= c.Below {
			continue
		}
		if err := do(r); err != nil {
			return err
		}
	}
	return nil
}

// counts returns which rows of a batch are compared: those that are not marked as deleted and lie in the range of
// cursors; nil for all. Where rows have a key, one at or above settled counts unless the source has it there too: it may
// have been deleted since.
func (v *verifier) counts(b arrow.RecordBatch) (func(row int) bool, error) {
	c := v.comparison
	live := unmarked(b, v.Mark)
	keyless := c.Key == nil && !c.Settled.IsZero()
	if c.Since.IsZero() && !keyless {
		return live, nil
	}
	cursor, err := cursorOf(v.Schema.Cursor, b)
	if err != nil {
		return nil, err
	}
	return func(row int) bool {
		if live != nil && !live(row) {
			return false
		}
		at := cursor(row)
		if keyless && (at.IsZero() || !at.Less(c.Settled)) {
			v.above++
			return false
		}
		return c.Since.IsZero() || !at.Less(c.Since) // none is below every other
	}, nil
}

// unmarked returns which rows of a batch do not have a value in that column; nil for all.
func unmarked(b arrow.RecordBatch, mark string) func(row int) bool {
	if mark == "" {
		return nil
	}
	at := b.Schema().FieldIndices(mark)
	if len(at) == 0 {
		return nil
	}
	return b.Column(at[0]).IsNull
}

// A keySet holds hashes of keys, sorted: 8 bytes each, for the rows of a window may be millions.
type keySet []uint64

func (s keySet) has(key []byte) bool {
	if len(s) == 0 {
		return false
	}
	_, found := slices.BinarySearch(s, xxh3.Hash(key))
	return found
}

// loadPending learns which keys the next run reads.
func (v *verifier) loadPending(ctx context.Context) error {
	if v.comparison.Key == nil || v.comparison.Settled.IsZero() {
		return nil
	}
	var text []byte
	for b, err := range v.Source.Pending(ctx, v.comparison) {
		if err != nil {
			return err
		}
		key, err := v.Source.Texts(b, v.comparison.Key)
		if err != nil {
			b.Release()
			return err
		}
		for i := range int(b.NumRows()) {
			text = key(text[:0], i)
			v.pending = append(v.pending, xxh3.Hash(text))
		}
		b.Release()
	}
	slices.Sort(v.pending)
	v.report.Pending = int64(len(v.pending))
	return nil
}
