package verify

import (
	"fmt"
	"time"

	"github.com/tidemark-data/tidemark"
)

// A Kind says what is wrong with a row.
type Kind string

const (
	Missing   Kind = "missing"   // in the source, and not in the lake
	Different Kind = "different" // in both, with other values
	Doubled   Kind = "doubled"   // in the lake more often than in the source
	Deleted   Kind = "deleted"   // in the lake, and not in the source any more
)

// Kinds are all kinds, in the order in which they are told.
var Kinds = []Kind{Missing, Different, Doubled, Deleted}

// A Report is what a verification has found.
type Report struct {
	Pipeline tidemark.PipelineID  `json:"pipeline"`
	Commit   int64                `json:"commit"`           // of the pipeline that was compared
	Settled  tidemark.CursorValue `json:"settled,omitzero"` // rows at or above it are the next run's
	Key      []string             `json:"key,omitempty"`    // by which rows are told apart; none: by all of their values

	SourceRows int64 `json:"source_rows"` // that were compared
	LakeRows   int64 `json:"lake_rows"`
	Pending    int64 `json:"pending_rows"` // left out: the next run reads them
	Parts      int   `json:"parts"`
	Differing  int   `json:"parts_differing"`

	Found   map[Kind]int64 `json:"found,omitempty"`         // rows, by kind; at least so many where Partial is not 0
	Rows    []Row          `json:"rows,omitempty"`          // that differ, as many as were asked for
	Partial int            `json:"parts_left,omitempty"`    // parts that differ and were not looked into any more
	Sample  float64        `json:"sample,omitempty"`        // the share of the rows that was compared, if not all
	Notices []string       `json:"notices,omitempty"`       // what the reader of the report should know
	Took    time.Duration  `json:"took_ns"`                 // from the first statement to the last
	Fetched int64          `json:"source_rows_transferred"` // rows and keys that came over the network, beside the sums
}

// Clean reports whether nothing differs.
func (r *Report) Clean() bool { return r.Differing == 0 || len(r.Found) == 0 && r.Partial == 0 }

// Total is the number of rows that differ.
func (r *Report) Total() (n int64) {
	for _, found := range r.Found {
		n += found
	}
	return n
}

// A Row is a row that differs.
type Row struct {
	Kind   Kind    `json:"kind"`
	Count  int64   `json:"count,omitempty"` // how often, where it is not once
	Key    []Value `json:"key,omitempty"`   // its key; of a table without one, all its values
	Differ []Pair  `json:"columns,omitempty"`
}

// A Value is a column's value, for people. nil is NULL.
type Value struct {
	Column string  `json:"column"`
	Value  *string `json:"value"`
}

// A Pair is a column whose values differ.
type Pair struct {
	Column string  `json:"column"`
	Source *string `json:"source"`
	Lake   *string `json:"lake"`
}

func (r *Report) notice(format string, args ...any) {
	r.Notices = append(r.Notices, fmt.Sprintf(format, args...))
}

// add counts a row that differs, and names it while there is room.
func (r *Report) add(limit int, row Row) {
	if r.Found == nil {
		r.Found = map[Kind]int64{}
	}
	r.Found[row.Kind] += max(row.Count, 1)
	if len(r.Rows) < limit {
		r.Rows = append(r.Rows, row)
	}
}
