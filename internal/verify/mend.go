package verify

import (
	"cmp"
	"context"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/zeebo/xxh3"

	"github.com/tidemark-data/tidemark"
)

// A Mender is told what it takes to make a table what the source is, while the differences are found. Its methods are
// called by one goroutine.
type Mender interface {
	// Load takes over rows of the source that the lake lacks, as Source.Read yields them. In ModeMerge they take the
	// place of all rows of the lake with the same keys.
	Load(ctx context.Context, rows arrow.RecordBatch) error

	// Extra names a row of the lake, by its file and number there, that should not be there beside others or is wrong.
	// It is not called in ModeMerge.
	Extra(file string, row int64)

	// Deleted names a row of the lake that the source does not have any more.
	Deleted(file string, row int64)

	// Above says that a row of the lake that goes or is replaced lies at or above settled, so that the overlap knows it.
	// Only in ModeMerge: where rows are appended such a row is left alone.
	Above()
}

// doubled: a merge writes the row once more, which takes the place of all; else what is too many goes.
func (v *verifier) doubled(source whole, lake, extra []whole, loads *loads) {
	if v.Pipeline.Mode == tidemark.ModeMerge {
		v.replaced(lake)
		loads.add(source)
		return
	}
	for _, row := range extra {
		v.extraRow(row)
	}
}

// different: the row of the source takes the place of the lake's.
func (v *verifier) different(source whole, lake []whole, loads *loads) {
	loads.add(source)
	if v.Pipeline.Mode == tidemark.ModeMerge {
		v.replaced(lake)
		return
	}
	v.extraRow(lake[0])
}

// extraRow: where several pipelines fill a table it may be another's.
func (v *verifier) extraRow(row whole) {
	if v.Mender != nil && !v.Shared {
		v.Mender.Extra(row.file, row.place)
	}
}

// replaced looks whether rows that go are among those that the next run would take for loaded.
func (v *verifier) replaced(lake []whole) {
	if v.Mender != nil && slices.ContainsFunc(lake, v.isPending) {
		v.Mender.Above()
	}
}

// deleted tells of rows that go. Of their older versions, which were left out so far, the keys are remembered.
func (v *verifier) deleted(lake []whole) {
	if v.Mender == nil {
		return
	}
	v.replaced(lake)
	for _, row := range lake {
		v.Mender.Deleted(row.file, row.place)
	}
	if v.Versions != nil {
		v.gone = append(v.gone, xxh3.HashString128(lake[0].name))
	}
}

// olderVersions tells of the older versions of deleted rows, which would be the newest ones otherwise.
func (v *verifier) olderVersions(ctx context.Context) error {
	if len(v.gone) == 0 {
		return nil
	}
	order := func(a, b xxh3.Uint128) int { return cmp.Or(cmp.Compare(a.Hi, b.Hi), cmp.Compare(a.Lo, b.Lo)) }
	slices.SortFunc(v.gone, order)
	var text []byte
	for b, err := range v.Versions.Rows(ctx, v.comparison.Key) {
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
			if _, gone := slices.BinarySearchFunc(v.gone, xxh3.Hash128(text), order); gone {
				v.Mender.Deleted(b.File, b.Place(i))
			}
		}
		b.Release()
	}
	return nil
}

// loads are rows of the source that are to be loaded, of the batches of one round of judging.
type loads struct {
	batches []arrow.RecordBatch
	rows    map[arrow.RecordBatch][]int64
}

// hold keeps a batch until release.
func (l *loads) hold(b arrow.RecordBatch) {
	b.Retain()
	l.batches = append(l.batches, b)
}

func (l *loads) add(row whole) {
	if l.rows == nil {
		l.rows = map[arrow.RecordBatch][]int64{}
	}
	rows := l.rows[row.batch]
	if n := len(rows); n == 0 || rows[n-1] != int64(row.row) { // doubled and different at once
		l.rows[row.batch] = append(rows, int64(row.row))
	}
}

func (l *loads) release() {
	for _, b := range l.batches {
		b.Release()
	}
}

// load hands the rows of a round to the mender.
func (v *verifier) load(ctx context.Context, l *loads) error {
	if v.Mender == nil {
		return nil
	}
	for _, b := range l.batches {
		rows := l.rows[b]
		if len(rows) == 0 {
			continue
		}
		names := make([]string, b.NumCols())
		for i := range names {
			names[i] = b.ColumnName(i)
		}
		some, err := taken(ctx, b, names, rows)
		if err != nil {
			return err
		}
		if err := v.Mender.Load(ctx, some); err != nil {
			return err
		}
	}
	return nil
}
