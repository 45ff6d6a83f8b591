package tidemark

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
)

// OnFail says what a check that fails does to the run.
type OnFail string

const (
	OnFailStop       OnFail = "stop"       // nothing is published; the error is ErrChecks
	OnFailWarn       OnFail = "warn"       // the run goes on and says so
	OnFailQuarantine OnFail = "quarantine" // the rows that fail are set aside, and the others published
)

// Checks are what must hold of the rows that a run is about to publish.
type Checks interface {
	// Begin prepares the checks for rows of s, as they land, of what is read of w. What does not fit the table is ErrInvalid
	// and names the check. The caller closes the Checker, before ctx ends.
	Begin(ctx context.Context, s *Schema, w Window) (Checker, error)
}

// A Checker is the checks of a pipeline, prepared for one attempt.
type Checker interface {
	// Quarantines reports whether any check sets rows aside.
	Quarantines() bool

	// Sift returns the rows of b that are to be set aside, by their places, in order and each once, with the first check
	// that it fails. It may be called for several splits at once, and keeps none of them.
	Sift(b arrow.RecordBatch) ([]Reject, error)

	// Look looks at rows that will be published, behind Sift. It may be called for several splits at once. What it keeps of b, it keeps by
	// references of its own.
	Look(b arrow.RecordBatch) error

	// Results tells what was found, a result for each check in the order of the config. It is called once all rows were
	// looked at.
	Results(o Observed) ([]CheckResult, error)

	// Close frees what the checks hold.
	Close() error
}

// Observed is what a check may want to know beside the rows. The zero value is that of rows that are not a run's own, as
// where a range is read again: checks of the run as a whole are left out then.
type Observed struct {
	Run  bool
	High CursorValue // behind the run
	Now  CursorValue // what the cursor's clock shows, by the source's server; none where the cursor is no time
}

// A CheckResult is what a check has found.
type CheckResult struct {
	Check  string `json:"check"`
	OnFail OnFail `json:"on_fail"`
	Failed int64  `json:"failed"`           // rows that fail, or values that are there twice; 1 where the run as a whole fails
	Detail string `json:"detail,omitempty"` // the first of them, or what was found instead
}

// A Reject is a row that a check sets aside.
type Reject struct {
	Row    int // its place in the batch
	Check  string
	Reason string // what is wrong with it
}

// A Rejected names what a commit leaves to be done in the table of a pipeline's rejected rows. No catalog commits two
// tables at once: the commit of the main table is the one that counts, and the other table follows it, at once or in the next
// run, exactly once.
type Rejected struct {
	Run RunID `json:"run,omitempty"` // of the commit that says so; "" where nothing ever was to be done

	Name     string `json:"name,omitempty"` // of the side file with the rows; "" for none
	Rows     int64  `json:"rows,omitempty"` // in it
	Bytes    int64  `json:"bytes,omitempty"`
	Checksum string `json:"checksum,omitempty"` // SHA-256 of the file, in hexadecimal digits

	// Rewound: the table goes back, as the main table does, to what it was behind the commit of the run Back; "" for the time
	// before the first.
	Rewound bool  `json:"rewound,omitempty"`
	Back    RunID `json:"back,omitempty"`

	// Taken: the side file names rows that were loaded since, and leave the table.
	Taken bool `json:"taken,omitempty"`
}

// RejectedSuffix ends the names of the table and the pipeline that hold the rows which checks have set aside.
const RejectedSuffix = "__rejected"

// Rejects returns the pipeline that keeps the rejected rows of p, in a table beside p's own.
func (p Pipeline) Rejects() Pipeline {
	r := Pipeline{
		ID: p.ID + RejectedSuffix, Table: p.Table, Target: TableID{p.Target.Namespace, p.Target.Name + RejectedSuffix},
		Format: p.Format, Mode: ModeAppend, Evolution: SchemaEvolve, FileSize: p.FileSize, Maintenance: p.Maintenance, Splits: 1,
	}
	if p.Mode == ModeReplace {
		r.Mode = ModeReplace
	}
	return r
}
