package verify

import (
	"context"
	"fmt"
	"iter"
	"math/bits"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/zeebo/xxh3"

	"github.com/tidemark-data/tidemark"
)

// Lake is the table in the lake: the newest version of each row, or all rows where they have no key.
type Lake interface {
	// Rows yields columns of all rows, in batches that the consumer releases; a batch may lack a column, which then
	// reads NULL.
	Rows(ctx context.Context, columns []string) iter.Seq2[*tidemark.LakeRows, error]
}

// A Task is one table to be verified.
type Task struct {
	Pipeline  tidemark.Pipeline
	Schema    *tidemark.Schema   // of the source
	Watermark tidemark.Watermark // of the pipeline, as it was before the lake's table was looked at
	Source    tidemark.Comparer
	Lake      Lake
	Columns   []string // that the lake's table has

	// Aside are columns of the source that are not compared, although the lake may have them, and why.
	Aside map[string]string

	Key    []string // by which rows are told apart, see Key; nil: by all of their values
	Rows   int64    // in the lake's files, about; -1 where nobody knows
	Shared bool     // other pipelines fill the table too: what is only in the lake may be theirs

	Since  tidemark.CursorValue // only rows at or above; none: all
	Sample float64              // the share of the rows that is compared, above 0 to 1; 0 means 1
	Rate   int64                // rows per second that the server reads at most; 0: as fast as it can
	Limit  int                  // rows that are named at most; 0 means DefaultLimit

	// Gone: only rows that the source does not have any more are looked for, by their keys alone.
	Gone bool

	Mark     string // the column of the lake that has a value in rows that are marked as deleted: these do not count
	Mender   Mender // is told of all that differs, whatever Limit; nil: nobody is
	Versions Lake   // all versions of each row, where Lake yields the newest alone; for a Mender
}

// DefaultLimit is how many rows are named where a Task does not say.
const DefaultLimit = 10_000

const (
	rowsPerPart = 1024 // so that looking into a part that differs is quick
	minParts    = 64
	maxParts    = 1 << 18
)

// Key returns the columns by which the rows of a pipeline's table are told apart when they are compared; nil where they
// are compared as a multiset. The lake must have them.
func Key(p tidemark.Pipeline, s *tidemark.Schema, lake []string) []string {
	key := s.Key
	if p.Mode == tidemark.ModeMerge && len(p.Key) > 0 {
		key = p.Key
	}
	for _, name := range key {
		c, ok := s.Column(name)
		if !ok || !slices.Contains(lake, name) || c.Nullable || arrow.IsFloating(c.Type.ID()) {
			return nil
		}
	}
	return key
}

// Verify compares a table. What it finds is in the Report, also beside an error as far as it came; a difference is no
// error. It changes nothing on either side.
func Verify(ctx context.Context, t Task) (*Report, error) {
	started := time.Now()
	v, err := newVerifier(t)
	if err != nil {
		return nil, err
	}
	err = v.run(ctx)
	v.report.Took = time.Since(started)
	return v.report, err
}

// A verifier is one call of Verify.
type verifier struct {
	Task
	comparison tidemark.Comparison
	pending    keySet // of the rows that the next run reads
	above      int64  // rows of the lake that are left out because the next run reads them, where rows have no key
	report     *Report

	gone []xxh3.Uint128 // hashes of the keys of deleted rows of which there may be older versions
}

func newVerifier(t Task) (*verifier, error) {
	if t.Limit <= 0 {
		t.Limit = DefaultLimit
	}
	v := &verifier{Task: t, report: &Report{Pipeline: t.Pipeline.ID, Commit: t.Watermark.Seq}}
	c := tidemark.Comparison{Key: t.Key, N: partsFor(t.size()), Since: t.Since}
	if c.Columns = t.Key; !t.Gone {
		if c.Columns = v.inCommon(); t.Pipeline.Mode != tidemark.ModeReplace {
			c.Settled = t.Watermark.Settled
		}
	}
	if len(c.Columns) == 0 {
		return nil, fmt.Errorf("verify pipeline %s: source and lake have no column in common: %w", t.Pipeline.ID, tidemark.ErrInvalid)
	}
	if t.Sample > 0 && t.Sample < 1 {
		c.Below = max(1, uint32(t.Sample*float64(c.N)))
		v.report.Sample = float64(c.Below) / float64(c.N)
	}
	c.Pause = pacer(t.Rate)
	v.comparison = c
	v.report.Key, v.report.Settled, v.report.Parts = c.Key, c.Settled, int(c.N)
	return v, v.checkSince()
}

