package iceberg

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/zeebo/xxh3"
	"golang.org/x/sync/errgroup"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// expire lets old snapshots go, and then the files that only they named.
func (u *upkeep) expire(ctx context.Context) error {
	before, err := u.lake.load(ctx, u.p.Target)
	if err != nil {
		return err
	}
	ids, _, err := u.expirable(before)
	if err != nil || len(ids) == 0 || u.o.Auto && len(ids) < autoSnapshots {
		return err
	}
	u.result.Snapshots = len(ids)
	if u.o.DryRun {
		return nil
	}
	if err := failpoint.Hit("iceberg.expire.before"); err != nil {
		return err
	}
	nobody := func(*table.Table) bool { return false } // what has expired is not found again
	err = u.publish(ctx, nobody, func(base *table.Table) (*version, error) {
		before = base
		var newest string
		if ids, newest, err = u.expirable(base); err != nil || len(ids) == 0 {
			return nil, err
		}
		v, err := u.lake.tables.next(base, nil, []table.Update{
			table.NewRemoveSnapshotsUpdate(ids, false), table.NewSetPropertiesUpdate(iceberg.Properties{keptProperty: newest}),
		})
		return &v, err
	})
	if err != nil {
		return err
	}
	if err := failpoint.Hit("iceberg.expire.swapped"); err != nil {
		return err
	}
	u.log.Info("snapshots expired", "snapshots", u.result.Snapshots)
	return u.removeExpired(ctx, before, ids)
}

// expirable returns the snapshots that may go. Those stay that a branch or tag leads to, that are young, that are among
// the last of main, and the newest of each pipeline: its summary proves the watermark. These are returned too, as keptProperty lists them.
func (u *upkeep) expirable(tbl *table.Table) (ids []int64, newest string, err error) {
	head := tbl.CurrentSnapshot()
	if head == nil {
		return nil, "", nil
	}
	keep := map[int64]bool{}
	main, _ := table.AncestorsOfChecked(head.SnapshotID, tbl.SnapshotByID)
	onMain := map[int64]bool{}
	for i, s := range main {
		onMain[s.SnapshotID] = true
		keep[s.SnapshotID] = i < max(u.o.KeepLast, 1)
	}
	for name, ref := range tbl.Metadata().Refs() {
		keep[ref.SnapshotID] = true
		if name == table.MainBranch || ref.SnapshotRefType != table.BranchRef {
			continue
		}
		branch, _ := table.AncestorsOfChecked(ref.SnapshotID, tbl.SnapshotByID)
		for _, s := range branch {
			keep[s.SnapshotID] = keep[s.SnapshotID] || !onMain[s.SnapshotID]
		}
	}
	for _, p := range pipelinesOf(tbl) {
		w, ok, err := watermarkOf(tbl, p)
		if err != nil {
			return nil, "", err
		}
		if ok && historyOf(tbl, p).rolledBack(w) {
			u.notice(fmt.Sprintf("no snapshot expires: the table was set back to before commit %d of pipeline %s", w.Seq, p))
			return nil, "", nil
		}
		for _, s := range tbl.Metadata().Snapshots() {
			if m, made := markOf(s, p); made && m == markOfWatermark(w) {
				keep[s.SnapshotID] = true
				newest = strings.TrimSpace(fmt.Sprint(newest, " ", s.SnapshotID))
			}
		}
	}
	for _, s := range tbl.Metadata().Snapshots() {
		if !keep[s.SnapshotID] && time.Since(time.UnixMilli(s.TimestampMs)) >= u.o.KeepAge {
			ids = append(ids, s.SnapshotID)
		}
	}
	return ids, newest, nil
}

// named is what snapshots name: objects by a hash of their key, so that a million take 50 MB.
type named struct {
	mu   sync.Mutex
	keys map[xxh3.Uint128]bool
}

func (n *named) has(key string) bool { return n.keys[xxh3.HashString128(key)] }

// add notes a key and reports whether it is new.
func (n *named) add(key string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := xxh3.HashString128(key)
	if n.keys[h] {
		return false
	}
	n.keys[h] = true
	return true
}

// parallelManifests is how many manifests are read at once.
const parallelManifests = 8

// allNamed returns all that a table names: metadata files, manifests, data, statistics.
func (u *upkeep) allNamed(ctx context.Context, tbl *table.Table) (*named, error) {
	n := &named{keys: map[xxh3.Uint128]bool{}}
	key := func(uri string) (string, error) {
		k, err := u.lake.root.key(uri)
		if err != nil {
			return "", err
		}
		n.add(k)
		return k, nil
	}
	if !u.lake.tables.loose() { // else they are the server's, and it has them where it likes
		if _, err := key(tbl.MetadataLocation()); err != nil {
			return nil, err
		}
		for entry := range tbl.Metadata().PreviousFiles() {
			if _, err := key(entry.MetadataFile); err != nil {
				return nil, err
			}
		}
	}
	for s := range tbl.Metadata().Statistics() {
		if _, err := key(s.StatisticsPath); err != nil {
			return nil, err
		}
	}
	for s := range tbl.Metadata().PartitionStatistics() {
		if _, err := key(s.StatisticsPath); err != nil {
			return nil, err
		}
	}
	return n, u.eachNamed(ctx, tbl, tbl.Metadata().Snapshots(), n.add)
}

