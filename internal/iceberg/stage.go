package iceberg

import (
	"context"
	"fmt"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"golang.org/x/sync/errgroup"

	"github.com/tidemark-data/tidemark"
)

// stage builds the snapshot of a commit on top of base: it writes manifests and the manifest list, which nobody names
// yet, and returns what must be published. Every watermark commit makes a snapshot, be it an empty one: the fence
// compares the head of main, and a commit that only set the property would slip past it.
func stage(ctx context.Context, base *table.Table, mode tidemark.Mode, w tidemark.Watermark, files []*dataFile) (table.TableCommit, error) {
	data, deletes := sortFiles(files)
	return stageOn(base, w, func(tx *table.Transaction, summary iceberg.Properties) error {
		switch {
		case mode == tidemark.ModeReplace:
			return replaceFiles(ctx, tx, base, data, summary)
		case len(deletes) > 0:
			return tx.NewRowDelta(summary).AddRows(data...).AddDeletes(deletes...).Commit(ctx)
		default:
			return appendFiles(ctx, tx, base, data, summary)
		}
	})
}

// stageOn builds a snapshot that stands on base, with the files that change puts into it or takes out.
func stageOn(base *table.Table, w tidemark.Watermark, change func(*table.Transaction, iceberg.Properties) error) (table.TableCommit, error) {
	record, err := w.Encode()
	if err != nil {
		return table.TableCommit{}, err
	}
	summary, err := summaryOf(w)
	if err != nil {
		return table.TableCommit{}, err
	}
	tx := base.NewTransaction()
	if err := tx.AssertRefSnapshotID(table.MainBranch); err != nil {
		return table.TableCommit{}, err
	}
	if err := change(tx, summary); err != nil {
		return table.TableCommit{}, err
	}
	if err := tx.SetProperties(iceberg.Properties{watermarkKey(w.Pipeline): string(record)}); err != nil {
		return table.TableCommit{}, err
	}
	return tx.TableCommit() // with the requirement that the table's UUID is still the same
}

// summaryOf returns what a snapshot's summary says about the commit that makes it.
func summaryOf(w tidemark.Watermark) (iceberg.Properties, error) {
	w.Settlements = nil // bulky, and only the next run's
	record, err := w.Encode()
	if err != nil {
		return nil, err
	}
	return iceberg.Properties{
		watermarkKey(w.Pipeline): string(record),
		summaryPipeline:          string(w.Pipeline),
		summarySeq:               strconv.FormatInt(w.Seq, 10),
		summaryRun:               string(w.Run),
		summaryRows:              strconv.FormatInt(w.Rows, 10),
	}, nil
}

func sortFiles(files []*dataFile) (data, deletes []iceberg.DataFile) {
	for _, f := range files {
		if f.ContentType() == iceberg.EntryContentData {
			data = append(data, f.DataFile)
		} else {
			deletes = append(deletes, f.DataFile)
		}
	}
	return data, deletes
}

// appendFiles stages a snapshot with more files, or with none.
func appendFiles(ctx context.Context, tx *table.Transaction, base *table.Table, data []iceberg.DataFile, summary iceberg.Properties) error {
	if len(data) > 0 {
		// The names are new, so there can be no duplicates; and our files carry field ids, so they need no mapping.
		return tx.AddDataFiles(ctx, data, summary, table.WithoutDuplicateCheck(), table.WithoutAutoNameMapping())
	}
	schema, err := table.SchemaToArrowSchema(base.Schema(), nil, true, false)
	if err != nil {
		return err
	}
	none, err := array.NewRecordReader(schema, nil)
	if err != nil {
		return err
	}
	defer none.Release()
	return tx.Append(ctx, none, summary)
}

// replaceFiles stages a snapshot that has the new files in place of all that base has.
func replaceFiles(ctx context.Context, tx *table.Transaction, base *table.Table, data []iceberg.DataFile, summary iceberg.Properties) error {
	var oldData, oldDeletes []iceberg.DataFile
	err := eachFile(ctx, base, func(e iceberg.ManifestEntry) error {
		if e.DataFile().ContentType() == iceberg.EntryContentData {
			oldData = append(oldData, e.DataFile())
		} else {
			oldDeletes = append(oldDeletes, e.DataFile())
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(oldData) == 0 && len(oldDeletes) == 0 {
		return appendFiles(ctx, tx, base, data, summary)
	}
	return tx.ReplaceFiles(ctx, oldData, data, oldDeletes, summary, table.WithoutAutoNameMapping())
}

// eachFile calls fn for each live file of a table's current snapshot.
func eachFile(ctx context.Context, tbl *table.Table, fn func(iceberg.ManifestEntry) error) error {
	head := tbl.CurrentSnapshot()
	if head == nil {
		return nil
	}
	return eachFileOf(ctx, tbl, head, fn)
}

// eachFileOf calls fn for each live file of a snapshot, one after the other in the order of the manifests.
func eachFileOf(ctx context.Context, tbl *table.Table, s *table.Snapshot, fn func(iceberg.ManifestEntry) error) error {
	fs, err := tbl.FS(ctx)
	if err != nil {
		return err
	}
	manifests, err := s.Manifests(fs)
	if err != nil {
		return fmt.Errorf("read manifest list of snapshot %d: %w", s.SnapshotID, kindOf(err))
	}
	entries := make([][]iceberg.ManifestEntry, len(manifests))
	var group errgroup.Group
	group.SetLimit(parallelManifests)
	for i, m := range manifests {
		group.Go(func() error {
			for entry, err := range m.Entries(fs, true) {
				if err != nil {
					return fmt.Errorf("read manifest %s: %w", m.FilePath(), kindOf(err))
				}
				entries[i] = append(entries[i], entry)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, list := range entries {
		for _, entry := range list {
			if err := fn(entry); err != nil {
				return err
			}
		}
	}
	return nil
}
