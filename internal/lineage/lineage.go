// Package lineage tells a server that speaks OpenLineage, such as Marquez or DataHub, what runs read and write: an event
// when a run starts, and one when it ends. It never holds up the scheduler, and what cannot be sent is given up with a line in
// the log.
package lineage

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/post"
)

// Options of an Emitter. The zero value is good.
type Options struct {
	Log     *slog.Logger // nil discards
	Clock   post.Clock   // nil: the machine's
	Version string       // of the program
	Sender  post.Options // Log and Clock are those above
}

// A Server takes events.
type Server struct {
	URL       string // that takes events; "": none are sent
	Namespace string // of the pipelines

	// APIKey returns what is sent as a bearer token, anew for each try; nil: nothing.
	APIKey func(context.Context) (string, error)
}

// An Emitter sends events. Its methods may be called at the same time; Run is called once.
type Emitter struct {
	opts   Options
	sender *post.Sender

	mu sync.Mutex
	to Server
}

// New returns an Emitter that sends nothing before Use.
func New(o Options) *Emitter {
	o.Sender.Log, o.Sender.Clock = o.Log, o.Clock
	return &Emitter{opts: o, sender: post.New(o.Sender)}
}

// Use takes a server into use, in place of the one before. What waits to be sent still goes to that one.
func (e *Emitter) Use(s Server) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.to = s
}

// Enabled reports whether events are sent anywhere, so that nobody need ask for schemas in vain.
func (e *Emitter) Enabled() bool { return e.server().URL != "" }

func (e *Emitter) server() Server {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.to
}

// Run sends until ctx ends, and then what waits, for a few seconds at most. Let ctx end behind whoever calls the other
// methods.
func (e *Emitter) Run(ctx context.Context) { e.sender.Run(ctx) }

// Counts returns what has become of events so far.
func (e *Emitter) Counts() post.Counts { return e.sender.Counts() }

// Started is told of each attempt that begins, with its run as it is then, the attempt included. Only the first is an
// event: START. It returns at once.
func (e *Emitter) Started(r tidemark.Run, j Job) {
	if len(r.Attempts) <= 1 && !r.Started.IsZero() {
		e.emit(start, r.Started, r, j)
	}
}

// Ended is told of each attempt that ends, with its run as it is then. A run that has ended is an event: COMPLETE, FAIL, or
// ABORT where a person ended it; one that waits for another attempt or has never started is none. It returns at once.
func (e *Emitter) Ended(r tidemark.Run, j Job) {
	if r.Started.IsZero() {
		return
	}
	switch r.State {
	case tidemark.RunSucceeded:
		e.emit(complete, r.Ended, r, j)
	case tidemark.RunFailed:
		e.emit(fail, r.Ended, r, j)
	case tidemark.RunCancelled:
		e.emit(abort, r.Ended, r, j)
	}
}

func (e *Emitter) emit(t eventType, at time.Time, r tidemark.Run, j Job) {
	to := e.server()
	if to.URL == "" {
		return
	}
	body, err := json.Marshal(newEvent(t, at, r, j, to.Namespace, e.opts.Version))
	e.sender.Send(post.Message{
		Lane: "lineage", About: string(t) + " of run " + string(r.ID),
		Make: func(ctx context.Context, _ time.Time) (post.Request, error) {
			if err != nil { // told where what is not sent is told
				return post.Request{}, fmt.Errorf("write the event: %w: %w", tidemark.ErrInvalid, err)
			}
			return to.request(ctx, body)
		},
	})
}

func (s Server) request(ctx context.Context, body []byte) (post.Request, error) {
	r := post.Request{URL: s.URL, Header: http.Header{"Content-Type": {"application/json"}, "User-Agent": {"Tidemark"}}, Body: body}
	if s.APIKey == nil {
		return r, nil
	}
	key, err := s.APIKey(ctx)
	if err != nil {
		return r, fmt.Errorf("look up the key of lineage: %w", err)
	}
	if key != "" { // no key is set
		r.Header.Set("Authorization", "Bearer "+key)
	}
	return r, nil
}
