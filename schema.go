package tidemark

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
)

// DocKey is the key under which an Arrow field carries the source's own type and comment; targets keep it as the
// column's doc.
const DocKey = "doc"

// A Column is a column of the source as the pipeline reads it.
type Column struct {
	Name       string
	Type       arrow.DataType // what the batches hold
	Nullable   bool           // in the batches: also true where zero dates become NULL
	SourceType string         // the server's own COLUMN_TYPE, such as "int unsigned"
	Comment    string

	// From is the source's name of the column, where transforms have given it another or another type; "" means Name.
	From string

	// Computed: a transform has made the values, so that the source has no such column.
	Computed bool
}

// Source returns the column of the source whose values these are, or false of one that was computed.
func (c Column) Source() (string, bool) {
	if c.From == "" {
		return c.Name, !c.Computed
	}
	return c.From, !c.Computed
}

// A Schema is what a source knows of its table at the start of a run. Callers do not change it.
type Schema struct {
	Columns []Column
	Key     []string   // the primary key, in its order; nil when there is none
	Unique  [][]string // all keys of NOT NULL columns that the server keeps unique, the primary key included
	Cursor  *Cursor    // nil without a cursor
	Origin  Origin
	Rows    int64 // the server's own estimate of the table's rows, for progress only; -1 where it has none
	Bytes   int64 // the same for its size in bytes
}

// Origin identifies what is read: a watermark is only good for the table that it was taken from.
type Origin struct {
	Server string `json:"server"` // server_uuid, or what comes nearest to it
	Table  string `json:"table"`
}

// Arrow returns the schema of the batches that the source yields.
func (s *Schema) Arrow() *arrow.Schema {
	fields := make([]arrow.Field, len(s.Columns))
	for i, c := range s.Columns {
		fields[i] = arrow.Field{Name: c.Name, Type: c.Type, Nullable: c.Nullable}
		if doc := c.doc(); doc != "" {
			fields[i].Metadata = arrow.NewMetadata([]string{DocKey}, []string{doc})
		}
	}
	return arrow.NewSchema(fields, nil)
}

// doc is what the source says of the column; "" of one that it does not have.
func (c Column) doc() string {
	if c.SourceType == "" || c.Comment == "" {
		return c.SourceType + c.Comment
	}
	return c.SourceType + ": " + c.Comment
}

// Column returns the column of that name, or false.
func (s *Schema) Column(name string) (Column, bool) {
	i := slices.IndexFunc(s.Columns, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return Column{}, false
	}
	return s.Columns[i], true
}

// IsUnique reports whether the server guarantees that no two rows agree in all of the columns and none of them is
// NULL, so that they can serve as a merge key.
func (s *Schema) IsUnique(columns []string) bool {
	return slices.ContainsFunc(s.Unique, func(key []string) bool {
		return len(key) == len(columns) && !slices.ContainsFunc(key, func(c string) bool { return !slices.Contains(columns, c) })
	})
}
