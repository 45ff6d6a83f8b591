package iceberg

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// Failpoints of Prepare: iceberg.prepare.before and iceberg.prepare.after, around the one write that it makes.

// maxPrepares bounds how often Prepare tries while others change the table.
const maxPrepares = 10

// tableProperties are set on each table that is made here. Retries are ours, see Commit; old metadata is what a person
// goes back to after a mistake; and many small manifests would make every reader slow.
func tableProperties() iceberg.Properties {
	return iceberg.Properties{
		table.PropertyFormatVersion:               "2",
		table.CommitNumRetriesKey:                 "0",
		table.MetadataDeleteAfterCommitEnabledKey: "false",
		table.MetadataCompressionKey:              table.MetadataCompressionCodecNone,
		table.ManifestMergeEnabledKey:             "true",
		table.ParquetCompressionKey:               "zstd",
	}
}

// Prepare makes the table, or evolves its schema and partitioning. Of two processes that do so at once one succeeds,
// and the other looks again and finds what it wants.
func (t *Target) Prepare(ctx context.Context, s *tidemark.Schema) error {
	key, err := t.mergeKey(s)
	if err != nil {
		return err
	}
	want := s.Arrow()
	tbl, err := t.shape(ctx, want)
	if err != nil {
		return err
	}
	l, err := t.lay(ctx, tbl, want, key)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.layout = l
	return nil
}

// mergeKey returns the columns by which a merge knows a row; nil in the other modes.
func (t *Target) mergeKey(s *tidemark.Schema) ([]string, error) {
	switch {
	case t.p.Mode != tidemark.ModeMerge:
		return nil, nil
	case len(t.p.Key) > 0:
		return t.p.Key, nil
	case len(s.Key) > 0:
		return s.Key, nil
	}
	return nil, tidemark.WithHint(fmt.Errorf("merge into table %s without a key: %w", t.p.Target, tidemark.ErrInvalid),
		"the source table has no primary key: name the key's columns in the target, or use append")
}

// lay returns the layout of what is written to the table.
func (t *Target) lay(ctx context.Context, tbl *table.Table, want *arrow.Schema, key []string) (*layout, error) {
	l, err := newLayout(t.lake.root, tbl, want, key)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", t.p.Target, err)
	}
	if len(key) > 0 {
		filled, err := holdsFiles(ctx, tbl)
		if err != nil {
			return nil, err
		}
		l.blind = !filled
	}
	return l, nil
}

// shape returns the table once it takes batches of want. What Watermark has just seen is good enough to find that
// nothing must change. To change it the table is loaded: one that was dropped and made again has the same versions.
func (t *Target) shape(ctx context.Context, want *arrow.Schema) (*table.Table, error) {
	t.mu.Lock()
	seen := t.seen
	t.seen = nil
	t.mu.Unlock()
	if seen != nil {
		if v, _, err := t.reshape(seen, want); err == nil && v == nil {
			return seen, nil
		}
	}
	var refused error // what the last write was answered
	for range maxPrepares {
		tbl, err := t.lake.load(ctx, t.p.Target)
		if err != nil && !errors.Is(err, tidemark.ErrNotFound) {
			return nil, errors.Join(err, refused)
		}
		v, _, err := t.reshape(tbl, want)
		if err != nil || v == nil {
			return tbl, err
		}
		if err := failpoint.Hit("iceberg.prepare.before"); err != nil {
			return nil, err
		}
		tbl, refused = t.lake.tables.publish(ctx, *v)
		if hit := failpoint.Hit("iceberg.prepare.after"); hit != nil {
			return nil, hit
		}
		if refused == nil {
			t.log.Info("table prepared", "columns", len(v.metadata.CurrentSchema().Fields()), "partition_by", t.p.PartitionBy)
			// A server may have made less of a new table than it was asked for.
			if more, _, err := t.reshape(tbl, want); err != nil || more == nil {
				return tbl, err
			}
			continue
		}
		if forGood(refused) {
			break
		}
		// Whatever the error says, what counts is what the table looks like now.
		if err := pause(ctx); err != nil {
			return nil, errors.Join(err, refused)
		}
	}
	if errors.Is(refused, table.ErrCommitFailed) { // others were always faster
		refused = fmt.Errorf("%w: %w", tidemark.ErrTransient, refused)
	}
	return nil, fmt.Errorf("write table %s: %w", t.p.Target, refused)
}

