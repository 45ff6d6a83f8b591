package folder

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tidemark-data/tidemark"
)

var _ tidemark.Rewinder = (*Target)(nil)

// History implements tidemark.Rewinder, by the log. A commit whose files were lost counts as not made.
func (t *Target) History(ctx context.Context) (tidemark.History, error) {
	records, err := t.records(ctx)
	if err != nil || len(records) == 0 {
		return tidemark.History{}, err
	}
	last := records[len(records)-1]
	if last.Table != t.p.Target {
		return tidemark.History{}, fmt.Errorf("pipeline %q fills table %s, not %s: %w", t.p.ID, last.Table, t.p.Target, tidemark.ErrInvalid)
	}
	void := map[int64]bool{}
	for _, r := range records {
		void[r.Void] = true
	}
	h := tidemark.History{Now: last.mark, Held: last.seq()}
	for _, r := range records {
		if !void[r.seq()] {
			h.Commits = append(h.Commits, r.mark)
		}
	}
	return h, nil
}

// records returns the whole log, in order.
func (t *Target) records(ctx context.Context) ([]*record, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	last, _, err := t.commits.newest(ctx)
	if err != nil || last == nil {
		return nil, err
	}
	return t.commits.all(ctx, last.seq())
}

// PlanRewind implements tidemark.Rewinder.
func (t *Target) PlanRewind(ctx context.Context, to int64) (tidemark.Rewind, error) {
	records, err := t.records(ctx)
	if err != nil {
		return tidemark.Rewind{}, err
	}
	gone, err := t.planRewind(records, to)
	if err != nil {
		return tidemark.Rewind{}, err
	}
	plan := tidemark.Rewind{To: to}
	for _, f := range gone {
		plan.Taken.Add(f.Rows, f.Staged.Size)
	}
	return plan, nil
}

// planRewind returns the files that a commit behind these records takes away to go back. What was taken away before is
// deleted, so it can only go back to a commit on which the newest one stands.
func (t *Target) planRewind(records []*record, to int64) ([]fileRecord, error) {
	stands := chain(records, int64(len(records)))
	at := len(stands)
	if to > 0 {
		at = slices.IndexFunc(stands, func(r *record) bool { return r.seq() == to })
	}
	switch {
	case at < 0:
		return nil, t.notStanding(stands, to)
	case t.p.Mode != tidemark.ModeReplace && at < len(stands) && !exact(stands)[at]:
		return nil, tidemark.WithHint(
			fmt.Errorf("data files of commit %d of pipeline %q were rewritten and deleted since: %w", to, t.p.ID, tidemark.ErrInvalid),
			fmt.Sprintf("it can go back to commits %s; `tidemark rewind %s --all` empties the table", reachable(stands), t.p.ID))
	case t.p.Mode == tidemark.ModeReplace && to > 0 && at > 0:
		return nil, tidemark.WithHint(
			fmt.Errorf("the files of commit %d of pipeline %q were deleted when the next one replaced them: %w", to, t.p.ID, tidemark.ErrInvalid),
			fmt.Sprintf("`tidemark run %[1]s` loads the table as the source holds it now; `tidemark rewind %[1]s --all` empties it; format: iceberg keeps what was replaced", t.p.ID))
	case to == 0 && len(stands) > 0:
		if w := stands[len(stands)-1].mark; w.Total > w.Rows {
			return nil, tidemark.WithHint(
				fmt.Errorf("commit %d of pipeline %q took over %d rows that were loaded under another name, which stay in table %s: %w", w.Seq, t.p.ID, w.Total-w.Rows, t.p.Target, tidemark.ErrInvalid),
				fmt.Sprintf("`tidemark rewind %s --to %d` goes back to what was taken over", t.p.ID, w.Seq))
		}
	}
	return t.taken(stands, at), nil
}

// taken returns the files that the table has by the first commits of those that stand, which are taken back. In a table
// that is replaced only the newest has files.
func (t *Target) taken(stands []*record, back int) (files []fileRecord) {
	if t.p.Mode == tidemark.ModeReplace {
		for _, r := range stands[:back] {
			if files = r.Files; r.ordinary() {
				break
			}
		}
		return files
	}
	seqs := map[int64]bool{}
	for _, r := range stands[:back] {
		seqs[r.seq()] = true
	}
	for _, f := range heldBy(stands) {
		if seqs[f.seq] {
			files = append(files, f.fileRecord)
		}
	}
	return files
}

// exact tells for each of the commits that stand, newest first, whether the table still has all files that it had then.
// It has not where a later one has rewritten one of them.
func exact(stands []*record) []bool {
	brought := map[string]int{}
	can := make([]bool, len(stands))
	for i, r := range stands {
		can[i] = true
		for _, f := range r.Files {
			brought[f.Staged.Key] = i
		}
	}
	for i, r := range stands {
		oldest := i
		if r.Rewrites {
			for _, key := range r.Replaces {
				oldest = max(oldest, brought[key])
			}
		}
		for k := i + 1; k <= oldest; k++ {
			can[k] = false
		}
	}
	return can
}

// reachable returns the commits that can be gone back to, oldest first, such as "[1 3-27]".
func reachable(stands []*record) string {
	var words []string
	can := exact(stands)
	for i := len(stands) - 1; i >= 0; i-- {
		if !can[i] {
			continue
		}
		first, last := stands[i].seq(), stands[i].seq()
		k := i - 1
		for ; k >= 0 && can[k] && stands[k].seq() == last+1; k-- {
			last++
		}
		if last > first+1 {
			words = append(words, fmt.Sprintf("%d-%d", first, last))
			i = k + 1
			continue
		}
		words = append(words, strconv.FormatInt(first, 10))
	}
	return "[" + strings.Join(words, " ") + "]"
}

func (t *Target) notStanding(stands []*record, to int64) error {
	return tidemark.WithHint(
		fmt.Errorf("commit %d of pipeline %q was taken back, and its files are deleted: %w", to, t.p.ID, tidemark.ErrInvalid),
		fmt.Sprintf("run the pipeline: that loads those rows again; it can go back to commits %s", reachable(stands)))
}

// goBack makes of the next record of the log one that goes back.
func (t *Target) goBack(ctx context.Context, next *record, c tidemark.Commit) error {
	records, err := t.commits.all(ctx, c.Base.Seq)
	if err != nil {
		return err
	}
	gone, err := t.planRewind(records, c.Rewind.To)
	if err != nil {
		return err
	}
	next.Rewind = &rewound{To: c.Rewind.To}
	for _, f := range gone {
		next.Replaces = append(next.Replaces, f.Staged.Key)
	}
	return nil
}
