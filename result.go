package tidemark

import "time"

// A RunResult tells what one run did, whether it succeeded or not. It is what the command line prints and what is
// kept of a run.
type RunResult struct {
	Pipeline PipelineID `json:"pipeline"`
	Run      RunID      `json:"run"`
	Mode     Mode       `json:"mode"`

	Read       int64 `json:"rows_read"`
	New        int64 `json:"rows_new"`                // handed on to the target
	Suppressed int64 `json:"rows_suppressed"`         // read again and recognised
	Rejected   int64 `json:"rows_rejected,omitempty"` // set aside by checks, and not among the new ones
	Files      int   `json:"files"`
	Bytes      int64 `json:"bytes"` // of those files

	Splits []SplitRead `json:"splits,omitempty"` // of the last attempt; behind a first load also of the pass that follows it

	Deleted int64 `json:"rows_deleted,omitempty"` // rows of the lake that the source has deleted and that were taken out
	Marked  int64 `json:"rows_marked,omitempty"`  // or were marked

	Committed  bool        `json:"committed"`  // false: the lake is unchanged
	Seq        int64       `json:"seq"`        // of the newest commit, whoever made it
	Total      int64       `json:"rows_total"` // loaded by all commits of the pipeline up to that one
	HighBefore CursorValue `json:"high_before,omitzero"`
	High       CursorValue `json:"high,omitzero"`
	Settled    CursorValue `json:"settled,omitzero"`
	SettledBy  SettledBy   `json:"settled_by,omitempty"`
	HeldBy     string      `json:"held_by,omitempty"`
	Open       string      `json:"open,omitempty"` // who may still bring rows that are older than this run, committed or not; "": nobody
	Overlap    int64       `json:"overlap_rows"`   // what the next run reads again

	Mirrored CursorValue `json:"mirrored,omitzero"` // the newest value in the watermark table behind the run; none where it was not written

	Checks []CheckResult `json:"checks,omitempty"` // what they found, passed ones included

	Maintenance *Maintenance `json:"maintenance,omitempty"` // what was done for the table behind the run; nil: nothing

	Notices  []string      `json:"notices,omitempty"` // what the owner should know, such as a missing privilege
	Attempts int           `json:"attempts"`
	Started  time.Time     `json:"started"`
	Took     time.Duration `json:"took_ns"`
}

// A SplitRead tells what was read of a split.
type SplitRead struct {
	SQL   string    `json:"sql"` // the first statement that was sent, as Plan has it; a very long one without its middle
	Rows  int64     `json:"rows_read"`
	Began time.Time `json:"began,omitzero"`
	Ended time.Time `json:"ended,omitzero"` // zero: it was not read to its end
}

// Maintenance tells what the upkeep of a table has done, or would do.
type Maintenance struct {
	Files     int   `json:"files_compacted"` // data and delete files that were put together
	Into      int   `json:"files_written"`   // as so many
	Bytes     int64 `json:"bytes_written"`
	Snapshots int   `json:"snapshots_expired"`
	Removed   int   `json:"files_removed"` // that no snapshot needs any more, or that killed runs have left
	Freed     int64 `json:"bytes_removed"`

	Notices []string `json:"notices,omitempty"` // what was left out, and why
}

// Done reports whether anything was done.
func (m Maintenance) Done() bool { return m.Files+m.Snapshots+m.Removed > 0 }
