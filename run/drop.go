package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// A Drop is what goes with a table that is dropped, thought through and not yet done: Commit does it.
type Drop struct {
	tidemark.Drop
	Loaders []tidemark.PipelineID // of the config: they would load the table anew

	// Rejected is the table of rows that checks have set aside, which stays; the zero value where there is none.
	Rejected tidemark.TableID

	lake    *lake
	dropper tidemark.Dropper
}

// PlanDrop finds out what goes with a table of a lake. It changes nothing, and asks the lake alone, which is named as for
// Query. A table that is not there is ErrNotFound.
func (r *Runner) PlanDrop(ctx context.Context, connection string, id tidemark.TableID) (*Drop, error) {
	name, err := r.lakeName(connection)
	if err != nil {
		return nil, err
	}
	l, err := r.lake(ctx, name)
	if err != nil {
		return nil, err
	}
	var plans []*Drop
	for _, c := range l.catalogs() {
		dropper, ok := c.(tidemark.Dropper)
		if !ok {
			continue
		}
		d, err := dropper.PlanDrop(ctx, id)
		if errors.Is(err, tidemark.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		plans = append(plans, &Drop{Drop: *d, lake: l, dropper: dropper})
	}
	switch len(plans) {
	case 0:
		err := fmt.Errorf("table %s: %w", id, tidemark.ErrNotFound)
		if tables, lerr := l.catalog().Tables(ctx); lerr == nil {
			err = tidemark.WithHint(err, whatThereIs(tables))
		}
		return nil, err
	case 1:
	default:
		return nil, fmt.Errorf("%s is an Iceberg table and a folder of Parquet files in one place; dropping one would take the other's files: %w", id, tidemark.ErrInvalid)
	}
	d := plans[0]
	d.Location = l.root + "/" + id.Namespace + "/" + id.Name
	d.Loaders = r.loaders(name, &d.Drop)
	return d, d.findRejected(ctx)
}

// findRejected looks for the table of rejected rows.
func (d *Drop) findRejected(ctx context.Context) error {
	tables, err := d.lake.catalog().Tables(ctx)
	if err != nil {
		return err
	}
	id := tidemark.Pipeline{Target: d.Table}.Rejects().Target
	if slices.Contains(tables, id) {
		d.Rejected = id
	}
	return nil
}

// loaders returns the pipelines of the config that write a table. Of those that cover many tables only the ones that have
// loaded it are known.
func (r *Runner) loaders(lake string, d *tidemark.Drop) (ids []tidemark.PipelineID) {
	for _, p := range r.cfg.Pipelines {
		if p.Lake == lake && p.Target == d.Table {
			ids = append(ids, p.ID)
		}
	}
	for _, w := range d.Pipelines {
		for _, g := range r.cfg.Groups {
			if strings.HasPrefix(string(w.Pipeline), g.Name+".") && !slices.Contains(ids, w.Pipeline) {
				ids = append(ids, w.Pipeline)
			}
		}
	}
	return ids
}

// Commit takes the table away. Each pipeline that has loaded it has an event in its audit trail, which stays. After an error
// another plan and Commit go on where this one has ended; ErrConflict says that nothing has changed.
func (d *Drop) Commit(ctx context.Context, by By) error {
	if d.Begun.IsZero() {
		now := time.Now()
		run := tidemark.NewRunID(now)
		for _, w := range d.Pipelines {
			e := tidemark.Event{
				Pipeline: w.Pipeline, Action: tidemark.ActionDrop, At: now.UTC(), Who: by.Who, Why: by.Why, Commit: w.Seq + 1, Run: run,
				From: tidemark.PositionOf(w), Taken: d.Data, What: "table " + d.Table.String() + " dropped",
			}
			if err := d.trail(w.Pipeline).Begin(ctx, e); err != nil {
				return err
			}
			d.Events = append(d.Events, e)
		}
	}
	err := d.dropper.Drop(ctx, &d.Drop, func() error { return d.end(ctx, tidemark.OutcomeMade) })
	if errors.Is(err, tidemark.ErrConflict) && d.Begun.IsZero() {
		return errors.Join(err, d.end(context.WithoutCancel(ctx), tidemark.OutcomeNotMade))
	}
	return err
}

func (d *Drop) end(ctx context.Context, o tidemark.Outcome) error {
	for _, e := range d.Events {
		if err := d.trail(e.Pipeline).End(ctx, e, o); err != nil {
			return err
		}
	}
	return nil
}

func (d *Drop) trail(id tidemark.PipelineID) tidemark.Trail {
	return blob.NewTrailFolder(d.lake.store, id)
}
