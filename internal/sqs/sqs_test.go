package sqs

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// open opens the queue of a server, with a log.
func open(t *testing.T, s *testenv.QueueServer, o Options) (*Queue, *bytes.Buffer) {
	t.Helper()
	cfg, err := awsconfig.LoadDefaultConfig(t.Context(), awsconfig.WithRegion(s.Region),
		awsconfig.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, "")))
	if err != nil {
		t.Fatal(err)
	}
	cfg.RetryMaxAttempts = 1
	var log bytes.Buffer
	o.AWS, o.Log = cfg, slog.New(slog.NewTextHandler(&log, nil))
	if o.URL == "" {
		o.URL = s.URL
	}
	q, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return q, &log
}

func receive(t *testing.T, q *Queue) *Delivery {
	t.Helper()
	d, err := q.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestReceive: an object that is written is told of until its message was taken; objects of other prefixes are not, and their
// messages go too.
func TestReceive(t *testing.T) {
	s := testenv.Queue(t, 1)
	q, _ := open(t, s, Options{Bucket: s.Bucket, Prefix: "in/"})
	s.PutObject("in/a%20b.csv", "x")
	first := receive(t, q)
	if len(first.Objects) != 1 || first.Objects[0].Key != "in/a b.csv" || first.Objects[0].Bucket != s.Bucket || first.Used != 1 {
		t.Fatalf("told of %+v", first)
	}
	again := receive(t, q) // a second later, since nobody has taken it
	if len(again.Objects) != 1 || again.Objects[0] != first.Objects[0] {
		t.Errorf("told again of %+v, want %+v", again.Objects, first.Objects)
	}
	if err := again.Done(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.PutObject("out/c.csv", "x")
	s.Send(strings.Replace(plain, `"name": "lake"`, `"name": "other"`, 1))
	for used := 0; used < 2; {
		d := receive(t, q)
		if len(d.Objects) > 0 {
			t.Errorf("told of %+v", d.Objects)
		}
		used += d.Used
		if err := d.Done(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Count(); n != "0+0" {
		t.Errorf("%s messages are left", n)
	}
}

// TestReceiveForeign: a message that says nothing stays, and the log tells of it once, without its text.
func TestReceiveForeign(t *testing.T) {
	s := testenv.Queue(t, 1)
	q, log := open(t, s, Options{})
	s.Send("a-secret-of-others")
	for range 2 {
		d := receive(t, q)
		if len(d.Objects)+d.Used != 0 || d.Left != 1 {
			t.Errorf("told of %+v", d)
		}
		if err := d.Done(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if text := log.String(); strings.Count(text, "a message stays in the queue") != 1 || strings.Contains(text, "a-secret") {
		t.Errorf("the log is\n%s", text)
	}
	if n := s.Count(); n != "0+1" && n != "1+0" {
		t.Errorf("%s messages are left, want 1", n)
	}
}

// TestReceiveEnds: a poll ends with its context, long before its 20 seconds.
func TestReceiveEnds(t *testing.T) {
	s := testenv.Queue(t, 1)
	q, _ := open(t, s, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	began := time.Now()
	time.AfterFunc(100*time.Millisecond, cancel)
	if _, err := q.Receive(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it was cancelled", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestReceiveErrors: what is wrong has a kind and a hint.
func TestReceiveErrors(t *testing.T) {
	s := testenv.Queue(t, 1)
	q, _ := open(t, s, Options{URL: s.URL + "-gone"})
	if _, err := q.Receive(t.Context()); !errors.Is(err, tidemark.ErrNotFound) || !strings.Contains(err.Error(), s.URL+"-gone") || tidemark.Hint(err) == "" {
		t.Errorf("a queue that is not there: %v", err)
	}
	q, _ = open(t, s, Options{URL: "http://127.0.0.1:1/1/q"})
	if _, err := q.Receive(t.Context()); !errors.Is(err, tidemark.ErrTransient) {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := Open(Options{AWS: aws.Config{}, URL: "queue"}); !errors.Is(err, tidemark.ErrInvalid) {
		t.Errorf("no URL: %v", err)
	}
}
