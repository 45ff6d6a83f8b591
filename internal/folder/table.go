package folder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// A table is the record of a table. It only ever grows: columns are added and become wider. Each change is a new
// version under a key that must be free, so pipelines that share a table cannot undo each other's changes.
type table struct {
	Format    int                   `json:"v"`
	Version   int                   `json:"version"` // from 1
	Table     tidemark.TableID      `json:"table"`
	Comment   string                `json:"comment,omitempty"` // that a person has set
	Columns   []column              `json:"columns"`
	Partition []string              `json:"partition_by,omitempty"`
	Pipelines []tidemark.PipelineID `json:"pipelines"` // all that write or have written to it, sorted

	// Prefix is where the files of an imported table lie, with a slash behind it; "" of others, whose folder has their name.
	Prefix string `json:"prefix,omitempty"`

	Dropped *tidemark.DropMark `json:"dropped,omitempty"` // nobody reads or writes it any more
}

// An imported table has a format of its own: who does not know it would read NULL in the columns that its files lack.
const (
	tableFormat  = 1
	importFormat = 2
)

// loadTable returns the newest version of a table's record, nil when the table is not there. One that bears the mark of
// a drop is refused.
func loadTable(ctx context.Context, store blob.Store, id tidemark.TableID) (*table, error) {
	t, err := loadAny(ctx, store, id)
	if err == nil && t != nil && t.Dropped != nil {
		return nil, tidemark.BeingDropped(id)
	}
	return t, err
}

// loadAny returns the record whether it bears the mark of a drop or not.
func loadAny(ctx context.Context, store blob.Store, id tidemark.TableID) (*table, error) {
	var newest string
	for o, err := range store.List(ctx, tablePrefix(id)) {
		if err != nil {
			return nil, fmt.Errorf("look for table %s: %w", id, err)
		}
		newest = o.Key // they come in the order of their versions
	}
	if newest == "" {
		return nil, nil
	}
	data, err := read(ctx, store, newest)
	if err != nil {
		return nil, fmt.Errorf("read the record of table %s: %w", id, err)
	}
	t := new(table)
	if err := json.Unmarshal(data, t); err != nil {
		return nil, fmt.Errorf("read %s: %w: %w", newest, tidemark.ErrInvalid, err)
	}
	if t.Format < tableFormat || t.Format > importFormat || newest != tableKey(id, t.Version) {
		return nil, fmt.Errorf("read %s: version %d of format %d is not what it should be: %w", newest, t.Version, t.Format, tidemark.ErrInvalid)
	}
	return t, nil
}

// schema returns the schema of the files that are written to the table now.
func (t *table) schema() (*arrow.Schema, error) {
	fields := make([]arrow.Field, len(t.Columns))
	for i, c := range t.Columns {
		dt, err := c.arrowType()
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", t.Table, err)
		}
		fields[i] = arrow.Field{Name: c.Name, Type: dt, Nullable: true}
		if c.Doc != "" {
			fields[i].Metadata = arrow.NewMetadata([]string{tidemark.DocKey}, []string{c.Doc})
		}
	}
	return arrow.NewSchema(fields, nil), nil
}

// Prepare implements tidemark.Target.
func (t *Target) Prepare(ctx context.Context, s *tidemark.Schema) error {
	for { // until nobody else has changed the table meanwhile
		now, next, _, err := t.reshape(ctx, s)
		if err != nil {
			return err
		}
		err = putTable(ctx, t.store, now, next)
		if errors.Is(err, blob.ErrExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("prepare table %s: %w", t.p.Target, err)
		}
		t.mu.Lock()
		t.table = next
		t.mu.Unlock()
		return nil
	}
}

// reshape returns the table as it is, nil when it is not there, as it must be to take rows of s, and in words what
// differs between the two.
func (t *Target) reshape(ctx context.Context, s *tidemark.Schema) (now, next *table, changes []string, err error) {
	if err := t.check(); err != nil {
		return nil, nil, nil, err
	}
	if err := t.checkAlone(ctx); err != nil {
		return nil, nil, nil, err
	}
	incoming, err := columnsOf(t.p.Marked(s.Arrow()))
	if err != nil {
		return nil, nil, nil, fmt.Errorf("prepare table %s: %w", t.p.Target, err)
	}
	if now, err = loadTable(ctx, t.store, t.p.Target); err != nil {
		return nil, nil, nil, err
	}
	if next, changes, err = t.evolve(now, incoming); err != nil {
		return nil, nil, nil, fmt.Errorf("prepare table %s: %w", t.p.Target, err)
	}
	return now, next, changes, nil
}

