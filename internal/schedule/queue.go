package schedule

import (
	"context"
	"fmt"
	"time"

	"github.com/tidemark-data/tidemark"
)

// A Receiver is an Executor that knows queues in which somebody tells of new objects.
type Receiver interface {
	// Receive waits for what the queue of a trigger has to tell, for some seconds, and returns as soon as there is something.
	// It ends at once with ctx.
	Receive(ctx context.Context, t tidemark.Trigger) (Delivery, error)
}

// A Delivery is what a queue has told at once.
type Delivery struct {
	Arrivals []Arrival // objects that the trigger fires for
	Used     int       // messages, also those without such objects
	Left     int       // messages that nobody can read, and that come again

	// Done takes the messages that were used from the queue. Until then they come again.
	Done func(ctx context.Context) error
}

// An Arrival is a new object that somebody has told of.
type Arrival struct {
	Name    string // of the object, as s3://BUCKET/KEY
	Version string // the same however often it is told, and another once the object is another
	At      time.Time
}

// pollAgain is the shortest distance of two looks into a queue that has nothing to tell.
const pollAgain = time.Second

// A poll is a look that waits for what comes.
type poll struct {
	cancel context.CancelFunc
	done   chan struct{} // closed at its end
}

// stop ends the poll soon. The zero pointer is one that has ended, here and in wait.
func (p *poll) stop() {
	if p != nil {
		p.cancel()
	}
}

func (p *poll) wait() {
	if p != nil {
		<-p.done
	}
}

// listen begins to look into the queue of a trigger, once the poll before has ended. The scheduler's mutex is held.
func (s *Scheduler) listen(ctx context.Context, w *watched, setup Setup) {
	before, own := w.poll, &poll{done: make(chan struct{})}
	ctx, own.cancel = context.WithCancel(ctx)
	w.poll = own
	s.looks.Go(func() {
		defer s.poke()
		defer close(own.done)
		defer own.cancel()
		before.wait()
		s.look(ctx, w, setup)
	})
}

// lookIntoQueue fires for each object that a queue tells of, and takes what it told from the queue once the causes are
// kept. A crash between the two, or a message that is delivered twice, brings the same causes again. It returns when to look
// again: at once as long as there are messages.
func (s *Scheduler) lookIntoQueue(ctx context.Context, w *watched, setup Setup) (time.Time, error) {
	receiver, ok := setup.Executor.(Receiver)
	if !ok {
		return time.Time{}, fmt.Errorf("trigger %s: queues are not known here: %w", w.ID, tidemark.ErrInvalid)
	}
	began := s.now()
	d, err := receiver.Receive(ctx, w.Trigger)
	if err != nil {
		return time.Time{}, err
	}
	for _, a := range d.Arrivals {
		if err := s.fire(ctx, w, w.arrived(a, s.now()), queueMark); err != nil {
			return time.Time{}, err
		}
	}
	if err := s.move(ctx, w, queueMark); err != nil {
		return time.Time{}, err
	}
	if err := d.Done(ctx); err != nil {
		return time.Time{}, err
	}
	switch {
	case d.Used > 0:
		return s.now(), nil
	case d.Left > 0:
		return s.now().Add(lookAgain), nil // some queues hand out at once again what was not taken
	}
	return began.Add(pollAgain), nil
}

// arrived returns the cause that an object has come.
func (w *watched) arrived(a Arrival, now time.Time) tidemark.Cause {
	at := a.At.UTC().Truncate(time.Microsecond)
	if at.IsZero() || at.After(now) {
		at = now
	}
	cause := w.cause(a.Name+"#"+a.Version, at)
	cause.Detail = "new object " + a.Name
	return cause
}
