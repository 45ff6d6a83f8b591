// Package post sends small messages over HTTP to people and programs that want to know what happens: notifications,
// events of lineage. It never holds up whoever has something to tell: messages wait in queues of a bounded length, are
// tried again where that may help, and are given up, with a line in the log, where it does not.
//
// Where messages go to is often a secret in itself, as the address of a Slack webhook is. Errors and log lines have nothing
// of an address but its host.
package post

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/tidemark-data/tidemark"
)

// A Message is something to send.
type Message struct {
	// Lane is the name of where it goes to. The messages of a lane are sent one behind the other, in the order of Send;
	// lanes do not wait for each other.
	Lane string

	// About says in a few words what it is, for the log. Never a secret.
	About string

	// Make returns what to send. It is called for each try, with the time of that, so that secrets are looked up anew and
	// signatures are fresh. Only errors that are tidemark.ErrTransient are tried again.
	Make func(ctx context.Context, now time.Time) (Request, error)
}

// A Request is what one try sends, with POST.
type Request struct {
	URL    string // http or https; a user and a password in it are sent as basic authentication
	Header http.Header
	Body   []byte
}

// A Clock tells the time and wakes.
type Clock interface {
	Now() time.Time

	// Timer returns a channel that gets a value once d has passed, and what stops that.
	Timer(d time.Duration) (<-chan time.Time, func() bool)
}

// Options of a Sender. The zero value is good.
type Options struct {
	Log   *slog.Logger // nil discards
	Clock Clock        // nil: the machine's

	Queue   int           // how many messages of a lane wait at most; 0: 1000. The oldest makes room
	Tries   int           // how often a message is tried at most; 0: 10, over some 13 minutes
	Timeout time.Duration // of a try, in time of the machine; 0: 10 s
	Linger  time.Duration // how long the end of Run goes on with what waits; 0: 5 s
}

// Counts tell what became of messages.
type Counts struct {
	Sent    int64 // and accepted
	Failed  int64 // given up
	Dropped int64 // that made room for newer ones, or were not sent before the end
}

// A Sender sends messages. Its methods may be called at the same time; Run is called once.
type Sender struct {
	opts      Options
	log       *slog.Logger
	clock     Clock
	transport *http.Transport
	wake      chan struct{} // has a value when a lane may have become ready

	mu     sync.Mutex
	lanes  map[string]*lane
	closed bool
	counts Counts
}

// A lane is what waits to be sent to one place. The sender's mutex guards it.
type lane struct {
	name    string
	queue   []Message
	busy    bool  // a goroutine is at it
	dropped int64 // since the log has told
}

// New returns a Sender that sends once it runs.
func New(o Options) *Sender {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = machine{}
	}
	o.Queue, o.Tries = orElse(o.Queue, 1000), orElse(o.Tries, 10)
	o.Timeout, o.Linger = orElse(o.Timeout, 10*time.Second), orElse(o.Linger, 5*time.Second)
	return &Sender{
		opts: o, log: o.Log, clock: o.Clock, transport: newTransport(), wake: make(chan struct{}, 1), lanes: map[string]*lane{},
	}
}

