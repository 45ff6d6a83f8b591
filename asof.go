package tidemark

import (
	"context"
	"time"
)

// A Historian is a Catalog that also knows its tables as they were.
type Historian interface {
	// SnapshotAsOf returns a table as it was. A table that is not there is ErrNotFound; a version that never was, or of
	// which files are gone, ErrInvalid with a hint on what there is. It only reads.
	SnapshotAsOf(ctx context.Context, id TableID, v Version) (*Snapshot, error)
}

// A Version is a state that a table once had: that of a name, or of a moment.
type Version struct {
	// Name is the id of a snapshot, the number of a commit, PIPELINE:NUMBER where several pipelines load the table, or
	// the name of a branch or tag; "" for what the table was at At.
	Name string
	At   time.Time
}

func (v Version) String() string {
	if v.Name != "" {
		return v.Name
	}
	return v.At.UTC().Format("2006-01-02 15:04:05.999999 UTC")
}

// Bounds are what is known of the values of a column in a file. They may be wider than the values are.
type Bounds struct {
	// Lower and Upper are at or below, and at or above, every value that is not NULL, as SQL writes them: decimal digits,
	// 2006-01-02, "2006-01-02 15:04:05.999999" (UTC for an instant), or the text itself. nil: not known.
	Lower, Upper *string
	Nulls        int64 // how many are NULL; -1: not known
}
