package blob

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
)

// Within returns the part of s that lies under prefix, a key of slash-separated names, as a store of its own: its
// keys are relative to the prefix. It is a Stager and a Sweeper when s is. An empty prefix is s itself.
//
// What it stages is recorded under relative keys, so the record is completed through the same part.
func Within(s Store, prefix string) Store {
	prefix = strings.Trim(prefix, "/")
	if prefix == "" {
		return s
	}
	w := within{store: s, prefix: prefix + "/"}
	stager, staging := s.(Stager)
	if !staging {
		return w
	}
	ws := withinStager{within: w, stager: stager}
	sweeper, sweeping := s.(Sweeper)
	if !sweeping {
		return ws
	}
	return withinSweeper{withinStager: ws, sweeper: sweeper}
}

type within struct {
	store  Store
	prefix string // ends at a slash
}

func (w within) String() string {
	return fmt.Sprintf("%v/%s", w.store, strings.TrimSuffix(w.prefix, "/"))
}

// key refuses what is no key here, so that none leads out of the prefix.
func (w within) key(key string) (string, error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	return w.prefix + key, nil
}

func (w within) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	full, err := w.key(key)
	if err != nil {
		return nil, err
	}
	return w.store.Get(ctx, full, offset, length)
}

func (w within) Put(ctx context.Context, key string, data []byte, o PutOptions) error {
	full, err := w.key(key)
	if err != nil {
		return err
	}
	return w.store.Put(ctx, full, data, o)
}

func (w within) Stat(ctx context.Context, key string) (Object, error) {
	full, err := w.key(key)
	if err != nil {
		return Object{}, err
	}
	o, err := w.store.Stat(ctx, full)
	o.Key = strings.TrimPrefix(o.Key, w.prefix)
	return o, err
}

func (w within) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		if err := checkPrefix(prefix); err != nil {
			yield(Object{}, err)
			return
		}
		for o, err := range w.store.List(ctx, w.prefix+prefix) {
			o.Key = strings.TrimPrefix(o.Key, w.prefix)
			if err == nil && reserved(o.Key) {
				continue
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

func (w within) Delete(ctx context.Context, key string) error {
	full, err := w.key(key)
	if err != nil {
		return err
	}
	return w.store.Delete(ctx, full)
}

type withinStager struct {
	within
	stager Stager
}

func (w withinStager) Stage(ctx context.Context, key string) (StagedWriter, error) {
	full, err := w.key(key)
	if err != nil {
		return nil, err
	}
	sw, err := w.stager.Stage(ctx, full)
	if err != nil {
		return nil, err
	}
	return withinWriter{StagedWriter: sw, prefix: w.prefix}, nil
}

// record turns a record with a relative key into one of the whole store.
func (w withinStager) record(s Staged) (Staged, error) {
	full, err := w.key(s.Key)
	s.Key = full
	return s, err
}

func (w withinStager) Complete(ctx context.Context, s Staged) error {
	full, err := w.record(s)
	if err != nil {
		return err
	}
	return w.stager.Complete(ctx, full)
}

func (w withinStager) Check(ctx context.Context, s Staged) (StagedState, error) {
	full, err := w.record(s)
	if err != nil {
		return StagedGone, err
	}
	return w.stager.Check(ctx, full)
}

func (w withinStager) Abort(ctx context.Context, s Staged) error {
	full, err := w.record(s)
	if err != nil {
		return err
	}
	return w.stager.Abort(ctx, full)
}

type withinWriter struct {
	StagedWriter
	prefix string
}

func (w withinWriter) Close(ctx context.Context) (Staged, error) {
	s, err := w.StagedWriter.Close(ctx)
	s.Key = strings.TrimPrefix(s.Key, w.prefix)
	return s, err
}

type withinSweeper struct {
	withinStager
	sweeper Sweeper
}

func (w withinSweeper) Sweep(ctx context.Context, prefix string, before time.Time) (int, error) {
	if err := checkPrefix(prefix); err != nil {
		return 0, err
	}
	return w.sweeper.Sweep(ctx, w.prefix+prefix, before)
}
