package folder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/failpoint"
)

// The writes of a drop, in order, and what a crash behind each means:
//
//	folder.drop.before
//	the mark            a version of the table's record: the catalog shows no row, and no run begins
//	folder.drop.marked
//	the registration    elsewhere, such as in Glue: its readers find no table, rather than a part of one
//	folder.drop.unregistered
//	the logs of its pipelines, the lowest number first, and the side files that they name
//	folder.drop.log     before each
//	what runs were about to write, and all files in the table's folder
//	folder.drop.file    before each
//	folder.drop.cleared
//	the registration    once more: a run that had begun with it before the mark may have put it back
//	the table's record, the mark last   the name is free again
//	folder.drop.after
//
// Until the mark goes, another drop goes on where this one has ended. A run that was asleep cannot commit any more: see
// Target.checkBase.

var _ tidemark.Dropper = (*Catalog)(nil)

// PlanDrop implements tidemark.Dropper.
func (c *Catalog) PlanDrop(ctx context.Context, id tidemark.TableID) (*tidemark.Drop, error) {
	t, err := loadAny(ctx, c.store, id)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, fmt.Errorf("table %s: %w", id, tidemark.ErrNotFound)
	}
	d := &tidemark.Drop{Table: id, Format: tidemark.FormatParquet, Location: strings.TrimSuffix(dataPrefix(id), "/")}
	if t.Dropped != nil {
		d.Begun, d.Events = t.Dropped.At, t.Dropped.Events
	} else {
		described, err := c.Describe(ctx, id)
		if err != nil {
			return nil, err
		}
		d.Data, d.Pipelines, d.Commits = described.Data, described.Pipelines, len(described.History)
	}
	if d.Base, err = c.stand(ctx, t); err != nil {
		return nil, err
	}
	d.Imported = t.Prefix != ""
	for o, err := range c.store.List(ctx, dataPrefix(id)) {
		if d.Imported {
			break // the files stay
		}
		if err != nil {
			return nil, fmt.Errorf("list table %s: %w", id, err)
		}
		d.Objects.Add(0, o.Size)
	}
	return d, nil
}

// stand tells a table as it is from what it is after any commit or change of its record.
func (c *Catalog) stand(ctx context.Context, t *table) (string, error) {
	base := strconv.Itoa(t.Version)
	for _, p := range t.Pipelines {
		last, _, err := commitLog{c.store, p}.newest(ctx)
		if err != nil {
			return "", err
		}
		if last != nil && last.Table == t.Table {
			base += fmt.Sprintf(" %s:%d", p, last.seq())
		}
	}
	return base, nil
}

// Drop implements tidemark.Dropper.
func (c *Catalog) Drop(ctx context.Context, d *tidemark.Drop, last func() error) error {
	if err := failpoint.Hit("folder.drop.before"); err != nil {
		return err
	}
	t, err := c.mark(ctx, d)
	if err != nil {
		return err
	}
	if err := failpoint.Hit("folder.drop.marked"); err != nil {
		return err
	}
	if err := c.unregister(ctx, d.Table); err != nil {
		return err
	}
	if err := failpoint.Hit("folder.drop.unregistered"); err != nil {
		return err
	}
	for _, p := range t.Pipelines {
		if err := c.dropLog(ctx, t, p); err != nil {
			return fmt.Errorf("drop table %s: log of %q: %w", d.Table, p, err)
		}
	}
	if err := c.dropFiles(ctx, t); err != nil {
		return fmt.Errorf("drop table %s: %w", d.Table, err)
	}
	if err := last(); err != nil {
		return err
	}
	if err := failpoint.Hit("folder.drop.cleared"); err != nil {
		return err
	}
	if err := c.unregister(ctx, d.Table); err != nil {
		return err
	}
	for version := 1; version <= t.Version; version++ {
		if err := c.store.Delete(ctx, tableKey(t.Table, version)); err != nil {
			return fmt.Errorf("drop table %s: %w", d.Table, err)
		}
	}
	return failpoint.Hit("folder.drop.after")
}

