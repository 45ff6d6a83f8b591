package post

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/post/posttest"
)

var dawn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A stage is a sender that runs.
type stage struct {
	*Sender
	clock *posttest.Clock
	log   *logText
	stop  func() // ends Run and waits for that
}

// logText is a log that may be read once the sender has stopped.
type logText struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func newStage(t *testing.T, o Options) *stage {
	s := &stage{clock: posttest.NewClock(dawn), log: &logText{}}
	o.Clock, o.Log = s.clock, slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.Sender = New(o)
	s.stop = func() {}
	return s
}

func (s *stage) run(t *testing.T) *stage {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	s.stop = func() { cancel(); <-done }
	t.Cleanup(func() { s.stop() })
	return s
}

// stopAtLast ends Run by letting Linger pass.
func (s *stage) stopAtLast(t *testing.T) {
	t.Helper()
	stopped := make(chan struct{})
	go func() { s.stop(); close(stopped) }()
	s.clock.Next(t)
	<-stopped
}

// message returns one whose body is its text, with the time of the try in a header.
func message(url, text string) Message {
	return Message{Lane: "there", About: text, Make: func(_ context.Context, now time.Time) (Request, error) {
		return Request{URL: url, Header: http.Header{"At": {now.Format(time.RFC3339)}}, Body: []byte(text)}, nil
	}}
}

func TestRetries(t *testing.T) {
	r := posttest.NewReceiver(t,
		posttest.Answer{Status: 500},
		posttest.Answer{Status: 503, Header: map[string]string{"Retry-After": "90"}},
		posttest.Answer{Status: 429, Header: map[string]string{"Retry-After": dawn.Add(300 * time.Second).Format(http.TimeFormat)}},
		posttest.Answer{Status: 429, Header: map[string]string{"Retry-After": "999999"}},
	)
	s := newStage(t, Options{}).run(t)
	s.Send(message(r.URL+"/hook", "one"))
	s.Send(message(r.URL+"/hook", "two"))
	var pauses []time.Duration
	for range 4 {
		if got := r.Next(t); string(got.Body) != "one" || got.Header.Get("At") != s.clock.Now().Format(time.RFC3339) {
			t.Errorf("got %s at %s, want one at %s", got.Body, got.Header.Get("At"), s.clock.Now())
		}
		pauses = append(pauses, s.clock.Next(t))
	}
	if want := []time.Duration{2 * time.Second, 90 * time.Second, 208 * time.Second, maxPatience}; !slices.Equal(pauses, want) {
		t.Errorf("pauses %v, want %v", pauses, want)
	}
	for _, want := range []string{"one", "two"} {
		if got := r.Next(t); string(got.Body) != want {
			t.Errorf("got %s, want %s", got.Body, want)
		}
	}
	s.stop()
	r.Quiet(t)
	if got, want := s.Counts(), (Counts{Sent: 2}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
}

func TestGivesUp(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer posttest.Answer
		tries  int
		logged string
	}{
		{"transient", posttest.Answer{Status: 502}, 3, "answer 502 Bad Gateway: transient"},
		{"refused", posttest.Answer{Status: 400, Body: "invalid_payload\n"}, 1, "answer 400 Bad Request: invalid_payload: invalid"},
		{"denied", posttest.Answer{Status: 403, Body: "Key 4711 is not known"}, 1, "answer 403 Forbidden: denied"},
		{"gone", posttest.Answer{Status: 410}, 1, "answer 410 Gone: not found"},
		{"elsewhere", posttest.Answer{Status: 307, Header: map[string]string{"Location": "http://127.0.0.1:1/s3cr3t"}}, 1, "answer 307 Temporary Redirect: it sends elsewhere"},
		{"silent", posttest.Answer{Hang: true}, 3, "no answer within 50ms: transient"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := posttest.NewReceiver(t, slices.Repeat([]posttest.Answer{c.answer}, c.tries)...)
			s := newStage(t, Options{Tries: 3, Timeout: 50 * time.Millisecond}).run(t)
			s.Send(message(r.URL+"/s3cr3t?key=s3cr3t", "one"))
			for n := range c.tries {
				r.Next(t)
				if n < c.tries-1 {
					s.clock.Next(t)
				}
			}
			s.Send(message(r.URL+"/s3cr3t", "two")) // the lane goes on
			if got := r.Next(t); string(got.Body) != "two" {
				t.Errorf("got %s, want two", got.Body)
			}
			s.stop()
			if log := s.log.String(); !strings.Contains(log, c.logged) || strings.Contains(log, "s3cr3t") || strings.Contains(log, "4711") {
				t.Errorf("log without %q, or with a secret:\n%s", c.logged, log)
			}
			if got := s.Counts(); got.Failed != 1 {
				t.Errorf("counts %+v, want one that failed", got)
			}
		})
	}
}

