package tidemark

import "context"

// A Rewinder is a Target that can go back to an earlier commit of its pipeline. Going back is itself a commit, with the
// next number: see Commit.Rewind.
type Rewinder interface {
	// History returns what the table tells of the pipeline's commits; the zero History where there is no table. It only
	// reads.
	History(ctx context.Context) (History, error)

	// PlanRewind says what a commit that goes back to commit `to` would do to the table; 0 stands for the time before
	// the first. Where it cannot be done exactly the error is ErrInvalid, or ErrNotFound for a commit that is not
	// known any more, with a hint on what can be done. It only reads.
	PlanRewind(ctx context.Context, to int64) (Rewind, error)
}

// A History is what a table tells of the commits of one pipeline.
type History struct {
	Now     Watermark   // the pipeline's watermark; the zero value before the first commit, and where the table has lost it
	Commits []Watermark // that are known, the oldest first; they may lack their Settlements
	Held    int64       // the newest commit whose rows the table holds: below Now.Seq where someone has set the table back
}

// Next returns the number of the next commit.
func (h History) Next() int64 {
	next := h.Now.Seq
	for _, w := range h.Commits {
		next = max(next, w.Seq)
	}
	return next + 1
}

// A Rewind says that a commit takes out of the table what the commits after another put in, and puts back what they
// took out. The rows of other pipelines stay.
type Rewind struct {
	To       int64     // the commit that is gone back to; 0: before the first
	Taken    FileCount // data files that leave the table
	Restored FileCount // data files that come back: those that were replaced or compacted since
}

// A FileCount sums up data files. The rows are those in the files: in ModeMerge older versions count too.
type FileCount struct {
	Files int   `json:"files"`
	Rows  int64 `json:"rows"`
	Bytes int64 `json:"bytes"`
}

// Add counts one more file.
func (c *FileCount) Add(rows, bytes int64) {
	c.Files++
	c.Rows += rows
	c.Bytes += bytes
}
