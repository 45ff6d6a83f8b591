package iceberg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// The writes of the upkeep of a table, in order, and what a crash behind each means:
//
//	new files of a compaction      nobody names them; they are removed as left-overs, when they are old
//	iceberg.compact.written
//	manifests, manifest list       the same
//	iceberg.compact.staged
//	the swap                       the table holds the same rows in other files
//	iceberg.compact.swapped
//	iceberg.expire.before
//	the swap                       old snapshots are gone; the files of them are left-overs
//	iceberg.expire.swapped
//	files are deleted              iceberg.remove, before each: what is not deleted stays a left-over
//
// A compaction makes a snapshot of its own, which bears the mark of no pipeline, and runs go on beside it: whoever swaps
// second stages anew on what the first has made. A compaction gives up when its files are not there any more.

// UpkeepOptions say what Maintain does.
type UpkeepOptions struct {
	// Auto leaves everything alone that has not crossed a threshold, which is found out from the table's metadata
	// alone, and does not list the store.
	Auto bool

	DryRun bool // nothing is written

	KeepAge     time.Duration // snapshots that are younger are kept
	KeepLast    int           // so many are kept whatever their age, at least 1
	LeftoverAge time.Duration // files that no snapshot names are removed when they are older
}

const (
	// autoFiles is the number of files that came with commits since the last compaction from which on Auto looks
	// whether they are worth putting together.
	autoFiles = 16

	// autoSnapshots is the number of snapshots that could expire from which on Auto lets them.
	autoSnapshots = 32

	// autoBytes bounds what Auto writes in one call, in bytes. The next one goes on.
	autoBytes = 4 << 30

	// maxJobs bounds the commits of one call.
	maxJobs = 10_000
)

// Maintain keeps a pipeline's table quick to read: small files and deletes are compacted, old snapshots expire, and
// files that nobody needs any more are removed. Rows and watermarks stay as they are, and runs may commit at any time
// meanwhile. It may be killed and run again, also twice at the same time. A table that is not there is
// tidemark.ErrNotFound. The result tells what was done also beside an error.
func (l *Lake) Maintain(ctx context.Context, p tidemark.Pipeline, o UpkeepOptions, log *slog.Logger) (tidemark.Maintenance, error) {
	u := &upkeep{lake: l, p: p, o: o, log: log.With("pipeline", p.ID, "table", p.Target.String()),
		clean: map[string]int64{}, planned: map[string]bool{}}
	tbl, err := l.load(ctx, p.Target)
	if err != nil {
		return u.result, err
	}
	if !o.Auto || worthCompacting(tbl) {
		// A table that cannot be compacted, say for another engine's deletes, can be cleaned all the same.
		if err := u.compact(ctx); errors.Is(err, tidemark.ErrInvalid) {
			u.notice(fmt.Sprintf("not compacted: %s", err))
		} else if err != nil {
			return u.result, fmt.Errorf("compact table %s: %w", p.Target, err)
		}
	}
	if err := u.expire(ctx); err != nil {
		return u.result, fmt.Errorf("expire snapshots of table %s: %w", p.Target, err)
	}
	if o.Auto {
		return u.result, nil
	}
	if err := u.removeLeftovers(ctx); err != nil {
		return u.result, fmt.Errorf("remove left-over files of table %s: %w", p.Target, err)
	}
	return u.result, nil
}

// An upkeep is one call of Maintain.
type upkeep struct {
	lake   *Lake
	p      tidemark.Pipeline
	o      UpkeepOptions
	log    *slog.Logger
	result tidemark.Maintenance

	clean   map[string]int64 // data files, and up to which sequence number no delete applies to them
	planned map[string]bool  // files that a dry run has counted

	last  *inventory
	fresh bool // clean has changed since
}

func (u *upkeep) notice(text string) { u.result.Notices = append(u.result.Notices, text) }

