package schedule

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/sqlite"
)

// A clock is moved by the test.
type clock struct {
	mu     sync.Mutex
	cond   *sync.Cond
	now    time.Time
	timers []*timer
}

type timer struct {
	at   time.Time
	c    chan time.Time
	done bool
}

var dawn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newClock() *clock {
	c := &clock{now: dawn}
	c.cond = sync.NewCond(&c.mu)
	return c
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Timer(d time.Duration) (<-chan time.Time, func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{at: c.now.Add(d), c: make(chan time.Time, 1)}
	if d <= 0 {
		t.done = true
		t.c <- c.now
	}
	c.timers = append(c.timers, t)
	c.cond.Broadcast()
	return t.c, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		was := t.done
		t.done = true
		return !was
	}
}

// to moves the clock to a time, timer by timer, once somebody waits until then or longer: whoever is to see the time come
// has gone to sleep.
func (c *clock) to(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !slices.ContainsFunc(c.timers, func(t *timer) bool { return !t.done && !t.at.Before(at) }) {
		c.cond.Wait()
	}
	c.now = at
	for _, t := range c.timers {
		if !t.done && !t.at.After(at) {
			t.done = true
			t.c <- at
		}
	}
}

// An outside is what the executor finds.
type outside struct {
	mu      sync.Mutex
	looks   map[tidemark.PipelineID]Look
	objects []Object

	began chan *begun // each attempt

	told  chan Delivery // what a queue has to tell
	polls atomic.Int32  // that are under way
}

// A begun attempt waits until the test says how it ends.
type begun struct {
	pipeline tidemark.PipelineID
	attempt  tidemark.Attempt
	ctx      context.Context
	end      chan error
}

func (o *outside) Execute(ctx context.Context, p tidemark.PipelineID, a tidemark.Attempt, log *slog.Logger) (tidemark.RunResult, error) {
	b := &begun{pipeline: p, attempt: a, ctx: ctx, end: make(chan error)}
	log.Info("attempt begins", "pipeline", p, "rows", 7)
	o.began <- b
	select {
	case err := <-b.end:
		return tidemark.RunResult{Pipeline: p, New: 1}, err
	case <-ctx.Done():
		return tidemark.RunResult{Pipeline: p}, ctx.Err()
	}
}

func (o *outside) Members(context.Context, string) ([]tidemark.PipelineID, error) {
	return []tidemark.PipelineID{"shop.a", "shop.b"}, nil
}

func (o *outside) Look(_ context.Context, p tidemark.PipelineID) (Look, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.looks[p], nil
}

func (o *outside) Objects(context.Context, string, string) ([]Object, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.objects), nil
}

func (o *outside) Receive(ctx context.Context, _ tidemark.Trigger) (Delivery, error) {
	if o.polls.Add(1) > 1 {
		return Delivery{}, errors.New("two polls at the same time")
	}
	defer o.polls.Add(-1)
	select {
	case d := <-o.told:
		return d, nil
	case <-ctx.Done():
		return Delivery{}, ctx.Err()
	}
}

func (o *outside) set(do func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	do()
}

// A stage is a scheduler over a real store, which can be stopped and begun again.
type stage struct {
	t     *testing.T
	path  string
	clock *clock
	world *outside
	setup Setup

	store *sqlite.Store
	*Scheduler
	ended chan tidemark.Run
	stop  func()
}

func newStage(t *testing.T, triggers ...tidemark.Trigger) *stage {
	s := &stage{
		t: t, path: filepath.Join(t.TempDir(), "store.db"), clock: newClock(),
		world: &outside{looks: map[tidemark.PipelineID]Look{}, began: make(chan *begun, 100), told: make(chan Delivery)}, ended: make(chan tidemark.Run, 1000),
	}
	for i := range triggers {
		triggers[i].Enabled = true
	}
	s.setup = Setup{
		Executor: s.world, Triggers: triggers, Parallel: 10,
		Pipeline: func(name string) (p Pipeline, group, found bool) {
			return Pipeline{Retries: 2, Connections: []string{"db"}}, name == "shop", name != "gone"
		},
	}
	return s
}

// begin starts the scheduler.
func (s *stage) begin() *stage {
	s.t.Helper()
	var err error
	if s.store, err = sqlite.Open(s.t.Context(), s.path, sqlite.Options{Now: s.clock.Now}); err != nil {
		s.t.Fatal(err)
	}
	s.Scheduler = New(Options{
		Store: s.store, Clock: s.clock, Holder: "test", Ended: func(r tidemark.Run) { s.ended <- r }, Log: slog.New(slog.NewTextHandler(s.t.Output(), nil)),
	})
	s.Use(s.setup)
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	s.stop = func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
		if err := s.store.Close(); err != nil {
			s.t.Error(err)
		}
		s.stop = func() {}
	}
	s.t.Cleanup(func() { s.stop() })
	return s
}

// kill leaves the store as a process does that dies: what is worked on is not ended.
func (s *stage) kill() {
	s.t.Helper()
	left := filepath.Join(s.t.TempDir(), "store.db")
	for _, part := range []string{"", "-wal"} {
		data, err := os.ReadFile(s.path + part)
		if err == nil {
			err = os.WriteFile(left+part, data, 0o600)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	s.stop()
	for len(s.ended) > 0 {
		<-s.ended // nobody has seen that
	}
	s.path = left
}

func id(pipeline, name string) tidemark.TriggerID { return tidemark.NewTriggerID(pipeline, name) }

// next returns the next attempt that begins, which must be of a pipeline.
func (s *stage) next(pipeline string) *begun {
	s.t.Helper()
	select {
	case b := <-s.world.began:
		if string(b.pipeline) != pipeline {
			s.t.Fatalf("a run of %s begins, want %s", b.pipeline, pipeline)
		}
		return b
	case <-time.After(20 * time.Second):
		s.t.Fatalf("no run of %s begins", pipeline)
		return nil
	}
}

// over ends an attempt and returns the run behind it.
func (s *stage) over(b *begun, err error) tidemark.Run {
	s.t.Helper()
	b.end <- err
	return s.end(b.pipeline)
}

// end waits for the end of an attempt.
func (s *stage) end(pipeline tidemark.PipelineID) tidemark.Run {
	s.t.Helper()
	select {
	case r := <-s.ended:
		if r.Pipeline != pipeline {
			s.t.Fatalf("a run of %s ends, want %s", r.Pipeline, pipeline)
		}
		return r
	case <-time.After(20 * time.Second):
		s.t.Fatalf("no attempt of %s ends", pipeline)
		return tidemark.Run{}
	}
}

// quiet checks that no further attempt has begun, once the scheduler has nothing to do before a time.
func (s *stage) quiet(until time.Time) {
	s.t.Helper()
	s.clock.to(until)
	select {
	case b := <-s.world.began:
		s.t.Fatalf("a run of %s begins", b.pipeline)
	default:
	}
}

// all returns all runs, the first first.
func (s *stage) all() []tidemark.Run {
	s.t.Helper()
	runs, err := s.store.Runs(s.t.Context(), tidemark.RunFilter{Limit: 1000})
	if err != nil {
		s.t.Fatal(err)
	}
	slices.Reverse(runs)
	return runs
}

var errLater = errors.Join(errors.New("the server is gone"), tidemark.ErrTransient)
