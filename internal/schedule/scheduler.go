package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tidemark-data/tidemark"
)

// Options of a Scheduler.
type Options struct {
	Store Store
	Log   *slog.Logger
	Clock Clock // nil: the machine's

	// Holder names this process in leases.
	Holder string

	// StopTimeout is how long the end of Run waits for attempts to finish before it cancels them; 0: not at all.
	StopTimeout time.Duration

	// Ended is called behind the end of each attempt, with the run as it is then: ended, or queued for another attempt. It
	// must return soon.
	Ended func(tidemark.Run)
}

const (
	leaseFor = 30 * time.Second
	renewAt  = leaseFor / 3

	// lookAgain is the pause after a look or a transaction that failed.
	lookAgain = 10 * time.Second
)

// A Scheduler starts runs. Its methods may be called at the same time; Run is called once.
type Scheduler struct {
	store Store
	log   *slog.Logger
	clock Clock
	opts  Options
	wake  chan struct{} // has a value when there may be something to do

	looks   sync.WaitGroup // those that take long
	working sync.WaitGroup

	mu      sync.Mutex
	setup   Setup
	watched map[tidemark.TriggerID]*watched
	active  map[tidemark.RunID]*work
	ended   int64 // the highest EndNumber
	looked  bool  // what the store knows of triggers was read

	switches map[tidemark.TriggerID]*bool // what people have said of triggers, of those too that are not in the config
}

