package transform

import (
	"fmt"
	"time"

	"github.com/tidemark-data/tidemark"
)

// rowCount looks at how many rows a run publishes. A range that is read again says nothing about that.
func rowCount(c RowCount) examiner {
	return examiner{finish: func(rows int64, o tidemark.Observed) (f finding, _ error) {
		if o.Run && (rows < c.Min || c.Max >= 0 && rows > c.Max) {
			f = finding{1, fmt.Sprintf("the run has %d rows", rows)}
		}
		return f, nil
	}}
}

// fresh looks at how far the largest cursor value is behind now, whether the run found rows or not.
func fresh(age time.Duration, s *tidemark.Schema) (examiner, error) {
	if s.Cursor == nil || !s.Cursor.Kind.Temporal() {
		return examiner{}, tidemark.WithHint(fmt.Errorf("the pipeline has no cursor that is a time: %w", tidemark.ErrInvalid), "use row_count")
	}
	return examiner{finish: func(_ int64, o tidemark.Observed) (f finding, _ error) {
		if !o.Run {
			return f, nil
		}
		if o.High.IsZero() {
			return finding{1, "no row has a cursor value yet"}, nil
		}
		behind := time.Duration(o.Now.Micros()-o.High.Micros()) * time.Microsecond
		if behind > age {
			f = finding{1, fmt.Sprintf("the newest row, of %s, is %s old", o.High, behind.Round(time.Second))}
		}
		return f, nil
	}}, nil
}
