package iceberg

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
)

var _ tidemark.Rewinder = (*Target)(nil)

// History implements tidemark.Rewinder: by the summaries of the snapshots, also of those that main does not descend
// from any more.
func (t *Target) History(ctx context.Context) (tidemark.History, error) {
	tbl, err := t.lake.load(ctx, t.p.Target)
	if errors.Is(err, tidemark.ErrNotFound) {
		return tidemark.History{}, nil
	}
	if err != nil {
		return tidemark.History{}, err
	}
	var h tidemark.History
	if h.Now, _, err = watermarkOf(tbl, t.p.ID); err != nil {
		return tidemark.History{}, err
	}
	if main := historyOf(tbl, t.p.ID).main; len(main) > 0 {
		h.Held = main[0].seq
	}
	for _, s := range tbl.Metadata().Snapshots() {
		if m, ok := markOf(s, t.p.ID); ok {
			w, err := tidemark.DecodeWatermark([]byte(s.Summary.Properties[watermarkKey(t.p.ID)]))
			if err != nil {
				return tidemark.History{}, fmt.Errorf("table %s, summary of commit %d: %w", t.p.Target, m.seq, err)
			}
			h.Commits = append(h.Commits, w)
		}
	}
	slices.SortStableFunc(h.Commits, func(a, b tidemark.Watermark) int { return int(a.Seq - b.Seq) })
	return h, nil
}

// PlanRewind implements tidemark.Rewinder.
func (t *Target) PlanRewind(ctx context.Context, to int64) (tidemark.Rewind, error) {
	tbl, err := t.lake.load(ctx, t.p.Target)
	if err != nil {
		return tidemark.Rewind{}, err
	}
	r, err := planRewind(ctx, tbl, t.p.ID, to)
	if err != nil {
		return tidemark.Rewind{}, tidemark.WithHint(err, wayOut(ctx, tbl, t.p.ID, to))
	}
	plan := tidemark.Rewind{To: to}
	for path, f := range r.taken {
		if _, stays := r.restored[path]; !stays && f.ContentType() == iceberg.EntryContentData {
			plan.Taken.Add(f.Count(), f.FileSizeBytes())
		}
	}
	for path, f := range r.restored {
		if _, there := r.taken[path]; !there && f.ContentType() == iceberg.EntryContentData {
			plan.Restored.Add(f.Count(), f.FileSizeBytes())
		}
	}
	return plan, nil
}

// wayOut says how far back a pipeline can go instead. The further back, the more can be in the way, so it halves.
func wayOut(ctx context.Context, tbl *table.Table, p tidemark.PipelineID, instead int64) string {
	main := historyOf(tbl, p).main
	earliest := sort.Search(len(main), func(i int) bool {
		_, err := planRewind(ctx, tbl, p, main[i].seq)
		return err != nil
	}) - 1
	now, _, _ := watermarkOf(tbl, p) // whoever calls has read it before
	var ways []string
	if earliest >= 0 && main[earliest] != markOfWatermark(now) { // else it is there
		seq := main[earliest].seq
		ways = append(ways, fmt.Sprintf("the earliest commit that can be gone back to is %d: `tidemark rewind %s --to %d`", seq, p, seq))
	}
	if instead != 0 {
		if _, err := planRewind(ctx, tbl, p, 0); err == nil {
			ways = append(ways, fmt.Sprintf("`tidemark rewind %s --all` loads everything again", p))
		}
	}
	if len(ways) == 0 {
		return "load into another table, under another pipeline name"
	}
	return strings.Join(ways, "; ")
}

// A rewinding is how a table goes back to a commit. There are two ways, and docs/decisions/0011 says why:
//
// The table is set back: the new snapshot stands on the commit's own and has its files, in their old manifests, so that
// replaced and compacted files come back and deletes apply to what they applied to. What came later is beside main
// then, as after a rollback. This is for tables in which nobody else has changed rows since.
//
// Or files are taken out: the new snapshot stands on the head, without the files that the later commits have added. This
// is for tables to which others append as well. It is exact only as long as each of those files is still there by itself.
type rewinding struct {
	back bool            // the table is set back
	on   *table.Snapshot // to this snapshot; nil: to an empty table

	// What leaves and what comes, by path, deletes included. A file in both stays.
	taken, restored map[string]iceberg.DataFile
}

