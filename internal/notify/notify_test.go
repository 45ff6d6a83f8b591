package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/post"
	"github.com/tidemark-data/tidemark/internal/post/posttest"
)

var dawn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A stage is a notifier that runs. Its end sends all that waits.
type stage struct {
	*Notifier
	clock *posttest.Clock
	stop  func()
}

func newStage(t *testing.T, o Options) *stage {
	s := &stage{clock: posttest.NewClock(dawn)}
	o.Clock = s.clock
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	s.Notifier = New(o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	s.stop = func() { cancel(); <-done }
	t.Cleanup(func() { s.stop() })
	return s
}

func text(s string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return s, nil }
}

func allKinds() []Kind { return []Kind{Failed, Recovered, Late, Fresh} }

// ended returns a run that has ended a number of minutes behind dawn.
func ended(pipeline string, minutes int, state tidemark.RunState) tidemark.Run {
	at := dawn.Add(time.Duration(minutes) * time.Minute)
	r := tidemark.Run{
		ID: tidemark.RunID(fmt.Sprintf("run%d", minutes)), Pipeline: tidemark.PipelineID(pipeline), State: state, Started: at.Add(-time.Minute), Ended: at,
		Attempts: []tidemark.Attempt{{N: 1, Kind: "transient"}, {N: 2}}, Result: &tidemark.RunResult{New: 7},
	}
	if state == tidemark.RunFailed {
		r.Attempts[1].Kind, r.Error, r.Hint = "denied", "log in to shop: Access denied", "grant SELECT"
	}
	return r
}

// told returns what a receiver has got, in short.
func told(t *testing.T, r *posttest.Receiver, n int) (all []string) {
	t.Helper()
	for range n {
		var e Event
		if err := json.Unmarshal(r.Next(t).Body, &e); err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%s %s %s", e.Kind, e.Pipeline, e.Run)
		if e.Again {
			line += " again"
		}
		all = append(all, line)
	}
	r.Quiet(t)
	return all
}

func (s *Seconds) UnmarshalJSON(text []byte) error {
	n, err := strconv.ParseInt(string(text), 10, 64)
	*s = Seconds(time.Duration(n) * time.Second)
	return err
}

// TestWebhook looks at all that is sent.
func TestWebhook(t *testing.T) {
	r := posttest.NewReceiver(t)
	s := newStage(t, Options{Version: "1.2"})
	s.Use([]Target{{Name: "desk", URL: text(r.URL + "/in?key=1"), Secret: text("s3cr3t"), On: allKinds()}}, "https://tide.example.com/")
	s.clock.Add(90 * time.Second)
	s.Ended(nil, ended("orders", 1, tidemark.RunFailed))
	got := r.Next(t)
	want := `{"id":"failed:orders@run1","kind":"failed","at":"2026-01-01T00:01:00Z","pipeline":"orders","link":"https://tide.example.com/runs/run1",` +
		`"run":"run1","started":"2026-01-01T00:00:00Z","attempts":2,"rows":7,"since":"2026-01-01T00:01:00Z","error_kind":"denied",` +
		`"error":"log in to shop: Access denied","hint":"grant SELECT"}`
	if diff := cmp.Diff(want, string(got.Body)); diff != "" {
		t.Error(diff)
	}
	if got.Path != "/in?key=1" || got.Header.Get("Content-Type") != "application/json" || got.Header.Get("User-Agent") != "Tidemark/1.2" || got.Header.Get("Tidemark-Event") != "failed" {
		t.Errorf("got %s with %v", got.Path, got.Header)
	}
	// What openssl says: printf '%s.%s' 1767225690 BODY | openssl dgst -sha256 -hmac s3cr3t
	if signed := got.Header.Get(SignatureHeader); signed != "t=1767225690,v1=6a5199cd53c7e5654a84ac3e31ed144f90f495a9d38a6313d968c3e5b3f2c98a" {
		t.Errorf("signature %s", signed)
	}
}