// eachNamed calls fn for each file that snapshots name: manifest lists, manifests, and the live files of these. A
// manifest of which fn says that it knows it is not read. fn is called by several goroutines.
func (u *upkeep) eachNamed(ctx context.Context, tbl *table.Table, snapshots []table.Snapshot, fn func(key string) bool) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelManifests)
	files := fileIO{ctx: ctx, store: u.lake.store, root: u.lake.root}
	for _, s := range snapshots {
		g.Go(func() error {
			list, err := u.lake.root.key(s.ManifestList)
			if err != nil {
				return err
			}
			if !fn(list) {
				return nil
			}
			manifests, err := s.Manifests(files)
			if err != nil {
				return fmt.Errorf("read manifest list of snapshot %d: %w", s.SnapshotID, kindOf(err))
			}
			for _, m := range manifests {
				if err := u.inManifest(files, m, fn); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

func (u *upkeep) inManifest(files fileIO, m iceberg.ManifestFile, fn func(key string) bool) error {
	key, err := u.lake.root.key(m.FilePath())
	if err != nil || !fn(key) {
		return err
	}
	for e, err := range m.Entries(files, true) {
		if err != nil {
			return fmt.Errorf("read manifest %s: %w", m.FilePath(), kindOf(err))
		}
		key, err := u.lake.root.key(e.DataFile().FilePath())
		if err != nil {
			return err
		}
		fn(key)
	}
	return nil
}

// removeExpired removes the files that only expired snapshots named. before is the table that still had them. Should
// it not come to its end, what is left are left-overs.
func (u *upkeep) removeExpired(ctx context.Context, before *table.Table, ids []int64) error {
	now, err := u.lake.load(ctx, u.p.Target)
	if err != nil {
		return err
	}
	kept, err := u.allNamed(ctx, now)
	if err != nil {
		return err
	}
	var expired []table.Snapshot
	for _, id := range ids {
		expired = append(expired, *before.SnapshotByID(id))
	}
	var mu sync.Mutex
	var data, metadata []string // metadata goes last: it tells where the data is
	seen := &named{keys: map[xxh3.Uint128]bool{}}
	err = u.eachNamed(ctx, before, expired, func(key string) bool {
		if kept.has(key) || !seen.add(key) {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		if strings.HasSuffix(key, ".avro") {
			metadata = append(metadata, key)
		} else {
			data = append(data, key)
		}
		return true
	})
	if errors.Is(err, tidemark.ErrNotFound) {
		return nil // another process is removing them too
	}
	if err != nil {
		return err
	}
	for _, key := range append(data, metadata...) {
		o, err := u.lake.store.Stat(ctx, key)
		if errors.Is(err, tidemark.ErrNotFound) {
			continue
		}
		if err == nil {
			err = u.remove(ctx, o)
		}
		if err != nil {
			return err
		}
	}
	return u.removeSideFiles(ctx, now, expired)
}

// removeSideFiles removes the side files that expired snapshots' watermarks name and kept ones' do not.
func (u *upkeep) removeSideFiles(ctx context.Context, now *table.Table, expired []table.Snapshot) error {
	kept, err := sideFiles(now)
	if err != nil {
		return err
	}
	for _, s := range expired {
		keys, err := sideFilesOfSnapshot(s)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if slices.Contains(kept, key) {
				continue
			}
			if o, err := u.lake.store.Stat(ctx, key); err == nil {
				if err := u.remove(ctx, o); err != nil {
					return err
				}
			} else if !errors.Is(err, tidemark.ErrNotFound) {
				return err
			}
		}
	}
	return nil
}

// sideFiles returns the keys of the side files that a table's watermarks name, those of older snapshots too.
func sideFiles(tbl *table.Table) ([]string, error) {
	var keys []string
	for _, p := range pipelinesOf(tbl) {
		w, _, err := watermarkOf(tbl, p)
		if err != nil {
			return nil, err
		}
		keys = append(keys, sideKeys(p, w)...)
	}
	for _, s := range tbl.Metadata().Snapshots() {
		of, err := sideFilesOfSnapshot(s)
		if err != nil {
			return nil, err
		}
		keys = append(keys, of...)
	}
	return keys, nil
}

// sideFilesOfSnapshot returns the keys of the side files that a snapshot's watermark names.
func sideFilesOfSnapshot(s table.Snapshot) ([]string, error) {
	if s.Summary == nil {
		return nil, nil
	}
	p := tidemark.PipelineID(s.Summary.Properties[summaryPipeline])
	record, ok := s.Summary.Properties[watermarkKey(p)]
	if !ok {
		return nil, nil
	}
	w, err := tidemark.DecodeWatermark([]byte(record))
	if err != nil {
		return nil, fmt.Errorf("snapshot %d: %w", s.SnapshotID, err)
	}
	return sideKeys(p, w), nil
}

func sideKeys(p tidemark.PipelineID, w tidemark.Watermark) (keys []string) {
	for _, name := range w.SideFiles() {
		keys = append(keys, sideKey(p, name))
	}
	return keys
}

// remove deletes an object that nobody needs, and counts it.
func (u *upkeep) remove(ctx context.Context, o blob.Object) error {
	if !u.o.DryRun {
		if err := failpoint.Hit("iceberg.remove"); err != nil {
			return err
		}
		if err := u.lake.store.Delete(ctx, o.Key); err != nil {
			return fmt.Errorf("remove %s: %w", o.Key, err)
		}
		u.log.Debug("removed", "file", o.Key, "bytes", o.Size)
	}
	u.result.Removed++
	u.result.Freed += o.Size
	return nil
}