func orElse[T int | time.Duration](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// machine is the clock of this machine.
type machine struct{}

func (machine) Now() time.Time { return time.Now() }

func (machine) Timer(d time.Duration) (<-chan time.Time, func() bool) {
	t := time.NewTimer(d)
	return t.C, t.Stop
}

// Send takes a message and returns at once. Where too many of its lane wait, the oldest of them is dropped; behind the end
// of Run all are.
func (s *Sender) Send(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		s.counts.Dropped++
		return
	}
	l := s.lanes[m.Lane]
	if l == nil {
		l = &lane{name: m.Lane}
		s.lanes[m.Lane] = l
	}
	if len(l.queue) >= s.opts.Queue {
		if l.dropped == 0 {
			s.log.Warn("too many messages wait, the oldest are dropped", "to", m.Lane, "waiting", len(l.queue))
		}
		l.queue = l.queue[1:]
		l.dropped++
		s.counts.Dropped++
	}
	l.queue = append(l.queue, m)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Counts returns what has become of messages so far.
func (s *Sender) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// Run sends messages until ctx ends. Then it takes no more, gives what waits one try each, for Linger at most, and
// returns when all its goroutines have ended. Let ctx end behind whoever calls Send.
func (s *Sender) Run(ctx context.Context) {
	defer s.transport.CloseIdleConnections()
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var workers sync.WaitGroup
	begin := func() {
		for _, l := range s.ready() {
			workers.Go(func() { s.work(ctx, working, l) })
		}
	}
	for ctx.Err() == nil {
		begin()
		select {
		case <-ctx.Done():
		case <-s.wake:
		}
	}
	s.close()
	begin()
	done := make(chan struct{})
	go func() { workers.Wait(); close(done) }()
	timer, cancel := s.clock.Timer(s.opts.Linger)
	defer cancel()
	select {
	case <-done:
	case <-timer:
		stop()
		<-done
	}
	s.leave()
}

// ready returns the lanes that have something to send and nobody who does, as busy ones.
func (s *Sender) ready() (ready []*lane) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lanes {
		if !l.busy && len(l.queue) > 0 {
			l.busy = true
			ready = append(ready, l)
		}
	}
	return ready
}

// close lets Send take no more.
func (s *Sender) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// leave tells of what was not sent.
func (s *Sender) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lanes {
		if n := len(l.queue); n > 0 {
			s.counts.Dropped += int64(n)
			s.log.Warn("messages were not sent before the end", "to", l.name, "messages", n)
		}
	}
	s.lanes = map[string]*lane{}
}

// work sends what waits in a lane, and returns when nothing does, or when working ends.
func (s *Sender) work(ctx, working context.Context, l *lane) {
	for working.Err() == nil {
		m, ok := s.take(l)
		if !ok {
			return
		}
		s.deliver(ctx, working, m)
	}
}

// take returns the next message of a lane. False: there is none, and nobody is at the lane any more.
func (s *Sender) take(l *lane) (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.dropped > 0 {
		s.log.Warn("messages were dropped", "to", l.name, "messages", l.dropped)
		l.dropped = 0
	}
	if len(l.queue) == 0 {
		l.busy = false
		delete(s.lanes, l.name) // names come and go with the config
		return Message{}, false
	}
	m := l.queue[0]
	l.queue = l.queue[1:]
	return m, true
}

const (
	firstPause = 2 * time.Second
	lastPause  = 5 * time.Minute
)

// deliver sends a message, with as many tries as it takes and as there are. Once ctx has ended the next try is the last.
func (s *Sender) deliver(ctx, working context.Context, m Message) {
	pause := firstPause
	for n := 1; ; n++ {
		last := n >= s.opts.Tries || ctx.Err() != nil
		err := s.try(working, m)
		if err == nil {
			s.count(func(c *Counts) { c.Sent++ })
			return
		}
		if last || !errors.Is(err, tidemark.ErrTransient) {
			s.count(func(c *Counts) { c.Failed++ })
			s.log.Error("message was not sent", "to", m.Lane, "about", m.About, "tries", n, "err", err)
			return
		}
		s.log.Debug("message is tried again", "to", m.Lane, "about", m.About, "tries", n, "err", err)
		s.wait(ctx, max(pause, retryAfter(err)))
		pause = min(2*pause, lastPause)
	}
}

func (s *Sender) count(add func(*Counts)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add(&s.counts)
}

// wait returns when d has passed or ctx has ended.
func (s *Sender) wait(ctx context.Context, d time.Duration) {
	timer, stop := s.clock.Timer(d)
	defer stop()
	select {
	case <-ctx.Done():
	case <-timer:
	}
}