// reshape returns the version of the table that takes batches of want, nil when the table does already, and in words what
// differs from the table as it is.
func (t *Target) reshape(tbl *table.Table, want *arrow.Schema) (*version, []string, error) {
	want = t.p.Marked(want)
	if tbl == nil {
		v, err := t.firstVersion(want)
		return v, nil, err
	}
	if v := tbl.Metadata().Version(); v != 2 {
		return nil, nil, fmt.Errorf("table %s has Iceberg format version %d, want 2: %w", t.p.Target, v, tidemark.ErrInvalid)
	}
	e, err := evolve(tbl.Schema(), tbl.Metadata().LastColumnID(), want)
	if err != nil {
		return nil, nil, fmt.Errorf("table %s: %w", t.p.Target, err)
	}
	changes := slices.Concat(e.changes, e.drift)
	if t.p.Evolution == tidemark.SchemaFreeze && len(changes) > 0 {
		return nil, nil, tidemark.WithHint(
			fmt.Errorf("table %s: the schema is frozen, and %s: %w", t.p.Target, strings.Join(changes, ", "), tidemark.ErrInvalid),
			"set schema: evolve to take the change over")
	}
	var updates []table.Update
	if len(e.changes) > 0 {
		if kept := e.keepComments(tbl); len(kept) > 0 {
			updates = append(updates, table.NewSetPropertiesUpdate(kept))
		}
		updates = append(updates, table.NewAddSchemaUpdate(e.schema), table.NewSetCurrentSchemaUpdate(-1))
	}
	schema := e.schema
	if schema == nil {
		schema = tbl.Schema()
	}
	spec, err := t.respec(tbl.Metadata(), schema)
	if err != nil {
		return nil, nil, err
	}
	if len(spec) > 0 {
		changes = append(changes, fmt.Sprintf("new files are partitioned by %s", strings.Join(t.p.PartitionBy, ", ")))
		updates = append(updates, spec...)
	}
	if len(updates) == 0 {
		return nil, changes, nil
	}
	v, err := t.lake.tables.next(tbl, nil, updates)
	if err != nil {
		return nil, nil, err
	}
	t.log.Debug("the table must change", "changes", strings.Join(changes, ", "))
	return &v, changes, nil
}

// firstVersion returns a new table. It is unpartitioned at first, as spec 0, and evolved to its partitioning in the same
// write: a merge writes its deletes under spec 0.
func (t *Target) firstVersion(want *arrow.Schema) (*version, error) {
	schema, err := firstSchema(want)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", t.p.Target, err)
	}
	location := t.lake.root.uri(t.p.Target.Namespace + "/" + t.p.Target.Name)
	metadata, err := table.NewMetadata(schema, iceberg.UnpartitionedSpec, table.UnsortedSortOrder, location, tableProperties())
	if err != nil {
		return nil, fmt.Errorf("make table %s: %w", t.p.Target, kindOf(err))
	}
	updates, err := t.respec(metadata, metadata.CurrentSchema())
	if err != nil {
		return nil, err
	}
	if len(updates) > 0 {
		if metadata, err = table.UpdateTableMetadata(metadata, updates, ""); err != nil {
			return nil, fmt.Errorf("make table %s: %w", t.p.Target, kindOf(err))
		}
	}
	v, err := newVersion(t.p.Target, "", metadata)
	if err != nil {
		return nil, err
	}
	return &v, nil
}

// respec returns the updates that make partition_by the table's default spec; none when it is that already, or when the
// pipeline does not say how the table is partitioned.
func (t *Target) respec(metadata table.Metadata, schema *iceberg.Schema) ([]table.Update, error) {
	if len(t.p.PartitionBy) == 0 {
		return nil, nil
	}
	spec, err := parseSpec(t.p.PartitionBy, schema, metadata.PartitionSpecs())
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", t.p.Target, err)
	}
	current := metadata.PartitionSpec()
	if spec.CompatibleWith(&current) {
		return nil, nil
	}
	return []table.Update{table.NewAddPartitionSpecUpdate(&spec, false), table.NewSetDefaultSpecUpdate(-1)}, nil
}
