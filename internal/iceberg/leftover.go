package iceberg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// isSideFile reports whether an object of a pipeline's own folder is a side file by its name.
func isSideFile(key string) bool {
	return slices.Contains([]string{".overlap", ".rejected"}, path.Ext(key))
}

func sideFolder(p tidemark.PipelineID) string { return "_tidemark/" + string(p) + "/" }

func sideKey(p tidemark.PipelineID, name string) string { return sideFolder(p) + name }

// removeLeftovers removes what killed runs, lost races and unfinished clean-ups have left, once it is old: nobody can
// still be about to commit it.
func (u *upkeep) removeLeftovers(ctx context.Context) error {
	before := time.Now().Add(-u.o.LeftoverAge)
	// What is named is read after the listing: a file that is committed in between is in it.
	folder := u.p.Target.Namespace + "/" + u.p.Target.Name + "/"
	objects, err := u.list(ctx, folder+"data/", folder+"metadata/")
	if err != nil {
		return err
	}
	tbl, err := u.lake.load(ctx, u.p.Target)
	if err != nil {
		return err
	}
	kept, err := u.allNamed(ctx, tbl)
	if err != nil {
		return err
	}
	var left, versions []blob.Object
	for _, o := range objects {
		switch {
		case versionOf(o.Key) > 0:
			versions = append(versions, o)
		case kept.has(o.Key) || !leftoverForm(o.Key):
		case u.lake.tables.loose() && strings.HasSuffix(o.Key, ".metadata.json"): // the server's
		default:
			left = append(left, o)
		}
	}
	for _, o := range abandoned(left, before) {
		if err := u.remove(ctx, o); err != nil {
			return err
		}
	}
	if err := u.removeVersions(ctx, versions, kept, before); err != nil {
		return err
	}
	if err := u.sweep(ctx, before, folder, sideFolder(u.p.ID)); err != nil {
		return err
	}
	return u.removeOldSideFiles(ctx, before)
}

func (u *upkeep) list(ctx context.Context, prefixes ...string) (objects []blob.Object, err error) {
	for _, prefix := range prefixes {
		for o, err := range u.lake.store.List(ctx, prefix) {
			if err != nil {
				return nil, fmt.Errorf("list %s: %w", prefix, err)
			}
			objects = append(objects, o)
		}
	}
	return objects, nil
}

// leftoverForm reports whether an object is of a kind that a table's folder is made of. What else lies there is not ours.
func leftoverForm(key string) bool {
	return slices.Contains([]string{".parquet", ".avro"}, path.Ext(key)) || strings.HasSuffix(key, ".metadata.json")
}

// abandoned returns the objects that are older than before and belong to nobody who wrote anything later: the files of a
// run that goes on for days are its own until it ends.
func abandoned(objects []blob.Object, before time.Time) []blob.Object {
	writer := func(o blob.Object) string {
		name := path.Base(o.Key)
		if run, _, ok := strings.Cut(name, "-"); ok && len(run) == 26 {
			return run
		}
		return name
	}
	newest := map[string]time.Time{}
	for _, o := range objects {
		if w := writer(o); o.Modified.After(newest[w]) {
			newest[w] = o.Modified
		}
	}
	return slices.DeleteFunc(objects, func(o blob.Object) bool { return !newest[writer(o)].Before(before) })
}

// removeVersions removes metadata files of the folder catalog that the newest one's log does not name any more: the
// lowest number first, and none behind one that stays. So a version is only gone when all before it are, which those
// rely on who look for the newest (load) and those who make it (swap).
func (u *upkeep) removeVersions(ctx context.Context, versions []blob.Object, kept *named, before time.Time) error {
	hint := int64(0)
	if f, ok := u.lake.tables.heads.(*folderHeads); ok {
		var err error
		if hint, err = f.hint(ctx, u.p.Target); err != nil {
			return err
		}
	}
	slices.SortFunc(versions, func(a, b blob.Object) int { return cmp.Compare(versionOf(a.Key), versionOf(b.Key)) })
	for _, o := range versions {
		if kept.has(o.Key) || !o.Modified.Before(before) || versionOf(o.Key) >= hint {
			return nil
		}
		if err := u.remove(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// sweep aborts uploads that nobody will finish.
func (u *upkeep) sweep(ctx context.Context, before time.Time, prefixes ...string) error {
	s, ok := u.lake.store.(blob.Sweeper)
	if !ok || u.o.DryRun {
		return nil
	}
	for _, prefix := range prefixes {
		n, err := s.Sweep(ctx, prefix, before)
		u.result.Removed += n
		if err != nil {
			return fmt.Errorf("abort old uploads: %w", err)
		}
	}
	return nil
}

// removeOldSideFiles removes side files of the pipeline that no watermark names, neither in its table nor in another one
// of the lake: a second config may have a pipeline of that name, and an append that misses its side file stops.
func (u *upkeep) removeOldSideFiles(ctx context.Context, before time.Time) error {
	objects, err := u.list(ctx, sideFolder(u.p.ID))
	if err != nil {
		return err
	}
	var left []blob.Object
	for _, o := range objects {
		if path.Dir(o.Key)+"/" != sideFolder(u.p.ID) {
			continue // the audit trail
		}
		if strings.HasSuffix(o.Key, ".json") {
			return nil // the commit log of a folder of Parquet files, which names them too
		}
		if isSideFile(o.Key) && o.Modified.Before(before) {
			left = append(left, o)
		}
	}
	if len(left) == 0 {
		return nil
	}
	kept, err := u.allSideFiles(ctx)
	if err != nil {
		return err
	}
	for _, o := range left {
		if kept[o.Key] {
			continue
		}
		if err := u.remove(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// allSideFiles returns the side files that the tables of the lake name.
func (u *upkeep) allSideFiles(ctx context.Context) (map[string]bool, error) {
	return u.lake.sideFilesOf(ctx, func(tidemark.TableID) bool { return true })
}

// sideFilesOf returns the side files that some tables of the lake name.
func (l *Lake) sideFilesOf(ctx context.Context, some func(tidemark.TableID) bool) (map[string]bool, error) {
	tables, err := l.Tables(ctx)
	if err != nil {
		return nil, err
	}
	kept := map[string]bool{}
	for _, id := range tables {
		if !some(id) {
			continue
		}
		tbl, err := l.tables.loadAny(ctx, identifier(id))
		if errors.Is(err, tidemark.ErrNotFound) {
			continue // dropped meanwhile
		}
		if err != nil {
			return nil, kindOf(err)
		}
		if err := addSideFiles(kept, tbl); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

func addSideFiles(kept map[string]bool, tbl *table.Table) error {
	keys, err := sideFiles(tbl)
	for _, key := range keys {
		kept[key] = true
	}
	return err
}