// worthCompacting reports whether enough files have come since the last compaction.
func worthCompacting(tbl *table.Table) bool {
	head := tbl.CurrentSnapshot()
	if head == nil {
		return false
	}
	ancestors, _ := table.AncestorsOfChecked(head.SnapshotID, tbl.SnapshotByID)
	files := 0
	for _, s := range ancestors {
		if s.Summary == nil {
			continue
		}
		if s.Summary.Properties[summaryMaintenance] != "" {
			break
		}
		for _, key := range []string{"added-data-files", "added-delete-files"} {
			n, _ := strconv.Atoi(s.Summary.Properties[key]) // not there: none
			files += n
		}
	}
	return files >= autoFiles
}

// compact does one job after the other: each plans anew on the table as it is then.
func (u *upkeep) compact(ctx context.Context) error {
	enough := func() bool { return u.o.Auto && u.result.Bytes >= autoBytes }
	for range maxHeads { // while others are faster
		inv, err := u.inventory(ctx)
		if err != nil {
			return err
		}
		if err := u.do(ctx, inv, inv.newest()); !errors.Is(err, errOvertaken) {
			if err != nil {
				return err
			}
			break
		}
	}
	for n := 0; n < maxJobs && !enough(); n++ {
		inv, err := u.inventory(ctx)
		if err != nil {
			return err
		}
		j := inv.worn()
		if j.empty() || u.o.DryRun && n > 0 { // a dry run would plan the same again
			break
		}
		if err := u.do(ctx, inv, j); err != nil && !errors.Is(err, errOvertaken) {
			return err
		}
	}
	inv, err := u.inventory(ctx)
	if err != nil {
		return err
	}
	for _, j := range inv.small(u.fileSize()) {
		if enough() {
			break
		}
		if inv, err = u.inventory(ctx); err != nil {
			return err
		}
		if err := u.do(ctx, inv, j); err != nil && !errors.Is(err, errOvertaken) {
			return err
		}
	}
	return nil
}

// inventory returns what the table holds now. It is read again only when it may have changed.
func (u *upkeep) inventory(ctx context.Context) (*inventory, error) {
	tbl, err := u.lake.load(ctx, u.p.Target)
	if err != nil {
		return nil, err
	}
	if u.last != nil && u.last.table.MetadataLocation() == tbl.MetadataLocation() && !u.fresh {
		return u.last, nil
	}
	u.last, err = u.lake.takeInventory(ctx, tbl, u.clean)
	u.fresh = false
	return u.last, err
}

func (u *upkeep) fileSize() int64 {
	if u.p.FileSize > 0 {
		return u.p.FileSize
	}
	return 256 << 20
}

// do makes the files of a job and publishes them. errOvertaken says that nothing has come of it.
func (u *upkeep) do(ctx context.Context, inv *inventory, j job) error {
	if j.empty() {
		return nil
	}
	if u.o.DryRun {
		for _, f := range slices.Concat(j.data, j.merge, j.drop) {
			if !u.planned[f.FilePath()] { // the table stays as it is, so a later job may plan the same
				u.planned[f.FilePath()] = true
				u.result.Files++
			}
		}
		return nil
	}
	r, id, err := u.rewrite(ctx, inv, j)
	if err != nil {
		return err
	}
	if err := r.run(ctx); err != nil {
		return err
	}
	if len(r.gone)+len(j.merge)+len(j.drop) > 0 {
		ours := func(tbl *table.Table) bool { return madeBy(tbl, id) }
		err := u.publish(ctx, ours, func(base *table.Table) (*version, error) {
			staged, err := r.stage(ctx, base, id)
			if err != nil {
				return nil, fmt.Errorf("stage the compaction: %w", kindOf(err))
			}
			v, err := u.lake.tables.next(base, staged.Requirements, staged.Updates)
			if err != nil {
				return nil, err
			}
			return &v, failpoint.Hit("iceberg.compact.staged")
		})
		if err != nil {
			if !errors.Is(err, tidemark.ErrFatal) {
				r.discard(ctx)
			}
			return err
		}
		if err := failpoint.Hit("iceberg.compact.swapped"); err != nil {
			return err
		}
	}
	for _, f := range r.clean {
		u.clean[f.FilePath()], u.fresh = inv.head, true
	}
	u.count(r, j)
	return nil
}

