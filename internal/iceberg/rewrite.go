package iceberg

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/zeebo/xxh3"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/failpoint"
	"github.com/tidemark-data/tidemark/internal/parquet"
)

// keyPiece is how many keys of deletes are in memory at the same time, at about 60 bytes each. Where there are more,
// they are worked off piece by piece, and the key columns of the data are read once for each.
const keyPiece = 1 << 20

// A rewrite is the work of one job: it makes the new files, which nobody names yet.
type rewrite struct {
	copier // its marks are the rows that are deleted

	inv    *inventory
	job    job
	target int64 // the size of files, in bytes
	piece  int   // keyPiece, less in tests

	keys  []*dataFile // new files of deletes
	gone  []liveFile  // data files that the new ones take the place of
	clean []liveFile  // data files that the job looked at and that stay as they are
}

// run makes the files of the job. On an error they are removed again.
func (r *rewrite) run(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			r.discard(ctx)
		}
	}()
	if err := r.mark(ctx); err != nil {
		return err
	}
	for _, bin := range bins(r.job.data, r.target) {
		if len(bin) == 1 && len(r.job.merge) == 0 && r.marks[bin[0].FilePath()].Len() == 0 {
			r.clean = append(r.clean, bin[0])
			continue // it would become what it is
		}
		if err := r.copy(ctx, bin); err != nil {
			return err
		}
		r.gone = append(r.gone, bin...)
	}
	sets, err := keySets(r.inv.table, r.job.merge)
	if err != nil {
		return err
	}
	for _, set := range sets {
		if err := r.mergeKeys(ctx, set); err != nil {
			return err
		}
	}
	return failpoint.Hit("iceberg.compact.written")
}

// discard removes the new files.
func (r *rewrite) discard(ctx context.Context) {
	var files []tidemark.DataFile
	for _, f := range slices.Concat(r.made, r.keys) {
		files = append(files, f)
	}
	r.data.Discard(context.WithoutCancel(ctx), files)
}

// mark finds the deleted rows of the job's data files, by their keys alone.
func (r *rewrite) mark(ctx context.Context) error {
	r.marks = make(map[string]tidemark.RowSet, len(r.job.data))
	oldest := r.inv.head
	for _, f := range r.job.data {
		oldest = min(oldest, f.applied)
	}
	var deletes []liveFile
	for _, d := range r.inv.deletes {
		if d.seq > oldest {
			deletes = append(deletes, d)
		}
	}
	if len(r.job.data) == 0 {
		return nil
	}
	sets, err := keySets(r.inv.table, deletes)
	if err != nil {
		return err
	}
	for _, set := range sets {
		var keys int64
		for _, d := range set.files {
			keys += d.Count()
		}
		pieces := (keys + int64(r.piece) - 1) / int64(r.piece)
		for piece := range uint64(pieces) {
			if err := r.markPiece(ctx, set, piece, uint64(pieces)); err != nil {
				return err
			}
		}
	}
	return nil
}

// markPiece marks the rows whose key is in one of so many pieces of a set of deletes.
func (r *rewrite) markPiece(ctx context.Context, set keySet, piece, pieces uint64) error {
	newest := make(map[xxh3.Uint128]int64) // the sequence number of the newest delete of a key
	for _, d := range set.files {
		err := r.eachKey(ctx, d, set.schema, func(_ int64, key xxh3.Uint128) {
			if key.Hi%pieces == piece {
				newest[key] = max(newest[key], d.seq)
			}
		})
		if err != nil {
			return err
		}
	}
	for _, f := range r.job.data {
		m := r.marks[f.FilePath()]
		err := r.eachKey(ctx, f, set.schema, func(row int64, key xxh3.Uint128) {
			if newest[key] > f.seq {
				m.Add(row)
			}
		})
		if err != nil {
			return err
		}
		r.marks[f.FilePath()] = m
	}
	return nil
}

// eachKey calls fn for each row of a file.
func (r *rewrite) eachKey(ctx context.Context, f liveFile, schema *arrow.Schema, fn func(row int64, key xxh3.Uint128)) error {
	var hashes []xxh3.Uint128
	row := int64(0)
	for b, err := range r.lake.read(ctx, f, schema) {
		if err != nil {
			return err
		}
		hashes, err = hashKeys(b, hashes)
		b.Release()
		if err != nil {
			return fmt.Errorf("file %s: %w", f.FilePath(), err)
		}
		for _, h := range hashes {
			fn(row, h)
			row++
		}
	}
	return nil
}