// planRewind finds the way to commit `to`, or says why there is none.
func planRewind(ctx context.Context, tbl *table.Table, p tidemark.PipelineID, to int64) (*rewinding, error) {
	line, complete := lineOf(tbl, tbl.CurrentSnapshot())
	if to == 0 {
		return planAll(ctx, tbl, p, line, complete)
	}
	at := slices.IndexFunc(line, func(s table.Snapshot) bool { return isCommit(s, p, to) })
	if at >= 0 {
		return planMain(ctx, tbl, p, line, at)
	}
	all := tbl.Metadata().Snapshots()
	at = slices.IndexFunc(all, func(s table.Snapshot) bool { return isCommit(s, p, to) })
	if at < 0 {
		return nil, fmt.Errorf("table %v holds no snapshot of commit %d of pipeline %s (any more): %w", tbl.Identifier(), to, p, tidemark.ErrNotFound)
	}
	return planAside(ctx, tbl, p, &all[at], line)
}

func isCommit(s table.Snapshot, p tidemark.PipelineID, seq int64) bool {
	m, ok := markOf(s, p)
	return ok && m.seq == seq
}

// lineOf returns a snapshot and those that it stands on, newest first, and whether that is all of them.
func lineOf(tbl *table.Table, s *table.Snapshot) ([]table.Snapshot, bool) {
	if s == nil {
		return nil, true
	}
	return table.AncestorsOfChecked(s.SnapshotID, tbl.SnapshotByID)
}

// planAll goes back to before the first commit. Where the first snapshots have expired nobody can tell which of the old
// files are the pipeline's, unless all are.
func planAll(ctx context.Context, tbl *table.Table, p tidemark.PipelineID, line []table.Snapshot, complete bool) (*rewinding, error) {
	if !complete {
		others := pipelinesOf(tbl)
		if slices.ContainsFunc(others, func(o tidemark.PipelineID) bool { return o != p }) || !undoable(line, p) {
			return nil, fmt.Errorf("the first snapshots of table %v have expired, and others have written to it: whose its older rows are cannot be told: %w",
				tbl.Identifier(), tidemark.ErrInvalid)
		}
		return planEmpty(ctx, tbl, p)
	}
	first := oldestOf(line, p)
	if first < 0 { // there is nothing of the pipeline's
		return &rewinding{}, nil
	}
	w, err := tidemark.DecodeWatermark([]byte(line[first].Summary.Properties[watermarkKey(p)]))
	if err != nil {
		return nil, err
	}
	if w.Total > w.Rows {
		return nil, fmt.Errorf("commit %d of pipeline %s took over %d rows that were loaded under another name, which stay in table %v: %w",
			w.Seq, p, w.Total-w.Rows, tbl.Identifier(), tidemark.ErrInvalid)
	}
	return planMain(ctx, tbl, p, line, len(line))
}

// planEmpty takes everything out of a table that is the pipeline's alone as far as can be told.
func planEmpty(ctx context.Context, tbl *table.Table, p tidemark.PipelineID) (*rewinding, error) {
	w, _, err := watermarkOf(tbl, p)
	if err != nil {
		return nil, err
	}
	r, err := setBack(ctx, tbl, nil)
	if err != nil {
		return nil, err
	}
	var rows int64
	for _, f := range r.taken {
		if f.ContentType() == iceberg.EntryContentData {
			rows += f.Count()
		}
	}
	if w.Mode == tidemark.ModeAppend && rows > w.Total {
		return nil, fmt.Errorf("table %v holds %d rows, of which pipeline %s has loaded %d, and the snapshots that would tell them apart have expired: %w",
			tbl.Identifier(), rows, p, w.Total, tidemark.ErrInvalid)
	}
	return r, nil
}

// oldestOf returns where the pipeline's oldest commit is in a line, or -1.
func oldestOf(line []table.Snapshot, p tidemark.PipelineID) int {
	for i := len(line) - 1; i >= 0; i-- {
		if _, ok := markOf(line[i], p); ok {
			return i
		}
	}
	return -1
}

// planMain goes back on main to where it was before the oldest of the pipeline's commits that are newer than line[at].
// What others did before that stays as it is.
func planMain(ctx context.Context, tbl *table.Table, p tidemark.PipelineID, line []table.Snapshot, at int) (*rewinding, error) {
	oldest := oldestOf(line[:at], p)
	if oldest < 0 { // someone has set the table back, or only others have come
		return &rewinding{}, nil
	}
	newer := line[:oldest+1]
	var to *table.Snapshot
	if oldest+1 < len(line) {
		to = &line[oldest+1]
	}
	if undoable(newer, p) {
		return setBack(ctx, tbl, to)
	}
	return takeOut(ctx, tbl, p, to, newer)
}

