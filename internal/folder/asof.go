package folder

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
)

var _ tidemark.Historian = (*Catalog)(nil)

// SnapshotAsOf implements tidemark.Historian, as far as the files of that time are still there: those that were rewritten,
// replaced or taken back since are deleted. The columns are those of today. Of PIPELINE:NUMBER, the other pipelines'
// rows are those of that commit's moment.
func (c *Catalog) SnapshotAsOf(ctx context.Context, id tidemark.TableID, v tidemark.Version) (*tidemark.Snapshot, error) {
	t, s, err := c.begin(ctx, id)
	if err != nil {
		return nil, err
	}
	logs, err := c.past(ctx, t)
	if err == nil {
		err = c.fillAsOf(s, logs, v)
	}
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", id, err)
	}
	t.finish(s)
	return s, nil
}

// A past is the log of one pipeline, as far as its commits count.
type past struct {
	pipeline tidemark.PipelineID
	records  []*record      // 1, 2, …
	now      int64          // the newest that counts; 0 for none
	void     map[int64]bool // commits of which the files were lost
}

func (c *Catalog) past(ctx context.Context, t *table) ([]past, error) {
	var logs []past
	for _, p := range t.Pipelines {
		l := commitLog{c.store, p}
		last, err := c.add(ctx, &tidemark.Snapshot{Table: t.Table}, l)
		if err != nil {
			return nil, err
		}
		if last == nil {
			continue
		}
		one := past{pipeline: p, now: last.seq(), void: map[int64]bool{}}
		if one.records, err = l.all(ctx, one.now); err != nil {
			return nil, err
		}
		for _, r := range one.records {
			one.void[r.Void] = true
		}
		logs = append(logs, one)
	}
	return logs, nil
}

func (c *Catalog) fillAsOf(s *tidemark.Snapshot, logs []past, v tidemark.Version) error {
	moment, named := v.At, -1
	var seq int64
	if v.Name != "" {
		var err error
		if named, seq, err = commitNamed(logs, v.Name); err != nil {
			return err
		}
		moment = logs[named].records[seq-1].mark.Committed
	}
	var ids []string
	for i, l := range logs {
		n := seq
		if i != named {
			n = l.before(moment)
		}
		if n == 0 {
			continue
		}
		files, err := l.files(n)
		if err != nil {
			return err
		}
		for _, f := range files {
			s.Data = appendFiles(s.Data, f.seq, f.fileRecord)
		}
		ids = append(ids, fmt.Sprintf("%s:%d", l.pipeline, n))
		if at := l.records[n-1].mark.Committed; at.After(s.At) {
			s.At = at
		}
	}
	if len(ids) == 0 {
		return tidemark.WithHint(fmt.Errorf("there is no commit as old as %s: %w", v, tidemark.ErrInvalid), there(logs))
	}
	s.ID = strings.Join(ids, " ")
	return nil
}

// commitNamed finds the commit that a version names.
func commitNamed(logs []past, name string) (at int, seq int64, err error) {
	number, whose := name, ""
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		whose, number = name[:i], name[i+1:]
	}
	n, perr := strconv.ParseInt(number, 10, 64)
	var found []int
	for i, l := range logs {
		if perr == nil && (whose == "" || whose == string(l.pipeline)) && n >= 1 && n <= l.now && !l.void[n] {
			found = append(found, i)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], n, nil
	case len(found) > 1:
		return 0, 0, tidemark.WithHint(fmt.Errorf("pipelines %s and %s have a commit %d each: %w", logs[found[0]].pipeline, logs[found[1]].pipeline, n, tidemark.ErrInvalid),
			fmt.Sprintf("say whose: FOR VERSION AS OF '%s:%d'", logs[found[0]].pipeline, n))
	}
	return 0, 0, tidemark.WithHint(fmt.Errorf("there is no version %s: %w", name, tidemark.ErrInvalid), there(logs))
}

// before returns the newest commit that counted at a moment; 0 for none.
func (l past) before(moment time.Time) int64 {
	for n := l.now; n > 0; n-- {
		if !l.void[n] && !l.records[n-1].mark.Committed.After(moment) {
			return n
		}
	}
	return 0
}

// files returns what the table had of the pipeline as of a commit. Files that are deleted are an error.
func (l past) files(seq int64) ([]heldFile, error) {
	files := l.heldThen(seq)
	if !l.whole(files) {
		return nil, tidemark.WithHint(
			fmt.Errorf("data files of commit %d of pipeline %q were rewritten, replaced or taken back since, and are deleted: %w", seq, l.pipeline, tidemark.ErrInvalid),
			there([]past{l})+"; format: iceberg keeps what was replaced")
	}
	return files, nil
}

// whole reports whether the table has files still.
func (l past) whole(files []heldFile) bool {
	now := map[string]bool{}
	for _, f := range l.heldThen(l.now) {
		now[f.Staged.Key] = true
	}
	return !slices.ContainsFunc(files, func(f heldFile) bool { return !now[f.Staged.Key] })
}

func (l past) heldThen(seq int64) []heldFile {
	stands := chain(l.records, seq)
	if l.records[seq-1].mark.Mode != tidemark.ModeReplace {
		return heldBy(stands)
	}
	for _, r := range stands {
		if r.ordinary() {
			var files []heldFile
			for _, f := range r.Files {
				files = append(files, heldFile{f, r.seq()})
			}
			return files
		}
	}
	return nil
}

// there says which commits can be read.
func there(logs []past) string {
	const most = 12
	var names []string
	for _, l := range logs {
		for n := l.now; n > 0 && len(names) < most; n-- {
			if l.void[n] || !l.whole(l.heldThen(n)) {
				continue
			}
			name := strconv.FormatInt(n, 10)
			if len(logs) > 1 {
				name = string(l.pipeline) + ":" + name
			}
			names = append(names, fmt.Sprintf("commit %s of %s", name, l.records[n-1].mark.Committed.UTC().Format("2006-01-02 15:04:05.000")))
		}
	}
	if len(names) == 0 {
		return "no commit can be read"
	}
	return "what can be read, the newest first: " + strings.Join(names, ", ")
}
