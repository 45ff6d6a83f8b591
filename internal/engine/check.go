package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

// Rows lets rows go through the transforms, and the checks look at what comes out.
func (l *landing) Rows(ctx context.Context, rows iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error] {
	if l.aside != nil {
		rows = l.sifted(ctx, rows)
	} else {
		rows = l.Transformer.Rows(ctx, rows)
	}
	if l.checks == nil {
		return rows
	}
	return func(yield func(arrow.RecordBatch, error) bool) {
		for b, err := range rows {
			if err == nil {
				if err = l.look(b); err != nil {
					b.Release()
					b = nil
				}
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// look shows the checks a batch that will be published. Where nothing can be set aside a reject counts as a failure.
func (l *landing) look(b arrow.RecordBatch) error {
	if l.aside == nil {
		if _, err := l.checks.Sift(b); err != nil {
			return err
		}
	}
	return l.checks.Look(b)
}

// verdict returns what the checks have found, once all rows were written and before any of them is published. The error is
// tidemark.ErrChecks when one that stops the run has failed.
func (l *landing) verdict(p tidemark.Pipeline, o tidemark.Observed) ([]tidemark.CheckResult, error) {
	results := l.aside.found()
	if l.checks != nil {
		more, err := l.checks.Results(o)
		if err != nil {
			return nil, err
		}
		results = append(results, more...)
	}
	var failed []string
	for _, r := range results {
		stops := r.OnFail == tidemark.OnFailStop || r.OnFail == tidemark.OnFailQuarantine && l.aside == nil
		if r.Failed > 0 && stops {
			failed = append(failed, fmt.Sprintf("%s: %d failed, %s", r.Check, r.Failed, r.Detail))
		}
	}
	if len(failed) == 0 {
		return results, nil
	}
	return results, tidemark.WithHint(fmt.Errorf("%w: %s", tidemark.ErrChecks, strings.Join(failed, "; ")),
		fmt.Sprintf("nothing of it was published; mend the rows in the source, or set on_fail: warn, and run %s again", p.ID))
}

// checked is the verdict of an attempt.
func (a *attempt) checked(ctx context.Context) (err error) {
	o := tidemark.Observed{Run: true, Now: a.settled.Clock}
	if a.pass != nil {
		o.High = a.pass.High()
	}
	a.result.Checks, err = a.landing.verdict(a.p, o)
	if errors.Is(err, tidemark.ErrChecks) && a.overtaken(ctx) {
		return a.explain(tidemark.ErrConflict)
	}
	return err
}

// overtaken reports whether another run has committed meanwhile. A check that looks into the table then finds this run's rows
// there, which says nothing about them.
func (a *attempt) overtaken(ctx context.Context) bool {
	now, err := a.Target.Watermark(ctx)
	return err == nil && (now.Seq != a.base.Seq || now.Run != a.base.Run)
}

// passed is the verdict about rows that are no run's own.
func (l *landing) passed(p tidemark.Pipeline) error {
	_, err := l.verdict(p, tidemark.Observed{})
	if errors.Is(err, tidemark.ErrChecks) {
		return tidemark.WithHint(err, "nothing was changed: mend the rows in the source, or set on_fail: warn")
	}
	return err
}
