package tidemark

import (
	"slices"
	"time"
)

// A RunState is where a run is between the wish for it and its end.
//
//	           ┌──────────── again ────────────┐
//	           ▼                               │
//	wanted ─▶ queued ──▶ running ──▶ succeeded │
//	           │           ├───────▶ failed    │
//	           │           ├───────▶ cancelled │
//	           │           └───────────────────┘
//	           ├───────────────────▶ cancelled
//	           └───────────────────▶ skipped
type RunState string

const (
	RunQueued    RunState = "queued"    // it waits for its turn, or for the pause before its next attempt to pass
	RunRunning   RunState = "running"   // somebody has the lease and works on it
	RunSucceeded RunState = "succeeded" // also where there was nothing new
	RunFailed    RunState = "failed"    // no further attempt is made
	RunCancelled RunState = "cancelled" // a person ended it; what was committed before stays
	RunSkipped   RunState = "skipped"   // it never began: its pipeline was gone from the config when its turn came
)

// Ended reports whether a run in this state stays in it.
func (s RunState) Ended() bool { return s != RunQueued && s != RunRunning }

// RunStates are all states, in the order of a run's life.
func RunStates() []RunState {
	return []RunState{RunQueued, RunRunning, RunSucceeded, RunFailed, RunCancelled, RunSkipped}
}

// A Run is one execution of a pipeline, over all its attempts, as the store keeps it.
type Run struct {
	ID       RunID      `json:"id"`
	Pipeline PipelineID `json:"pipeline"`
	State    RunState   `json:"state"`
	Priority int        `json:"priority"` // the higher one begins first
	Causes   []Cause    `json:"causes"`   // at least one; more where it was wanted again while it waited

	Queued    time.Time `json:"queued"`              // UTC, as all times
	NotBefore time.Time `json:"not_before,omitzero"` // of a queued one: when its next attempt may begin
	Started   time.Time `json:"started,omitzero"`    // of the first attempt
	Ended     time.Time `json:"ended,omitzero"`

	Attempts  []Attempt  `json:"attempts,omitempty"` // the oldest first
	Cancel    string     `json:"cancel,omitempty"`   // who wants it to end; "" when nobody does
	Result    *RunResult `json:"result,omitempty"`   // of the last attempt, as far as it came
	Error     string     `json:"error,omitempty"`    // why it failed, or why the last attempt did
	Hint      string     `json:"hint,omitempty"`     // what to do about it
	EndNumber int64      `json:"-"`                  // runs are numbered in the order in which they ended, from 1; 0 before
}

// An Attempt is one try of a run, by one process.
type Attempt struct {
	N       int       `json:"n"`          // from 1
	Commit  RunID     `json:"commit_run"` // under which the lake knows what it commits
	Holder  string    `json:"holder"`     // the process that had the lease
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	Kind    string    `json:"error_kind,omitempty"`
	Error   string    `json:"error,omitempty"` // "" when it succeeded, or runs
}

// A Lease is the exclusive right to work on a run of a pipeline. Its token is larger than that of every lease of the
// pipeline before it: what is reported under an older one is refused with ErrConflict. It keeps two processes from doing
// the same work; that rows are loaded once does not rest on it but on the commit.
type Lease struct {
	Run     RunID
	Attempt Attempt
	Token   int64
	Expires time.Time
}

// A RunFilter says which runs are listed. The zero value lists all, the newest first.
type RunFilter struct {
	Pipelines []PipelineID // any of them; none: all
	States    []RunState   // any of them; none: all
	Since     time.Time    // queued at or after; zero: from the beginning
	Before    RunID        // only runs that were queued before this one, to go on from a page
	Limit     int          // at most so many; 0 means 100
}

// Matches reports whether a run passes the filter, Before and Limit aside.
func (f RunFilter) Matches(r Run) bool {
	return (len(f.Pipelines) == 0 || slices.Contains(f.Pipelines, r.Pipeline)) &&
		(len(f.States) == 0 || slices.Contains(f.States, r.State)) && !r.Queued.Before(f.Since)
}

// A Recent is what a pipeline has done of late.
type Recent struct {
	Pipeline PipelineID
	Rows     int64       // committed by runs that have ended since a time
	Runs     []RecentRun // those that have ended last, the newest first
}

// A RecentRun is a run that has ended, in short.
type RecentRun struct {
	ID      RunID     `json:"id"`
	State   RunState  `json:"state"`
	Started time.Time `json:"started,omitzero"` // zero: it never began
	Ended   time.Time `json:"ended"`
	Rows    int64     `json:"rows_new"` // that it has committed
}

// A LogLine is a line of a run's log.
type LogLine struct {
	N       int64     `json:"n"` // of its run, from 1, without gaps but where lines were dropped
	At      time.Time `json:"at"`
	Attempt int       `json:"attempt"`
	Level   string    `json:"level"` // DEBUG, INFO, WARN or ERROR
	Text    string    `json:"text"`
	Attrs   string    `json:"attrs,omitempty"` // a JSON object; never row values, never secrets
}
