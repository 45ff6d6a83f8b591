package tidemark

import (
	"context"
	"time"
)

// A Dropper is a Catalog that can take a table away: its files, its watermarks, and what its pipelines keep beside it.
type Dropper interface {
	// PlanDrop returns what would go. It only reads. A table that is not there is ErrNotFound; one that a killed process has
	// begun to drop is not, and its plan is what is left.
	PlanDrop(ctx context.Context, id TableID) (*Drop, error)

	// Drop takes away what d says, with d.Events in the mark that it leaves until the end. It is ErrConflict, and nothing
	// has changed, where somebody has committed since the plan was made. From its first write on no reader sees a row, no
	// run can commit, and a run that begins is refused, until all is gone; after an error or a kill a new plan and Drop go
	// on. last is called when nothing but the mark is left, and what it fails with is Drop's error.
	Drop(ctx context.Context, d *Drop, last func() error) error
}

// A Drop is what goes with a table.
type Drop struct {
	Table     TableID
	Format    Format
	Location  string
	Data      FileCount // of the table as it is; the rows include those that deletes take away
	Objects   FileCount // all that lies in its folder, without rows
	Commits   int       // that are known
	Imported  bool      // the files are somebody else's, and stay
	Pipelines []Watermark
	Base      string    // the version of the table that the plan was made of
	Begun     time.Time // when a drop was begun that was not finished; else zero

	// Events are what the mark keeps, so that whoever finishes knows of them: one for each pipeline.
	Events []Event
}

// A DropMark is what a dropped table is until the last of it is gone.
type DropMark struct {
	At     time.Time `json:"at"`
	Events []Event   `json:"events"`
}

// BeingDropped is the error of a table that bears the mark. It is ErrInvalid.
func BeingDropped(id TableID) error {
	return WithHint(beingDropped{id}, "`tidemark catalog drop "+id.String()+"` finishes it")
}

type beingDropped struct{ id TableID }

func (b beingDropped) Error() string { return "table " + b.id.String() + " is being dropped" }
func (b beingDropped) Unwrap() error { return ErrInvalid }
