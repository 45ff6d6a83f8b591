package transform

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

// A Check is one check of a pipeline. Exactly one of its kinds is set.
type Check struct {
	Name   string // as messages have it; unique in the pipeline
	OnFail tidemark.OnFail

	NotNull   []string // columns of which none may be NULL
	Unique    []string // columns whose values no two rows of the run share
	Accepted  *Accepted
	Range     *Range
	Regex     *Regex
	RowCount  *RowCount
	Freshness time.Duration // how far behind now the largest cursor value may be
}

// Accepted are the only values that a column may have, beside NULL.
type Accepted struct {
	Column string
	Values []string // as they are written
}

// Range bounds the values of a column, NULL aside.
type Range struct {
	Column   string
	Min, Max string // as they are written; "" for no bound
}

// Regex is an expression, in the syntax of RE2, that the whole of each text of a column must match, NULL aside.
type Regex struct{ Column, Pattern string }

// RowCount bounds how many rows a run publishes.
type RowCount struct {
	Min int64
	Max int64 // -1 for no bound
}

// Checks are those of one pipeline. They hold no state and are safe for concurrent use.
type Checks struct {
	checks []Check
	dir    string
}

var _ tidemark.Checks = (*Checks)(nil)

// NewChecks returns the checks of a pipeline. dir is for temporary files.
func NewChecks(checks []Check, dir string) *Checks { return &Checks{checks: checks, dir: dir} }

// An examiner is a check that is prepared. look may be called by several at once.
type examiner struct {
	Check
	look   func(arrow.RecordBatch) (finding, error)
	finish func(rows int64, o tidemark.Observed) (finding, error) // nil: what look found is all
	close  func() error
}

// A finding is how many rows fail, and what the first is like.
type finding struct {
	failed int64
	detail string
}

// Begin implements tidemark.Checks.
func (c *Checks) Begin(_ context.Context, s *tidemark.Schema) (tidemark.Checker, error) {
	k := &checker{found: make([]finding, len(c.checks))}
	for _, check := range c.checks {
		e, err := c.begin(check, s)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("check %s: %w", check.Name, err), k.Close())
		}
		e.Check = check
		k.examiners = append(k.examiners, e)
	}
	return k, nil
}

func (c *Checks) begin(check Check, s *tidemark.Schema) (examiner, error) {
	switch {
	case check.NotNull != nil:
		return notNull(check.NotNull, s)
	case check.Unique != nil:
		return unique(check.Unique, s, c.dir)
	case check.Accepted != nil:
		return accepted(*check.Accepted, s)
	case check.Range != nil:
		return inRange(*check.Range, s)
	case check.Regex != nil:
		return matches(*check.Regex, s)
	case check.RowCount != nil:
		return rowCount(*check.RowCount), nil
	default:
		return fresh(check.Freshness, s)
	}
}

// A checker is the prepared checks.
type checker struct {
	examiners []examiner

	mu    sync.Mutex
	rows  int64
	found []finding
}

func (k *checker) Look(b arrow.RecordBatch) error {
	for i, e := range k.examiners {
		if e.look == nil {
			continue
		}
		f, err := e.look(b)
		if err != nil {
			return fmt.Errorf("check %s: %w", e.Name, err)
		}
		k.note(i, f)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rows += b.NumRows()
	return nil
}

func (k *checker) note(i int, f finding) {
	if f.failed == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.found[i].failed += f.failed; k.found[i].detail == "" {
		k.found[i].detail = f.detail
	}
}

func (k *checker) Results(o tidemark.Observed) ([]tidemark.CheckResult, error) {
	results := make([]tidemark.CheckResult, 0, len(k.examiners))
	for i, e := range k.examiners {
		f := k.found[i]
		if e.finish != nil {
			var err error
			if f, err = e.finish(k.rows, o); err != nil {
				return nil, fmt.Errorf("check %s: %w", e.Name, err)
			}
		}
		results = append(results, tidemark.CheckResult{Check: e.Name, OnFail: e.OnFail, Failed: f.failed, Detail: f.detail})
	}
	return results, nil
}

func (k *checker) Close() error {
	var errs []error
	for _, e := range k.examiners {
		if e.close != nil {
			errs = append(errs, e.close())
		}
	}
	k.examiners = nil
	return errors.Join(errs...)
}