// planAside goes to a snapshot that main does not descend from: the table was set back to before it.
func planAside(ctx context.Context, tbl *table.Table, p tidemark.PipelineID, to *table.Snapshot, line []table.Snapshot) (*rewinding, error) {
	theirs, _ := lineOf(tbl, to)
	i, k := len(line), len(theirs) // of the snapshot that both stand on
	for at, s := range theirs {
		if m := slices.IndexFunc(line, func(o table.Snapshot) bool { return o.SnapshotID == s.SnapshotID }); m >= 0 {
			i, k = m, at
			break
		}
	}
	if !undoable(line[:i], p) || !undoable(theirs[:k], p) {
		m, _ := markOf(*to, p)
		return nil, fmt.Errorf("table %v was set back to before commit %d of pipeline %s, and others have written to it: %w",
			tbl.Identifier(), m.seq, p, tidemark.ErrInvalid)
	}
	return setBack(ctx, tbl, to)
}

// undoable reports whether snapshots can be passed over as a whole: each is a commit of the pipeline, or holds the same
// rows as the one before it, as a compaction does.
func undoable(snapshots []table.Snapshot, p tidemark.PipelineID) bool {
	return !slices.ContainsFunc(snapshots, func(s table.Snapshot) bool {
		if _, ok := markOf(s, p); ok {
			return false
		}
		return s.Summary == nil || s.Summary.Operation != table.OpReplace
	})
}

func setBack(ctx context.Context, tbl *table.Table, to *table.Snapshot) (*rewinding, error) {
	r := &rewinding{back: true, on: to}
	var err error
	if r.taken, err = filesOf(ctx, tbl, tbl.CurrentSnapshot(), nil); err != nil {
		return nil, err
	}
	r.restored, err = filesOf(ctx, tbl, to, nil)
	return r, err
}

// takeOut takes out the files that the pipeline's snapshots among the newer ones have added, if all that happened since
// `to` was that files were added.
func takeOut(ctx context.Context, tbl *table.Table, p tidemark.PipelineID, to *table.Snapshot, newer []table.Snapshot) (*rewinding, error) {
	ours, adds := map[int64]bool{}, map[int64]bool{} // adds: those of others that have only added files
	for _, s := range newer {
		if s.Summary != nil && s.Summary.Properties[summaryReplaced] != "" {
			return nil, fmt.Errorf("others append to table %v, and commit %s of pipeline %s has written files anew since, whose rows may be theirs or this pipeline's: %w",
				tbl.Identifier(), s.Summary.Properties[summarySeq], s.Summary.Properties[summaryPipeline], tidemark.ErrInvalid)
		}
		if _, ok := markOf(s, p); ok {
			ours[s.SnapshotID] = true
			continue
		}
		if s.Summary == nil {
			continue
		}
		_, pipeline := s.Summary.Properties[summaryPipeline] // of Tidemark's, which touch their own files alone
		adds[s.SnapshotID] = pipeline || s.Summary.Operation == table.OpAppend
	}
	before, err := filesOf(ctx, tbl, to, nil)
	if err != nil {
		return nil, err
	}
	r := &rewinding{taken: map[string]iceberg.DataFile{}}
	var mixed string
	now, err := filesOf(ctx, tbl, tbl.CurrentSnapshot(), func(e iceberg.ManifestEntry) {
		path := e.DataFile().FilePath()
		switch _, there := before[path]; {
		case there:
		case ours[e.SnapshotID()]:
			r.taken[path] = e.DataFile()
		case !adds[e.SnapshotID()]:
			mixed = path
		}
	})
	if err != nil {
		return nil, err
	}
	if mixed != "" {
		return nil, fmt.Errorf("others append to table %v, and files were rewritten since: %s may hold rows of theirs and of this pipeline: %w",
			tbl.Identifier(), mixed, tidemark.ErrInvalid)
	}
	for path := range before {
		if _, there := now[path]; !there {
			return nil, fmt.Errorf("others append to table %v, and a file of that time is not in it any more: %s: %w",
				tbl.Identifier(), path, tidemark.ErrInvalid)
		}
	}
	return r, nil
}

// filesOf returns the live files of a snapshot, nil for none, by path. It calls also, if it is not nil, for each.
func filesOf(ctx context.Context, tbl *table.Table, s *table.Snapshot, also func(iceberg.ManifestEntry)) (map[string]iceberg.DataFile, error) {
	files := map[string]iceberg.DataFile{}
	if s == nil {
		return files, nil
	}
	err := eachFileOf(ctx, tbl, s, func(e iceberg.ManifestEntry) error {
		files[e.DataFile().FilePath()] = e.DataFile()
		if also != nil {
			also(e)
		}
		return nil
	})
	return files, err
}
