package schedule

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
)

// queued returns a trigger with a queue.
func queued() tidemark.Trigger {
	return tidemark.Trigger{ID: id("orders", "object"), Kind: tidemark.TriggerObject, Queue: "https://sqs.example.com/1/q"}
}

// tell lets the queue tell of objects, and returns what gets a value once their messages were taken from it.
func (s *stage) tell(err error, arrivals ...Arrival) <-chan error {
	s.t.Helper()
	done := make(chan error, 1)
	d := Delivery{Arrivals: arrivals, Used: len(arrivals), Done: func(context.Context) error { done <- err; return err }}
	select {
	case s.world.told <- d:
	case <-time.After(20 * time.Second):
		s.t.Fatal("nobody asks the queue")
	}
	return done
}

// TestQueue: an object fires once, however often a queue tells of it, before and behind a restart; its message goes once the cause
// is kept.
func TestQueue(t *testing.T) {
	s := newStage(t, queued()).begin()
	at := dawn.Add(-time.Hour)
	a := Arrival{Name: "s3://b/in/a", Version: "1", At: at}
	done := s.tell(nil, a)
	first := s.next("orders")
	<-done
	r := s.over(first, nil)
	if c := r.Causes[0]; len(r.Causes) != 1 || c.ID != "orders/object@s3://b/in/a#1" || c.Detail != "new object s3://b/in/a" || !c.At.Equal(at) {
		t.Errorf("causes %+v", r.Causes)
	}
	<-s.tell(nil, a)
	s.stop()
	s.begin()
	<-s.tell(nil, a)
	<-s.tell(nil) // nothing came while it waited
	s.clock.to(dawn.Add(pollAgain))
	<-s.tell(nil, Arrival{Name: "s3://b/in/a", Version: "2", At: dawn.Add(time.Hour)}, Arrival{Name: "s3://b/in/b", Version: "1"})
	second := s.next("orders")
	done = s.tell(nil)
	<-done
	r = s.over(second, nil)
	if len(s.world.began) > 0 { // the second object may have come when the run for the first one had begun
		s.over(s.next("orders"), nil)
	}
	if r.Causes[0].ID != "orders/object@s3://b/in/a#2" || !r.Causes[0].At.Equal(dawn.Add(pollAgain)) {
		t.Errorf("causes %+v; want the object, and no time in the future", r.Causes)
	}
	var causes int
	for _, r := range s.all() {
		causes += len(r.Causes)
	}
	if causes != 3 {
		t.Errorf("%d causes, want 3: %s", causes, states(s.all()))
	}
}

// TestQueueKeepsFirst: where the cause is not kept the message stays, and where the message stays it fires no second time.
func TestQueueKeepsFirst(t *testing.T) {
	s := newStage(t, queued())
	gone := true
	s.setup.Pipeline = func(string) (Pipeline, bool, bool) { return Pipeline{}, false, !gone }
	s.begin()
	a := Arrival{Name: "s3://b/in/a", Version: "1"}
	done := s.tell(nil, a)
	s.failed("not found")
	if len(done) > 0 {
		t.Fatal("the message was taken from the queue, and its cause is not kept")
	}
	s.setup.Pipeline = func(string) (Pipeline, bool, bool) { return Pipeline{}, false, true }
	s.Use(s.setup) // which is looked at at once
	done = s.tell(errLater, a)
	s.over(s.next("orders"), nil)
	<-done
	s.failed(errLater.Error())
	s.clock.to(dawn.Add(lookAgain))
	<-s.tell(nil, a)
	<-s.tell(nil)
	if runs := s.all(); len(runs) != 1 || s.Triggers()[0].State.Error != "" {
		t.Errorf("%s, the trigger says %q; want one run, and that all is well", states(runs), s.Triggers()[0].State.Error)
	}
}

// failed waits until the only trigger tells of an error.
func (s *stage) failed(with string) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); s.Triggers()[0].State.Error == ""; runtime.Gosched() {
		if time.Now().After(deadline) {
			s.t.Fatalf("the trigger does not tell of %q", with)
		}
	}
}

// TestQueueLeft: a message that nobody can read does not let the trigger ask again and again.
func TestQueueLeft(t *testing.T) {
	s := newStage(t, queued()).begin()
	s.world.told <- Delivery{Left: 1, Done: func(context.Context) error { return nil }}
	s.clock.to(dawn.Add(lookAgain - time.Millisecond))
	select {
	case s.world.told <- Delivery{}:
		t.Fatal("the queue was asked again too soon")
	default:
	}
	s.clock.to(dawn.Add(lookAgain))
	<-s.tell(nil)
}

// TestQueueOnePoll: a new config, a trigger that is turned off and the end of the server end a poll at once, and there is never
// more than one.
func TestQueueOnePoll(t *testing.T) {
	s := newStage(t, queued()).begin()
	<-s.tell(nil, Arrival{Name: "s3://b/in/a", Version: "1"})
	s.over(s.next("orders"), nil)
	for range 50 {
		s.Use(s.setup)
	}
	<-s.tell(nil, Arrival{Name: "s3://b/in/b", Version: "1"})
	s.over(s.next("orders"), nil)
	off, on := false, true
	if err := s.Enable(t.Context(), queued().ID, &off); err != nil {
		t.Fatal(err)
	}
	for s.world.polls.Load() > 0 {
		runtime.Gosched()
	}
	if err := s.Enable(t.Context(), queued().ID, &on); err != nil {
		t.Fatal(err)
	}
	<-s.tell(nil, Arrival{Name: "s3://b/in/c", Version: "1"}) // which has waited in the queue
	s.over(s.next("orders"), nil)
	setup := s.setup
	setup.Triggers = nil
	s.Use(setup)
	for s.world.polls.Load() > 0 {
		runtime.Gosched()
	}
	s.Use(s.setup)
	<-s.tell(nil)
	s.stop() // while it is asked
	if n := s.world.polls.Load(); n != 0 {
		t.Errorf("%d polls are under way behind the end", n)
	}
}

// TestQueueUnknown: an executor that knows no queues says so.
func TestQueueUnknown(t *testing.T) {
	s := newStage(t, queued())
	s.setup.Executor = struct{ Executor }{s.world}
	s.begin()
	s.failed("queues are not known here")
	if _, err := s.lookIntoQueue(t.Context(), s.watched[queued().ID], s.setup); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("%v, want ErrInvalid", err)
	}
}
