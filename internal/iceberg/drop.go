package iceberg

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"golang.org/x/sync/errgroup"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// The writes of a drop, in order, and what a crash behind each means:
//
//	iceberg.drop.before
//	the mark             a version of the table without snapshots and watermarks: other engines see an empty table, and
//	                     we refuse it. Whoever was about to commit has lost the swap.
//	iceberg.drop.marked
//	everything below the table's location but the mark, and the side files of its pipelines, one by one
//	iceberg.drop.file    before each
//	iceberg.drop.cleared
//	the mark             the name is free again
//	iceberg.drop.after
//
// Until the mark goes, another drop goes on where this one has ended. In a SQLite catalog the table's row goes before the
// metadata file that it names, which nobody names then.

// droppedKey is the table property that is the mark.
const droppedKey = "tidemark-dropped"

// forgetter is heads that can take a table away whose newest metadata file is at location.
type forgetter interface {
	forget(ctx context.Context, id tidemark.TableID, location string) error
}

var _ tidemark.Dropper = (*Lake)(nil)

func isDropped(t *table.Table) bool { return t.Properties()[droppedKey] != "" }

// PlanDrop implements tidemark.Dropper.
func (l *Lake) PlanDrop(ctx context.Context, id tidemark.TableID) (*tidemark.Drop, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	tbl, err := l.tables.loadAny(ctx, identifier(id))
	if err != nil {
		return nil, fmt.Errorf("load table %s: %w", id, kindOf(err))
	}
	d := &tidemark.Drop{Table: id, Format: tidemark.FormatIceberg, Location: tbl.Location(), Base: tbl.MetadataLocation()}
	if isDropped(tbl) {
		if err := readMark(tbl, d); err != nil {
			return nil, err
		}
	} else {
		if d.Pipelines, err = watermarksOf(tbl); err != nil {
			return nil, err
		}
		d.Commits = len(tbl.Metadata().Snapshots())
		err := eachFile(ctx, tbl, func(e iceberg.ManifestEntry) error {
			if f := e.DataFile(); f.ContentType() == iceberg.EntryContentData {
				d.Data.Add(f.Count(), f.FileSizeBytes())
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	for o, err := range l.store.List(ctx, tableFolder(id)) {
		if err != nil {
			return nil, fmt.Errorf("list table %s: %w", id, err)
		}
		d.Objects.Add(0, o.Size)
	}
	return d, nil
}

// readMark takes over what the mark of a table says.
func readMark(tbl *table.Table, d *tidemark.Drop) error {
	var mark tidemark.DropMark
	if err := json.Unmarshal([]byte(tbl.Properties()[droppedKey]), &mark); err != nil {
		return fmt.Errorf("mark of the dropped table %s: %w: %w", d.Table, tidemark.ErrInvalid, err)
	}
	d.Begun, d.Events = mark.At, mark.Events
	return nil
}

func tableFolder(id tidemark.TableID) string { return id.Namespace + "/" + id.Name + "/" }

// Drop implements tidemark.Dropper.
func (l *Lake) Drop(ctx context.Context, d *tidemark.Drop, last func() error) error {
	heads, ok := l.tables.heads.(forgetter)
	if !ok {
		return fmt.Errorf("drop table %s: its catalog cannot: %w", d.Table, tidemark.ErrInvalid)
	}
	if err := failpoint.Hit("iceberg.drop.before"); err != nil {
		return err
	}
	tbl, err := l.mark(ctx, d)
	if err != nil {
		return err
	}
	if err := failpoint.Hit("iceberg.drop.marked"); err != nil {
		return err
	}
	if err := l.clear(ctx, d, tbl.MetadataLocation()); err != nil {
		return fmt.Errorf("drop table %s: %w", d.Table, err)
	}
	if err := last(); err != nil {
		return err
	}
	if err := failpoint.Hit("iceberg.drop.cleared"); err != nil {
		return err
	}
	if err := heads.forget(ctx, d.Table, tbl.MetadataLocation()); err != nil {
		return fmt.Errorf("drop table %s: %w", d.Table, err)
	}
	return failpoint.Hit("iceberg.drop.after")
}

// mark makes the table one that bears the mark, if it does not yet.
func (l *Lake) mark(ctx context.Context, d *tidemark.Drop) (*table.Table, error) {
	for range maxSends {
		tbl, err := l.tables.loadAny(ctx, identifier(d.Table))
		if err != nil {
			return nil, fmt.Errorf("load table %s: %w", d.Table, kindOf(err))
		}
		if isDropped(tbl) { // by us, or by another, whose work we finish
			return tbl, readMark(tbl, d)
		}
		if tbl.MetadataLocation() != d.Base {
			return nil, tidemark.WithHint(fmt.Errorf("table %s was changed meanwhile: %w", d.Table, tidemark.ErrConflict), "nothing was dropped; look again")
		}
		updates, err := markUpdates(tbl, d)
		if err != nil {
			return nil, err
		}
		v, err := l.tables.next(tbl, []table.Requirement{table.AssertTableUUID(tbl.Metadata().TableUUID())}, updates)
		if err != nil {
			return nil, err
		}
		marked, err := l.tables.publish(ctx, v)
		if err == nil {
			return marked, nil
		}
		if forGood(err) {
			return nil, fmt.Errorf("mark table %s as dropped: %w", d.Table, err)
		}
		if perr := pause(ctx); perr != nil { // what counts is what the table is now
			return nil, errors.Join(err, perr)
		}
	}
	return nil, fmt.Errorf("mark table %s as dropped: the store does not answer: %w", d.Table, tidemark.ErrTransient)
}

// markUpdates empties the table.
func markUpdates(tbl *table.Table, d *tidemark.Drop) ([]table.Update, error) {
	mark, err := json.Marshal(tidemark.DropMark{At: time.Now().UTC(), Events: d.Events})
	if err != nil {
		return nil, fmt.Errorf("encode the mark of table %s: %w", d.Table, err)
	}
	updates := []table.Update{table.NewSetPropertiesUpdate(iceberg.Properties{droppedKey: string(mark)})}
	if tbl.CurrentSnapshot() == nil {
		updates = append(updates, table.NewAddSchemaUpdate(lastSchema(tbl)), table.NewSetCurrentSchemaUpdate(-1))
	}
	var gone []string
	for key := range tbl.Properties() {
		if strings.HasPrefix(key, watermarkPrefix) {
			gone = append(gone, key)
		}
	}
	if len(gone) > 0 {
		updates = append(updates, table.NewRemovePropertiesUpdate(gone))
	}
	for name := range tbl.Metadata().Refs() {
		updates = append(updates, table.NewRemoveSnapshotRefUpdate(name))
	}
	var ids []int64
	for _, s := range tbl.Metadata().Snapshots() {
		ids = append(ids, s.SnapshotID)
	}
	if len(ids) > 0 {
		updates = append(updates, table.NewRemoveSnapshotsUpdate(ids, false))
	}
	return updates, nil
}

// lastSchema differs from the table's own in words alone. Where the head of main cannot tell a run of the mark, since there
// is none, and the catalog compares no more than that, the schema does.
func lastSchema(tbl *table.Table) *iceberg.Schema {
	fields := slices.Clone(tbl.Schema().Fields())
	fields[0].Doc += " (the table is being dropped)"
	return iceberg.NewSchemaWithIdentifiers(0, tbl.Schema().IdentifierFieldIDs, fields...)
}

// clear removes all that the dropped table had but the metadata file at mark. Old versions go the lowest first, so that
// one who was asleep and takes a free place among them finds that the version before it is gone (folder.go).
func (l *Lake) clear(ctx context.Context, d *tidemark.Drop, mark string) error {
	markKey, err := l.root.key(mark)
	if err != nil {
		return err
	}
	var keys, versions []string
	for o, err := range l.store.List(ctx, tableFolder(d.Table)) {
		switch {
		case err != nil:
			return err
		case o.Key == markKey || o.Key == hintKey(d.Table):
		case versionOf(o.Key) > 0:
			versions = append(versions, o.Key)
		default:
			keys = append(keys, o.Key)
		}
	}
	slices.SortFunc(versions, func(a, b string) int { return cmp.Compare(versionOf(a), versionOf(b)) })
	side, err := l.sideFilesToDrop(ctx, d)
	if err != nil {
		return err
	}
	for _, key := range versions {
		if err := l.dropFile(ctx, key); err != nil {
			return err
		}
	}
	g, each := errgroup.WithContext(ctx)
	g.SetLimit(dropParallel)
	for _, key := range append(keys, side...) {
		g.Go(func() error { return l.dropFile(each, key) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return l.dropUploads(ctx, d)
}

// dropParallel is how many objects are deleted at the same time.
const dropParallel = 16

func (l *Lake) dropFile(ctx context.Context, key string) error {
	if err := failpoint.Hit("iceberg.drop.file"); err != nil {
		return err
	}
	if err := l.store.Delete(ctx, key); err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return nil
}

// sideFilesToDrop returns the side files of the table's pipelines that no other table names. Where a pipeline has the
// commit log of a folder of Parquet files, they may be that one's.
func (l *Lake) sideFilesToDrop(ctx context.Context, d *tidemark.Drop) (keys []string, err error) {
	others, err := l.sideFilesOf(ctx, func(id tidemark.TableID) bool { return id != d.Table })
	if err != nil {
		return nil, err
	}
	for _, e := range d.Events {
		var own []string
		logged := false
		for o, err := range l.store.List(ctx, sideFolder(e.Pipeline)) {
			if err != nil {
				return nil, err
			}
			if path.Dir(o.Key)+"/" != sideFolder(e.Pipeline) {
				continue // the audit trail
			}
			logged = logged || strings.HasSuffix(o.Key, ".json")
			if isSideFile(o.Key) && !others[o.Key] {
				own = append(own, o.Key)
			}
		}
		if !logged {
			keys = append(keys, own...)
		}
	}
	return keys, nil
}

// dropUploads aborts what runs were about to write.
func (l *Lake) dropUploads(ctx context.Context, d *tidemark.Drop) error {
	s, ok := l.store.(blob.Sweeper)
	if !ok {
		return nil
	}
	if _, err := s.Sweep(ctx, tableFolder(d.Table), time.Now()); err != nil {
		return fmt.Errorf("abort uploads: %w", err)
	}
	return nil
}
