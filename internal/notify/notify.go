// Package notify tells people and programs that pipelines fail, recover, are late and are fresh again: once each, and not
// for each try. What is told follows from the runs that it is shown, so that a server that begins anew neither repeats
// what was told nor forgets what was not. It never holds up the scheduler, and what cannot be sent is given up with a line in the
// log.
package notify

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/post"
)

// Options of a Notifier. The zero value is good.
type Options struct {
	Log     *slog.Logger // nil discards
	Clock   post.Clock   // nil: the machine's
	Version string       // of the program, for the User-Agent
	Sender  post.Options // Log and Clock are those above

	// Link is the address of the server, as people reach it, without a slash at its end. "": events have no link.
	Link string

	// Watched is when a process before this one is last known to have watched the pipelines, such as the end of the last
	// run: it has told of what was late by then. Zero: there was none, and what is late at the beginning is told.
	Watched time.Time
}

// A Notifier turns runs into events and sends them. Its methods may be called at the same time; Run is called once.
type Notifier struct {
	opts   Options
	sender *post.Sender

	mu      sync.Mutex
	targets []Target
	link    string
	failing map[tidemark.PipelineID]*failure
	late    map[tidemark.PipelineID]bool // what was told of pipelines that have a limit
	first   map[tidemark.PipelineID]time.Time
}

// A failure is a pipeline that fails.
type failure struct {
	since time.Time
	told  map[string]time.Time // by target: the last time
}

// New returns a Notifier that tells nobody before Use.
func New(o Options) *Notifier {
	o.Sender.Log, o.Sender.Clock = o.Log, o.Clock
	return &Notifier{
		opts: o, link: o.Link, sender: post.New(o.Sender),
		failing: map[tidemark.PipelineID]*failure{}, late: map[tidemark.PipelineID]bool{}, first: map[tidemark.PipelineID]time.Time{},
	}
}

// Use takes targets and the link of Options into use, in place of those before. What waits to be sent still goes to where it was
// meant for.
func (n *Notifier) Use(targets []Target, link string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.targets, n.link = targets, strings.TrimRight(link, "/")
}

// Run sends until ctx ends, and then what waits, for a few seconds at most. Let ctx end behind whoever calls the other
// methods.
func (n *Notifier) Run(ctx context.Context) { n.sender.Run(ctx) }

// Counts returns what has become of notifications so far.
func (n *Notifier) Counts() post.Counts { return n.sender.Counts() }

// Ended is told of each attempt that ends, with its run as it is then; one that waits for another attempt is no news.
// before is the run of the same pipeline that ended before it, of those that succeeded or failed, be it in this process or in
// an earlier one; nil where there is none. Ended returns at once.
func (n *Notifier) Ended(before *tidemark.Run, now tidemark.Run) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch now.State {
	case tidemark.RunFailed:
		n.failed(before, now)
	case tidemark.RunSucceeded:
		n.recovered(before, now)
	}
}

// failed tells targets that have not been told, or that are to be told again. The mutex is held.
func (n *Notifier) failed(before *tidemark.Run, now tidemark.Run) {
	f := n.failing[now.Pipeline]
	if f == nil {
		f = &failure{since: now.Ended, told: map[string]time.Time{}}
		if before != nil && before.State == tidemark.RunFailed { // an earlier process has told
			f.since = before.Ended
			for _, t := range n.targets {
				f.told[t.Name] = before.Ended
			}
		}
		n.failing[now.Pipeline] = f
	}
	e := n.event(Failed, now.Pipeline, now.Ended, string(now.ID)).ofRun(now)
	e.Since = f.since.UTC()
	for _, t := range n.targets {
		last, told := f.told[t.Name]
		if told && (t.Repeat <= 0 || now.Ended.Sub(last) < t.Repeat) || !t.wants(Failed, now.Pipeline) {
			continue
		}
		f.told[t.Name], e.Again = now.Ended, told
		n.sender.Send(t.message(e, n.agent()))
	}
}

// recovered tells the first success behind a failure. The mutex is held.
func (n *Notifier) recovered(before *tidemark.Run, now tidemark.Run) {
	f := n.failing[now.Pipeline]
	delete(n.failing, now.Pipeline)
	if f == nil {
		if before == nil || before.State != tidemark.RunFailed {
			return
		}
		f = &failure{since: before.Ended}
	}
	e := n.event(Recovered, now.Pipeline, now.Ended, string(now.ID)).ofRun(now)
	e.Since = f.since.UTC()
	n.tell(e)
}

// A Lag is how far the lake is behind the source of a pipeline.
type Lag struct {
	Pipeline tidemark.PipelineID
	Loaded   time.Time     // when the last complete run began to read; zero: there was none
	Limit    time.Duration // how far the lake may be behind; 0: for ever
	Run      *tidemark.Run // that has brought Loaded about, where that is known
}

// Lag is told how far pipelines are behind, again and again: when a run has ended, and now and then between. A pipeline
// that has never been loaded counts from when it was first told of. Lag returns at once.
func (n *Notifier) Lag(now time.Time, l Lag) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if l.Limit <= 0 {
		delete(n.late, l.Pipeline)
		return
	}
	if l.Loaded.IsZero() {
		if _, seen := n.first[l.Pipeline]; !seen {
			n.first[l.Pipeline] = now
		}
		l.Loaded = n.first[l.Pipeline]
	}
	due := l.Loaded.Add(l.Limit)
	was, known := n.late[l.Pipeline]
	is := now.After(due)
	if is && !known && !due.After(n.opts.Watched) {
		was = true // an earlier process has told
	}
	n.late[l.Pipeline] = is
	if is == was {
		return
	}
	kind := Fresh
	if is {
		kind = Late
	}
	e := n.event(kind, l.Pipeline, now, l.Loaded.UTC().Format(time.RFC3339Nano))
	e.Lag, e.Limit = Seconds(now.Sub(l.Loaded)), Seconds(l.Limit)
	if kind == Fresh && l.Run != nil {
		e = e.ofRun(*l.Run)
	}
	n.tell(e)
}

// event begins an event. what tells it apart from others of its kind. The mutex is held.
func (n *Notifier) event(k Kind, p tidemark.PipelineID, at time.Time, what string) Event {
	e := Event{ID: string(k) + ":" + string(p) + "@" + what, Kind: k, At: at.UTC(), Pipeline: p}
	switch {
	case n.link == "":
	case k == Failed || k == Recovered:
		e.Link = n.link + "/runs/" + url.PathEscape(what)
	default:
		e.Link = n.link + "/pipelines/" + url.PathEscape(string(p))
	}
	return e
}

// tell sends an event to all who want it. The mutex is held.
func (n *Notifier) tell(e Event) {
	for _, t := range n.targets {
		if t.wants(e.Kind, e.Pipeline) {
			n.sender.Send(t.message(e, n.agent()))
		}
	}
}

func (n *Notifier) agent() string {
	if n.opts.Version == "" {
		return "Tidemark"
	}
	return "Tidemark/" + n.opts.Version
}
