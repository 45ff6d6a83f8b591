package iceberg

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
)

// What a commit leaves in a table. The property is the truth; the summary says of a snapshot which commit made it, and
// outlives the property's next value, so that a lost answer can be found out and a rollback be seen.
//
//	property       tidemark.<pipeline>  the watermark as JSON
//	in a summary   tidemark.<pipeline>  the same without its settlements, which only the next run needs
//	               tidemark-pipeline, tidemark-seq, tidemark-run, tidemark-rows
const (
	watermarkPrefix = "tidemark."

	summaryPipeline = "tidemark-pipeline"
	summarySeq      = "tidemark-seq"
	summaryRun      = "tidemark-run"
	summaryRows     = "tidemark-rows"
)

func watermarkKey(p tidemark.PipelineID) string { return watermarkPrefix + string(p) }

// watermarkOf returns the watermark that a table holds for a pipeline; false when there is none.
func watermarkOf(t *table.Table, p tidemark.PipelineID) (tidemark.Watermark, bool, error) {
	record, ok := t.Properties()[watermarkKey(p)]
	if !ok {
		return tidemark.Watermark{}, false, nil
	}
	w, err := tidemark.DecodeWatermark([]byte(record))
	if err != nil {
		return tidemark.Watermark{}, false, fmt.Errorf("table %s, property %s: %w", strings.Join(t.Identifier(), "."), watermarkKey(p), err)
	}
	return w, true, nil
}

// pipelinesOf returns the pipelines that have a watermark in a table.
func pipelinesOf(t *table.Table) []tidemark.PipelineID {
	var pipelines []tidemark.PipelineID
	for key := range t.Properties() {
		if id, ok := strings.CutPrefix(key, watermarkPrefix); ok {
			pipelines = append(pipelines, tidemark.PipelineID(id))
		}
	}
	return pipelines
}

// A mark is what the summary of a snapshot says about the commit that made it.
type mark struct {
	seq int64
	run tidemark.RunID
}

func markOfWatermark(w tidemark.Watermark) mark { return mark{seq: w.Seq, run: w.Run} }

// markOf returns the mark of a snapshot; false when another pipeline or program made it.
func markOf(s table.Snapshot, p tidemark.PipelineID) (mark, bool) {
	if s.Summary == nil || s.Summary.Properties[summaryPipeline] != string(p) {
		return mark{}, false
	}
	seq, err := strconv.ParseInt(s.Summary.Properties[summarySeq], 10, 64)
	if err != nil {
		return mark{}, false
	}
	return mark{seq: seq, run: tidemark.RunID(s.Summary.Properties[summaryRun])}, true
}

// A history is the trace that a pipeline has left in the snapshots of a table.
type history struct {
	main     []mark // of the snapshots from main's head back, newest first
	aside    []mark // of the snapshots that main does not descend from: someone has rolled it back
	complete bool   // main's snapshots are all there, back to the first; else older ones have expired
}

func historyOf(t *table.Table, p tidemark.PipelineID) history {
	h := history{complete: true}
	descends := make(map[int64]bool)
	if head := t.CurrentSnapshot(); head != nil {
		var ancestors []table.Snapshot
		ancestors, h.complete = table.AncestorsOfChecked(head.SnapshotID, t.SnapshotByID)
		for _, s := range ancestors {
			descends[s.SnapshotID] = true
			if m, ok := markOf(s, p); ok {
				h.main = append(h.main, m)
			}
		}
	}
	for _, s := range t.Metadata().Snapshots() {
		if m, ok := markOf(s, p); ok && !descends[s.SnapshotID] {
			h.aside = append(h.aside, m)
		}
	}
	return h
}

// rolledBack reports whether main lacks the snapshot that brought the watermark w, although it has not expired: someone
// set the table back to an earlier snapshot, which leaves the properties as they were.
func (h history) rolledBack(w tidemark.Watermark) bool {
	want := markOfWatermark(w)
	if len(h.main) > 0 {
		return h.main[0] != want
	}
	for _, m := range h.aside {
		if m == want {
			return true
		}
	}
	return h.complete // nothing has expired, so there never was such a snapshot on this line
}