func (u *upkeep) rewrite(ctx context.Context, inv *inventory, j job) (*rewrite, string, error) {
	schema, err := table.SchemaToArrowSchema(inv.table.Schema(), nil, true, false)
	if err != nil {
		return nil, "", err
	}
	l, err := newLayout(u.lake.root, inv.table, schema, nil)
	if err != nil {
		return nil, "", err
	}
	id := string(tidemark.NewRunID(time.Now()))
	p := u.p
	p.FileSize = u.fileSize()
	w := &writer{Target: u.lake.Target(p, u.log), ctx: ctx, l: l, name: id + "-compact"}
	return &rewrite{copier: copier{lake: u.lake, data: w}, inv: inv, job: j, target: u.fileSize(), piece: keyPiece}, id, nil
}

func (u *upkeep) count(r *rewrite, j job) {
	u.result.Files += len(r.gone) + len(j.merge) + len(j.drop)
	u.result.Into += len(r.made) + len(r.keys)
	for _, f := range slices.Concat(r.made, r.keys) {
		u.result.Bytes += f.Bytes()
	}
	u.log.Info("compacted", "files", len(r.gone), "deletes", len(j.merge)+len(j.drop), "into", len(r.made)+len(r.keys))
}

// madeBy reports whether a snapshot of the table's main line was made by the compaction of that id.
func madeBy(tbl *table.Table, id string) bool {
	head := tbl.CurrentSnapshot()
	if head == nil {
		return false
	}
	ancestors, _ := table.AncestorsOfChecked(head.SnapshotID, tbl.SnapshotByID)
	for _, s := range ancestors {
		if s.Summary != nil && s.Summary.Properties[summaryMaintenanceID] == id {
			return true
		}
	}
	return false
}

// publish swaps the table for what stage makes of it, until that is there. stage returns nil when there is nothing to
// do. Whatever an error says, it is the table that tells what became of a swap.
func (u *upkeep) publish(ctx context.Context, done func(*table.Table) bool, stage func(*table.Table) (*version, error)) error {
	var open error // what a swap was answered whose outcome is not known
	unknown := func(err error) error {
		if open == nil {
			return err
		}
		return fmt.Errorf("the outcome is not known: %w: %w", tidemark.ErrFatal, errors.Join(open, err))
	}
	for range maxHeads {
		base, err := u.reload(ctx)
		if err != nil {
			return unknown(err)
		}
		if done(base) {
			return nil
		}
		v, err := stage(base)
		if err == nil && v == nil {
			return nil
		}
		if err != nil {
			return unknown(err)
		}
		moved := false
		for range maxSends {
			if _, err = u.lake.tables.publish(ctx, *v); err == nil {
				return nil
			}
			u.log.Debug("a swap was answered with an error", "err", err)
			if !errors.Is(err, table.ErrCommitFailed) && !forGood(err) {
				open = err
			}
			now, lerr := u.reload(ctx)
			if lerr != nil {
				return unknown(errors.Join(err, lerr))
			}
			if moved = now.MetadataLocation() != v.old; moved {
				if u.lake.tables.overtaken(*v, now) {
					open = nil
				}
				break
			}
			if forGood(err) {
				return unknown(err)
			}
			if perr := pause(ctx); perr != nil {
				return unknown(errors.Join(err, perr))
			}
		}
		if open != nil && !moved {
			return unknown(err)
		}
		if err := pause(ctx); err != nil {
			return unknown(err)
		}
	}
	return fmt.Errorf("others have committed %d times meanwhile: %w", maxHeads, tidemark.ErrTransient)
}

// reload loads the table, also when the work is being cancelled: the outcome of a swap must be found out.
func (u *upkeep) reload(ctx context.Context) (*table.Table, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), judgeTimeout)
	defer cancel()
	return u.lake.load(ctx, u.p.Target)
}
