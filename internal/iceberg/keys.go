package iceberg

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go/table"
	"github.com/zeebo/xxh3"

	"github.com/tidemark-data/tidemark"
)

// A keySet is the columns by which equality deletes find their rows, and the delete files that have these.
type keySet struct {
	ids    []int         // field ids, sorted
	schema *arrow.Schema // of the columns, as the table has them now
	files  []liveFile
}

// keySets groups delete files by their key. Most tables have one.
func keySets(tbl *table.Table, deletes []liveFile) ([]keySet, error) {
	all, err := table.SchemaToArrowSchema(tbl.Schema(), nil, true, false)
	if err != nil {
		return nil, err
	}
	var sets []keySet
	for _, d := range deletes {
		ids := slices.Sorted(slices.Values(d.EqualityFieldIDs()))
		at := slices.IndexFunc(sets, func(s keySet) bool { return slices.Equal(s.ids, ids) })
		if at < 0 {
			fields := make([]arrow.Field, len(ids))
			for i, id := range ids {
				name, ok := tbl.Schema().FindColumnName(id)
				column, known := all.FieldsByName(name)
				if !ok || !known {
					return nil, fmt.Errorf("delete file %s names field %d, which the table does not have any more: %w", d.FilePath(), id, tidemark.ErrInvalid)
				}
				fields[i] = column[0]
			}
			at = len(sets)
			sets = append(sets, keySet{ids: ids, schema: arrow.NewSchema(fields, nil)})
		}
		sets[at].files = append(sets[at].files, d)
	}
	return sets, nil
}

// hashKeys returns a hash of 128 bits for each row of a batch of key columns. Equal keys have equal hashes; that two
// others have is as likely as that the disk lies. A key that is NULL in part, or of a type that has no equality to rely
// on, is tidemark.ErrInvalid: our merges write none.
func hashKeys(b arrow.RecordBatch, into []xxh3.Uint128) ([]xxh3.Uint128, error) {
	rows := int(b.NumRows())
	encode := make([]func([]byte, int) []byte, b.NumCols())
	for i, column := range b.Columns() {
		if column.NullN() > 0 {
			return nil, fmt.Errorf("key column %q holds NULL: %w", b.ColumnName(i), tidemark.ErrInvalid)
		}
		if encode[i] = keyEncoder(column); encode[i] == nil {
			return nil, fmt.Errorf("key column %q is of type %s: %w", b.ColumnName(i), column.DataType(), tidemark.ErrInvalid)
		}
	}
	into = into[:0]
	var key []byte
	for row := range rows {
		key = key[:0]
		for _, e := range encode {
			key = e(key, row)
		}
		into = append(into, xxh3.Hash128(key))
	}
	return into, nil
}

// keyEncoder returns what appends a value of a column so that no other key has the same bytes; nil for a type that it
// does not take.
func keyEncoder(column arrow.Array) func([]byte, int) []byte {
	number := func(value func(int) uint64) func([]byte, int) []byte {
		return func(key []byte, i int) []byte { return binary.LittleEndian.AppendUint64(key, value(i)) }
	}
	text := func(value func(int) []byte) func([]byte, int) []byte {
		return func(key []byte, i int) []byte {
			v := value(i)
			return append(binary.LittleEndian.AppendUint32(key, uint32(len(v))), v...)
		}
	}
	switch c := column.(type) {
	case *array.Boolean:
		return number(func(i int) uint64 {
			if c.Value(i) {
				return 1
			}
			return 0
		})
	case *array.Int32:
		return number(func(i int) uint64 { return uint64(c.Value(i)) })
	case *array.Int64:
		return number(func(i int) uint64 { return uint64(c.Value(i)) })
	case *array.Date32:
		return number(func(i int) uint64 { return uint64(c.Value(i)) })
	case *array.Timestamp:
		return number(func(i int) uint64 { return uint64(c.Value(i)) })
	case *array.Decimal128:
		return func(key []byte, i int) []byte {
			v := c.Value(i)
			return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(key, v.LowBits()), uint64(v.HighBits()))
		}
	case *array.String:
		return text(func(i int) []byte { return []byte(c.Value(i)) })
	case *array.Binary:
		return text(c.Value)
	}
	return nil
}
