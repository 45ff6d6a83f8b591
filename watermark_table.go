package tidemark

import "context"

// A WatermarkTable is a table of a database in which people keep how far each of their tables was fetched: a row of the
// table's name and a value of its cursor for each time. Its String names both, for messages. The watermark in the lake is the truth; this
// is where another process had come to before, and a copy for those who look there.
type WatermarkTable interface {
	// Newest returns the largest value that the table has for the pipeline's source. A table that is not there is
	// ErrNotFound; a value that is none of the cursor's is ErrInvalid.
	Newest(ctx context.Context, c Cursor) (Fetched, error)

	// Insert adds a row with high, cut to what the column can hold, unless one at or above it is there. It returns the largest
	// value that the table has then. Where the outcome is not known, the next call finds out.
	Insert(ctx context.Context, c Cursor, high CursorValue) (Fetched, error)

	String() string
}

// Fetched is a value of a WatermarkTable.
type Fetched struct {
	Value  CursorValue // of the cursor, cut to its granularity; none where the table has no row for the source
	Notice string      // what is not certain of it, such as fractions of a second that the column does not have; ""
}

// FirstWindow says where the first window of a pipeline begins that has a WatermarkTable.
type FirstWindow string

const (
	FirstAfter FirstWindow = "after" // rows at the table's value, and below, were loaded elsewhere
	FirstFrom  FirstWindow = "from"  // rows below it were
	FirstNone  FirstWindow = "none"  // the table says nothing about it: a first load
)
