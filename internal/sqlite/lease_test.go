package sqlite

import (
	"errors"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
)

// TestRanOut: a run whose lease has run out begins again by itself, or waits again when another run of the pipeline begins.
func TestRanOut(t *testing.T) {
	s, c := newStore(t)
	may := func(want ...tidemark.RunID) {
		t.Helper()
		queued, err := s.Queued(t.Context())
		if err != nil || len(queued) != len(want) {
			t.Fatalf("%d runs may begin, %v; want %d", len(queued), err, len(want))
		}
		for i, r := range queued {
			if r.ID != want[i] {
				t.Errorf("run %d that may begin is %s, want %s", i, r.ID, want[i])
			}
		}
	}
	first := want(t, s, "orders", "1")
	old := begin(t, s, first)
	second := want(t, s, "orders", "2")
	may(second)
	c.move(time.Minute)
	may(first, second)

	again := begin(t, s, first) // itself
	if again.Attempt.N != 2 || again.Token != 2 {
		t.Errorf("the second lease is %+v", again)
	}
	if r, err := s.Run(t.Context(), first); err != nil || r.Attempts[0].Kind != tidemark.Interrupted || r.Attempts[0].Ended.IsZero() || !r.Attempts[1].Ended.IsZero() {
		t.Errorf("the run has the attempts %+v, %v", r.Attempts, err)
	}
	if _, err := s.End(t.Context(), old, tidemark.Ending{State: tidemark.RunSucceeded}); !errors.Is(err, tidemark.ErrConflict) {
		t.Errorf("End of the lost lease: %v, want ErrConflict", err)
	}
	may(second)

	c.move(time.Minute)
	begin(t, s, second) // another one takes over
	r, err := s.Run(t.Context(), first)
	if err != nil || r.State != tidemark.RunQueued || r.Attempts[1].Kind != tidemark.Interrupted || r.Attempts[1].Error != ranOut {
		t.Errorf("the run whose lease was taken is %+v, %v", r, err)
	}
	if _, err := s.Renew(t.Context(), again, time.Minute); !errors.Is(err, tidemark.ErrConflict) {
		t.Errorf("Renew of the lost lease: %v, want ErrConflict", err)
	}
	may(first)
}

// TestRanOutCancelled: a run that somebody wants to end does not begin again when its lease has run out.
func TestRanOutCancelled(t *testing.T) {
	s, c := newStore(t)
	id := want(t, s, "orders", "1")
	begin(t, s, id)
	if _, err := s.Cancel(t.Context(), id, "bob"); err != nil {
		t.Fatal(err)
	}
	c.move(time.Minute)
	if _, err := s.Begin(t.Context(), id, "me", time.Minute); !errors.Is(err, tidemark.ErrConflict) {
		t.Errorf("Begin: %v, want ErrConflict", err)
	}
	if r, err := s.Run(t.Context(), id); err != nil || r.State != tidemark.RunCancelled || r.EndNumber != 1 {
		t.Errorf("the run is %+v, %v", r, err)
	}
	if queued, err := s.Queued(t.Context()); err != nil || len(queued) != 0 {
		t.Errorf("%d runs may begin, %v", len(queued), err)
	}
}

// TestRanOutSkipped: a run whose lease has run out can be skipped, and is cancelled where that was wanted before.
func TestRanOutSkipped(t *testing.T) {
	s, c := newStore(t)
	for i, want1 := range []tidemark.RunState{tidemark.RunSkipped, tidemark.RunCancelled} {
		id := want(t, s, "orders", string(want1))
		begin(t, s, id)
		if want1 == tidemark.RunCancelled {
			if _, err := s.Cancel(t.Context(), id, "bob"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Skip(t.Context(), id, "gone"); !errors.Is(err, tidemark.ErrConflict) {
			t.Errorf("Skip of one that is worked on: %v, want ErrConflict", err)
		}
		c.move(time.Minute)
		if r, err := s.Skip(t.Context(), id, "gone"); err != nil || r.State != want1 || r.EndNumber != int64(i+1) || r.Attempts[0].Ended.IsZero() {
			t.Errorf("Skip: %+v, %v; want %s", r, err, want1)
		}
	}
}

// TestLateEnd: the end of a lease that has run out counts while nobody has taken it.
func TestLateEnd(t *testing.T) {
	s, c := newStore(t)
	l := begin(t, s, want(t, s, "orders", "1"))
	c.move(time.Hour)
	if r := end(t, s, l, tidemark.RunSucceeded); r.State != tidemark.RunSucceeded {
		t.Errorf("the run is %s", r.State)
	}
}

// TestEndStates: an attempt ends in no state but those that the diagram of RunState has.
func TestEndStates(t *testing.T) {
	s, _ := newStore(t)
	l := begin(t, s, want(t, s, "orders", "1"))
	for _, state := range []tidemark.RunState{"", tidemark.RunRunning, tidemark.RunSkipped, "finished"} {
		if _, err := s.End(t.Context(), l, tidemark.Ending{State: state}); !errors.Is(err, tidemark.ErrInvalid) {
			t.Errorf("End as %q: %v, want ErrInvalid", state, err)
		}
		if r, err := s.Run(t.Context(), l.Run); err != nil || r.State != tidemark.RunRunning {
			t.Errorf("the run is %s, %v", r.State, err)
		}
	}
}
