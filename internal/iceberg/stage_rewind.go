package iceberg

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// stageRewind builds the snapshot of a commit that goes back, on top of base. The way is found anew on each base, since
// others may have committed meanwhile.
func stageRewind(ctx context.Context, base *table.Table, w tidemark.Watermark, to int64) (table.TableCommit, error) {
	r, err := planRewind(ctx, base, w.Pipeline, to)
	if err != nil {
		return table.TableCommit{}, err
	}
	if r.back {
		return stageBack(ctx, base, w, r.on)
	}
	return stageOn(base, w, func(tx *table.Transaction, summary iceberg.Properties) error {
		var data, deletes []iceberg.DataFile
		for _, f := range r.taken {
			if f.ContentType() == iceberg.EntryContentData {
				data = append(data, f)
			} else {
				deletes = append(deletes, f)
			}
		}
		if len(data) == 0 && len(deletes) == 0 {
			return appendFiles(ctx, tx, base, nil, summary)
		}
		return tx.ReplaceFiles(ctx, data, nil, deletes, summary, table.WithoutAutoNameMapping())
	})
}

// stageBack builds a snapshot that stands on an earlier one and has its files. The manifests are the old ones: in them
// each file keeps the sequence number that says which deletes apply to it.
func stageBack(ctx context.Context, base *table.Table, w tidemark.Watermark, on *table.Snapshot) (table.TableCommit, error) {
	record, err := w.Encode()
	if err != nil {
		return table.TableCommit{}, err
	}
	s, err := snapshotOn(base, w, on)
	if err != nil {
		return table.TableCommit{}, err
	}
	if err := writeManifestList(ctx, base, s, on); err != nil {
		return table.TableCommit{}, err
	}
	var head *int64
	if now := base.CurrentSnapshot(); now != nil {
		head = &now.SnapshotID
	}
	return table.TableCommit{
		Identifier: base.Identifier(),
		Requirements: []table.Requirement{
			table.AssertTableUUID(base.Metadata().TableUUID()),
			table.AssertRefSnapshotID(table.MainBranch, head),
		},
		Updates: []table.Update{
			table.NewAddSnapshotUpdate(s),
			mainUpdate(base.Metadata(), s.SnapshotID),
			table.NewSetPropertiesUpdate(iceberg.Properties{watermarkKey(w.Pipeline): string(record)}),
		},
	}, nil
}

// pinTag is the tag that holds the snapshot to which a rewind goes, so that no clean-up can take it meanwhile. It is needed
// where snapshots can go without that the rewind's swap fails.
const pinTag = "tidemark-rewind"

// pinned returns the snapshot that is held, 0 for none.
func pinned(tbl *table.Table) int64 {
	for name, ref := range tbl.Metadata().Refs() {
		if name == pinTag {
			return ref.SnapshotID
		}
	}
	return 0
}

// pin holds the snapshot to which the commit goes back. It returns the table when that has made a difference to it, or
// should have: the commit is to be judged and staged again, and takes the tag away.
func (p *publication) pin(ctx context.Context, base *table.Table) (*table.Table, error) {
	if p.c.Rewind == nil || !p.t.lake.tables.loose() {
		return nil, nil
	}
	r, err := planRewind(ctx, base, p.c.Watermark.Pipeline, p.c.Rewind.To)
	if err != nil || !r.back || r.on == nil || pinned(base) == r.on.SnapshotID {
		return nil, err
	}
	v, err := p.t.lake.tables.next(base, nil, []table.Update{
		table.NewSetSnapshotRefUpdate(pinTag, r.on.SnapshotID, table.TagRef, 0, 0, 0),
	})
	if err != nil {
		return nil, err
	}
	_, refused := p.t.lake.tables.publish(ctx, v)
	if err := failpoint.Hit("iceberg.rewind.pinned"); err != nil {
		return nil, err
	}
	now, err := p.reload(ctx) // whatever the answer was, what counts is what the table is now
	if err == nil && refused != nil && forGood(refused) && now.MetadataLocation() == v.old {
		err = refused
	}
	return now, err
}

