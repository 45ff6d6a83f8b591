package transform

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

// noRow looks for what a SELECT over the rows of the run returns. The statement runs while the rows come, and holds them only
// where it cannot tell otherwise: within its share of the memory, and then on disk.
func (c *Checks) noRow(ctx context.Context, s *SQL, in *tidemark.Schema, w tidemark.Window) (examiner, error) {
	q := s.query(in, w)
	if _, _, _, err := q.bind(ctx); err != nil {
		return examiner{}, err
	}
	q.memory = c.share()
	var f finding
	rows := newIntake(ctx, func(ctx context.Context, rows iter.Seq2[arrow.RecordBatch, error]) error {
		f = finding{}
		return q.run(ctx, rows, func(b arrow.RecordBatch) bool {
			if f.failed == 0 {
				f.detail = "the first row is " + rowText(b)
			}
			f.failed += b.NumRows()
			b.Release()
			return true
		})
	})
	return examiner{
		look: func(b arrow.RecordBatch) (finding, error) { return finding{}, rows.put(b) },
		finish: func(n int64, _ tidemark.Observed) (finding, error) {
			if n == 0 && !q.whole {
				return finding{}, nil // no row gives none
			}
			err := rows.end()
			return f, err
		},
		close: rows.close,
	}, nil
}

// share is the memory in bytes of each check that may hold all rows of the run.
func (c *Checks) share() int64 {
	holders := int64(0)
	for _, check := range c.checks {
		if check.SQL != nil || check.Table != nil {
			holders++
		}
	}
	return max(wholeMemory/max(holders, 1), leastMemory)
}

// leastMemory is what DuckDB wants before it is sure to get on with what lies on disk.
const leastMemory = 128 << 20

// maxShownColumns is how many columns of a row messages show.
const maxShownColumns = 8

// rowText returns the first row of a batch as messages show it.
func rowText(b arrow.RecordBatch) string {
	var parts []string
	for i, column := range b.Columns() {
		if i == maxShownColumns {
			parts = append(parts, fmt.Sprintf("and %d columns more", int(b.NumCols())-i))
			break
		}
		parts = append(parts, b.ColumnName(i)+"="+valueText(column, 0))
	}
	return strings.Join(parts, ", ")
}
