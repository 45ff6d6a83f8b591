package tidemark

import (
	"context"
	"time"
)

// A Describer is a Catalog that tells of a table what a person wants to know of it. It only reads.
type Describer interface {
	// Describe returns a table as it is now. A table that is not there is ErrNotFound.
	Describe(ctx context.Context, id TableID) (*Description, error)
}

// A Commenter is a Catalog in which people say what a table and its columns are for. Comments stay beside what the source
// says of a column, and no run undoes them.
type Commenter interface {
	// Comment sets the comment of a column, or the table's where column is "", and returns the one that was there; "" in
	// place of a text takes it away. A table or column that is not there is ErrNotFound. It never makes the commit of a
	// pipeline fail that writes the table meanwhile, nor is it lost to one.
	Comment(ctx context.Context, id TableID, column, text string) (was string, err error)
}

// A Description is a table for people.
type Description struct {
	Table       TableID           `json:"table"`
	Format      Format            `json:"format"`
	Location    string            `json:"location"`           // where other programs find it: a folder, or s3://BUCKET/PREFIX
	Metadata    string            `json:"metadata,omitempty"` // of an Iceberg table: its newest metadata file
	Comment     string            `json:"comment,omitempty"`  // that a person has set
	Columns     []DescribedColumn `json:"columns"`
	PartitionBy []string          `json:"partition_by,omitempty"`
	Imported    bool              `json:"imported,omitempty"` // the files are somebody else's, and lie where they were
	Data        FileCount         `json:"data"`               // files; the rows include those that deletes take away
	Deletes     FileCount         `json:"deletes,omitzero"`   // files of deletes
	Files       []LakeFile        `json:"-"`                  // of data and of deletes
	Pipelines   []Watermark       `json:"pipelines"`          // that have loaded into it, by name
	History     []Change          `json:"history"`            // the newest first, as far as it is known
}

// A DescribedColumn is a column of a table in the lake.
type DescribedColumn struct {
	TargetColumn
	Doc     string `json:"doc,omitempty"`     // the source's own type and comment
	Comment string `json:"comment,omitempty"` // that a person has set
}

// A Change is a moment of a table's history.
type Change struct {
	Snapshot string    `json:"snapshot,omitempty"` // its id; "" in a format that has none
	At       time.Time `json:"at"`
	What     string    `json:"what"` // in the words of the format

	Pipeline PipelineID  `json:"pipeline,omitempty"` // "" where no pipeline did it
	Commit   int64       `json:"commit,omitempty"`
	Run      RunID       `json:"run,omitempty"`
	Loaded   int64       `json:"rows_loaded"` // by the commit
	High     CursorValue `json:"high,omitzero"`

	Rows  int64 `json:"rows"`            // of the table's data files then; -1 where that is not known
	Files int   `json:"files"`           // likewise
	Aside bool  `json:"aside,omitempty"` // the table was set back behind it, or its files were lost
}
