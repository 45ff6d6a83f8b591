package iceberg

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
)

var _ tidemark.Describer = (*Lake)(nil)

// Describe implements tidemark.Describer. The history is that of the snapshots that have not expired.
func (l *Lake) Describe(ctx context.Context, id tidemark.TableID) (*tidemark.Description, error) {
	tbl, err := l.load(ctx, id)
	if err != nil {
		return nil, err
	}
	d := &tidemark.Description{Table: id, Format: tidemark.FormatIceberg, Location: tbl.Location(), Metadata: tbl.MetadataLocation(), Comment: tbl.Properties()[commentKey]}
	for _, f := range tbl.Schema().Fields() {
		column := tidemark.DescribedColumn{TargetColumn: tidemark.TargetColumn{Name: f.Name, Type: f.Type.String(), Nullable: !f.Required}}
		column.Doc, column.Comment = docsOf(tbl, f)
		d.Columns = append(d.Columns, column)
	}
	spec := tbl.Spec()
	for _, f := range spec.Fields() {
		source, _ := tbl.Schema().FindColumnName(f.SourceID())
		d.PartitionBy = append(d.PartitionBy, partitionText(source, f.Transform))
	}
	if d.Pipelines, err = watermarksOf(tbl); err != nil {
		return nil, err
	}
	if d.History, err = changesOf(tbl); err != nil {
		return nil, fmt.Errorf("history of table %s: %w", id, err)
	}
	return d, l.describeFiles(ctx, tbl, d)
}

// describeFiles adds the files of the current snapshot, position deletes of other engines included.
func (l *Lake) describeFiles(ctx context.Context, tbl *table.Table, d *tidemark.Description) error {
	return eachFile(ctx, tbl, func(e iceberg.ManifestEntry) error {
		file := e.DataFile()
		key, err := l.root.key(file.FilePath())
		if err != nil {
			return err
		}
		d.Files = append(d.Files, tidemark.LakeFile{Key: key, Rows: file.Count(), Bytes: file.FileSizeBytes(), Seq: e.SequenceNum()})
		if file.ContentType() == iceberg.EntryContentData {
			d.Data.Add(file.Count(), file.FileSizeBytes())
		} else {
			d.Deletes.Add(file.Count(), file.FileSizeBytes())
		}
		return nil
	})
}

// partitionText is a partition field as a config has it.
func partitionText(column string, t iceberg.Transform) string {
	switch t := t.(type) {
	case iceberg.IdentityTransform:
		return column
	case iceberg.BucketTransform:
		return fmt.Sprintf("bucket(%d, %s)", t.NumBuckets, column)
	case iceberg.TruncateTransform:
		return fmt.Sprintf("truncate(%d, %s)", t.Width, column)
	default:
		return fmt.Sprintf("%s(%s)", t, column)
	}
}

// changesOf returns the snapshots of a table, newest first.
func changesOf(tbl *table.Table) ([]tidemark.Change, error) {
	line, _ := lineOf(tbl, tbl.CurrentSnapshot())
	kept := keptOnMain(tbl)
	on := map[int64]bool{}
	for _, s := range line {
		on[s.SnapshotID] = true
	}
	all := slices.Clone(tbl.Metadata().Snapshots())
	slices.SortStableFunc(all, func(a, b table.Snapshot) int { return cmp.Compare(b.SequenceNumber, a.SequenceNumber) })
	changes := make([]tidemark.Change, len(all))
	for i, s := range all {
		c := tidemark.Change{
			Snapshot: strconv.FormatInt(s.SnapshotID, 10), At: time.UnixMilli(s.TimestampMs).UTC(),
			Rows: -1, Aside: !on[s.SnapshotID] && !kept[s.SnapshotID],
		}
		if s.Summary != nil {
			if err := summarize(&c, s.Summary); err != nil {
				return nil, fmt.Errorf("snapshot %s: %w", c.Snapshot, err)
			}
		}
		changes[i] = c
	}
	return changes, nil
}

// summarize reads what a snapshot's summary tells.
func summarize(c *tidemark.Change, s *table.Summary) error {
	c.What = string(s.Operation)
	if what := s.Properties[summaryMaintenance]; what != "" {
		c.What = what
	}
	number := func(key string) int64 {
		n, err := strconv.ParseInt(s.Properties[key], 10, 64)
		if err != nil {
			return -1
		}
		return n
	}
	c.Rows, c.Files = number("total-records"), int(max(number("total-data-files"), 0))
	p := tidemark.PipelineID(s.Properties[summaryPipeline])
	if p == "" {
		return nil
	}
	w, err := tidemark.DecodeWatermark([]byte(s.Properties[watermarkKey(p)]))
	if err != nil {
		return err
	}
	c.Pipeline, c.Commit, c.Run, c.Loaded, c.High = p, w.Seq, w.Run, w.Rows, w.High
	return nil
}
