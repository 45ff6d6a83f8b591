package engine

import (
	"fmt"
	"maps"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
)

// rowSets are rows of data files, by file.
type rowSets map[string]tidemark.RowSet

func (s rowSets) add(file string, row int64) {
	set := s[file]
	set.Add(row)
	s[file] = set
}

// merge adds the rows of t.
func (s rowSets) merge(t rowSets) {
	for file, rows := range t {
		set := slices.Clone(s[file])
		for len(set) < len(rows) {
			set = append(set, 0)
		}
		for i, word := range rows {
			set[i] |= word
		}
		s[file] = set
	}
}

func (s rowSets) rows() (n int64) {
	for _, set := range s {
		n += set.Len()
	}
	return n
}

// list returns the sets in the order of the files' names.
func (s rowSets) list() []tidemark.FileRows {
	var all []tidemark.FileRows
	for _, file := range slices.Sorted(maps.Keys(s)) {
		all = append(all, tidemark.FileRows{Key: file, Rows: s[file]})
	}
	return all
}

// inOrder returns columns of a batch in an order of their own.
func inOrder(b arrow.RecordBatch, names []string) (arrow.RecordBatch, error) {
	fields, columns := make([]arrow.Field, len(names)), make([]arrow.Array, len(names))
	for i, name := range names {
		at := b.Schema().FieldIndices(name)
		if len(at) == 0 {
			return nil, fmt.Errorf("the lake lacks column %q: %w", name, tidemark.ErrInvalid)
		}
		fields[i], columns[i] = b.Schema().Field(at[0]), b.Column(at[0])
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, b.NumRows()), nil
}