// unregister takes the table out of the catalog that other programs read.
func (c *Catalog) unregister(ctx context.Context, id tidemark.TableID) error {
	if c.registrar == nil {
		return nil
	}
	if err := c.registrar.Unregister(ctx, id, dataPrefix(id)); err != nil {
		return fmt.Errorf("drop table %s: %w", id, err)
	}
	return nil
}

// mark puts the version of the record that bears the mark, if it is not there yet, and returns it.
func (c *Catalog) mark(ctx context.Context, d *tidemark.Drop) (*table, error) {
	for range maxPuts {
		t, err := loadAny(ctx, c.store, d.Table)
		switch {
		case err != nil:
			return nil, err
		case t == nil:
			return nil, fmt.Errorf("table %s: %w", d.Table, tidemark.ErrNotFound)
		case t.Dropped != nil: // by us, or by another, whose work we finish
			d.Begun, d.Events = t.Dropped.At, t.Dropped.Events
			return t, nil
		}
		stand, err := c.stand(ctx, t)
		if err != nil {
			return nil, err
		}
		if stand != d.Base {
			return nil, tidemark.WithHint(fmt.Errorf("table %s was changed meanwhile: %w", d.Table, tidemark.ErrConflict), "nothing was dropped; look again")
		}
		next := *t
		next.Version, next.Dropped = t.Version+1, &tidemark.DropMark{At: time.Now().UTC(), Events: d.Events}
		if err := putTable(ctx, c.store, t, &next); err != nil && !errors.Is(err, blob.ErrExist) && !errors.Is(err, blob.ErrUnknown) {
			return nil, fmt.Errorf("mark table %s as dropped: %w", d.Table, err)
		}
	}
	return nil, fmt.Errorf("mark table %s as dropped: the store does not answer: %w", d.Table, tidemark.ErrTransient)
}

// dropLog deletes the log of a pipeline until nothing is left of it: a run may commit until its base is gone. A log of
// another table, which the pipeline loads now, stays.
func (c *Catalog) dropLog(ctx context.Context, t *table, p tidemark.PipelineID) error {
	l := commitLog{c.store, p}
	for {
		seqs, err := l.numbers(ctx)
		if err != nil || len(seqs) == 0 {
			return err
		}
		for _, seq := range seqs {
			r, err := l.get(ctx, seq)
			if err != nil {
				return err
			}
			if r != nil && r.Table != t.Table {
				return nil
			}
			if err := failpoint.Hit("folder.drop.log"); err != nil {
				return err
			}
			// The side files first: the record names them.
			if r != nil && r.mark.Pipeline == p {
				for _, name := range r.mark.SideFiles() {
					if err := c.store.Delete(ctx, logPrefix(p)+name); err != nil {
						return err
					}
				}
			}
			if err := c.store.Delete(ctx, recordKey(p, seq)); err != nil {
				return err
			}
		}
		if err := c.store.Delete(ctx, newestKey(p)); err != nil {
			return err
		}
	}
}

// numbers returns the numbers of the commits that are there, sorted.
func (l commitLog) numbers(ctx context.Context) (seqs []int64, err error) {
	for o, err := range l.store.List(ctx, logPrefix(l.pipeline)) {
		if err != nil {
			return nil, err
		}
		if seq, ok := recordSeq(o.Key); ok {
			seqs = append(seqs, seq)
		}
	}
	slices.Sort(seqs)
	return seqs, nil
}

// dropFiles aborts what runs were about to write, and then deletes what is there, so that nothing comes after it.
func (c *Catalog) dropFiles(ctx context.Context, t *table) error {
	if t.Prefix != "" {
		// The files are somebody else's, also where they lie in a folder of this name.
		return c.store.Delete(ctx, importKey(t.Table))
	}
	if s, ok := c.store.(blob.Sweeper); ok {
		if _, err := s.Sweep(ctx, dataPrefix(t.Table), time.Now()); err != nil {
			return fmt.Errorf("abort uploads: %w", err)
		}
	}
	var keys []string
	for o, err := range c.store.List(ctx, dataPrefix(t.Table)) {
		if err != nil {
			return err
		}
		keys = append(keys, o.Key)
	}
	return each(ctx, keys, func(ctx context.Context, key string) error {
		if err := failpoint.Hit("folder.drop.file"); err != nil {
			return err
		}
		return c.store.Delete(ctx, key)
	})
}