// checkAlone keeps a pipeline that replaces its table apart from others, whose rows it would not replace.
func (t *Target) checkAlone(ctx context.Context) error {
	if t.p.Mode != tidemark.ModeReplace {
		return nil
	}
	others, err := t.others(ctx)
	if err != nil || len(others) == 0 {
		return err
	}
	return tidemark.WithHint(fmt.Errorf("pipeline %q replaces table %s, which %q writes to as well: %w", t.p.ID, t.p.Target, others[0], tidemark.ErrInvalid),
		"give one of them another table")
}

// putTable puts the next version, if it differs from the one that is there.
func putTable(ctx context.Context, store blob.Store, now, next *table) error {
	if now != nil && next.Version == now.Version {
		return nil
	}
	data, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("encode its record: %w", err)
	}
	if err := failpoint.Hit("folder.table.before"); err != nil {
		return err
	}
	if err := store.Put(ctx, tableKey(next.Table, next.Version), data, blob.PutOptions{IfAbsent: true}); err != nil {
		return err // of unknown outcome: the next attempt finds it, or puts it again
	}
	return failpoint.Hit("folder.table.after")
}

// evolve returns the record that takes the incoming columns, now itself or the next version, and what differs in words.
func (t *Target) evolve(now *table, incoming []column) (*table, []string, error) {
	if now == nil {
		return &table{
			Format: tableFormat, Version: 1, Table: t.p.Target, Columns: incoming, Partition: t.p.PartitionBy,
			Pipelines: []tidemark.PipelineID{t.p.ID},
		}, nil, nil
	}
	if now.Prefix != "" {
		return nil, nil, tidemark.WithHint(fmt.Errorf("it was imported from %s: %w", now.Prefix, tidemark.ErrInvalid), "give the target another name")
	}
	if !slices.Equal(now.Partition, t.p.PartitionBy) {
		return nil, nil, tidemark.WithHint(fmt.Errorf("it is partitioned by %q, not %q: %w", now.Partition, t.p.PartitionBy, tidemark.ErrInvalid),
			"a folder cannot change its partitions: use format: iceberg, or another table")
	}
	columns, changes, err := merge(now.Columns, incoming)
	if err != nil {
		return nil, nil, err
	}
	if len(changes) > 0 && t.p.Evolution == tidemark.SchemaFreeze {
		return nil, nil, tidemark.WithHint(fmt.Errorf("the schema is frozen and %s: %w", strings.Join(changes, ", "), tidemark.ErrInvalid),
			"undo the change in the source, name the old columns in `columns:`, or set `schema: evolve`")
	}
	next := *now
	next.Columns = columns
	if i, there := slices.BinarySearch(now.Pipelines, t.p.ID); !there {
		next.Pipelines = slices.Insert(slices.Clone(now.Pipelines), i, t.p.ID)
	}
	if len(next.Pipelines) != len(now.Pipelines) || !slices.EqualFunc(columns, now.Columns, func(a, b column) bool {
		return a.Name == b.Name && sameType(a, b)
	}) {
		next.Version++
	}
	return &next, changes, nil
}

func columnsOf(schema *arrow.Schema) ([]column, error) {
	columns := make([]column, schema.NumFields())
	names := make(map[string]string)
	for i, f := range schema.Fields() {
		// Athena and Spark do not tell upper from lower case.
		if other, twice := names[strings.ToLower(f.Name)]; twice {
			return nil, tidemark.WithHint(fmt.Errorf("columns %q and %q differ in case only: %w", other, f.Name, tidemark.ErrInvalid),
				"rename one of them with change_schema")
		}
		names[strings.ToLower(f.Name)] = f.Name
		var err error
		if columns[i], err = columnOf(f); err != nil {
			return nil, err
		}
	}
	return columns, nil
}

// merge returns the columns of a table that takes incoming ones too, and what changes, in words.
func merge(have, incoming []column) (columns []column, changes []string, err error) {
	columns = slices.Clone(have)
	came := make(map[string]bool)
	for _, in := range incoming {
		came[in.Name] = true
		i := slices.IndexFunc(columns, func(c column) bool { return c.Name == in.Name })
		if i < 0 {
			columns = append(columns, in)
			changes = append(changes, fmt.Sprintf("column %q is new", in.Name))
			continue
		}
		wider, ok := widened(columns[i], in)
		if !ok {
			return nil, nil, tidemark.WithHint(
				fmt.Errorf("column %q is %s in the table and now %s: a value might not fit: %w", in.Name, columns[i].Type, in.Type, tidemark.ErrInvalid),
				"cast it with change_schema, give it another name, or load into another table")
		}
		if !sameType(columns[i], in) {
			changes = append(changes, fmt.Sprintf("column %q is %s and now %s", in.Name, columns[i].Type, in.Type))
		}
		columns[i] = wider
	}
	for _, c := range have {
		if !came[c.Name] {
			changes = append(changes, fmt.Sprintf("column %q is gone", c.Name))
		}
	}
	return columns, changes, nil
}
