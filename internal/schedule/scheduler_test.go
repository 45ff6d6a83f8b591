package schedule

import (
	"errors"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
)

func states(runs []tidemark.Run) string {
	text := ""
	for _, r := range runs {
		text += string(r.Pipeline) + " " + string(r.State) + "; "
	}
	return text
}

// TestEvery: a run at once and then in step; while one waits or runs, no second one begins, and one takes on what comes.
func TestEvery(t *testing.T) {
	s := newStage(t, tidemark.Trigger{ID: id("orders", "every"), Kind: tidemark.TriggerEvery, Every: time.Minute}).begin()
	first := s.next("orders")
	s.clock.to(dawn.Add(time.Minute))
	s.clock.to(dawn.Add(2 * time.Minute))
	s.clock.to(dawn.Add(3 * time.Minute))
	if r := s.over(first, nil); r.State != tidemark.RunSucceeded || r.Result.New != 1 || r.Attempts[0].Commit != r.ID {
		t.Errorf("the run is %+v", r)
	}
	second := s.next("orders")
	if r := s.over(second, nil); len(r.Causes) != 3 || r.Causes[0].ID != "orders/every@2026-01-01T00:01:00Z" {
		t.Errorf("the second run has the causes %v, want the three that came while the first ran", r.Causes)
	}
	s.quiet(dawn.Add(3*time.Minute + time.Second))
	if got := states(s.all()); got != "orders succeeded; orders succeeded; " {
		t.Errorf("runs: %s", got)
	}
}

// TestCronMissed: what a stopped server has missed is made up for once; what it has seen is not seen again.
func TestCronMissed(t *testing.T) {
	s := newStage(t, tidemark.Trigger{ID: id("orders", "cron"), Kind: tidemark.TriggerCron, Cron: "0 * * * *", CatchUp: tidemark.CatchUpOne}).begin()
	s.clock.to(dawn.Add(time.Hour))
	s.over(s.next("orders"), nil)
	s.quiet(dawn.Add(90 * time.Minute))
	s.stop()
	s.clock.mu.Lock()
	s.clock.now = dawn.Add(5*time.Hour + time.Minute)
	s.clock.mu.Unlock()
	s.begin()
	if r := s.over(s.next("orders"), nil); r.Causes[0].ID != "orders/cron@2026-01-01T05:00:00Z" || len(r.Causes) != 1 {
		t.Errorf("causes: %v", r.Causes)
	}
	s.clock.to(dawn.Add(6 * time.Hour))
	s.over(s.next("orders"), nil)
	if n := len(s.all()); n != 3 {
		t.Errorf("%d runs, want 3", n)
	}
}

// TestAfter: one pipeline runs after another, and a third one after both.
func TestAfter(t *testing.T) {
	s := newStage(t,
		tidemark.Trigger{ID: id("b", "after"), Kind: tidemark.TriggerAfter, After: []string{"a"}, On: tidemark.OnSuccess},
		tidemark.Trigger{ID: id("c", "after"), Kind: tidemark.TriggerAfter, After: []string{"a", "b"}, On: tidemark.OnSuccess, All: true},
		tidemark.Trigger{ID: id("mend", "after"), Kind: tidemark.TriggerAfter, After: []string{"a"}, On: tidemark.OnFailure},
		tidemark.Trigger{ID: id("d", "after"), Kind: tidemark.TriggerAfter, After: []string{"shop"}, On: tidemark.OnEnd},
	).begin()
	start := func(name string) {
		t.Helper()
		if _, err := s.Start(t.Context(), name, "ann", ""); err != nil {
			t.Fatal(err)
		}
	}
	start("a")
	a := s.over(s.next("a"), nil)
	if r := s.over(s.next("b"), nil); r.Causes[0].ID != "b/after@"+string(a.ID) || r.Causes[0].Detail != "a ended: succeeded" {
		t.Errorf("cause %+v", r.Causes[0])
	}
	s.over(s.next("c"), nil)
	start("a")
	s.over(s.next("a"), tidemark.ErrInvalid)
	s.over(s.next("mend"), nil)
	start("b") // c waits for a too
	s.over(s.next("b"), nil)
	start("shop")
	x, y := <-s.world.began, <-s.world.began
	s.over(x, nil)
	d := s.next("d")
	s.over(y, tidemark.ErrInvalid)
	s.over(d, nil)
	s.over(s.next("d"), nil)
	start("a")
	s.over(s.next("a"), nil)
	for range 2 { // b and c, in any order
		b := <-s.world.began
		s.over(b, nil)
	}
}

