package schedule

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
)

// TestSource: a change fires once; transactions that are open fire at each look, until a run has seen that they are gone.
func TestSource(t *testing.T) {
	s := newStage(t, tidemark.Trigger{ID: id("orders", "source"), Kind: tidemark.TriggerSource, Every: time.Minute})
	s.world.looks["orders"] = Look{Newest: "5", Behind: true}
	s.begin()
	if r := s.over(s.next("orders"), nil); r.Causes[0].ID != "orders/source@orders:5" {
		t.Errorf("causes %v", r.Causes)
	}
	s.quiet(dawn.Add(time.Minute)) // behind still, as where rows do not meet the pipeline's condition
	s.world.set(func() { s.world.looks["orders"] = Look{Newest: "6", Behind: true} })
	s.clock.to(dawn.Add(2 * time.Minute))
	s.over(s.next("orders"), tidemark.ErrInvalid)
	s.world.set(func() { s.world.looks["orders"] = Look{Newest: "6", Open: true} })
	s.clock.to(dawn.Add(3 * time.Minute))
	s.over(s.next("orders"), tidemark.ErrInvalid)
	s.clock.to(dawn.Add(4 * time.Minute))
	s.over(s.next("orders"), nil)
	s.quiet(dawn.Add(5 * time.Minute))
}

// TestObjects: what is there at first is known; a new object and another one under the same key fire.
func TestObjects(t *testing.T) {
	s := newStage(t, tidemark.Trigger{ID: id("orders", "object"), Kind: tidemark.TriggerObject, Connection: "lake", Prefix: "in/", Every: time.Minute})
	s.world.objects = []Object{{"in/b", "1"}, {"in/a", "1"}}
	s.begin()
	s.quiet(dawn.Add(time.Minute))
	s.world.set(func() { s.world.objects = append(s.world.objects, Object{"in/0", "1"}) })
	s.clock.to(dawn.Add(2 * time.Minute))
	if r := s.over(s.next("orders"), nil); r.Causes[0].Detail != "new object in/0" {
		t.Errorf("causes %v", r.Causes)
	}
	s.quiet(dawn.Add(3 * time.Minute))
	s.stop()
	s.world.objects[0].Version = "2"
	s.begin()
	if r := s.over(s.next("orders"), nil); r.Causes[0].Detail != "new object in/b" {
		t.Errorf("causes %v", r.Causes)
	}
}

// TestEnable: a trigger that is off does not fire, and what passed meanwhile is gone.
func TestEnable(t *testing.T) {
	cron := id("orders", "cron")
	s := newStage(t, tidemark.Trigger{ID: cron, Kind: tidemark.TriggerCron, Cron: "0 * * * *", CatchUp: tidemark.CatchUpAll},
		tidemark.Trigger{ID: id("other", "cron"), Kind: tidemark.TriggerCron, Cron: "30 * * * *"},
		tidemark.Trigger{ID: id("hooked", "hook"), Kind: tidemark.TriggerWebhook}).begin()
	off, on := false, true
	s.clock.to(dawn.Add(30 * time.Minute))
	s.over(s.next("other"), nil)
	if err := s.Enable(t.Context(), cron, &off); err != nil {
		t.Fatal(err)
	}
	s.clock.to(dawn.Add(90 * time.Minute))
	s.over(s.next("other"), nil)
	if err := s.Enable(t.Context(), cron, &on); err != nil {
		t.Fatal(err)
	}
	for !s.Triggers()[0].Next.Equal(dawn.Add(2 * time.Hour)) {
		runtime.Gosched() // until it has looked
	}
	s.clock.to(dawn.Add(2 * time.Hour))
	if r := s.over(s.next("orders"), nil); len(r.Causes) != 1 || r.Causes[0].ID != "orders/cron@2026-01-01T02:00:00Z" {
		t.Errorf("causes %v", r.Causes)
	}
	for range 2 {
		if _, err := s.Fire(t.Context(), id("hooked", "hook"), "delivery-1", "github", ""); err != nil {
			t.Fatal(err)
		}
	}
	s.over(s.next("hooked"), nil)
	if err := s.Enable(t.Context(), id("hooked", "hook"), &off); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fire(t.Context(), id("hooked", "hook"), "delivery-2", "github", ""); !errors.Is(err, tidemark.ErrConflict) {
		t.Errorf("Fire of a disabled trigger: %v, want ErrConflict", err)
	}
	if _, err := s.Fire(t.Context(), id("hooked", "none"), "", "", ""); !errors.Is(err, tidemark.ErrNotFound) {
		t.Errorf("Fire of none: %v, want ErrNotFound", err)
	}
	if n := len(s.all()); n != 4 {
		t.Errorf("%d runs, want 4: %s", n, states(s.all()))
	}
}

