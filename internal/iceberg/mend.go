package iceberg

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
)

var (
	_ tidemark.Rewriter = (*Target)(nil)
	_ tidemark.Eraser   = (*Target)(nil)
)

// Rewrite implements tidemark.Rewriter. The new files have the names of Write's. They get the sequence number of their
// commit, to which no delete of an earlier one would apply: so a table that holds deletes is tidemark.ErrInvalid.
func (t *Target) Rewrite(ctx context.Context, run tidemark.RunID, files []tidemark.FileRows) ([]tidemark.DataFile, error) {
	if t.prepared() == nil {
		return nil, fmt.Errorf("rewrite files of table %s before it was prepared: %w", t.p.Target, tidemark.ErrInvalid)
	}
	made, err := t.rewrite(ctx, run, files)
	if err == nil || !errors.Is(err, tidemark.ErrNotFound) {
		return made, err
	}
	// A file that is not there: a compaction may have taken it out of the table, and the expiry behind it have removed it.
	tbl, lerr := t.lake.load(ctx, t.p.Target)
	if lerr != nil {
		return nil, errors.Join(err, lerr)
	}
	if _, gone := t.lake.replaceable(ctx, tbl, keysOf(files)); gone != nil {
		err = gone
	}
	return nil, err
}

func (t *Target) rewrite(ctx context.Context, run tidemark.RunID, files []tidemark.FileRows) (made []tidemark.DataFile, err error) {
	tbl, err := t.lake.load(ctx, t.p.Target)
	if err != nil {
		return nil, err
	}
	live, err := t.lake.replaceable(ctx, tbl, keysOf(files))
	if err != nil {
		return nil, err
	}
	schema, err := table.SchemaToArrowSchema(tbl.Schema(), nil, true, false)
	if err != nil {
		return nil, err
	}
	l, err := newLayout(t.lake.root, tbl, schema, nil) // with all columns, be they the source's or not
	if err != nil {
		return nil, err
	}
	c := copier{lake: t.lake, data: &writer{Target: t, l: l, name: writerName(run)}, marks: map[string]tidemark.RowSet{}, asItIs: true}
	for i, f := range live {
		if _, twice := c.marks[f.FilePath()]; twice {
			return nil, fmt.Errorf("rows of %s shall go twice: %w", files[i].Key, tidemark.ErrInvalid)
		}
		c.marks[f.FilePath()] = files[i].Rows
	}
	defer func() {
		if err != nil {
			t.Discard(context.WithoutCancel(ctx), c.files())
		}
	}()
	for _, bin := range bins(live, t.p.FileSize) {
		if err := c.copy(ctx, bin); err != nil {
			return nil, err
		}
	}
	return c.files(), nil
}

func keysOf(files []tidemark.FileRows) []string {
	keys := make([]string, len(files))
	for i, f := range files {
		keys[i] = f.Key
	}
	return keys
}

// replaceable returns the live data files of a table that have the given keys, in their order, if others may take the
// place of them: tidemark.ErrConflict when one is not there, ErrInvalid when the table holds deletes.
func (l *Lake) replaceable(ctx context.Context, tbl *table.Table, keys []string) ([]liveFile, error) {
	inv, err := l.takeInventory(ctx, tbl, nil)
	if err != nil {
		return nil, err
	}
	if len(inv.deletes) > 0 {
		return nil, tidemark.WithHint(
			fmt.Errorf("table %v holds deletes (%s), which would not apply to files that are written anew: %w",
				tbl.Identifier(), inv.deletes[0].FilePath(), tidemark.ErrInvalid),
			"`tidemark maintain` applies them to the data")
	}
	there := make(map[string]liveFile, len(inv.data))
	for _, f := range inv.data {
		key, err := l.root.key(f.FilePath())
		if err != nil {
			return nil, err
		}
		there[key] = f
	}
	files := make([]liveFile, len(keys))
	for i, key := range keys {
		f, ok := there[key]
		if !ok {
			return nil, tidemark.WithHint(
				fmt.Errorf("table %v does not have the file %s any more: %w", tbl.Identifier(), key, tidemark.ErrConflict),
				"the table was compacted meanwhile: the same command again looks where the rows are now")
		}
		files[i] = f
	}
	return files, nil
}

// stageReplace builds the snapshot of a commit whose files take the place of others, which must be there in base.
func (l *Lake) stageReplace(ctx context.Context, base *table.Table, c tidemark.Commit, files []*dataFile) (table.TableCommit, error) {
	live, err := l.replaceable(ctx, base, c.Replaces)
	if err != nil {
		return table.TableCommit{}, err
	}
	data, deletes := sortFiles(files)
	if len(deletes) > 0 {
		return table.TableCommit{}, fmt.Errorf("a commit that replaces files brings deletes too: %w", tidemark.ErrInvalid)
	}
	old := make([]iceberg.DataFile, len(live))
	for i, f := range live {
		old[i] = f.DataFile
	}
	return stageOn(base, c.Watermark, func(tx *table.Transaction, summary iceberg.Properties) error {
		summary[summaryReplaced] = fmt.Sprint(len(old))
		return tx.ReplaceFiles(ctx, old, data, nil, summary, table.WithoutAutoNameMapping())
	})
}

// Erase implements tidemark.Eraser: it writes equality deletes of the keys alone, named as those of Write. It does so in a
// table without rows too: another program may bring some before the commit, and what the commit has to erase is gone then.
func (t *Target) Erase(ctx context.Context, run tidemark.RunID, keys iter.Seq2[arrow.RecordBatch, error]) ([]tidemark.DataFile, error) {
	l := t.prepared()
	if l == nil {
		return nil, fmt.Errorf("erase rows of table %s before it was prepared: %w", t.p.Target, tidemark.ErrInvalid)
	}
	if len(l.key) == 0 {
		return nil, fmt.Errorf("erase rows of table %s by their keys in mode %s: %w", t.p.Target, t.p.Mode, tidemark.ErrInvalid)
	}
	own, err := l.ofKeys(l.keySchema)
	if err != nil {
		return nil, err
	}
	k := &keyWriter{writer: &writer{Target: t, ctx: ctx, l: own, name: writerName(run)}}
	for b, err := range keys {
		if err == nil {
			err = k.take(b)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			k.abort()
			return nil, err
		}
	}
	files, err := k.finish()
	if err != nil {
		k.abort()
	}
	return files, err
}

// take writes a batch of keys, which may be of narrower types than the table's. It releases b.
func (k *keyWriter) take(b arrow.RecordBatch) (err error) {
	defer func() {
		if b != nil {
			b.Release()
		}
	}()
	want := k.l.schema.Fields()
	if int(b.NumCols()) != len(want) {
		return fmt.Errorf("keys of %d columns, want %d: %w", b.NumCols(), len(want), tidemark.ErrInvalid)
	}
	k.l.casts = nil
	for i, f := range want {
		if b.ColumnName(i) != f.Name {
			return fmt.Errorf("column %d of the keys is %q, want %q: %w", i+1, b.ColumnName(i), f.Name, tidemark.ErrInvalid)
		}
		if !castless(b.Column(i).DataType(), f.Type) {
			k.l.casts = append(k.l.casts, i)
		}
	}
	if len(k.l.casts) > 0 {
		if b, err = k.widen(b); err != nil {
			return err
		}
	}
	if b.NumRows() == 0 {
		return nil
	}
	return k.write(b)
}
