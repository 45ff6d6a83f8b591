package folder

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// CleanOptions say what Clean removes.
type CleanOptions struct {
	Auto   bool // nothing: what is left over is small, and finding it takes a listing
	DryRun bool // nothing is removed

	KeepLast    int           // the side files of so many commits stay
	LeftoverAge time.Duration // and whatever is younger
}

// Clean removes what nobody needs: uploads that no run will finish, and side files that only commits of long ago name.
// The commit log and the data files stay as they are.
func Clean(ctx context.Context, store blob.Store, p tidemark.Pipeline, o CleanOptions) (m tidemark.Maintenance, err error) {
	if o.Auto {
		return m, nil
	}
	before := time.Now().Add(-o.LeftoverAge)
	log := commitLog{store, p.ID}
	last, _, err := log.newest(ctx)
	if err != nil || last == nil {
		return m, err
	}
	kept := map[string]bool{}
	for seq := last.seq(); seq > last.seq()-int64(max(o.KeepLast, 2)) && seq > 0; seq-- {
		r, err := log.get(ctx, seq)
		if err != nil {
			return m, err
		}
		if r != nil {
			for _, name := range r.mark.SideFiles() {
				kept[name] = true
			}
		}
	}
	folder := logPrefix(p.ID)
	for object, err := range store.List(ctx, folder) {
		if err != nil {
			return m, fmt.Errorf("list %s: %w", folder, err)
		}
		name := strings.TrimPrefix(object.Key, folder)
		if !slices.Contains([]string{".overlap", ".rejected"}, path.Ext(name)) || kept[name] || !object.Modified.Before(before) {
			continue
		}
		if !o.DryRun {
			if err := store.Delete(ctx, object.Key); err != nil {
				return m, fmt.Errorf("remove side file %s: %w", name, err)
			}
		}
		m.Removed, m.Freed = m.Removed+1, m.Freed+object.Size
	}
	if o.DryRun {
		return m, nil
	}
	return m, sweep(ctx, store, p, before, &m)
}

// sweep aborts old uploads of the table, save where a pipeline's newest commit is one whose files are still to be
// completed: its next run does that first, and they may be old.
func sweep(ctx context.Context, store blob.Store, p tidemark.Pipeline, before time.Time, m *tidemark.Maintenance) error {
	s, ok := store.(blob.Sweeper)
	stager, both := store.(blob.Stager)
	if !ok || !both {
		return nil
	}
	t, err := loadTable(ctx, store, p.Target)
	if err != nil || t == nil {
		return err
	}
	for _, id := range t.Pipelines {
		pending, err := pendingFiles(ctx, stager, commitLog{store, id})
		if err != nil {
			return err
		}
		if pending {
			m.Notices = append(m.Notices, fmt.Sprintf("the newest commit of pipeline %s has files to complete, which its next run does: no upload was removed", id))
			return nil
		}
	}
	for _, prefix := range []string{p.Target.Namespace + "/" + p.Target.Name + "/", logPrefix(p.ID)} {
		n, err := s.Sweep(ctx, prefix, before)
		m.Removed += n
		if err != nil {
			return fmt.Errorf("abort old uploads: %w", err)
		}
	}
	return nil
}

// pendingFiles reports whether files of a pipeline's newest commit are not completed yet.
func pendingFiles(ctx context.Context, stager blob.Stager, log commitLog) (bool, error) {
	last, _, err := log.newest(ctx)
	if err != nil || last == nil {
		return false, err
	}
	for _, f := range last.Files {
		state, err := stager.Check(ctx, f.Staged)
		if err != nil {
			return false, err
		}
		if state == blob.StagedPending {
			return true, nil
		}
	}
	return false, nil
}
