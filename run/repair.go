package run

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/engine"
	"github.com/tidemark-data/tidemark/internal/verify"
)

// RepairOptions say what of a table is repaired. The zero value makes it what the source is, but for deleted rows.
type RepairOptions struct {
	Since   string // only rows whose cursor is at or above this value, in the cursor's own form; "" means all
	Rate    int64  // rows per second that the source reads at most; 0 means as fast as it can
	Limit   int    // rows that are named at most, per pipeline; 0 means 10,000
	Deletes bool   // rows that the source does not have any more go too, or are marked where the pipeline says so
}

// A RepairPlan is what a repair would do to a table.
type RepairPlan struct {
	Report *VerifyReport `json:"report"`
	Load   int64         `json:"rows_load"`    // rows of the source that are loaded: missing ones, and in place of others
	Take   int64         `json:"rows_take"`    // rows of the lake that are wrong or too many and go; a merge does that by the keys of those that are loaded
	Delete int64         `json:"rows_delete"`  // rows of the lake, older versions included, that the source does not have any more and that go
	Mark   int64         `json:"rows_mark"`    // or are marked
	Stay   int64         `json:"rows_stay"`    // or stay, because deletes were not asked for
	Files  int           `json:"files"`        // of the table, which are written anew
	Shared bool          `json:"shared_table"` // other pipelines fill the table too, so that no row is taken out
}

// Nothing reports whether the table is as it should be, or nothing of what differs would be changed.
func (p *RepairPlan) Nothing() bool { return p.Load+p.Take+p.Delete+p.Mark == 0 }

// A Repaired is what a repair has done.
type Repaired struct {
	RepairPlan
	Commit   int64 `json:"commit"` // that was made; 0 where there was nothing to do
	Attempts int   `json:"attempts"`
}

// Names returns the pipelines of those names, or all, in the order of the config.
func (r *Runner) Names(ctx context.Context, names []string) ([]tidemark.PipelineID, error) {
	pipelines, err := r.pipelines(ctx, names)
	ids := make([]tidemark.PipelineID, len(pipelines))
	for i, p := range pipelines {
		ids[i] = p.ID
	}
	return ids, err
}

// PlanRepair compares a pipeline's table with its source and tells what Repair would do. It changes nothing.
func (r *Runner) PlanRepair(ctx context.Context, name tidemark.PipelineID, o RepairOptions) (*RepairPlan, error) {
	p, err := r.one(ctx, string(name))
	if err != nil {
		return nil, err
	}
	t := newTally()
	var plan *RepairPlan
	err = r.mending(ctx, p, o, func(m *engine.Mending, c *comparison) verify.Mender {
		c.then = func(report *VerifyReport) error {
			plan = t.plan(p, o, report, c.task.Shared)
			return nil
		}
		return t
	})
	return plan, err
}

// maxRepairs is how often a repair begins again because runs were faster.
const maxRepairs = 10

// Repair makes a pipeline's table what its source is, as far as they differ below settled, in one commit that moves
// neither high nor settled. Runs may go on meanwhile: when one commits first the differences are looked for anew.
func (r *Runner) Repair(ctx context.Context, name tidemark.PipelineID, o RepairOptions, by By) (done *Repaired, err error) {
	p, err := r.one(ctx, string(name))
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		done, err = r.repair(ctx, p, o, by)
		if done != nil {
			done.Attempts = attempt
		}
		again := errors.Is(err, tidemark.ErrConflict) || errors.Is(err, tidemark.ErrRestart)
		switch {
		case err == nil || !again || errors.Is(err, tidemark.ErrFatal) || ctx.Err() != nil:
			return done, err
		case attempt == maxRepairs:
			return done, tidemark.WithHint(fmt.Errorf("after %d attempts: %w", attempt, err),
				"runs commit more often than the table can be compared: hold them back for as long as the repair takes")
		}
		r.log.Warn("repair begins again", "pipeline", p.ID, "attempt", attempt, "err", err)
	}
}

