package tidemark

import (
	"context"
	"iter"
	"maps"
	"math/bits"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
)

// A Rewriter is a Target that can take single rows out of its table, wherever they lie.
type Rewriter interface {
	// Rewrite stores data files of the table once more, each without some of its rows, so that no reader sees the new
	// ones before they are committed: by a Commit whose Replaces names the old ones. Where all rows of a file go,
	// nothing takes its place. A file that the table does not have (any more) is ErrConflict, one that holds fewer rows
	// ErrInvalid. Prepare was called before. Memory is bounded whatever the files' sizes.
	Rewrite(ctx context.Context, run RunID, files []FileRows) ([]DataFile, error)
}

// An Eraser is a Target that can take rows out of a table in ModeMerge by their keys.
type Eraser interface {
	// Erase stores keys, batches of the columns of the pipeline's key in that order, so that a Commit with the returned
	// files takes the rows with these keys out of the table, but for those that the same commit brings. It releases each
	// batch. Prepare was called before.
	Erase(ctx context.Context, run RunID, keys iter.Seq2[arrow.RecordBatch, error]) ([]DataFile, error)
}

// MarkType returns the type of Pipeline.MarkColumn.
func MarkType() arrow.DataType { return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"} }

// Marked adds the pipeline's MarkColumn to the schema of its rows, unless they have it: the table has it from the
// beginning, though only rows that are gone bring a value.
func (p Pipeline) Marked(s *arrow.Schema) *arrow.Schema {
	if p.MarkColumn == "" || s.HasField(p.MarkColumn) {
		return s
	}
	mark := arrow.Field{
		Name: p.MarkColumn, Type: MarkType(), Nullable: true,
		Metadata: arrow.NewMetadata([]string{DocKey}, []string{"when the row was found to be deleted in the source"}),
	}
	return arrow.NewSchema(append(s.Fields(), mark), nil)
}

// FileRows are some rows of one data file.
type FileRows struct {
	Key  string // of the file, as in LakeFile
	Rows RowSet
}

// A RowSet is a set of the rows of a file, by their numbers from 0: one bit for each up to the highest.
type RowSet []uint64

// Add puts a row into the set.
func (s *RowSet) Add(row int64) {
	for int64(len(*s)) <= row/64 {
		*s = append(*s, 0)
	}
	(*s)[row/64] |= 1 << (row % 64)
}

// Has reports whether a row is in the set.
func (s RowSet) Has(row int64) bool { return row/64 < int64(len(s)) && s[row/64]&(1<<(row%64)) != 0 }

// End returns the number of the highest row, plus one; 0 for the empty set.
func (s RowSet) End() int64 {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] != 0 {
			return int64(64*i + bits.Len64(s[i]))
		}
	}
	return 0
}

// Len counts the rows of the set.
func (s RowSet) Len() (n int64) {
	for _, word := range s {
		n += int64(bits.OnesCount64(word))
	}
	return n
}

// Places are rows of a table, by the keys of their files.
type Places map[string]RowSet

// Add puts a row of a file into the set.
func (p Places) Add(file string, row int64) {
	rows := p[file]
	rows.Add(row)
	p[file] = rows
}

// Merge adds all rows of q.
func (p Places) Merge(q Places) {
	for file, rows := range q {
		all := slices.Clone(p[file])
		for len(all) < len(rows) {
			all = append(all, 0)
		}
		for i, word := range rows {
			all[i] |= word
		}
		p[file] = all
	}
}

// Len counts the rows.
func (p Places) Len() (n int64) {
	for _, rows := range p {
		n += rows.Len()
	}
	return n
}

// Files returns the rows of each file, in the order of the files' keys.
func (p Places) Files() []FileRows {
	var all []FileRows
	for _, file := range slices.Sorted(maps.Keys(p)) {
		all = append(all, FileRows{Key: file, Rows: p[file]})
	}
	return all
}

// LakeRows are rows of a data file, with the place of each: row 0 of the batch may be any row of the file, and the
// others come in the file's order, with gaps where rows are none of the table's any more.
type LakeRows struct {
	arrow.RecordBatch
	File  string  // its key, as in LakeFile
	First int64   // the number in the file of the row at which reading began
	Dead  RowSet  // of the file: the rows that were left out
	rows  []int64 // the numbers of the batch's rows, once they were asked for
}

// Place returns the number in its file of a row of the batch. It is not safe for concurrent use.
func (r *LakeRows) Place(row int) int64 {
	if r.Dead == nil {
		return r.First + int64(row)
	}
	for at := r.First; len(r.rows) < int(r.NumRows()); at++ {
		if !r.Dead.Has(at) {
			r.rows = append(r.rows, at)
		}
	}
	return r.rows[row]
}