// TestAfterRestart: an end that nobody has looked at is looked at by the next process, and one that was is not again.
func TestAfterRestart(t *testing.T) {
	s := newStage(t, tidemark.Trigger{ID: id("b", "after"), Kind: tidemark.TriggerAfter, After: []string{"a"}, On: tidemark.OnSuccess})
	s.setup.Triggers[0].Enabled = false
	s.begin()
	s.stop()
	s.setup.Triggers[0].Enabled = true
	s.begin()
	if _, err := s.Start(t.Context(), "a", "ann", ""); err != nil {
		t.Fatal(err)
	}
	s.over(s.next("a"), nil)
	s.next("b") // runs when the process dies
	s.kill()
	s.begin()
	if r := s.over(s.next("b"), nil); len(r.Attempts) != 2 || r.Attempts[0].Kind != tidemark.Interrupted || r.Attempts[1].Commit == r.ID {
		t.Errorf("attempts: %+v", r.Attempts)
	}
	s.stop()
	s.begin()
	if _, err := s.Start(t.Context(), "z", "ann", ""); err != nil {
		t.Fatal(err)
	}
	s.over(s.next("z"), nil)
	if got := states(s.all()); got != "a succeeded; b succeeded; z succeeded; " {
		t.Errorf("runs: %s", got)
	}
}

// TestRetries: a fault that may pass is tried again behind growing pauses, so often and not more; another is not.
func TestRetries(t *testing.T) {
	s := newStage(t).begin()
	start := func() {
		t.Helper()
		if _, err := s.Start(t.Context(), "orders", "ann", ""); err != nil {
			t.Fatal(err)
		}
	}
	start()
	var pauses []time.Duration
	for try := range 3 {
		r := s.over(s.next("orders"), errLater)
		if try == 2 {
			if r.State != tidemark.RunFailed || r.Error == "" || r.Attempts[2].Kind != "transient" {
				t.Errorf("behind the last try: %+v", r)
			}
			break
		}
		if r.State != tidemark.RunQueued {
			t.Fatalf("behind try %d the run is %s", try+1, r.State)
		}
		pauses = append(pauses, r.NotBefore.Sub(s.clock.Now()))
		s.quiet(r.NotBefore.Add(-time.Millisecond))
		s.clock.to(r.NotBefore)
	}
	if pauses[0] < 5*time.Second || pauses[0] > 10*time.Second || pauses[1] < 10*time.Second || pauses[1] > 20*time.Second {
		t.Errorf("pauses %v", pauses)
	}
	start()
	if r := s.over(s.next("orders"), tidemark.WithHint(tidemark.ErrDenied, "GRANT SELECT")); r.State != tidemark.RunFailed || r.Hint != "GRANT SELECT" || len(r.Attempts) != 1 {
		t.Errorf("a refused login: %+v", r)
	}
}

// TestCancel: a run that waits, one that runs, one that has ended.
func TestCancel(t *testing.T) {
	s := newStage(t)
	s.setup.Parallel = 1
	s.begin()
	var ids []tidemark.RunID
	for _, p := range []string{"a", "b"} {
		runs, err := s.Start(t.Context(), p, "ann", "")
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, runs[0].ID)
	}
	a := s.next("a")
	if r, err := s.Cancel(t.Context(), ids[1], "bob"); err != nil || r.State != tidemark.RunCancelled {
		t.Errorf("a run that waits: %+v, %v", r, err)
	}
	if r := s.end("b"); r.State != tidemark.RunCancelled { // also triggers that wait for its end hear of it
		t.Errorf("the end that is told: %+v", r)
	}
	if r, err := s.Cancel(t.Context(), ids[0], "bob"); err != nil || r.State != tidemark.RunRunning || r.Cancel != "bob" {
		t.Errorf("a run that is under way: %+v, %v", r, err)
	}
	<-a.ctx.Done()
	if r := s.end("a"); r.State != tidemark.RunCancelled || r.Error != "cancelled by bob" {
		t.Errorf("behind its end: %+v", r)
	}
	if _, err := s.Cancel(t.Context(), ids[0], "bob"); !errors.Is(err, tidemark.ErrConflict) {
		t.Errorf("a run that has ended: %v, want ErrConflict", err)
	}
}