// TestSecrets looks at what is told of addresses that do not work.
func TestSecrets(t *testing.T) {
	closed := posttest.NewReceiver(t)
	closed.Close()
	for _, address := range []string{
		closed.URL + "/s3cr3t", "https://127.0.0.1:1/s3cr3t", "ftp://127.0.0.1/s3cr3t", "s3cr3t", "http://127.0.0.1:s3cr3t/", "http://%zzs3cr3t/",
		"http://etl:s3cr3t@127.0.0.1:1/", "http:///s3cr3t", "http://127.0.0.1:1/%s3cr3t",
	} {
		s := newStage(t, Options{Tries: 1}).run(t)
		err := s.try(t.Context(), message(address, "one"))
		if err == nil || strings.Contains(err.Error(), "s3cr3t") || strings.Contains(tidemark.Hint(err), "s3cr3t") {
			t.Errorf("%s: error %v", address, err)
		}
	}
	u, err := url.Parse("http://127.0.0.1/s3cr3t")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{`malformed answer "/s3cr3t"`, "http://127.0.0.1/s3cr3t is odd"} {
		if hidden := (Request{URL: u.String()}).hide(errors.New(text), u); strings.Contains(hidden, "s3cr3t") {
			t.Errorf("not hidden: %s", hidden)
		}
	}
}

func TestMakeFails(t *testing.T) {
	r := posttest.NewReceiver(t)
	s := newStage(t, Options{}).run(t)
	tries := 0
	s.Send(Message{Lane: "there", About: "secret", Make: func(context.Context, time.Time) (Request, error) {
		if tries++; tries < 3 {
			return Request{}, fmt.Errorf("look the secret up: %w", tidemark.ErrTransient)
		}
		return Request{}, fmt.Errorf("look the secret up: %w", tidemark.ErrNotFound)
	}})
	s.clock.Next(t)
	s.clock.Next(t)
	s.Send(message(r.URL, "behind"))
	r.Next(t)
	s.stop()
	if tries != 3 || !strings.Contains(s.log.String(), "look the secret up: not found") {
		t.Errorf("%d tries, want 3:\n%s", tries, s.log)
	}
}

func TestBasicAuth(t *testing.T) {
	r := posttest.NewReceiver(t)
	s := newStage(t, Options{}).run(t)
	s.Send(message(strings.Replace(r.URL, "http://", "http://etl:pass@", 1)+"/a?b=c", "one"))
	if got := r.Next(t); got.Header.Get("Authorization") != "Basic ZXRsOnBhc3M=" || got.Path != "/a?b=c" {
		t.Errorf("got %s with %q", got.Path, got.Header.Get("Authorization"))
	}
}

// TestFull shows that Send never waits, and what makes room.
func TestFull(t *testing.T) {
	r := posttest.NewReceiver(t)
	s := newStage(t, Options{Queue: 3})
	for n := range 10 {
		s.Send(message(r.URL, fmt.Sprint(n))) // nobody sends yet
	}
	s.run(t)
	for _, want := range []string{"7", "8", "9"} {
		if got := r.Next(t); string(got.Body) != want {
			t.Errorf("got %s, want %s", got.Body, want)
		}
	}
	s.stop()
	s.Send(message(r.URL, "late"))
	r.Quiet(t)
	if got, want := s.Counts(), (Counts{Sent: 3, Dropped: 8}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
	if log := s.log.String(); strings.Count(log, "too many messages wait") != 1 || !strings.Contains(log, "messages=7") {
		t.Errorf("the log does not tell once, and how many:\n%s", log)
	}
}

// TestLanes shows that a place that does not answer holds up no other.
func TestLanes(t *testing.T) {
	r := posttest.NewReceiver(t)
	dead := posttest.NewReceiver(t, posttest.Answer{Hang: true})
	s := newStage(t, Options{Timeout: time.Minute, Linger: time.Second}).run(t)
	stuck := message(dead.URL, "stuck")
	stuck.Lane = "dead"
	s.Send(stuck)
	dead.Next(t)
	for _, text := range []string{"one", "two"} {
		s.Send(message(r.URL, text))
		if got := r.Next(t); string(got.Body) != text {
			t.Errorf("got %s, want %s", got.Body, text)
		}
	}
	s.stopAtLast(t)
	if got := s.Counts(); got.Sent == 0 || got.Failed == 0 || got.Sent+got.Failed != 3 {
		t.Errorf("counts %+v, want one or two sent and the others failed", got)
	}
}

// TestEnd shows that what waits gets one try at the end, however long its pause would have been.
func TestEnd(t *testing.T) {
	r := posttest.NewReceiver(t, posttest.Answer{Status: 503}, posttest.Answer{}, posttest.Answer{Status: 503})
	s := newStage(t, Options{}).run(t)
	for _, text := range []string{"one", "two", "three"} {
		s.Send(message(r.URL, text))
	}
	r.Next(t) // and then there is a pause
	s.stop()
	for _, want := range []string{"one", "two", "three"} {
		if got := r.Next(t); string(got.Body) != want {
			t.Errorf("got %s, want %s", got.Body, want)
		}
	}
	r.Quiet(t)
	if got, want := s.Counts(), (Counts{Sent: 2, Failed: 1}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
}

// TestEndLeavesRest shows that the end does not wait for a place that does not answer.
func TestEndLeavesRest(t *testing.T) {
	r := posttest.NewReceiver(t, posttest.Answer{Hang: true})
	s := newStage(t, Options{Timeout: time.Hour}).run(t)
	for _, text := range []string{"one", "two", "three"} {
		s.Send(message(r.URL, text))
	}
	r.Next(t)
	s.stopAtLast(t)
	r.Quiet(t)
	if got, want := s.Counts(), (Counts{Failed: 1, Dropped: 2}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
	if !strings.Contains(s.log.String(), "messages were not sent before the end") {
		t.Errorf("the log does not tell:\n%s", s.log)
	}
}
