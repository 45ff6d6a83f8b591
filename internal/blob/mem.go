package blob

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tidemark-data/tidemark"
)

// Mem is a store in memory, for tests and for what need not survive the process. It implements Store, Stager and
// Sweeper.
type Mem struct {
	mu      sync.Mutex
	objects map[string]memObject
	staged  map[string]memStaged // by upload
	writes  int                  // counts ETags
}

type memObject struct {
	Object
	data []byte
}

type memStaged struct {
	key      string
	begun    time.Time
	data     []byte
	finished bool
}

var _ interface {
	Store
	Stager
	Sweeper
} = (*Mem)(nil)

// NewMem returns an empty store.
func NewMem() *Mem {
	return &Mem{objects: make(map[string]memObject), staged: make(map[string]memStaged)}
}

func (m *Mem) String() string { return "mem:" }

// Get implements Store.
func (m *Mem) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := checkRange(key, offset); err != nil {
		return nil, err
	}
	o, err := m.find(ctx, key)
	if err != nil {
		return nil, err
	}
	data := o.data[min(offset, o.Size):]
	if length >= 0 {
		data = data[:min(length, int64(len(data)))]
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// Stat implements Store.
func (m *Mem) Stat(ctx context.Context, key string) (Object, error) {
	o, err := m.find(ctx, key)
	return o.Object, err
}

func (m *Mem) find(ctx context.Context, key string) (memObject, error) {
	if err := m.check(ctx, key); err != nil {
		return memObject{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[key]
	if !ok {
		return memObject{}, fmt.Errorf("object %q: %w", key, tidemark.ErrNotFound)
	}
	return o, nil
}

func (m *Mem) check(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return ctx.Err()
}

// Put implements Store.
func (m *Mem) Put(ctx context.Context, key string, data []byte, o PutOptions) error {
	if err := m.check(ctx, key); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.objects[key]; ok && o.IfAbsent {
		return fmt.Errorf("put %q: %w", key, ErrExist)
	}
	m.set(key, bytes.Clone(data))
	return nil
}

// set needs the lock. The store owns data from then on and never changes it, so readers share it.
func (m *Mem) set(key string, data []byte) {
	m.writes++
	m.objects[key] = memObject{
		Object: Object{Key: key, Size: int64(len(data)), Modified: time.Now(), ETag: fmt.Sprintf("%d", m.writes)},
		data:   data,
	}
}

// List implements Store. It yields the objects of one moment.
func (m *Mem) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		if err := checkPrefix(prefix); err != nil {
			yield(Object{}, err)
			return
		}
		m.mu.Lock()
		objects := maps.Clone(m.objects)
		m.mu.Unlock()
		for _, key := range slices.Sorted(maps.Keys(objects)) {
			if !strings.HasPrefix(key, prefix) {
				continue
			}
			if err := ctx.Err(); err != nil {
				yield(Object{}, err)
				return
			}
			if !yield(objects[key].Object, nil) {
				return
			}
		}
	}
}

// Delete implements Store.
func (m *Mem) Delete(ctx context.Context, key string) error {
	if err := m.check(ctx, key); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key)
	return nil
}

// Stage implements Stager.
func (m *Mem) Stage(ctx context.Context, key string) (StagedWriter, error) {
	if err := m.check(ctx, key); err != nil {
		return nil, err
	}
	w := &memWriter{mem: m, ctx: ctx, key: key, upload: rand.Text()}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.staged[w.upload] = memStaged{key: key, begun: time.Now()}
	return w, nil
}

// Complete implements Stager.
func (m *Mem) Complete(ctx context.Context, s Staged) error {
	if err := first(checkStaged(s), ctx.Err()); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	there, taken := m.objects[s.Key]
	if taken && there.Size == s.Size {
		delete(m.staged, s.Upload)
		return nil
	}
	if taken {
		return fmt.Errorf("complete %q: %w", s.Key, ErrExist)
	}
	staged, ok := m.staged[s.Upload]
	if !ok || !staged.matches(s) {
		return fmt.Errorf("complete %q: the staged object is gone: %w", s.Key, tidemark.ErrNotFound)
	}
	m.set(s.Key, staged.data)
	delete(m.staged, s.Upload)
	return nil
}

func (m memStaged) matches(s Staged) bool {
	return m.finished && m.key == s.Key && int64(len(m.data)) == s.Size
}

// Check implements Stager.
func (m *Mem) Check(ctx context.Context, s Staged) (StagedState, error) {
	if err := first(checkStaged(s), ctx.Err()); err != nil {
		return StagedGone, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if staged, ok := m.staged[s.Upload]; ok && staged.matches(s) {
		return StagedPending, nil
	}
	if o, ok := m.objects[s.Key]; ok && o.Size == s.Size {
		return StagedDone, nil
	}
	return StagedGone, nil
}

// Abort implements Stager.
func (m *Mem) Abort(ctx context.Context, s Staged) error {
	if err := first(checkStaged(s), ctx.Err()); err != nil {
		return err
	}
	m.drop(s.Upload)
	return nil
}

func (m *Mem) drop(upload string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.staged, upload)
}

// Sweep implements Sweeper.
func (m *Mem) Sweep(ctx context.Context, prefix string, before time.Time) (int, error) {
	if err := first(checkPrefix(prefix), ctx.Err()); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	swept := len(m.staged)
	maps.DeleteFunc(m.staged, func(_ string, s memStaged) bool {
		return strings.HasPrefix(s.key, prefix) && s.begun.Before(before)
	})
	return swept - len(m.staged), nil
}

type memWriter struct {
	mem    *Mem
	ctx    context.Context // of Stage: io.Writer has none
	key    string
	upload string
	data   []byte
	closed bool
}

func (w *memWriter) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	w.data = append(w.data, p...)
	return len(p), nil
}

func (w *memWriter) Close(ctx context.Context) (Staged, error) {
	if err := ctx.Err(); err != nil {
		return Staged{}, err
	}
	w.mem.mu.Lock()
	defer w.mem.mu.Unlock()
	staged, ok := w.mem.staged[w.upload]
	if !ok {
		return Staged{}, fmt.Errorf("stage %q: it was swept meanwhile: %w", w.key, tidemark.ErrNotFound)
	}
	staged.data, staged.finished = w.data, true
	w.mem.staged[w.upload] = staged
	w.closed = true
	return Staged{Key: w.key, Upload: w.upload, Size: int64(len(w.data))}, nil
}

func (w *memWriter) Abort(context.Context) error {
	if !w.closed {
		w.mem.drop(w.upload)
	}
	return nil
}
