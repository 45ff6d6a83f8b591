package tidemark

import (
	"context"
	"time"
)

// An Action is what a person can do to a watermark by hand.
type Action string

const (
	ActionRewind       Action = "rewind"
	ActionSetWatermark Action = "watermark set"
	ActionAdopt        Action = "watermark adopt"
	ActionRepair       Action = "repair"
	ActionBackfill     Action = "backfill"
	ActionReplay       Action = "replay"
	ActionDrop         Action = "catalog drop"
)

// An Event is an act of a person on a pipeline: who, when, from, to and why. It is kept in the lake for good.
type Event struct {
	Version  int        `json:"v"` // of this record: EventVersion
	Pipeline PipelineID `json:"pipeline"`
	Action   Action     `json:"action"`
	At       time.Time  `json:"at"`
	Who      string     `json:"who"`
	Why      string     `json:"why,omitempty"`
	Commit   int64      `json:"commit"` // the commit that does it, made by Run
	Run      RunID      `json:"run"`
	From     Position   `json:"from"`
	To       Position   `json:"to"`
	Taken    FileCount  `json:"taken,omitzero"`    // files that leave the table
	Restored FileCount  `json:"restored,omitzero"` // files that come back
	Added    FileCount  `json:"added,omitzero"`    // new files, and those that were written anew without some of their rows
	What     string     `json:"what,omitempty"`    // more, in words
	Outcome  Outcome    `json:"outcome,omitempty"` // not in the record itself, which is written before the commit
}

// EventVersion is the version of the record that this code writes.
const EventVersion = 1

// A Position is a watermark in short.
type Position struct {
	Commit  int64       `json:"commit"`
	High    CursorValue `json:"high,omitzero"`
	Settled CursorValue `json:"settled,omitzero"`
	Total   int64       `json:"total"` // rows loaded
}

// PositionOf returns a watermark in short.
func PositionOf(w Watermark) Position {
	return Position{Commit: w.Seq, High: w.High, Settled: w.Settled, Total: w.Total}
}

// An Outcome says whether an event's commit was made.
type Outcome string

const (
	OutcomeMade    Outcome = "made"
	OutcomeNotMade Outcome = "not made"
	OutcomeUnknown Outcome = "unknown" // the process died, and the lake does not tell any more
)

// A Trail keeps the events of one pipeline in the lake. Nothing in it is ever changed or deleted. It is safe for
// concurrent use.
type Trail interface {
	// Begin stores an event before its commit is made, so that no commit is without one. It is durable when Begin
	// returns.
	Begin(ctx context.Context, e Event) error

	// End stores the outcome of an event beside it.
	End(ctx context.Context, e Event, o Outcome) error

	// Events returns all events, the oldest first, with the outcomes that were stored and "" where none was.
	Events(ctx context.Context) ([]Event, error)
}