func (r *Runner) repair(ctx context.Context, p config.Pipeline, o RepairOptions, by By) (done *Repaired, err error) {
	t := newTally()
	err = r.mending(ctx, p, o, func(m *engine.Mending, c *comparison) verify.Mender {
		c.then = func(report *VerifyReport) error {
			done = &Repaired{RepairPlan: *t.plan(p, o, report, c.task.Shared)}
			if err := m.Finish(ctx, c.scan, o.Deletes); err != nil || m.Nothing() {
				return err
			}
			w, err := m.Commit(ctx, done.words(), by)
			if err == nil {
				done.Commit = w.Seq
			}
			return err
		}
		return both{t, m}
	})
	return done, err
}

// words says in short what was done, for the audit trail.
func (p *RepairPlan) words() string {
	return fmt.Sprintf("%d rows loaded, %d taken out, %d deleted, %d marked", p.Load, p.Take, p.Delete, p.Mark)
}

// mending opens a pipeline's table to be mended and compares it with the source; begin says who is told of the
// differences.
func (r *Runner) mending(ctx context.Context, p config.Pipeline, o RepairOptions, begin func(*engine.Mending, *comparison) verify.Mender) error {
	parts, closeParts, err := r.parts(ctx, p)
	if err != nil {
		return err
	}
	defer closeParts()
	m, err := engine.BeginMending(ctx, p.Pipeline, parts)
	if err != nil {
		return err
	}
	defer m.Close(ctx)
	c, err := r.comparisonOf(ctx, p, parts, m)
	if err != nil {
		return err
	}
	c.task.Rate, c.task.Limit = o.Rate, o.Limit
	c.versions = o.Deletes && p.Deletes != tidemark.DeletesMark
	c.task.Mender = begin(m, c)
	_, err = r.compare(ctx, c, o.Since)
	return err
}

// comparisonOf is the comparison of a table that is to be mended.
func (r *Runner) comparisonOf(ctx context.Context, p config.Pipeline, parts engine.Parts, m *engine.Mending) (*comparison, error) {
	l, err := r.lake(ctx, p.Lake)
	if err != nil {
		return nil, err
	}
	source, ok := parts.Source.(tidemark.Comparer)
	if !ok {
		return nil, fmt.Errorf("the source of pipeline %s cannot be compared: %w", p.ID, tidemark.ErrInvalid)
	}
	return &comparison{l: l, p: p, target: parts.Target, lands: m.Lands(), task: verify.Task{
		Pipeline: r.atSource(p), Schema: m.Schema, Watermark: m.Base, Source: source, Mark: p.MarkColumn,
	}}, nil
}

// A tally counts what it takes to mend a table.
type tally struct {
	loads          int64
	extra, deleted tidemark.Places
}

var _ verify.Mender = (*tally)(nil)

func newTally() *tally { return &tally{extra: tidemark.Places{}, deleted: tidemark.Places{}} }

func (t *tally) Load(_ context.Context, rows arrow.RecordBatch) error {
	t.loads += rows.NumRows()
	rows.Release()
	return nil
}

func (t *tally) Extra(file string, row int64)   { t.extra.Add(file, row) }
func (t *tally) Deleted(file string, row int64) { t.deleted.Add(file, row) }
func (t *tally) Above()                         {}

// plan is what a repair does by these counts.
func (t *tally) plan(p config.Pipeline, o RepairOptions, report *VerifyReport, shared bool) *RepairPlan {
	plan := &RepairPlan{Report: report, Load: t.loads, Take: t.extra.Len(), Shared: shared}
	switch {
	case !o.Deletes:
		plan.Stay = report.Found[verify.Deleted]
	case p.Deletes == tidemark.DeletesMark:
		plan.Mark = t.deleted.Len()
	default:
		plan.Delete = t.deleted.Len()
	}
	if p.Mode == tidemark.ModeMerge {
		return plan
	}
	plan.Files = len(t.extra)
	for file := range t.deleted {
		if _, counted := t.extra[file]; o.Deletes && !counted {
			plan.Files++
		}
	}
	return plan
}

// both tells two menders.
type both struct{ first, second verify.Mender }

func (b both) Load(ctx context.Context, rows arrow.RecordBatch) error {
	rows.Retain()
	return errors.Join(b.first.Load(ctx, rows), b.second.Load(ctx, rows))
}

func (b both) Extra(file string, row int64) {
	b.first.Extra(file, row)
	b.second.Extra(file, row)
}

func (b both) Deleted(file string, row int64) {
	b.first.Deleted(file, row)
	b.second.Deleted(file, row)
}

func (b both) Above() {
	b.first.Above()
	b.second.Above()
}
