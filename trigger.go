package tidemark

import (
	"strings"
	"time"
)

// A TriggerID is the name of a trigger for good: what it has fired is kept under it. It is PIPELINE/NAME.
type TriggerID string

// NewTriggerID returns the id of the trigger of that name.
func NewTriggerID(pipeline, name string) TriggerID { return TriggerID(pipeline + "/" + name) }

// Pipeline returns the pipeline, or the group of pipelines, that the trigger starts.
func (id TriggerID) Pipeline() string {
	pipeline, _, _ := strings.Cut(string(id), "/")
	return pipeline
}

// TriggerKind is what a trigger waits for.
type TriggerKind string

const (
	TriggerCron    TriggerKind = "cron"    // a time of the calendar
	TriggerEvery   TriggerKind = "every"   // so much time behind the last
	TriggerAfter   TriggerKind = "after"   // the end of runs of other pipelines
	TriggerWebhook TriggerKind = "webhook" // a request over HTTP
	TriggerObject  TriggerKind = "object"  // a new object in a bucket or folder
	TriggerSource  TriggerKind = "source"  // a change of the source's table
	TriggerManual  TriggerKind = "manual"  // a person; no trigger in the config has this kind
)

// A Trigger says what starts runs of a pipeline, or of each pipeline of a group. It is immutable once the config is
// loaded. Of the fields behind Kind those count that belong to it.
type Trigger struct {
	ID      TriggerID
	Kind    TriggerKind
	Enabled bool // as the config has it; a person may have decided otherwise since, which the store keeps

	Cron    string        // five fields, or @hourly and the like
	Zone    string        // IANA zone of Cron; "" means UTC
	CatchUp CatchUp       // of TriggerCron: what becomes of times that passed while nobody was there to see them
	Every   time.Duration // of TriggerEvery the distance of two runs; of TriggerObject without a Queue and TriggerSource that of two looks

	After []string // of TriggerAfter: the pipelines whose runs end; a group stands for all of its pipelines
	On    EndKind  // of TriggerAfter: which ends count
	All   bool     // of TriggerAfter: each of them must have ended since the last time, and not just any

	Connection string // of TriggerObject: the lake that the objects are in; "" with Queue for any bucket
	Prefix     string // of TriggerObject: only objects whose key begins with it, in the lake where there is one
	Queue      string // of TriggerObject: the URL of an SQS queue that gets S3's notifications; "" to list
}

// CatchUp says what becomes of the times of a cron trigger that passed while no server was running.
type CatchUp string

const (
	CatchUpNone CatchUp = "none" // they are gone
	CatchUpOne  CatchUp = "one"  // one run for all of them
	CatchUpAll  CatchUp = "all"  // a run for each
)

// EndKind says which ends of a run a TriggerAfter waits for.
type EndKind string

const (
	OnSuccess EndKind = "success"
	OnFailure EndKind = "failure"
	OnEnd     EndKind = "end" // success, failure or cancelled
)

// Matches reports whether the end of a run in state s counts.
func (k EndKind) Matches(s RunState) bool {
	switch k {
	case OnSuccess:
		return s == RunSucceeded
	case OnFailure:
		return s == RunFailed
	default:
		return s == RunSucceeded || s == RunFailed || s == RunCancelled
	}
}

// A Cause is why a run is wanted. Its ID is the same whoever notes it and however often, so that what it starts happens
// once: the store takes each cause once per pipeline.
type Cause struct {
	ID      string      `json:"id"`                // TRIGGER@WHAT: a due time, the run that ended, the object; a fresh one by hand
	Trigger TriggerID   `json:"trigger,omitempty"` // "" by hand
	Kind    TriggerKind `json:"kind"`
	At      time.Time   `json:"at"`               // when it came to be, UTC
	By      string      `json:"by,omitempty"`     // who, where a person or another program asked
	Detail  string      `json:"detail,omitempty"` // what: "orders ended: succeeded", "new object in/a.csv"; never a secret
}

// A TriggerState is what is known of a trigger at run time.
type TriggerState struct {
	Trigger TriggerID `json:"trigger"`

	// Enabled is what a person has said last; nil for as the config has it.
	Enabled *bool `json:"enabled,omitempty"`

	// Mark is up to where the trigger has looked, in the words of its kind: a due time, the number of an ended run, the
	// last key, a largest cursor value. "" before the first look.
	Mark string `json:"mark,omitempty"`

	Fired time.Time `json:"fired,omitzero"` // the last time; zero before the first
	Cause string    `json:"cause,omitempty"`
	Error string    `json:"error,omitempty"` // why the last look failed; "" when it did not
}
