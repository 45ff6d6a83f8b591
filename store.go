package tidemark

import (
	"context"
	"errors"
	"time"
)

// A Want is the wish for runs, for one cause.
type Want struct {
	Cause Cause
	Runs  []Wanted

	// State is what becomes of the trigger's state, but for Enabled, in the same transaction as the wish, so that no cause is
	// forgotten or noted under two names; nil: nothing. It is kept also where Runs is empty.
	State *TriggerState
}

// A Wanted is a pipeline that is to run.
type Wanted struct {
	Pipeline PipelineID
	Priority int
}

// An Ending is how the work on a run has ended.
type Ending struct {
	State     RunState // an ended one; or RunQueued, for another attempt
	NotBefore time.Time
	Result    *RunResult
	Kind      string // of the error, as KindOf has it
	Error     string // "" of a run that succeeded
	Hint      string
}

// Interrupted is the Kind of an attempt that the end of its process cut off, and that is not counted as a try.
const Interrupted = "interrupted"

// KindOf returns the name of an error's kind: "invalid", "not found", "denied", "conflict", "transient", "restart",
// "checks", "fatal", "cancelled", "timeout", "" of nil, and "other".
func KindOf(err error) string {
	if err == nil {
		return ""
	}
	for _, k := range []struct {
		is   error
		name string
	}{
		{ErrFatal, "fatal"}, {ErrChecks, "checks"}, {ErrConflict, "conflict"}, {ErrDenied, "denied"}, {ErrTransient, "transient"},
		{ErrRestart, "restart"}, {ErrNotFound, "not found"}, {ErrInvalid, "invalid"}, {context.DeadlineExceeded, "timeout"}, {context.Canceled, "cancelled"},
	} {
		if errors.Is(err, k.is) {
			return k.name
		}
	}
	return "other"
}
