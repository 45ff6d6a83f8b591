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
	rows = l.Transformer.Rows(ctx, rows)
	if l.checks == nil {
		return rows
	}
	return func(yield func(arrow.RecordBatch, error) bool) {
		for b, err := range rows {
			if err == nil {
				if err = l.checks.Look(b); err != nil {
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

// verdict returns what the checks have found, once all rows were written and before any of them is published. The error is
// tidemark.ErrChecks when one that stops the run has failed.
func (l *landing) verdict(p tidemark.Pipeline, o tidemark.Observed) ([]tidemark.CheckResult, error) {
	if l.checks == nil {
		return nil, nil
	}
	results, err := l.checks.Results(o)
	if err != nil {
		return nil, err
	}
	var failed []string
	for _, r := range results {
		if r.Failed > 0 && r.OnFail == tidemark.OnFailStop {
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
func (a *attempt) checked() (err error) {
	o := tidemark.Observed{Run: true, Now: a.settled.Clock}
	if a.pass != nil {
		o.High = a.pass.High()
	}
	a.result.Checks, err = a.landing.verdict(a.p, o)
	return err
}

// passed is the verdict about rows that are no run's own.
func (l *landing) passed(p tidemark.Pipeline) error {
	_, err := l.verdict(p, tidemark.Observed{})
	if errors.Is(err, tidemark.ErrChecks) {
		return tidemark.WithHint(err, "nothing was changed: mend the rows in the source, or set on_fail: warn")
	}
	return err
}