// mergeKeys makes of files of deletes one, each key once, as far as they are remembered.
func (r *rewrite) mergeKeys(ctx context.Context, set keySet) error {
	l, err := r.data.l.ofKeys(set.schema)
	if err != nil {
		return err
	}
	w := r.writer(ctx)
	w.l = l
	keys := &keyWriter{writer: w}
	seen := make(map[xxh3.Uint128]struct{})
	var hashes []xxh3.Uint128
	once := func(b arrow.RecordBatch) (err error) {
		defer func() { b.Release() }()
		if hashes, err = hashKeys(b, hashes); err != nil {
			return err
		}
		var m tidemark.RowSet
		for i, h := range hashes {
			if _, ok := seen[h]; ok {
				m.Add(int64(i))
			} else if len(seen) < r.piece {
				seen[h] = struct{}{}
			}
		}
		b.Retain() // Without takes it over
		fresh, err := parquet.Without(ctx, b, m, 0)
		if err != nil {
			return err
		}
		defer fresh.Release()
		if fresh.NumRows() == 0 {
			return nil
		}
		return keys.write(fresh)
	}
	for _, d := range set.files {
		for b, err := range r.lake.read(ctx, d, set.schema) {
			if err == nil {
				err = once(b)
			}
			if err != nil {
				keys.abort()
				return fmt.Errorf("deletes of %s: %w", d.FilePath(), err)
			}
		}
	}
	files, err := keys.finish()
	if err != nil {
		keys.abort()
		return err
	}
	for _, f := range files {
		r.keys = append(r.keys, f.(*dataFile))
	}
	return nil
}

// errOvertaken says that a compaction lost files to a run.
var errOvertaken = errors.New("a run has replaced files that were being compacted")

// stage builds the snapshot of the job on top of base, which may be newer than what the job was made from: the files
// that go must be there as they were. What the new files lack of base, its deletes find by their sequence number.
func (r *rewrite) stage(ctx context.Context, base *table.Table, id string) (table.TableCommit, error) {
	if err := r.check(ctx, base); err != nil {
		return table.TableCommit{}, err
	}
	tx := base.NewTransaction()
	if err := tx.AssertRefSnapshotID(table.MainBranch); err != nil {
		return table.TableCommit{}, err
	}
	commit := tx.NewRewrite(iceberg.Properties{summaryMaintenance: "compact", summaryMaintenanceID: id})
	for _, f := range r.gone {
		commit.DeleteFile(f.DataFile)
	}
	for _, f := range r.made {
		commit.AddDataFile(f.DataFile)
	}
	r.stageDeletes(commit)
	// The rows are what they were at the head that was read. Any delete that came since has a greater number and
	// applies to them; with a number of their own commit they would be newer than it, and old versions of rows
	// would be back.
	if err := commit.DataSequenceNumber(r.inv.head).Commit(ctx); err != nil {
		return table.TableCommit{}, err
	}
	return tx.TableCommit()
}

// stageDeletes takes away the deletes that go, and adds those that take their place. iceberg-go lets no deletes of
// different sequence numbers become one, which would be wrong if rows in between stayed; here they are written anew
// with the deletes. So what it is told to replace are those with the newest number, and the others simply go.
func (r *rewrite) stageDeletes(commit *table.RewriteFiles) {
	var newest int64
	for _, f := range r.job.merge {
		newest = max(newest, f.seq)
	}
	var others []iceberg.DataFile
	for _, f := range r.job.merge {
		if f.seq == newest {
			commit.DeleteFile(f.DataFile)
		} else {
			others = append(others, f.DataFile)
		}
	}
	for _, f := range r.job.drop {
		others = append(others, f.DataFile)
	}
	commit.ApplyResult(table.CompactionGroupResult{SafePosDeletes: others})
	for _, f := range r.keys {
		commit.AddDeleteFileWithDataSequenceNumber(f.DataFile, newest)
	}
}

// check compares base with what the job was made from. Not only must the files that go still be there: when older rows
// have come in meanwhile, as another compaction may bring them, the deletes that go could apply to these; and when the
// table has gone back, rows live again that the job took for deleted.
func (r *rewrite) check(ctx context.Context, base *table.Table) error {
	was := r.inv.table
	spec, wasSpec := base.Spec(), was.Spec()
	if base.Metadata().TableUUID() != was.Metadata().TableUUID() || base.Schema().ID != was.Schema().ID || spec.ID() != wasSpec.ID() {
		return fmt.Errorf("the table was changed: %w", errOvertaken)
	}
	if head := was.CurrentSnapshot(); head != nil && !standsOn(base, head.SnapshotID) {
		return fmt.Errorf("the table has gone back: %w", errOvertaken)
	}
	now, err := r.lake.takeInventory(ctx, base, nil)
	if err != nil {
		return err
	}
	known, there := map[string]bool{}, map[string]bool{}
	for _, f := range slices.Concat(r.inv.data, r.inv.deletes) {
		known[f.FilePath()] = true
	}
	for _, f := range slices.Concat(now.data, now.deletes) {
		there[f.FilePath()] = true
		if !known[f.FilePath()] && f.seq <= r.inv.head {
			return errOvertaken
		}
	}
	for _, files := range [][]liveFile{r.gone, r.clean, r.job.merge, r.job.drop} {
		for _, f := range files {
			if !there[f.FilePath()] {
				return errOvertaken
			}
		}
	}
	return nil
}

// standsOn reports whether a table's current snapshot is that one or descends from it.
func standsOn(tbl *table.Table, id int64) bool {
	line, _ := lineOf(tbl, tbl.CurrentSnapshot())
	return slices.ContainsFunc(line, func(s table.Snapshot) bool { return s.SnapshotID == id })
}