// TestSignature holds the signature to one that another program has made.
func TestSignature(t *testing.T) {
	if got, want := sign("key", time.Unix(1767225690, 5), []byte(`{"a":1}`)), "t=1767225690,v1=d09022ed43d08fb140d9d71f14ae00985c71c575fdd4fd7c918ef6c60cb4530d"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestRetrySigned shows that the signature is that of the try, and the event the same.
func TestRetrySigned(t *testing.T) {
	r := posttest.NewReceiver(t, posttest.Answer{Status: 503})
	s := newStage(t, Options{})
	s.Use([]Target{{Name: "desk", URL: text(r.URL), Secret: text("key"), On: allKinds()}}, "")
	s.Ended(nil, ended("orders", 1, tidemark.RunFailed))
	first := r.Next(t)
	s.clock.Next(t)
	second := r.Next(t)
	a, b := first.Header.Get(SignatureHeader), second.Header.Get(SignatureHeader)
	if !bytes.Equal(first.Body, second.Body) || a == b || b != sign("key", dawn.Add(2*time.Second), second.Body) {
		t.Errorf("signed %s, then %s", a, b)
	}
}

// TestOnce: what is told follows from runs, each once.
func TestOnce(t *testing.T) {
	const good, bad, again, gone = tidemark.RunSucceeded, tidemark.RunFailed, tidemark.RunQueued, tidemark.RunCancelled
	for _, c := range []struct {
		name    string
		runs    []tidemark.RunState // one a minute
		restart int                 // before this run; 0: never
		repeat  time.Duration
		want    []string
	}{
		{"good", []tidemark.RunState{good, good}, 0, 0, nil},
		{"first fails", []tidemark.RunState{bad}, 0, 0, []string{"failed p run0"}},
		{"tried again", []tidemark.RunState{again, again, bad, again, good}, 0, 0, []string{"failed p run2", "recovered p run4"}},
		{"once", []tidemark.RunState{good, bad, bad, bad, good, good, bad}, 0, 0, []string{"failed p run1", "recovered p run4", "failed p run6"}},
		{"cancelled between", []tidemark.RunState{bad, gone, bad, gone, good}, 0, 0, []string{"failed p run0", "recovered p run4"}},
		{"repeated", []tidemark.RunState{bad, bad, bad, bad, bad, good}, 0, 2 * time.Minute, []string{"failed p run0", "failed p run2 again", "failed p run4 again", "recovered p run5"}},
		{"restart while it fails", []tidemark.RunState{bad, bad, good}, 1, 0, []string{"failed p run0", "recovered p run2"}},
		{"restart before it recovers", []tidemark.RunState{bad, good}, 1, 0, []string{"failed p run0", "recovered p run1"}},
		{"restart while it is good", []tidemark.RunState{good, good, bad}, 1, 0, []string{"failed p run2"}},
		{"restart and repeat", []tidemark.RunState{bad, bad, bad, bad}, 1, 2 * time.Minute, []string{"failed p run0", "failed p run2 again"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := posttest.NewReceiver(t)
			begin := func() *stage {
				s := newStage(t, Options{})
				s.Use([]Target{{Name: "desk", URL: text(r.URL), On: allKinds(), Repeat: c.repeat}}, "")
				return s
			}
			s := begin()
			var before *tidemark.Run
			for i, state := range c.runs {
				if c.restart > 0 && i == c.restart {
					s.stop()
					s = begin()
				}
				now := ended("p", i, state)
				s.Ended(before, now)
				if state == good || state == bad {
					before = &now
				}
			}
			s.stop()
			if diff := cmp.Diff(c.want, told(t, r, len(c.want))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLag(t *testing.T) {
	r := posttest.NewReceiver(t)
	target := []Target{{Name: "desk", URL: text(r.URL), On: allKinds()}}
	s := newStage(t, Options{})
	s.Use(target, "")
	run := ended("p", 60, tidemark.RunSucceeded)
	at := func(s *stage, minutes, loaded int, limit time.Duration) {
		s.Lag(dawn.Add(time.Duration(minutes)*time.Minute), Lag{Pipeline: "p", Loaded: dawn.Add(time.Duration(loaded) * time.Minute), Limit: limit, Run: &run})
	}
	at(s, 10, 0, 0) // no limit
	at(s, 10, 0, 10*time.Minute)
	at(s, 11, 0, 10*time.Minute)
	var late Event
	if err := json.Unmarshal(r.Next(t).Body, &late); err != nil {
		t.Fatal(err)
	}
	if late.Kind != Late || late.Lag != Seconds(11*time.Minute) || late.Limit != Seconds(10*time.Minute) || late.Run != "" {
		t.Errorf("got %+v", late)
	}
	at(s, 30, 0, 10*time.Minute)
	at(s, 60, 59, 10*time.Minute)
	at(s, 61, 59, 10*time.Minute)
	if diff := cmp.Diff([]string{"fresh p run60"}, told(t, r, 1)); diff != "" {
		t.Error(diff)
	}
	at(s, 99, 59, 10*time.Minute)
	if diff := cmp.Diff([]string{"late p "}, told(t, r, 1)); diff != "" {
		t.Error(diff)
	}
	s.stop()

	// The next process knows that this one has told, and tells what came to be between.
	s = newStage(t, Options{Watched: dawn.Add(99 * time.Minute)})
	s.Use(target, "")
	at(s, 120, 59, 10*time.Minute)
	at(s, 130, 125, 10*time.Minute)
	if diff := cmp.Diff([]string{"fresh p run60"}, told(t, r, 1)); diff != "" {
		t.Error(diff)
	}
	s.stop()
	s = newStage(t, Options{Watched: dawn.Add(130 * time.Minute)})
	s.Use(target, "")
	at(s, 140, 125, 10*time.Minute)
	if diff := cmp.Diff([]string{"late p "}, told(t, r, 1)); diff != "" {
		t.Error(diff)
	}

	// What has never been loaded is late once that is too long.
	never := func(minutes int) {
		s.Lag(dawn.Add(time.Duration(minutes)*time.Minute), Lag{Pipeline: "new", Limit: time.Hour})
	}
	never(200)
	never(260)
	never(261)
	if diff := cmp.Diff([]string{"late new "}, told(t, r, 1)); diff != "" {
		t.Error(diff)
	}
}

func TestTargets(t *testing.T) {
	r := posttest.NewReceiver(t)
	for _, c := range []struct {
		on        []Kind
		pipelines []string
		want      bool
	}{
		{allKinds(), nil, true},
		{[]Kind{Recovered}, nil, false},
		{allKinds(), []string{"shop.orders"}, true},
		{allKinds(), []string{"shop"}, false},
		{allKinds(), []string{"x", "shop.*"}, true},
		{allKinds(), []string{"shop.o?ders"}, true},
		{allKinds(), []string{"shopXo*", "*.items"}, false},
	} {
		s := newStage(t, Options{})
		s.Use([]Target{{Name: "desk", URL: text(r.URL), On: c.on, Pipelines: c.pipelines}}, "")
		s.Ended(nil, ended("shop.orders", 1, tidemark.RunFailed))
		s.stop()
		if got := s.Counts().Sent == 1; got != c.want {
			t.Errorf("%v of %v: told %t, want %t", c.on, c.pipelines, got, c.want)
		}
	}
}

// TestUnknownAddress: a secret that is not there is told in the log, and other targets go on.
func TestUnknownAddress(t *testing.T) {
	r := posttest.NewReceiver(t)
	var log bytes.Buffer
	s := newStage(t, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	missing := func(context.Context) (string, error) {
		return "", fmt.Errorf("secret ${env:HOOK}: %w", tidemark.ErrNotFound)
	}
	s.Use([]Target{{Name: "ops", URL: missing, On: allKinds()}, {Name: "desk", URL: text(r.URL), On: allKinds()}}, "")
	s.Ended(nil, ended("p", 1, tidemark.RunFailed))
	if diff := cmp.Diff([]string{"failed p run1"}, told(t, r, 1)); diff != "" {
		t.Error(diff)
	}
	s.stop()
	if got, want := s.Counts(), (post.Counts{Sent: 1, Failed: 1}); got != want || !strings.Contains(log.String(), "address of notification ops") {
		t.Errorf("counts %+v, want %+v; log:\n%s", got, want, log.String())
	}
}