// mainUpdate sets main to a snapshot and leaves its rules of retention as they are.
func mainUpdate(m table.Metadata, id int64) table.Update {
	var refAge, snapshotAge int64
	var keep int
	for name, ref := range m.Refs() {
		if name != table.MainBranch {
			continue
		}
		if ref.MaxRefAgeMs != nil {
			refAge = *ref.MaxRefAgeMs
		}
		if ref.MaxSnapshotAgeMs != nil {
			snapshotAge = *ref.MaxSnapshotAgeMs
		}
		if ref.MinSnapshotsToKeep != nil {
			keep = *ref.MinSnapshotsToKeep
		}
	}
	return table.NewSetSnapshotRefUpdate(table.MainBranch, id, table.BranchRef, refAge, snapshotAge, keep)
}

// snapshotOn returns a new snapshot that stands on another one, nil for none, and has the same files.
func snapshotOn(base *table.Table, w tidemark.Watermark, on *table.Snapshot) (*table.Snapshot, error) {
	summary, err := summaryOf(w)
	if err != nil {
		return nil, err
	}
	for _, total := range []string{"data-files", "delete-files", "records", "files-size", "position-deletes", "equality-deletes"} {
		summary["total-"+total] = "0"
	}
	m := base.Metadata()
	schema := base.Schema().ID
	s := &table.Snapshot{
		SnapshotID: newSnapshotID(base), SequenceNumber: m.LastSequenceNumber() + 1,
		TimestampMs: max(time.Now().UnixMilli(), m.LastUpdatedMillis()), // readers by time rely on the order
		SchemaID:    &schema,
	}
	if on != nil {
		s.ParentSnapshotID = &on.SnapshotID
		if on.Summary != nil {
			maps.Copy(summary, totals(on.Summary.Properties))
		}
	}
	s.Summary = &table.Summary{Operation: table.OpOverwrite, Properties: summary}
	location, err := base.LocationProvider()
	if err != nil {
		return nil, err
	}
	s.ManifestList = location.NewMetadataLocation(fmt.Sprintf("snap-%d-0-%s.avro", s.SnapshotID, uuid.New()))
	return s, nil
}

// totals returns what a summary says about all files of its snapshot.
func totals(summary iceberg.Properties) iceberg.Properties {
	all := iceberg.Properties{}
	for key, value := range summary {
		if strings.HasPrefix(key, "total-") {
			all[key] = value
		}
	}
	return all
}

func newSnapshotID(base *table.Table) int64 {
	for {
		if id := rand.Int64(); id > 0 && base.SnapshotByID(id) == nil {
			return id
		}
	}
}

// writeManifestList writes the list of a snapshot, with the manifests of another one.
func writeManifestList(ctx context.Context, base *table.Table, s, of *table.Snapshot) (err error) {
	fs, err := base.FS(ctx)
	if err != nil {
		return err
	}
	var manifests []iceberg.ManifestFile
	if of != nil {
		if manifests, err = of.Manifests(fs); err != nil {
			return fmt.Errorf("read manifest list of snapshot %d: %w", of.SnapshotID, kindOf(err))
		}
	}
	files, ok := fs.(fileIO)
	if !ok {
		return fmt.Errorf("write manifest list of table %v: its files are not the lake's: %w", base.Identifier(), tidemark.ErrInvalid)
	}
	out, err := files.Create(s.ManifestList)
	if err != nil {
		return err
	}
	if err := iceberg.WriteManifestList(2, out, s.SnapshotID, s.ParentSnapshotID, &s.SequenceNumber, 0, manifests); err != nil {
		return fmt.Errorf("write manifest list %s: %w", s.ManifestList, err)
	}
	return out.Close()
}
