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
	places, err := l.tables.heads.list(ctx)
	if err != nil {
		return nil, err
	}
	tables := make([]tidemark.TableID, len(places))
	for i, p := range places {
		tables[i] = p.id
	}
	sortTables(tables)
	return tables, nil
}

func sortTables(tables []tidemark.TableID) {
	slices.SortFunc(tables, func(a, b tidemark.TableID) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
}

// Snapshot returns the files of a table's current snapshot. Position deletes, which other engines may have written,
// are tidemark.ErrInvalid: a reader that left them out would show deleted rows.
func (l *Lake) Snapshot(ctx context.Context, id tidemark.TableID) (*tidemark.Snapshot, error) {
	tbl, err := l.loadHead(ctx, id)
	if err != nil {
		return nil, err
	}
	return l.snapshot(ctx, tbl, tbl.CurrentSnapshot(), tbl.Schema())
}

// snapshot returns the files of a snapshot, nil for an empty table, read with a schema.
func (l *Lake) snapshot(ctx context.Context, tbl *table.Table, of *table.Snapshot, schema *iceberg.Schema) (*tidemark.Snapshot, error) {
	id, err := tableID(tbl.Identifier())
	if err != nil {
		return nil, err
	}
	fields, err := table.SchemaToArrowSchema(schema, nil, true, false)
	if err != nil {
		return nil, fmt.Errorf("schema of table %s: %w", id, err)
	}
	s := &tidemark.Snapshot{Table: id, Format: tidemark.FormatIceberg, Schema: fields}
	if of == nil {
		return s, nil
	}
	s.ID, s.At = strconv.FormatInt(of.SnapshotID, 10), time.UnixMilli(of.TimestampMs).UTC()
	b := bounds{schema: schema, specs: tbl.Metadata().PartitionSpecByID}
	err = eachFileOf(ctx, tbl, of, func(e iceberg.ManifestEntry) error {
		file, err := l.lakeFile(tbl, schema, e)
		if err != nil {
			return fmt.Errorf("table %s: %w", id, err)
		}
		if e.DataFile().ContentType() == iceberg.EntryContentData {
			s.Data, b.files = append(s.Data, file), append(b.files, e.DataFile())
		} else {
			s.Deletes = append(s.Deletes, file)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.Bounds = b.of
	return s, nil
}

func (l *Lake) lakeFile(tbl *table.Table, schema *iceberg.Schema, e iceberg.ManifestEntry) (tidemark.LakeFile, error) {
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
			name, ok := schema.FindColumnName(id)
			if !ok {
				return f, fmt.Errorf("delete file %s names field %d, which the table does not have any more: %w", file.FilePath(), id, tidemark.ErrInvalid)
			}
			f.Equality = append(f.Equality, name)
		}
		slices.Sort(f.Equality)
	}
	return f, nil
}
