package blobtest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
)

// TestFaulty gives every operation every fault and looks what became of it.
func TestFaulty(t *testing.T) {
	for _, test := range []struct {
		op   Op
		do   func(t *testing.T, s *FaultyStore) error
		done func(t *testing.T, s *blob.Mem) bool // nil for what only reads
	}{
		{OpPut, func(t *testing.T, s *FaultyStore) error {
			return s.Put(t.Context(), "key", nil, blob.PutOptions{IfAbsent: true})
		}, has("key")},
		{OpDelete, func(t *testing.T, s *FaultyStore) error { return s.Delete(t.Context(), "old") }, hasNot("old")},
		{OpStage, stageOnly, isStaged},
		{OpClose, func(t *testing.T, s *FaultyStore) error {
			w, err := s.Stage(t.Context(), "key")
			if err != nil {
				return err
			}
			_, err = w.Close(t.Context())
			return err
		}, isStaged},
		{OpComplete, func(t *testing.T, s *FaultyStore) error { return s.Complete(t.Context(), staged(t, s)) }, has("key")},
		{OpAbort, func(t *testing.T, s *FaultyStore) error { return s.Abort(t.Context(), staged(t, s)) }, func(t *testing.T, s *blob.Mem) bool { return !isStaged(t, s) }},
		{OpSweep, func(t *testing.T, s *FaultyStore) error {
			_ = staged(t, s)
			_, err := s.Sweep(t.Context(), "", time.Now().Add(time.Hour))
			return err
		}, func(t *testing.T, s *blob.Mem) bool { return !isStaged(t, s) }},
		{OpGet, func(t *testing.T, s *FaultyStore) error { _, err := s.Get(t.Context(), "old", 0, -1); return err }, nil},
		{OpStat, func(t *testing.T, s *FaultyStore) error { _, err := s.Stat(t.Context(), "old"); return err }, nil},
		{OpCheck, func(t *testing.T, s *FaultyStore) error {
			_, err := s.Check(t.Context(), blob.Staged{Key: "key", Upload: "u"})
			return err
		}, nil},
		{OpList, func(t *testing.T, s *FaultyStore) (last error) {
			for _, err := range s.List(t.Context(), "") {
				last = err
			}
			return last
		}, nil},
	} {
		for _, fault := range []Fault{None, Lost, Applied} {
			t.Run(fmt.Sprint(test.op, "/", fault), func(t *testing.T) {
				mem := blob.NewMem()
				put(t, mem, "old", "old")
				s := Faulty(mem, func(op Op, _ string) Fault {
					if op == test.op {
						return fault
					}
					return None
				})
				err := test.do(t, s)
				if (err != nil) != (fault != None) {
					t.Fatalf("error %v", err)
				}
				if err != nil && (!errors.Is(err, ErrInjected) || !errors.Is(err, tidemark.ErrTransient)) {
					t.Errorf("error %v, want ErrInjected and ErrTransient", err)
				}
				if err != nil && errors.Is(err, blob.ErrUnknown) != test.op.Writes() {
					t.Errorf("error %v: unknown or not?", err)
				}
				// A close that is lost leaves what its stage made.
				if want := fault != Lost || test.op == OpClose; test.done != nil && test.done(t, mem) != want {
					t.Errorf("done = %v, want %v", !want, want)
				}
			})
		}
	}
}

// TestFaultyKill ends a process after each of its operations in turn.
func TestFaultyKill(t *testing.T) {
	want := []string{"0: []", "1: []", "2: []", "3: []", "4: [file]", "5: [commit file]"}
	var got []string
	for alive := range 6 {
		mem, n := blob.NewMem(), 0
		s := Faulty(mem, func(Op, string) Fault {
			if n++; n > alive {
				return Lost
			}
			return None
		})
		err := func() error {
			w, err := s.Stage(t.Context(), "file")
			if err != nil {
				return err
			}
			defer w.Abort(t.Context())
			if _, err := io.WriteString(w, "rows"); err != nil {
				return err
			}
			staged, err := w.Close(t.Context())
			if err != nil {
				return err
			}
			if err := s.Complete(t.Context(), staged); err != nil {
				return err
			}
			return s.Put(t.Context(), "commit", nil, blob.PutOptions{IfAbsent: true})
		}()
		if (err == nil) != (alive == 5) {
			t.Errorf("alive for %d operations: %v", alive, err)
		}
		got = append(got, fmt.Sprintf("%d: %v", alive, list(t, mem, "")))
	}
	if !slices.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

func stageOnly(t *testing.T, s *FaultyStore) error {
	_, err := s.Stage(t.Context(), "key")
	return err
}

func staged(t *testing.T, s *FaultyStore) blob.Staged {
	t.Helper()
	w, err := s.Stage(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	return finish(t, w)
}

func has(key string) func(*testing.T, *blob.Mem) bool {
	return func(t *testing.T, s *blob.Mem) bool { return slices.Contains(list(t, s, ""), key) }
}

func hasNot(key string) func(*testing.T, *blob.Mem) bool {
	return func(t *testing.T, s *blob.Mem) bool { return !has(key)(t, s) }
}

// isStaged looks by sweeping, so it can be asked once.
func isStaged(t *testing.T, s *blob.Mem) bool {
	n, err := s.Sweep(t.Context(), "", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return n == 1
}
