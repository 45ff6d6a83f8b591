package folder

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/failpoint"
	"github.com/tidemark-data/tidemark/internal/glue"
	"github.com/tidemark-data/tidemark/internal/parquet"
)

// A Registrar tells a catalog that other programs read what a folder holds. It is called behind each commit, and again
// where it is not known whether it was, so all that it does it can do twice.
type Registrar interface {
	// CheckName refuses names that the catalog cannot have, as tidemark.ErrInvalid.
	CheckName(id tidemark.TableID) error

	// Register sees to it that the catalog has the table, its columns, and the partitions.
	Register(ctx context.Context, id tidemark.TableID, r glue.Registration) error

	// Unregister sees to it that the catalog does not name folder, a key that ends at a slash, as that table any more. What
	// else bears its name there stays.
	Unregister(ctx context.Context, id tidemark.TableID, folder string) error
}

// RegisterWith lets the target tell r of each commit, between the commit and the hint that says that all is done: a
// process that dies in between, or is told of a failure, leaves that to the next run, which does it before all else. It
// returns the target. Call it before any other method.
func (t *Target) RegisterWith(r Registrar) *Target {
	t.registrar = r
	return t
}

// register tells the registrar of a commit whose files are all there.
func (t *Target) register(ctx context.Context, r *record) error {
	if err := failpoint.Hit("folder.register.before"); err != nil {
		return err
	}
	if t.registrar != nil {
		var keys []string
		for _, f := range r.Files {
			keys = append(keys, f.Staged.Key)
		}
		err := t.registrar.Register(ctx, t.p.Target, glue.Registration{
			Form: t.form, Folder: dataPrefix(t.p.Target), Partitions: t.partitions(keys), All: t.allPartitions,
		})
		if err != nil {
			return fmt.Errorf("register commit %d, whose rows are in the lake: %w", r.seq(), err)
		}
	}
	return failpoint.Hit("folder.register.after")
}

// partitions returns the partitions of data files, "" for none.
func (t *Target) partitions(keys []string) (found []string) {
	for _, key := range keys {
		if inner := path.Dir(strings.TrimPrefix(key, dataPrefix(t.p.Target))); inner != "." {
			found = append(found, inner)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// allPartitions finds the partitions by listing.
func (t *Target) allPartitions(ctx context.Context) ([]string, error) {
	var keys []string
	for o, err := range t.store.List(ctx, dataPrefix(t.p.Target)) {
		if err != nil {
			return nil, fmt.Errorf("look for partitions of table %s: %w", t.p.Target, err)
		}
		if visible(t.p.Target, o.Key) {
			keys = append(keys, o.Key)
		}
	}
	return t.partitions(keys), nil
}

// form describes the table as its record does now.
func (t *Target) form(ctx context.Context) (glue.Form, error) {
	table, err := loadTable(ctx, t.store, t.p.Target)
	if err != nil {
		return glue.Form{}, err
	}
	if table == nil {
		return glue.Form{}, fmt.Errorf("the record of table %s: %w", t.p.Target, tidemark.ErrNotFound)
	}
	schema, err := table.schema()
	if err != nil {
		return glue.Form{}, err
	}
	var form glue.Form
	keys := map[string]bool{}
	for _, spec := range table.Partition {
		f, err := parquet.ParsePartition(spec)
		if err != nil {
			return glue.Form{}, err
		}
		at := schema.FieldIndices(f.Column)
		if len(at) == 0 {
			return glue.Form{}, fmt.Errorf("table %s is partitioned by %q, a column that it does not have: %w", t.p.Target, spec, tidemark.ErrInvalid)
		}
		form.Keys = append(form.Keys, glue.Column{Name: f.Name, Type: hiveKey(f.Transform, schema.Field(at[0]).Type)})
		keys[f.Name] = true
	}
	for i, c := range table.Columns {
		if !keys[c.Name] { // Hive takes a column that is in the folder's name from there
			form.Columns = append(form.Columns, glue.Column{Name: c.Name, Type: HiveType(schema.Field(i).Type), Comment: c.Doc})
		}
	}
	return form, nil
}

// hiveKey returns the type of a partition column, whose values are the texts in the names of folders.
func hiveKey(by parquet.Transform, column arrow.DataType) string {
	switch by {
	case parquet.Day:
		return "date"
	case parquet.Year, parquet.Bucket:
		return "int"
	case parquet.Identity, parquet.Truncate:
		switch column.ID() {
		case arrow.INT32, arrow.INT64, arrow.DATE32, arrow.DECIMAL128, arrow.BOOL:
			return HiveType(column)
		}
	}
	return "string"
}

// HiveType returns the type by which Hive and Athena read values of an Arrow type from Parquet files. A time of day,
// which they do not have, is the number of its microseconds.
func HiveType(t arrow.DataType) string {
	switch t := t.(type) {
	case *arrow.BooleanType:
		return "boolean"
	case *arrow.Int32Type:
		return "int"
	case *arrow.Int64Type, *arrow.Time64Type:
		return "bigint"
	case *arrow.Float32Type:
		return "float"
	case *arrow.Float64Type:
		return "double"
	case *arrow.Decimal128Type:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	case *arrow.Date32Type:
		return "date"
	case *arrow.TimestampType:
		return "timestamp"
	case *arrow.BinaryType:
		return "binary"
	case *arrow.ListType:
		return "array<" + HiveType(t.Elem()) + ">"
	case *arrow.StructType:
		fields := make([]string, t.NumFields())
		for i, f := range t.Fields() {
			fields[i] = f.Name + ":" + HiveType(f.Type)
		}
		return "struct<" + strings.Join(fields, ",") + ">"
	}
	return "string"
}
