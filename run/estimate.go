package run

import (
	"fmt"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/parquet"
)

// Written is what a run is expected to write. All numbers are estimates, and -1 where there is nothing to go by.
type Written struct {
	Rows    int64  `json:"rows"`  // at least: a row that changes while it is in the overlap is new, too
	Files   int64  `json:"files"` // at least, without those of deletes: each partition has its own
	Bytes   int64  `json:"bytes"`
	Basis   string `json:"basis,omitempty"` // where Bytes comes from, in words
	Deletes bool   `json:"deletes"`         // the keys of the rows are written too, to take away their older versions
}

var unknown = Written{Rows: -1, Files: -1, Bytes: -1}

// shrink is what of the server's data length is left of it in a data file: a rule of thumb.
const shrink = 4

// estimate says what would be written: the rows that the overlap does not know, at the bytes per row of the table's files,
// or where there are none yet, at a part of those that a row takes on the server.
func estimate(p tidemark.Pipeline, s *tidemark.Schema, v tidemark.Preview, plan *Plan) Written {
	w := unknown
	w.Deletes = v.Deletes
	if plan.Rows < 0 {
		return w
	}
	w.Rows = max(0, plan.Rows-plan.Overlap)
	if w.Rows == 0 && plan.Exact {
		w.Files, w.Bytes = 0, 0
		return w
	}
	perRow := float64(0)
	switch {
	case v.Rows > 0 && v.Bytes > 0:
		perRow = float64(v.Bytes) / float64(v.Rows)
		w.Basis = fmt.Sprintf("by the %.0f bytes per row of the table's files", perRow)
	case s.Rows > 0 && s.Bytes > 0:
		perRow = float64(s.Bytes) / float64(s.Rows) / shrink
		w.Basis = fmt.Sprintf("by rule of thumb: a quarter of the %.0f bytes that a row takes on the server", perRow*shrink)
	default:
		return w
	}
	w.Bytes = int64(float64(w.Rows) * perRow)
	w.Files = filesOf(p, plan, w)
	return w
}

// filesOf adds up the files of the splits: each writes its own, of up to FileSize.
func filesOf(p tidemark.Pipeline, plan *Plan, w Written) int64 {
	size := p.FileSize
	if size <= 0 {
		size = parquet.DefaultFileSize
	}
	files := int64(0)
	for _, sp := range plan.Splits {
		if sp.Exact && sp.Rows == 0 {
			continue
		}
		part := float64(w.Bytes) / float64(len(plan.Splits))
		if sp.Rows >= 0 && plan.Rows > 0 {
			part = float64(w.Bytes) * float64(sp.Rows) / float64(plan.Rows)
		}
		files += 1 + int64(part)/size
	}
	return files
}
