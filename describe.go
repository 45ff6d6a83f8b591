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

// A Description is a table for people.
type Description struct {
	Table       TableID           `json:"table"`
	Format      Format            `json:"format"`
	Location    string            `json:"location"` // where other programs find it: a folder, or s3://BUCKET/PREFIX
	Columns     []DescribedColumn `json:"columns"`
	PartitionBy []string          `json:"partition_by,omitempty"`
	Data        FileCount         `json:"data"`             // files; the rows include those that deletes take away
	Deletes     FileCount         `json:"deletes,omitzero"` // files of deletes
	Files       []LakeFile        `json:"-"`                // of data and of deletes
	Pipelines   []Watermark       `json:"pipelines"`        // that have loaded into it, by name
	History     []Change          `json:"history"`          // the newest first, as far as it is known
}

// A DescribedColumn is a column of a table in the lake.
type DescribedColumn struct {
	TargetColumn
	Doc string `json:"doc,omitempty"` // the source's own type and comment
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