// inCommon returns the columns that both sides have.
func (v *verifier) inCommon() (names []string) {
	for _, column := range v.Schema.Columns {
		if slices.Contains(v.Columns, column.Name) {
			names = append(names, column.Name)
		} else if why, aside := v.Aside[column.Name]; aside {
			v.report.notice("column %q %s and was not compared", column.Name, why)
		} else {
			v.report.notice("column %q is not in the lake yet and was not compared", column.Name)
		}
	}
	if v.Watermark.Rejected.Run != "" {
		v.report.notice("rows that checks have set aside are in table %s, and count as missing here", v.Pipeline.Rejects().Target)
	}
	if v.Pipeline.Mode == tidemark.ModeReplace {
		v.report.notice("the table is replaced as a whole, so what has changed in the source since %s counts as a difference", v.Watermark.T0.Format(time.RFC3339))
	}
	return names
}

// settled is the value from which on the next run reads; none where it reads everything.
func (v *verifier) settled() tidemark.CursorValue {
	if v.Pipeline.Mode == tidemark.ModeReplace {
		return tidemark.CursorValue{}
	}
	return v.Watermark.Settled
}

// checkSince refuses a lower bound that means nothing for the table.
func (v *verifier) checkSince() error {
	since := v.Since
	switch {
	case since.IsZero():
		return nil
	case v.Schema.Cursor == nil || v.Pipeline.Mode == tidemark.ModeReplace:
		return fmt.Errorf("verify pipeline %s since %s: it has no cursor: %w", v.Pipeline.ID, since, tidemark.ErrInvalid)
	case since.Kind() != v.Schema.Cursor.Kind:
		return fmt.Errorf("verify pipeline %s since %s: its cursor is of kind %s: %w", v.Pipeline.ID, since, v.Schema.Cursor.Kind, tidemark.ErrInvalid)
	}
	return nil
}

// size is about how many rows the larger side has. The server's estimate may be double of what is there; the lake's is
// not, so it counts unless it is far off.
func (t Task) size() int64 {
	if t.Schema.Rows <= 2*t.Rows {
		return t.Rows
	}
	return t.Schema.Rows
}

func partsFor(rows int64) uint32 {
	n := uint64(max(rows/rowsPerPart, minParts))
	return uint32(min(1<<bits.Len64(n-1), maxParts))
}

// pacer returns a pause that keeps the rows below a rate; nil for none.
func pacer(rate int64) func(context.Context, int64) error {
	if rate <= 0 {
		return nil
	}
	next := time.Now()
	return func(ctx context.Context, rows int64) error {
		next = next.Add(time.Duration(float64(rows) / float64(rate) * float64(time.Second)))
		timer := time.NewTimer(time.Until(next))
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// run compares the sums, and then looks into the parts that differ, some at a time, until enough rows are named.
func (v *verifier) run(ctx context.Context) error {
	if err := v.loadPending(ctx); err != nil {
		return err
	}
	source, lake, err := v.sums(ctx)
	if err != nil {
		return err
	}
	left := v.differing(source, lake)
	v.report.Differing = len(left)
	for len(left) > 0 {
		var some []uint32
		some, left = v.take(left, source, lake)
		whole, err := v.look(ctx, some)
		if err != nil {
			return err
		}
		if !whole {
			v.report.Partial = len(some) + len(left)
			return nil
		}
		if v.enough() {
			v.report.Partial = len(left)
			return nil
		}
	}
	return v.olderVersions(ctx)
}

// enough reports whether no more rows need to be named.
func (v *verifier) enough() bool { return v.Mender == nil && len(v.report.Rows) >= v.Limit }

// differing returns the parts whose sums differ, and adds up the rows.
func (v *verifier) differing(source, lake []tidemark.PartSum) []uint32 {
	var parts []uint32
	for i := range source {
		v.report.SourceRows += source[i].Rows
		v.report.LakeRows += lake[i].Rows
		if source[i] != lake[i] {
			parts = append(parts, uint32(i))
		}
	}
	return parts
}

// marksAtOnce is how many rows of parts that differ are held in memory at a time, on each side.
const marksAtOnce = 200_000

// take returns the first parts, as many as may be looked into at once, and the others.
func (v *verifier) take(parts []uint32, source, lake []tidemark.PartSum) (some, left []uint32) {
	rows := int64(0)
	for i, part := range parts {
		rows += max(source[part].Rows, lake[part].Rows)
		if i > 0 && rows > marksAtOnce {
			return parts[:i], parts[i:]
		}
	}
	return parts, nil
}
