package notify

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
)

// A Kind is what an event tells.
type Kind string

const (
	Failed    Kind = "failed"    // a run has ended as failed, and the one before had not
	Recovered Kind = "recovered" // the first success behind that
	Late      Kind = "late"      // the lake is further behind than it may be
	Fresh     Kind = "fresh"     // and no longer is
)

// An Event is something that people want to know of a pipeline. This is what a webhook gets, as JSON. All times are UTC.
type Event struct {
	ID       string              `json:"id"` // the same however often the event is sent
	Kind     Kind                `json:"kind"`
	At       time.Time           `json:"at"` // when it came to be
	Pipeline tidemark.PipelineID `json:"pipeline"`
	Link     string              `json:"link,omitempty"` // to the run or the pipeline on the server; "" where its address is not known

	// Of Failed, Recovered, and a Fresh that a run has brought about.
	Run      tidemark.RunID `json:"run,omitempty"`
	Started  time.Time      `json:"started,omitzero"`
	Attempts int            `json:"attempts,omitempty"`
	Rows     int64          `json:"rows,omitempty"` // that were loaded by the last attempt
	Since    time.Time      `json:"since,omitzero"` // when the pipeline began to fail, as far as that is known

	// Of Failed.
	ErrorKind string `json:"error_kind,omitempty"` // invalid, denied, transient, …
	Error     string `json:"error,omitempty"`
	Hint      string `json:"hint,omitempty"`  // what a person can do
	Again     bool   `json:"again,omitempty"` // it has been told before, and the pipeline still fails

	// Of Late and Fresh.
	Lag   Seconds `json:"lag_seconds,omitempty"` // since the last complete run began to read
	Limit Seconds `json:"freshness_seconds,omitempty"`
}

// Seconds are a time.Duration that is a number of seconds in JSON.
type Seconds time.Duration

// MarshalJSON writes whole seconds.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(int64(time.Duration(s) / time.Second))
}

func (s Seconds) String() string { return time.Duration(s).Round(time.Second).String() }

// Texts are cut, so that an odd error makes no odd message.
const (
	maxError = 2000 // bytes
	maxHint  = 500
)

// ofRun fills in what an event tells of a run.
func (e Event) ofRun(r tidemark.Run) Event {
	e.Run, e.Started, e.Attempts = r.ID, r.Started.UTC(), len(r.Attempts)
	if r.Result != nil {
		e.Rows = r.Result.New
	}
	if e.Kind != Failed {
		return e
	}
	e.Error, e.Hint = cut(r.Error, maxError), cut(r.Hint, maxHint)
	if n := len(r.Attempts); n > 0 {
		e.ErrorKind = r.Attempts[n-1].Kind
	}
	return e
}

// cut returns a text of at most n bytes, and a mark where it was longer.
func cut(text string, n int) string {
	if len(text) <= n {
		return strings.ToValidUTF8(text, "�")
	}
	return strings.ToValidUTF8(text[:n-len("…")], "") + "…"
}
