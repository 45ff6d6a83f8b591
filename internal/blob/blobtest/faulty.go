package blobtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// An Op is an operation of a store.
type Op string

// The operations. OpWrite and OpClose are those of a StagedWriter, and OpDrop is its Abort.
const (
	OpGet      Op = "get"
	OpPut      Op = "put"
	OpStat     Op = "stat"
	OpList     Op = "list"
	OpDelete   Op = "delete"
	OpStage    Op = "stage"
	OpWrite    Op = "write"
	OpClose    Op = "close"
	OpDrop     Op = "drop"
	OpComplete Op = "complete"
	OpCheck    Op = "check"
	OpAbort    Op = "abort"
	OpSweep    Op = "sweep"
)

// Writes reports whether the operation changes what is stored.
func (op Op) Writes() bool {
	switch op {
	case OpGet, OpStat, OpList, OpCheck:
		return false
	}
	return true
}

// A Fault is what goes wrong with one operation.
type Fault uint8

const (
	None    Fault = iota // nothing
	Lost                 // it is not executed, and fails
	Applied              // it is executed, and reported as failed; for a read the same as Lost
)

func (f Fault) String() string { return [...]string{"none", "lost", "applied"}[f] }

// ErrInjected is in every error that a Faulty store makes up.
var ErrInjected = errors.New("injected fault")

// A FaultyStore is a store some of whose operations fail. It implements Store, Stager and Sweeper. It stands for
// the network between a process and its store: to kill a process at an operation, let this one and all later ones be
// Lost, and go on with the store itself.
type FaultyStore struct {
	store  blob.Store
	stager blob.Stager

	mu   sync.Mutex
	plan func(op Op, key string) Fault
}

// Faulty wraps store, which must be a Stager as well. plan is asked before each operation; calls to it do not
// overlap, so it may count. The key of a list or sweep is its prefix.
func Faulty(store blob.Store, plan func(op Op, key string) Fault) *FaultyStore {
	return &FaultyStore{store: store, stager: store.(blob.Stager), plan: plan}
}

func (f *FaultyStore) String() string { return fmt.Sprintf("faulty %v", f.store) }

// ask asks the plan. One that ends the test, and so the goroutine, does not leave the others waiting.
func (f *FaultyStore) ask(op Op, key string) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.plan(op, key)
}

// do executes an operation as the plan wants it.
func (f *FaultyStore) do(op Op, key string, execute func() error) error {
	fault := f.ask(op, key)
	if fault == None {
		return execute()
	}
	if fault == Applied && op.Writes() {
		if err := execute(); err != nil {
			return err // it fails by itself
		}
	}
	err := fmt.Errorf("%s %s: %w: %w", op, key, ErrInjected, tidemark.ErrTransient)
	if op.Writes() {
		err = fmt.Errorf("%w: %w", err, blob.ErrUnknown)
	}
	return err
}

// Get implements blob.Store. Only the opening can fail.
func (f *FaultyStore) Get(ctx context.Context, key string, offset, length int64) (r io.ReadCloser, err error) {
	err = f.do(OpGet, key, func() error {
		r, err = f.store.Get(ctx, key, offset, length)
		return err
	})
	return r, err
}

// Put implements blob.Store.
func (f *FaultyStore) Put(ctx context.Context, key string, data []byte, o blob.PutOptions) error {
	return f.do(OpPut, key, func() error { return f.store.Put(ctx, key, data, o) })
}

// Stat implements blob.Store.
func (f *FaultyStore) Stat(ctx context.Context, key string) (o blob.Object, err error) {
	err = f.do(OpStat, key, func() error {
		o, err = f.store.Stat(ctx, key)
		return err
	})
	return o, err
}

// List implements blob.Store. It fails before the first object or not at all.
func (f *FaultyStore) List(ctx context.Context, prefix string) iter.Seq2[blob.Object, error] {
	return func(yield func(blob.Object, error) bool) {
		if err := f.do(OpList, prefix, func() error { return nil }); err != nil {
			yield(blob.Object{}, err)
			return
		}
		f.store.List(ctx, prefix)(yield)
	}
}

// Delete implements blob.Store.
func (f *FaultyStore) Delete(ctx context.Context, key string) error {
	return f.do(OpDelete, key, func() error { return f.store.Delete(ctx, key) })
}

// Stage implements blob.Stager. When it is Applied, the staged object is left over, as after a lost reply.
func (f *FaultyStore) Stage(ctx context.Context, key string) (w blob.StagedWriter, err error) {
	err = f.do(OpStage, key, func() error {
		w, err = f.stager.Stage(ctx, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &faultyWriter{store: f, key: key, w: w}, nil
}

// Complete implements blob.Stager.
func (f *FaultyStore) Complete(ctx context.Context, s blob.Staged) error {
	return f.do(OpComplete, s.Key, func() error { return f.stager.Complete(ctx, s) })
}

// Check implements blob.Stager.
func (f *FaultyStore) Check(ctx context.Context, s blob.Staged) (state blob.StagedState, err error) {
	err = f.do(OpCheck, s.Key, func() error {
		state, err = f.stager.Check(ctx, s)
		return err
	})
	return state, err
}

// Abort implements blob.Stager.
func (f *FaultyStore) Abort(ctx context.Context, s blob.Staged) error {
	return f.do(OpAbort, s.Key, func() error { return f.stager.Abort(ctx, s) })
}

// Sweep implements blob.Sweeper.
func (f *FaultyStore) Sweep(ctx context.Context, prefix string, before time.Time) (n int, err error) {
	err = f.do(OpSweep, prefix, func() error {
		sweeper, ok := f.store.(blob.Sweeper)
		if !ok {
			return nil
		}
		n, err = sweeper.Sweep(ctx, prefix, before)
		return err
	})
	return n, err
}

type faultyWriter struct {
	store *FaultyStore
	key   string
	w     blob.StagedWriter
}

func (w *faultyWriter) Write(p []byte) (n int, err error) {
	err = w.store.do(OpWrite, w.key, func() error {
		n, err = w.w.Write(p)
		return err
	})
	return n, err
}

// Close returns no record when it fails, even when the object was staged: its reply is what was lost.
func (w *faultyWriter) Close(ctx context.Context) (s blob.Staged, err error) {
	err = w.store.do(OpClose, w.key, func() error {
		s, err = w.w.Close(ctx)
		return err
	})
	if err != nil {
		return blob.Staged{}, err
	}
	return s, nil
}

func (w *faultyWriter) Abort(ctx context.Context) error {
	return w.store.do(OpDrop, w.key, func() error { return w.w.Abort(ctx) })
}
