package sqlite

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

// TestLog: of a long log the middle goes.
func TestLog(t *testing.T) {
	s, _ := newStore(t)
	id := want(t, s, "orders", "1")
	const lines = firstLines + lastLines + 500
	for from := 0; from < lines; from += 500 {
		var some []tidemark.LogLine
		for i := range 500 {
			some = append(some, tidemark.LogLine{At: dawn, Level: "INFO", Text: fmt.Sprint(from + i + 1)})
		}
		if err := s.AppendLog(t.Context(), id, 1, some); err != nil {
			t.Fatal(err)
		}
	}
	log, err := s.Log(t.Context(), id, 0, lines)
	if err != nil || len(log) != firstLines+lastLines || log[firstLines-1].N != firstLines || log[firstLines].N != firstLines+501 {
		t.Errorf("%d lines, %v", len(log), err)
	}
	for _, l := range log {
		if l.Text != fmt.Sprint(l.N) || l.Attempt != 1 || !l.At.Equal(dawn) {
			t.Fatalf("line %+v", l)
		}
	}
	if rest, err := s.Log(t.Context(), id, lines-2, 10); err != nil || len(rest) != 2 {
		t.Errorf("the rest is %+v, %v", rest, err)
	}
}

// TestPrune: old runs go with what belongs to them; the last of each pipeline and what waits stay, and causes longer.
func TestPrune(t *testing.T) {
	s, c := newStore(t)
	first := want(t, s, "orders", "first")
	if err := s.AppendLog(t.Context(), first, 1, []tidemark.LogLine{{At: dawn, Text: "x"}}); err != nil {
		t.Fatal(err)
	}
	l := begin(t, s, first)
	c.move(time.Second)
	end(t, s, l, tidemark.RunFailed)
	for i := range 2*pruneAtOnce + 3 {
		end(t, s, begin(t, s, want(t, s, "orders", fmt.Sprint(i))), tidemark.RunSucceeded)
	}
	waits := want(t, s, "waits", "1")
	c.move(time.Hour)
	if n, err := s.Prune(t.Context(), c.Now().Add(-2*time.Hour)); n != 0 || err != nil {
		t.Errorf("Prune of nothing = %d, %v", n, err)
	}
	if n, err := s.Prune(t.Context(), c.Now()); n != 2*pruneAtOnce+3 || err != nil {
		t.Errorf("Prune = %d, %v", n, err)
	}
	if _, err := s.Run(t.Context(), first); !errors.Is(err, tidemark.ErrNotFound) {
		t.Errorf("the old run: %v, want ErrNotFound", err)
	}
	if err := s.AppendLog(t.Context(), first, 1, []tidemark.LogLine{{At: dawn, Text: "late"}}); !errors.Is(err, tidemark.ErrNotFound) {
		t.Errorf("a line for its log: %v, want ErrNotFound", err)
	}
	if log, err := s.Log(t.Context(), first, 0, 10); len(log) != 0 || err != nil {
		t.Errorf("its log: %v, %v", log, err)
	}
	if _, err := s.Run(t.Context(), waits); err != nil {
		t.Error(err)
	}
	repeat := tidemark.Want{Cause: tidemark.Cause{ID: "first", Kind: tidemark.TriggerManual, At: c.Now(), By: "bob"}, Runs: []tidemark.Wanted{{Pipeline: "orders"}}}
	known := tidemark.Run{ID: first, Pipeline: "orders", State: tidemark.RunFailed, Causes: []tidemark.Cause{cause("first")}, Queued: dawn, Ended: dawn.Add(time.Second)}
	if runs, err := s.Want(t.Context(), repeat); err != nil || len(runs) != 1 || !cmp.Equal(runs[0], known) {
		t.Errorf("a cause that comes again: %v, and of its run is known what differs by %s", err, cmp.Diff(known, runs[0]))
	}
	if _, err := s.Prune(t.Context(), c.Now().Add(causesFor+time.Hour)); err != nil {
		t.Fatal(err)
	}
	if id := want(t, s, "orders", "first"); id == first {
		t.Error("a cause is known for ever")
	}
}
