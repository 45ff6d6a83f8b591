package engine

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/overlap"
)

// readLake finds the rows of the lake that a backfill replaces. It reads the cursor's column alone, and in a merge the keys
// of the rows that the overlap knows.
func (b *Backfill) readLake(ctx context.Context, table Table) error {
	lands, _ := b.lands.Lands(b.cursor.Column) // ranged has seen to it
	cursor, err := columnIn(table.Schema(), lands.Name)
	if err != nil {
		return err
	}
	columns := []string{cursor}
	merge := b.p.Mode == tidemark.ModeMerge
	if merge && b.Now.Overlap.Rows > 0 {
		columns = append(columns, mergeKey(b.p, b.lands)...)
	}
	mark := ""
	if m := b.p.MarkColumn; !merge && m != "" {
		if mark, err = columnIn(table.Schema(), m); err == nil {
			columns = append(columns, mark)
		}
	}
	for rows, err := range table.Rows(ctx, columns) {
		if err != nil {
			return fmt.Errorf("read table %s: %w", b.p.Target, err)
		}
		err = b.look(rows, cursor, mark)
		rows.Release()
		if err != nil {
			return fmt.Errorf("read table %s: %w", b.p.Target, err)
		}
	}
	b.above.close()
	b.count(table.Files())
	return nil
}

// look notes the rows of a batch that matter. Rows that are marked as deleted stay: the source cannot bring them again.
func (b *Backfill) look(rows *tidemark.LakeRows, cursor, mark string) error {
	value, err := overlap.Values(b.cursor, columnOf(rows, cursor))
	if err != nil {
		return err
	}
	var key func(row int) uint32
	if b.p.Mode == tidemark.ModeMerge && b.Now.Overlap.Rows > 0 {
		if key, err = b.lakeKeys(rows); err != nil {
			return err
		}
	}
	marks := columnOf(rows, mark)
	for row := range int(rows.NumRows()) {
		switch v := value(row); {
		case v.IsZero() || !v.Less(b.Now.Settled):
			if key != nil {
				b.above.add(key(row))
			}
		case v.Less(b.Window.From) || !v.Less(b.Window.Until):
		case marks != nil && marks.IsValid(row):
		default:
			b.Held++
			if b.p.Mode != tidemark.ModeMerge {
				b.gone.Add(rows.File, rows.Place(row))
			}
		}
	}
	return nil
}

// sourceKey is the key of a merge, as the source names its columns.
func (b *Backfill) sourceKey() []string {
	key := mergeKey(b.p, b.lands)
	names := make([]string, len(key))
	for i, name := range key {
		c, ok := b.lands.Column(name)
		if names[i], _ = c.Source(); !ok {
			names[i] = name
		}
	}
	return names
}

// lakeKeys returns a function for the checksums of the keys of rows of the lake, the same as those of the source's rows.
func (b *Backfill) lakeKeys(rows *tidemark.LakeRows) (func(row int) uint32, error) {
	key, err := inOrder(rows, mergeKey(b.p, b.lands))
	if err != nil {
		return nil, err
	}
	defer key.Release()
	source := b.sourceKey()
	named := renamedColumns(key, source)
	defer named.Release()
	return keysOf(b.parts.Source, named, source)
}

// count sums up the files that are written anew.
func (b *Backfill) count(files []tidemark.LakeFile) {
	b.Gone = b.gone.Len()
	for _, f := range files {
		if b.gone[f.Key] != nil {
			b.Taken.Add(f.Rows, f.Bytes)
		}
	}
}

// columnIn returns the lake's spelling of a column.
func columnIn(s *arrow.Schema, name string) (string, error) {
	for _, f := range s.Fields() {
		if strings.EqualFold(f.Name, name) {
			return f.Name, nil
		}
	}
	return "", fmt.Errorf("the table in the lake has no column %q: %w", name, tidemark.ErrInvalid)
}

// columnOf returns the column of that name; nil where there is none.
func columnOf(b arrow.RecordBatch, name string) arrow.Array {
	if at := b.Schema().FieldIndices(name); len(at) > 0 {
		return b.Column(at[0])
	}
	return nil
}

// keysOf returns a function for the checksums of the keys of a batch, the same for rows of the source and of the lake.
func keysOf(source tidemark.Source, b arrow.RecordBatch, key []string) (func(row int) uint32, error) {
	comparer, ok := source.(tidemark.Comparer)
	if !ok {
		return nil, fmt.Errorf("rows of the source and of the lake cannot be compared: %w", tidemark.ErrInvalid)
	}
	text, err := comparer.Texts(b, key)
	if err != nil {
		return nil, err
	}
	var buf []byte
	return func(row int) uint32 {
		buf = text(buf[:0], row)
		return crc32.ChecksumIEEE(buf)
	}, nil
}

// A keySet holds checksums of keys, 4 bytes each: an overlap may have millions. A key that is not in it may seem to be.
type keySet []uint32

func (s *keySet) add(key uint32) { *s = append(*s, key) }

// close is called between the last add and the first has.
func (s *keySet) close() {
	slices.Sort(*s)
	*s = slices.Clip(slices.Compact(*s))
}

func (s keySet) has(key uint32) bool {
	_, found := slices.BinarySearch(s, key)
	return found
}

func withClosed(err error, t Table) error { return errors.Join(err, t.Close()) }