// New returns a scheduler that has nothing to do before Use.
func New(o Options) *Scheduler {
	if o.Clock == nil {
		o.Clock = Machine{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Scheduler{
		store: o.Store, log: o.Log, clock: o.Clock, opts: o, wake: make(chan struct{}, 1),
		watched: map[tidemark.TriggerID]*watched{}, active: map[tidemark.RunID]*work{}, switches: map[tidemark.TriggerID]*bool{},
	}
}

// Use takes up a config, in place of the one before. Attempts that are under way end by the one with which they began.
func (s *Scheduler) Use(setup Setup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setup = setup
	before := s.watched
	for _, w := range before {
		w.poll.stop()
	}
	s.watched = map[tidemark.TriggerID]*watched{}
	for _, t := range setup.Triggers {
		w := s.watch(t)
		if old := before[t.ID]; old != nil {
			w.state, w.known, w.opened, w.poll = old.state, old.known, old.opened, old.poll
			if !old.enabled() && w.enabled() {
				w.forgetPast()
			}
		}
		s.watched[t.ID] = w
	}
	s.poke()
}

// poke lets Run look whether there is something to do.
func (s *Scheduler) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run fires triggers and works on runs until ctx ends. It returns when all attempts have ended: those that do not finish
// within StopTimeout are cancelled, and their runs wait for the next process.
func (s *Scheduler) Run(ctx context.Context) error {
	if err := s.open(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	working, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	for ctx.Err() == nil {
		next := s.step(ctx, working)
		s.sleep(ctx, next)
	}
	s.stop(end)
	return nil
}

// open takes over what the process before has left.
func (s *Scheduler) open(ctx context.Context) error {
	recovered, err := s.store.Recover(ctx)
	if err != nil {
		return fmt.Errorf("recover runs: %w", err)
	}
	for _, r := range recovered {
		s.log.Info("run was cut off", "run", r.ID, "pipeline", r.Pipeline, "state", r.State)
		if r.State.Ended() {
			s.over(r)
		}
	}
	return s.remember(ctx)
}

// remember reads what is known of the triggers.
func (s *Scheduler) remember(ctx context.Context) error {
	states, err := s.store.Triggers(ctx)
	if err != nil {
		return fmt.Errorf("read the triggers' states: %w", err)
	}
	last, err := s.store.LastEnd(ctx)
	if err != nil {
		return fmt.Errorf("read the last end: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended, s.looked = last, true
	known := map[tidemark.TriggerID]tidemark.TriggerState{}
	for _, state := range states {
		known[state.Trigger] = state
		s.switches[state.Trigger] = state.Enabled
	}
	for id, w := range s.watched {
		w.state, w.known = known[id], true
		w.state.Trigger = id
	}
	return nil
}

// sleep waits until a time, or until it is woken.
func (s *Scheduler) sleep(ctx context.Context, until time.Time) {
	var timer <-chan time.Time
	if !until.IsZero() {
		c, stop := s.clock.Timer(max(until.Sub(s.clock.Now()), time.Millisecond))
		defer stop()
		timer = c
	}
	select {
	case <-ctx.Done():
	case <-s.wake:
	case <-timer:
	}
}

// step does what is due, and returns when there is more to do; the zero time: when it is woken.
func (s *Scheduler) step(ctx, working context.Context) (next time.Time) {
	return earliest(s.fireDue(ctx), s.dispatch(ctx, working))
}

// earliest returns the first of two times of which the zero time is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// stop ends the attempts that are under way.
func (s *Scheduler) stop(end context.CancelCauseFunc) {
	s.looks.Wait()
	done := make(chan struct{})
	go func() { s.working.Wait(); close(done) }()
	timer, cancel := s.clock.Timer(max(s.opts.StopTimeout, 0))
	defer cancel()
	select {
	case <-done:
		return
	case <-timer:
	}
	for _, id := range s.running() {
		s.log.Info("run is cut off by the end of the server", "run", id)
	}
	end(errStopped)
	<-done
}

func (s *Scheduler) running() []tidemark.RunID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.active))
}

// Working returns the pipeline of a run that this process works on; false of one that it does not.
func (s *Scheduler) Working(id tidemark.RunID) (tidemark.PipelineID, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok := s.active[id]
	if !ok {
		return "", false
	}
	return w.run.Pipeline, true
}

// Start wants a run of a pipeline, or of each of a group, by hand. Detail may be "".
func (s *Scheduler) Start(ctx context.Context, name, by, detail string) ([]tidemark.Run, error) {
	now := s.now()
	return s.want(ctx, name, tidemark.Cause{
		ID: "manual@" + string(tidemark.NewRunID(now)), Kind: tidemark.TriggerManual, At: now, By: by, Detail: detail,
	}, nil)
}

// Fire wants what a trigger starts, for a cause that came from outside. The same what, of one trigger, happens once; ""
// stands for one that was never there. A trigger that is not in the config is ErrNotFound, one that is disabled
// ErrConflict.
func (s *Scheduler) Fire(ctx context.Context, id tidemark.TriggerID, what, by, detail string) ([]tidemark.Run, error) {
	s.mu.Lock()
	w := s.watched[id]
	enabled := w != nil && w.enabled()
	s.mu.Unlock()
	switch {
	case w == nil:
		return nil, fmt.Errorf("trigger %s: %w", id, tidemark.ErrNotFound)
	case !enabled:
		return nil, fmt.Errorf("trigger %s is disabled: %w", id, tidemark.ErrConflict)
	}
	now := s.now()
	if what == "" {
		what = string(tidemark.NewRunID(now))
	}
	cause := w.cause(what, now)
	cause.By, cause.Detail = by, detail
	s.mu.Lock()
	state := w.fired(cause, w.state.Mark)
	s.mu.Unlock()
	runs, err := s.want(ctx, id.Pipeline(), cause, &state)
	if err == nil {
		s.keep(id, state)
	}
	return runs, err
}

// now is the time, as the store keeps it.
func (s *Scheduler) now() time.Time { return s.clock.Now().UTC().Truncate(time.Microsecond) }

// want notes a cause for a pipeline, or for each of a group.
func (s *Scheduler) want(ctx context.Context, name string, cause tidemark.Cause, state *tidemark.TriggerState) ([]tidemark.Run, error) {
	s.mu.Lock()
	setup := s.setup
	s.mu.Unlock()
	p, group, found := setup.Pipeline(name)
	if !found {
		return nil, fmt.Errorf("pipeline %q: %w", name, tidemark.ErrNotFound)
	}
	members := []tidemark.PipelineID{tidemark.PipelineID(name)}
	if group {
		var err error
		if members, err = setup.Executor.Members(ctx, name); err != nil {
			return nil, fmt.Errorf("pipelines %s.*: %w", name, err)
		}
	}
	wanted := make([]tidemark.Wanted, len(members))
	for i, m := range members {
		wanted[i] = tidemark.Wanted{Pipeline: m, Priority: p.Priority}
	}
	runs, err := s.store.Want(ctx, tidemark.Want{Cause: cause, Runs: wanted, State: state})
	if err != nil {
		return nil, fmt.Errorf("want runs of %s: %w", name, err)
	}
	s.poke()
	return runs, nil
}

// Cancel ends a run: at once where it waits, else as soon as its attempt has stopped. One that has ended is ErrConflict.
func (s *Scheduler) Cancel(ctx context.Context, id tidemark.RunID, by string) (tidemark.Run, error) {
	r, err := s.store.Cancel(ctx, id, by)
	if err != nil {
		return r, err
	}
	s.mu.Lock()
	w := s.active[id]
	s.mu.Unlock()
	switch {
	case w != nil:
		w.cancel(cancelled{by})
	case r.State.Ended(): // it waited: no attempt tells of its end
		s.over(r)
	}
	s.poke()
	return r, nil
}

// Enable turns a trigger on or off, or with nil leaves that to the config. What passed while it was off is not made up for.
func (s *Scheduler) Enable(ctx context.Context, id tidemark.TriggerID, on *bool) error {
	s.mu.Lock()
	w := s.watched[id]
	s.mu.Unlock()
	if w == nil {
		return fmt.Errorf("trigger %s: %w", id, tidemark.ErrNotFound)
	}
	if err := s.store.Enable(ctx, id, on); err != nil {
		return err
	}
	s.mu.Lock()
	was := w.enabled()
	w.state.Enabled, s.switches[id] = on, on
	switch {
	case !was && w.enabled():
		w.forgetPast()
	case !w.enabled():
		w.poll.stop()
	}
	s.mu.Unlock()
	s.poke()
	return nil
}

// A Status is a trigger and how it stands.
type Status struct {
	tidemark.Trigger
	State   tidemark.TriggerState
	Enabled bool
	Next    time.Time // of a trigger with times; zero: not known
}

// Triggers returns all triggers of the config, in its order.
func (s *Scheduler) Triggers() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Status
	for _, t := range s.setup.Triggers {
		w := s.watched[t.ID]
		status := Status{Trigger: t, State: w.state, Enabled: w.enabled()}
		if status.Enabled {
			status.Next = w.next
		}
		all = append(all, status)
	}
	return all
}

// errStopped is why attempts end when the server does.
var errStopped = errors.New("the server stops")

// cancelled is why an attempt ends that a person does not want any more.
type cancelled struct{ by string }

func (c cancelled) Error() string { return "cancelled by " + c.by }
