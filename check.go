package tidemark

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
)

// OnFail says what a check that fails does to the run.
type OnFail string

const (
	OnFailStop OnFail = "stop" // nothing is published; the error is ErrChecks
	OnFailWarn OnFail = "warn" // the run goes on and says so
)

// Checks are what must hold of the rows that a run is about to publish.
type Checks interface {
	// Begin prepares the checks for rows of s, as they land. What does not fit the table is ErrInvalid and names the check.
	// The caller closes the Checker.
	Begin(ctx context.Context, s *Schema) (Checker, error)
}

// A Checker is the checks of a pipeline, prepared for one attempt.
type Checker interface {
	// Look looks at rows that will be published. It may be called for several splits at once, and keeps none of them.
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
