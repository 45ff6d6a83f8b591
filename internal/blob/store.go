// Package blob keeps objects under keys: in a folder, in an S3 bucket, or in memory. Both targets stand on it, and
// so does Iceberg's own I/O, so that endpoint, encryption and role are configured in one place.
//
// It offers just the two things that a commit protocol needs from storage. [Store] has a conditional Put: of several
// processes that put one key with IfAbsent exactly one succeeds, which is the compare-and-swap under every commit.
// [Stager] writes large objects that no reader sees until they are completed, by any process, from a small record.
//
// All three stores pass the same conformance suite, internal/blob/blobtest, which also injects the faults for
// everybody's fault tables.
package blob

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// ErrExist says that a Put with IfAbsent lost: the key was there before, written by somebody else. It is only
// returned when that is certain.
var ErrExist = errors.New("exists already")

// ErrUnknown says that a write may or may not have been done: the connection broke, the server answered 5xx, or the
// context ended while the request was under way. Errors that carry neither it nor ErrExist mean: not done.
var ErrUnknown = errors.New("outcome unknown")

// unknown adds ErrUnknown to an error without changing its message.
type unknown struct{ err error }

func (u unknown) Error() string   { return u.err.Error() + " (" + ErrUnknown.Error() + ")" }
func (u unknown) Unwrap() []error { return []error{u.err, ErrUnknown} }

// A verdict is what an error means to people and to callers.
type verdict struct {
	kind error
	hint string
}

// An Object is what a store knows of an object without reading it.
type Object struct {
	Key      string    // relative to the store's root
	Size     int64     // bytes
	Modified time.Time // by the store's clock
	ETag     string    // changes with the content; "" where the store has none
}

// PutOptions are the conditions of a Put.
type PutOptions struct {
	IfAbsent bool // succeed only when the key is not there, else ErrExist
}

// A Store keeps objects under keys. Keys are slash-separated and relative to the store's root, without empty, "."
// or ".." segments; others are tidemark.ErrInvalid. What Put has returned is seen by every later Get, Stat and List,
// by any process. All methods may be called concurrently. Errors wrap the kinds of the root package, and carry a
// hint where a person can help.
type Store interface {
	// Get opens length bytes of an object from offset on, to its end when length is negative. A range that reaches
	// beyond the end is cut there. tidemark.ErrNotFound when the key is not there. The caller closes the reader;
	// ctx must live as long.
	Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)

	// Put stores data under key, all or nothing, replacing what is there unless o says IfAbsent. It is durable when
	// Put returns. Put never returns ErrExist for its own success: where a reply was lost it reads the object back
	// and compares the bytes. Those who race for a key therefore put bytes that tell them apart.
	Put(ctx context.Context, key string, data []byte, o PutOptions) error

	// Stat returns an object's size and time; tidemark.ErrNotFound when the key is not there.
	Stat(ctx context.Context, key string) (Object, error)

	// List yields all objects whose key begins with prefix, at any depth, in the byte order of their keys. The
	// prefix need not end at a slash; "" means all. Nothing there is no error. It ends after the first error.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]

	// Delete removes an object. A key that is not there is no error.
	Delete(ctx context.Context, key string) error
}

// A Stager writes large objects that nobody sees until they are completed: multipart uploads on S3, files under
// _tidemark/_staged/ on disk. Every Store of this package, and what Within makes of it, is also a Stager.
type Stager interface {
	// Stage begins an object. The writes use ctx, which must live until the writer is closed or aborted.
	Stage(ctx context.Context, key string) (StagedWriter, error)

	// Complete makes a staged object visible under its key, durably. It is idempotent: for one that was completed
	// before, by anybody, it succeeds when the object is there with its size. When neither the staged object nor
	// the object is there it returns tidemark.ErrNotFound. Stage under keys that nobody else uses: an object that
	// took the key meanwhile is ErrExist on disk, but S3 may replace it.
	Complete(ctx context.Context, s Staged) error

	// Check tells what became of a staged object.
	Check(ctx context.Context, s Staged) (StagedState, error)

	// Abort removes a staged object. It is idempotent, and does nothing to one that was completed.
	Abort(ctx context.Context, s Staged) error
}

// A StagedWriter takes the bytes of one staged object. It is used by one goroutine at a time and holds at most one
// part in memory while another one is on its way. After an error the writer can only be aborted.
type StagedWriter interface {
	io.Writer

	// Close stores what is left and returns the record from which any process can complete the object. The staged
	// object is durable when Close returns.
	Close(ctx context.Context) (Staged, error)

	// Abort gives the object up and frees what it took, in memory and in the store. After Close it does nothing;
	// from then on Stager.Abort is in charge. It may be called twice, so defer it.
	Abort(ctx context.Context) error
}

// Staged is a staged object that is written to its end. A commit record holds it as JSON, and another process
// completes it from there.
type Staged struct {
	Key    string `json:"key"`
	Upload string `json:"upload"` // the store's name for it
	Size   int64  `json:"size"`
	Parts  []Part `json:"parts,omitempty"`
}

// A Part is a piece of a Staged as the store received it.
type Part struct {
	Number int32  `json:"n"` // from 1
	ETag   string `json:"etag"`
	Size   int64  `json:"size"`
	CRC32  string `json:"crc32,omitempty"` // base64, where the server checks it
}

// StagedState is what became of a staged object.
type StagedState uint8

const (
	StagedGone    StagedState = iota // neither the staged object nor the object is there: it must be written again
	StagedPending                    // complete in all its parts, and not yet visible
	StagedDone                       // the object is there with its size
)

func (s StagedState) String() string { return [...]string{"gone", "pending", "done"}[s] }

// A Sweeper is a Stager that can find what killed processes left behind.
type Sweeper interface {
	// Sweep aborts all staged objects whose key begins with prefix and that were begun before a time, finished or
	// not, and returns how many. Only the holder of a pipeline's lease may sweep what belongs to it.
	Sweep(ctx context.Context, prefix string, before time.Time) (int, error)
}
