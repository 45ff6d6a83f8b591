package schedule

import (
	"context"
	"log/slog"
	"time"

	"github.com/tidemark-data/tidemark"
)

// A Wishes takes causes and knows which runs wait.
type Wishes interface {
	// Want notes a cause, once for each pipeline, and returns the runs that it belongs to: a run that waits takes it on, else
	// a new one is queued.
	Want(ctx context.Context, w tidemark.Want) ([]tidemark.Run, error)

	// Queued returns the runs that wait, those that are to begin first at the front.
	Queued(ctx context.Context) ([]tidemark.Run, error)

	// Skip ends a run that waits. Cancel ends one, or notes that somebody wants that.
	Skip(ctx context.Context, id tidemark.RunID, why string) (tidemark.Run, error)
	Cancel(ctx context.Context, id tidemark.RunID, by string) (tidemark.Run, error)
}

// A Leases is who may work on a run.
type Leases interface {
	// Begin takes a run that waits. ErrConflict: it does not wait any more, or its pipeline runs.
	Begin(ctx context.Context, id tidemark.RunID, holder string, ttl time.Duration) (tidemark.Lease, error)

	// Renew keeps a lease, and returns who wants the run to end. ErrConflict: the lease is lost.
	Renew(ctx context.Context, l tidemark.Lease, ttl time.Duration) (cancel string, err error)

	// End gives a lease back.
	End(ctx context.Context, l tidemark.Lease, e tidemark.Ending) (tidemark.Run, error)

	// Recover puts back the runs of processes that are gone.
	Recover(ctx context.Context) ([]tidemark.Run, error)
}

// A Marks knows triggers, and the runs that have ended.
type Marks interface {
	Triggers(ctx context.Context) ([]tidemark.TriggerState, error)
	Enable(ctx context.Context, id tidemark.TriggerID, on *bool) error

	// Ended returns runs in the order in which they ended, those with a higher EndNumber than after.
	Ended(ctx context.Context, after int64, limit int) ([]tidemark.Run, error)

	// LastEnd returns the highest EndNumber; 0 before the first.
	LastEnd(ctx context.Context) (int64, error)

	// Last returns the run of each pipeline that ended last.
	Last(ctx context.Context) (map[tidemark.PipelineID]tidemark.Run, error)
}

// A Logs keeps what runs log.
type Logs interface {
	AppendLog(ctx context.Context, run tidemark.RunID, attempt int, lines []tidemark.LogLine) error
}

// A Store keeps runs and triggers. Its methods may be called at the same time.
type Store interface {
	Wishes
	Leases
	Marks
	Logs
}

// An Executor does what runs and triggers need of the world outside. Its methods may be called at the same time.
type Executor interface {
	// Execute makes one attempt. What it commits is known in the lake as that of a.Commit. It ends soon after ctx.
	Execute(ctx context.Context, p tidemark.PipelineID, a tidemark.Attempt, log *slog.Logger) (tidemark.RunResult, error)

	// Members returns the pipelines of a group.
	Members(ctx context.Context, group string) ([]tidemark.PipelineID, error)

	// Look tells whether the source has what the lake has not.
	Look(ctx context.Context, p tidemark.PipelineID) (Look, error)

	// Objects lists what is in a lake under a prefix.
	Objects(ctx context.Context, connection, prefix string) ([]Object, error)
}

// A Look is what a look at a source's table has found.
type Look struct {
	Newest string // the largest value of the cursor, as text; "" of an empty table
	Behind bool   // the lake has not loaded it

	// Open: the last commit was made while there were transactions that might still bring older rows. They do not move
	// Newest.
	Open bool
}

// An Object is a file, or an object in a bucket.
type Object struct {
	Key     string
	Version string // differs once the object is another: its ETag, or time and size
}

// A Pipeline is what the scheduler knows of one.
type Pipeline struct {
	Retries     int           // further attempts after a fault that may pass
	Timeout     time.Duration // of all attempts of a run together; 0: none
	Priority    int
	Connections []string // that a run uses
}

// A Setup is the part of a config that the scheduler goes by. It is not changed once it is in use.
type Setup struct {
	Executor Executor
	Triggers []tidemark.Trigger

	// Pipeline returns what is known of a pipeline, or of a group; false when there is none.
	Pipeline func(name string) (p Pipeline, group, found bool)

	Parallel int            // runs at the same time; at least 1
	MaxRuns  map[string]int // by connection: runs at the same time that use it; none: no limit
}
