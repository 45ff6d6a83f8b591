package engine_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob/blobtest"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// A deed is something that a person does to a pipeline's table.
type deed func(ctx context.Context, t *testing.T, store storage, p tidemark.Pipeline, source *table) error

// waysOf are the ways in which the nth write is struck: all of them, or, since the race detector takes many times as long
// and looks for something else, one of them by turns.
func waysOf(write int) []fault {
	all := []fault{{kind: blobtest.Lost}, {kind: blobtest.Lost, kill: true}, {kind: blobtest.Applied}, {kind: blobtest.Applied, kill: true}}
	if testenv.Race {
		return all[write%len(all):][:1]
	}
	return all
}

// strikeAll strikes each write of a deed, lost or done but reported failed, in a process that goes on and in one that dies.
// Behind it another process does it again, and the next run has nothing to add. result is what the lake must hold then.
func strikeAll(t *testing.T, do deed, result func(past, *testing.T, tidemark.Pipeline) []row) {
	t.Helper()
	for _, tt := range kept {
		if tt.mode == tidemark.ModeReplace {
			continue
		}
		t.Run(fmt.Sprintf("%s %s", tt.format, tt.mode), func(t *testing.T) {
			t.Parallel()
			p := pipelineOf(tt.format, tt.mode)
			writes := strike(t, p, do, result, fault{})
			if writes < 5 {
				t.Fatalf("there were only %d writes", writes)
			}
			struck := 0
			for write := range writes {
				for _, f := range waysOf(write) {
					strike(t, p, do, result, fault{write: write + 1, kind: f.kind, kill: f.kill})
					struck++
				}
			}
			t.Logf("%d faults struck, in %d writes", struck, writes)
		})
	}
}

// strike does it with one fault, and returns how many writes there were.
func strike(t *testing.T, p tidemark.Pipeline, do deed, result func(past, *testing.T, tidemark.Pipeline) []row, f fault) (writes int) {
	t.Helper()
	h := newPast(t, p)
	h.hidden()
	before, was, after := h.look(t, p), h.mark(t, p), result(h, t, p)
	ctx, kill := context.WithCancel(context.Background())
	defer kill()
	dead := false
	faulty := blobtest.Faulty(h.store, func(op blobtest.Op, _ string) blobtest.Fault {
		switch {
		case dead:
			return blobtest.Lost
		case !op.Writes():
			return blobtest.None
		}
		if writes++; writes != f.write {
			return blobtest.None
		}
		if f.kill {
			dead = true
			kill()
		}
		return f.kind
	})
	if err := do(ctx, t, faulty, p, h.source); err != nil && f.write == 0 {
		t.Fatalf("without a fault: %v", err)
	}
	if got := h.look(t, p); !slices.Equal(got, before) && !slices.Equal(got, after) {
		t.Fatalf("%v: a reader sees\n%v, which is neither\n%v nor\n%v", f, got, before, after)
	}
	if err := do(context.Background(), t, h.store, p, h.source); err != nil {
		t.Fatalf("%v: again: %v", f, err)
	}
	if got := h.look(t, p); !slices.Equal(got, after) {
		t.Fatalf("%v: and again, the lake holds\n%v, want\n%v", f, got, after)
	}
	if r := mustRun(t, h.store, p, h.source); r.New != 0 {
		t.Fatalf("%v: %d rows are new for the next run", f, r.New)
	}
	w := h.mark(t, p)
	if w.Seq <= was.Seq || w.High != was.High || w.Settled != was.Settled || w.Overlap != was.Overlap {
		t.Fatalf("%v: the watermark went from %+v to %+v", f, was, w)
	}
	return writes
}
