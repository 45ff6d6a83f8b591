package iceberg

import (
	"cmp"
	"fmt"
	"slices"
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
//	               tidemark-replaced   how many files the commit's take the place of, if any
//	               tidemark-maintenance, tidemark-maintenance-id   of a snapshot that no pipeline made
const (
	watermarkPrefix = "tidemark."

	summaryPipeline = "tidemark-pipeline"
	summarySeq      = "tidemark-seq"
	summaryRun      = "tidemark-run"
	summaryRows     = "tidemark-rows"
	summaryReplaced = "tidemark-replaced"

	summaryMaintenance   = "tidemark-maintenance"
	summaryMaintenanceID = "tidemark-maintenance-id"
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

// keptProperty lists the snapshots of main that our expiry has kept as the newest of their pipelines while those between
// them and the head may be gone.
const keptProperty = "tidemark-kept-snapshots"

// keptOnMain returns the snapshots that keptProperty lists.
func keptOnMain(t *table.Table) map[int64]bool {
	kept := map[int64]bool{}
	for _, id := range strings.Fields(t.Properties()[keptProperty]) {
		if n, err := strconv.ParseInt(id, 10, 64); err == nil {
			kept[n] = true
		}
	}
	return kept
}

// A history is the trace that a pipeline has left in the snapshots of a table. Where older snapshots have expired, the
// line of parents ends; of what is older than its end, the snapshots that were kept count as main's.
type history struct {
	main     []mark // of the snapshots from main's head back, newest first
	aside    []mark // of the snapshots that main does not descend from: someone has rolled it back
	complete bool   // main's snapshots are all there, back to the first; else older ones have expired
}

func historyOf(t *table.Table, p tidemark.PipelineID) history {
	h := history{complete: true}
	descends := make(map[int64]bool)
	end := int64(-1) // the sequence number at which the line ends, if it ends early
	if head := t.CurrentSnapshot(); head != nil {
		var ancestors []table.Snapshot
		ancestors, h.complete = table.AncestorsOfChecked(head.SnapshotID, t.SnapshotByID)
		for _, s := range ancestors {
			descends[s.SnapshotID] = true
			if m, ok := markOf(s, p); ok {
				h.main = append(h.main, m)
			}
		}
		if n := len(ancestors); n > 0 && !h.complete {
			end = ancestors[n-1].SequenceNumber
		}
	}
	var before []table.Snapshot
	kept := keptOnMain(t)
	for _, s := range t.Metadata().Snapshots() {
		m, ok := markOf(s, p)
		switch {
		case !ok || descends[s.SnapshotID]:
		case s.SequenceNumber < end && kept[s.SnapshotID]:
			before = append(before, s)
		default:
			h.aside = append(h.aside, m)
		}
	}
	slices.SortFunc(before, func(a, b table.Snapshot) int { return cmp.Compare(b.SequenceNumber, a.SequenceNumber) })
	for _, s := range before {
		m, _ := markOf(s, p)
		h.main = append(h.main, m)
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