// TestGone: a run whose pipeline is not in the config any more never begins.
func TestGone(t *testing.T) {
	s := newStage(t)
	s.setup.Parallel = 1
	s.begin()
	for _, p := range []string{"a", "b"} {
		if _, err := s.Start(t.Context(), p, "ann", ""); err != nil {
			t.Fatal(err)
		}
	}
	a := s.next("a")
	setup := s.setup
	setup.Pipeline = func(name string) (Pipeline, bool, bool) { return Pipeline{}, false, name != "b" }
	s.Use(setup)
	if r := s.end("b"); r.State != tidemark.RunSkipped || r.Error == "" {
		t.Errorf("the run is %+v", r)
	}
	s.over(a, nil)
	if _, err := s.Start(t.Context(), "b", "ann", ""); !errors.Is(err, tidemark.ErrNotFound) {
		t.Errorf("Start: %v, want ErrNotFound", err)
	}
}

// TestRunLog: what an attempt logs is kept.
func TestRunLog(t *testing.T) {
	s := newStage(t).begin()
	runs, err := s.Start(t.Context(), "orders", "ann", "")
	if err != nil {
		t.Fatal(err)
	}
	s.over(s.next("orders"), nil)
	lines, err := s.store.Log(t.Context(), runs[0].ID, 0, 10)
	if err != nil || len(lines) != 1 || lines[0].Text != "attempt begins" || lines[0].Attrs != `{"rows":7}` || lines[0].Level != "INFO" || lines[0].Attempt != 1 {
		t.Errorf("log %+v, %v", lines, err)
	}
}

// TestOtherKind: a trigger that becomes one of another kind under the same name begins anew.
func TestOtherKind(t *testing.T) {
	name := id("orders", "t")
	kinds := []tidemark.Trigger{
		{ID: name, Kind: tidemark.TriggerEvery, Every: time.Hour},
		{ID: name, Kind: tidemark.TriggerAfter, After: []string{"a"}, On: tidemark.OnSuccess},
		{ID: name, Kind: tidemark.TriggerSource, Every: time.Hour},
		{ID: name, Kind: tidemark.TriggerObject, Connection: "lake", Every: time.Hour},
		{ID: name, Kind: tidemark.TriggerCron, Cron: "0 * * * *"},
	}
	s := newStage(t)
	s.begin()
	for i := range 3 * len(kinds) {
		trigger := kinds[i*2%len(kinds)]
		trigger.Enabled = true
		setup := s.setup
		setup.Triggers = []tidemark.Trigger{trigger}
		s.clock.mu.Lock()
		s.clock.now = s.clock.now.Add(time.Second) // causes have times for names
		s.clock.mu.Unlock()
		s.Use(setup)
		if trigger.Kind == tidemark.TriggerEvery {
			s.over(s.next("orders"), nil)
		}
		for s.Triggers()[0].State.Mark == "" || s.misfits() {
			runtime.Gosched() // until it has looked
		}
		if state := s.Triggers()[0].State; state.Error != "" {
			t.Errorf("%s: %s", trigger.Kind, state.Error)
		}
	}
	if got, want := states(s.all()), strings.Repeat("orders succeeded; ", 3); got != want {
		t.Errorf("runs: %s; want %s", got, want)
	}
}

// misfits reports whether the only trigger has not looked yet since it became another.
func (s *stage) misfits() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.watched[s.Scheduler.setup.Triggers[0].ID].misfit()
}
