package transform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
	Table     *Table   // of Unique: nor any two rows of the table behind the run; nil for the run alone
	Accepted  *Accepted
	Range     *Range
	Regex     *Regex
	RowCount  *RowCount
	Freshness time.Duration // how far behind now the largest cursor value may be
	SQL       *SQL          // returns the rows that fail
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
	rows   eachRow                                                // in place of look, of a check that judges each row alone
	finish func(rows int64, o tidemark.Observed) (finding, error) // nil: what look found is all
	close  func() error
}

// An eachRow calls failing for each row of a batch that fails, in order, with what says why. A row may come twice.
type eachRow func(b arrow.RecordBatch, failing func(row int, why func() string))

// look counts the rows that fail.
func (e eachRow) look(b arrow.RecordBatch) (f finding, _ error) {
	e(b, func(_ int, why func() string) {
		if f.failed++; f.detail == "" {
			f.detail = why()
		}
	})
	return f, nil
}

// A finding is how many rows fail, and what the first is like.
type finding struct {
	failed int64
	detail string
}

// Begin implements tidemark.Checks.
func (c *Checks) Begin(ctx context.Context, s *tidemark.Schema, w tidemark.Window) (tidemark.Checker, error) {
	k := &checker{found: make([]finding, len(c.checks))}
	for _, check := range c.checks {
		e, err := c.begin(ctx, check, s, w)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("check %s: %w", check.Name, err), k.Close())
		}
		if e.Check = check; check.OnFail == tidemark.OnFailQuarantine && e.rows == nil {
			return nil, errors.Join(fmt.Errorf("check %s: no single row can be set aside for it: %w", check.Name, tidemark.ErrInvalid), k.Close())
		}
		if e.rows != nil && check.OnFail != tidemark.OnFailQuarantine {
			e.look = e.rows.look
		}
		k.examiners = append(k.examiners, e)
	}
	return k, nil
}

func (c *Checks) begin(ctx context.Context, check Check, s *tidemark.Schema, w tidemark.Window) (examiner, error) {
	switch {
	case check.SQL != nil:
		return c.noRow(ctx, check.SQL, s, w)
	case check.Table != nil:
		return c.uniqueInTable(ctx, check, s)
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

func (k *checker) Quarantines() bool {
	return slices.ContainsFunc(k.examiners, func(e examiner) bool { return e.OnFail == tidemark.OnFailQuarantine })
}

func (k *checker) Sift(b arrow.RecordBatch) ([]tidemark.Reject, error) {
	rejects := map[int]tidemark.Reject{}
	for i, e := range k.examiners {
		if e.OnFail != tidemark.OnFailQuarantine {
			continue
		}
		var f finding
		e.rows(b, func(row int, why func() string) {
			if _, there := rejects[row]; there {
				return
			}
			r := tidemark.Reject{Row: row, Check: e.Name, Reason: why()}
			if f.failed++; f.detail == "" {
				f.detail = r.Reason
			}
			rejects[row] = r
		})
		k.note(i, f)
	}
	return slices.SortedFunc(maps.Values(rejects), func(a, b tidemark.Reject) int { return cmp.Compare(a.Row, b.Row) }), nil
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