// TestTimeout: the time counts over all attempts.
func TestTimeout(t *testing.T) {
	s := newStage(t)
	s.setup.Pipeline = func(string) (Pipeline, bool, bool) { return Pipeline{Retries: 5, Timeout: time.Minute}, false, true }
	s.begin()
	if _, err := s.Start(t.Context(), "orders", "ann", ""); err != nil {
		t.Fatal(err)
	}
	r := s.over(s.next("orders"), errLater)
	s.clock.to(r.NotBefore)
	b := s.next("orders")
	s.clock.to(dawn.Add(time.Minute))
	<-b.ctx.Done()
	if r := s.end("orders"); r.State != tidemark.RunFailed || r.Attempts[1].Kind != "timeout" {
		t.Errorf("behind the timeout: %+v", r)
	}
}

// TestRoom: the limits, and who is first.
func TestRoom(t *testing.T) {
	s := newStage(t)
	s.setup.Parallel, s.setup.MaxRuns = 3, map[string]int{"db": 2}
	s.setup.Pipeline = func(name string) (Pipeline, bool, bool) {
		switch name {
		case "urgent":
			return Pipeline{Priority: 5, Connections: []string{"db"}}, false, true
		case "x", "y", "z":
			return Pipeline{Connections: []string{"other"}}, false, true
		}
		return Pipeline{Connections: []string{"db"}}, false, true
	}
	s.begin()
	start := func(names ...string) {
		t.Helper()
		for _, name := range names {
			if _, err := s.Start(t.Context(), name, "ann", ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	start("a")
	a := s.next("a")
	start("b")
	b := s.next("b")
	start("c", "urgent", "a", "x")
	x := s.next("x") // db has two
	start("y")
	s.over(a, nil)
	urgent := s.next("urgent")
	s.over(x, nil)
	y := s.next("y")
	s.over(b, nil)
	c := s.next("c")
	s.over(y, nil)
	s.over(urgent, nil)
	s.over(s.next("a"), nil)
	s.over(c, nil)
}

// TestStop: what does not finish in time is cut off, and waits for the next process.
func TestStop(t *testing.T) {
	s := newStage(t).begin()
	if _, err := s.Start(t.Context(), "orders", "ann", ""); err != nil {
		t.Fatal(err)
	}
	s.next("orders")
	s.stop()
	if r := s.end("orders"); r.State != tidemark.RunQueued || r.Attempts[0].Kind != tidemark.Interrupted {
		t.Errorf("behind the stop: %+v", r)
	}
	s.begin()
	if r := s.over(s.next("orders"), nil); r.State != tidemark.RunSucceeded || len(r.Attempts) != 2 {
		t.Errorf("the next process: %+v", r)
	}
}

// TestLeaseLost: an attempt ends when somebody else has the run.
func TestLeaseLost(t *testing.T) {
	s := newStage(t).begin()
	if _, err := s.Start(t.Context(), "orders", "ann", ""); err != nil {
		t.Fatal(err)
	}
	first := s.next("orders")
	if _, err := s.store.Recover(t.Context()); err != nil { // as another process would
		t.Fatal(err)
	}
	s.clock.to(dawn.Add(renewAt))
	<-first.ctx.Done()
	if r := s.over(s.next("orders"), nil); r.State != tidemark.RunSucceeded || len(r.Attempts) != 2 {
		t.Errorf("the run: %+v", r)
	}
}
