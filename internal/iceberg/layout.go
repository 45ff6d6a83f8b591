package iceberg

import (
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
)

// A layout is how the rows of a run become files of a table: what Prepare has settled and Write follows.
type layout struct {
	table  *table.Table
	folder string        // where data files lie, a key that ends at a slash
	schema *arrow.Schema // of the data files: the run's columns in their order, with field ids and the table's types
	casts  []int         // columns whose batches are narrower than the table's type

	partition *partitioner // nil when the table is not partitioned

	// Of a merge. The deletes belong to the unpartitioned spec whatever partition the rows go to: an update that moves
	// a row to another partition must delete the old version where it is.
	key       []int // the key's columns
	keySchema *arrow.Schema
	deletes   iceberg.PartitionSpec
	blind     bool // the table holds no rows, so there is nothing to delete
}

func newLayout(r root, tbl *table.Table, want *arrow.Schema, key []string) (*layout, error) {
	all, err := table.SchemaToArrowSchema(tbl.Schema(), nil, true, false)
	if err != nil {
		return nil, err
	}
	location, err := r.key(tbl.Location())
	if err != nil {
		return nil, err
	}
	l := &layout{table: tbl, folder: location + "/data/"}
	fields := make([]arrow.Field, want.NumFields())
	for i, column := range want.Fields() {
		found, ok := all.FieldsByName(column.Name)
		if !ok {
			return nil, fmt.Errorf("column %q is not in the table any more: %w", column.Name, tidemark.ErrRestart)
		}
		fields[i] = found[0]
		if !castless(column.Type, fields[i].Type) {
			l.casts = append(l.casts, i)
		}
	}
	l.schema = arrow.NewSchema(fields, nil)
	if spec := tbl.Spec(); !spec.IsUnpartitioned() {
		if l.partition, err = newPartitioner(tbl, l.schema); err != nil {
			return nil, err
		}
	}
	if len(key) > 0 {
		err = l.merge(key)
	}
	return l, err
}

// castless reports whether a batch's column goes into a file as it is. The names inside of lists may differ.
func castless(from, to arrow.DataType) bool {
	a, isList := from.(*arrow.ListType)
	b, both := to.(*arrow.ListType)
	if isList && both {
		return castless(a.Elem(), b.Elem())
	}
	return arrow.TypeEqual(from, to)
}

// merge adds what the files of equality deletes look like.
func (l *layout) merge(key []string) error {
	fields := make([]arrow.Field, len(key))
	for i, name := range key {
		at := l.schema.FieldIndices(name)
		if len(at) == 0 {
			return fmt.Errorf("key column %q is not among the rows' columns: %w", name, tidemark.ErrInvalid)
		}
		field := l.schema.Field(at[0])
		switch field.Type.ID() {
		case arrow.FLOAT32, arrow.FLOAT64, arrow.LIST:
			return fmt.Errorf("key column %q has type %s, which has no equality to rely on: %w", name, field.Type, tidemark.ErrInvalid)
		}
		fields[i] = field
		l.key = append(l.key, at[0])
	}
	l.keySchema = arrow.NewSchema(fields, nil)
	specs := l.table.Metadata().PartitionSpecs()
	i := slices.IndexFunc(specs, func(s iceberg.PartitionSpec) bool { return s.IsUnpartitioned() })
	if i < 0 {
		return tidemark.WithHint(
			fmt.Errorf("table %v never had an unpartitioned spec, which the deletes of a merge need: %w", l.table.Identifier(), tidemark.ErrInvalid),
			"merge into a table that tidemark has made")
	}
	l.deletes = specs[i]
	return nil
}

// ofKeys returns the layout of files of deletes whose keys do not come with rows: a batch has the key's columns alone.
func (l *layout) ofKeys(schema *arrow.Schema) (*layout, error) {
	keys := &layout{table: l.table, folder: l.folder, schema: schema}
	names := make([]string, schema.NumFields())
	for i, f := range schema.Fields() {
		names[i] = f.Name
	}
	return keys, keys.merge(names)
}

// keyIDs returns the field ids of the key.
func (l *layout) keyIDs() []int {
	ids := make([]int, len(l.key))
	for i, column := range l.key {
		field, _ := l.table.Schema().FindFieldByName(l.schema.Field(column).Name)
		ids[i] = field.ID
	}
	return ids
}
