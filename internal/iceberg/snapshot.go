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

var _ tidemark.Catalog = (*Lake)(nil)

// Tables returns all tables of the lake, sorted. In the folder catalog it lists all objects of the store.
func (l *Lake) Tables(ctx context.Context) ([]tidemark.TableID, error) {
	tables, err := l.tables.heads.list(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(tables, func(a, b tidemark.TableID) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return tables, nil
}

// Snapshot returns the files of a table's current snapshot. Position deletes, which other engines may have written,
// are tidemark.ErrInvalid: a reader that left them out would show deleted rows.
func (l *Lake) Snapshot(ctx context.Context, id tidemark.TableID) (*tidemark.Snapshot, error) {
	tbl, err := l.loadHead(ctx, id)
	if err != nil {
		return nil, err
	}
	schema, err := table.SchemaToArrowSchema(tbl.Schema(), nil, true, false)
	if err != nil {
		return nil, fmt.Errorf("schema of table %s: %w", id, err)
	}
	s := &tidemark.Snapshot{Table: id, Format: tidemark.FormatIceberg, Schema: schema}
	head := tbl.CurrentSnapshot()
	if head == nil {
		return s, nil
	}
	s.ID, s.At = strconv.FormatInt(head.SnapshotID, 10), time.UnixMilli(head.TimestampMs).UTC()
	err = eachFile(ctx, tbl, func(e iceberg.ManifestEntry) error {
		file, err := l.lakeFile(tbl, e)
		if err != nil {
			return fmt.Errorf("table %s: %w", id, err)
		}
		if e.DataFile().ContentType() == iceberg.EntryContentData {
			s.Data = append(s.Data, file)
		} else {
			s.Deletes = append(s.Deletes, file)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (l *Lake) lakeFile(tbl *table.Table, e iceberg.ManifestEntry) (tidemark.LakeFile, error) {
	file := e.DataFile()
	if file.FileFormat() != iceberg.ParquetFile && file.ContentType() != iceberg.EntryContentPosDeletes {
		return tidemark.LakeFile{}, fmt.Errorf("%s is a %s file, and only Parquet can be read: %w", file.FilePath(), file.FileFormat(), tidemark.ErrInvalid)
	}
	key, err := l.root.key(file.FilePath())
	if err != nil {
		return tidemark.LakeFile{}, err
	}
	f := tidemark.LakeFile{Key: key, Rows: file.Count(), Bytes: file.FileSizeBytes(), Seq: e.SequenceNum()}
	switch file.ContentType() {
	case iceberg.EntryContentPosDeletes:
		return f, tidemark.WithHint(
			fmt.Errorf("another engine has written position deletes (%s), which cannot be read: %w", file.FilePath(), tidemark.ErrInvalid),
			"let that engine compact the table, for instance with Spark's rewrite_data_files and delete-file-threshold 1")
	case iceberg.EntryContentEqDeletes:
		if spec := tbl.Metadata().PartitionSpecByID(int(file.SpecID())); spec == nil || !spec.IsUnpartitioned() {
			return f, tidemark.WithHint(
				fmt.Errorf("another engine has written deletes for single partitions (%s), which cannot be read: %w", file.FilePath(), tidemark.ErrInvalid),
				"let that engine compact the table")
		}
		for _, id := range file.EqualityFieldIDs() {
			name, ok := tbl.Schema().FindColumnName(id)
			if !ok {
				return f, fmt.Errorf("delete file %s names field %d, which the table does not have any more: %w", file.FilePath(), id, tidemark.ErrInvalid)
			}
			f.Equality = append(f.Equality, name)
		}
		slices.Sort(f.Equality)
	}
	return f, nil
}
