package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
)

// newClocked is newService with a process whose triggers go by a clock that the test moves.
func newClocked(t *testing.T, c *testenv.Clock, pipelines string) *service {
	t.Helper()
	s := newService(t, pipelines)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.binary = self
	t.Setenv(clockOfTest, c.Show(t))
	return s
}

// next waits until a trigger is to fire at a time: it has looked at all that came before.
func (s *service) next(trigger, at string) {
	s.t.Helper()
	var told string
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		var code int
		if code, told = s.fetch("/api/v1/triggers"); code != http.StatusOK {
			s.t.Fatalf("triggers: %d %s", code, told)
		}
		var all struct {
			Triggers []struct{ ID, Next string }
		}
		if err := json.Unmarshal([]byte(told), &all); err != nil {
			s.t.Fatal(err)
		}
		for _, one := range all.Triggers {
			if one.ID == trigger && one.Next == at {
				return
			}
		}
	}
	s.t.Fatalf("%s is not to fire at %s: %s\n%s", trigger, at, told, s.log)
}

// wants waits until as many runs of a pipeline have ended as there are causes, and compares.
func (s *service) wants(pipeline string, want ...string) {
	s.t.Helper()
	var got []string
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		code, body := s.fetch("/api/v1/runs?pipeline=" + pipeline)
		var all struct{ Runs []tidemark.Run }
		if err := json.Unmarshal([]byte(body), &all); code != http.StatusOK || err != nil {
			s.t.Fatalf("runs: %d %s", code, body)
		}
		got = got[:0]
		for _, r := range all.Runs {
			if r.State == tidemark.RunFailed {
				s.t.Fatalf("a run has failed: %s\n%s", r.Error, s.log)
			}
			if r.State != tidemark.RunSucceeded {
				continue
			}
			for _, c := range slices.Backward(r.Causes) {
				got = append(got, strings.TrimPrefix(c.ID, string(c.Trigger)+"@"))
			}
		}
		slices.Reverse(got) // the first first
		if len(got) >= len(want) {
			break
		}
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("runs of %s by %q, want %q\n%s", pipeline, got, want, s.log)
	}
}

// TestServeCron: the real server, by a clock that the test moves, runs at the times of a cron line, where the clocks change too, and
// makes up for those that pass while it is dead, as the config says.
func TestServeCron(t *testing.T) {
	c := testenv.NewClock(t, "2026-03-28T00:00:00Z") // 1:00 in Berlin
	s := newClocked(t, c, `  early:
    target: {table: shop.early}
    triggers: [{cron: "30 2 * * *", zone: Europe/Berlin}]
  all:
    target: {table: shop.all}
    triggers: [{cron: "30 * * * *", catch_up: all}]
`)
	s.exec("INSERT INTO orders (order_id, order_status) VALUES (1, 'NEW')")
	s.begin()
	s.listens()
	s.next("early/cron", "2026-03-28T01:30:00Z")
	s.next("all/cron", "2026-03-28T00:30:00Z")
	c.To(t, "2026-03-28T00:30:00Z")
	s.wants("all", "2026-03-28T00:30:00Z")
	s.next("all/cron", "2026-03-28T01:30:00Z")
	s.wants("early")
	s.end(syscall.SIGKILL)

	c.To(t, "2026-03-28T03:00:00Z")
	s.begin()
	s.listens()
	s.wants("all", "2026-03-28T00:30:00Z", "2026-03-28T01:30:00Z", "2026-03-28T02:30:00Z")
	s.wants("early", "2026-03-28T01:30:00Z")
	s.next("early/cron", "2026-03-30T00:30:00Z") // for the night before has no 2:30
	s.arrives("shop.early", 1)
	s.end(syscall.SIGTERM)
}

// TestServeQueue: a new object of which a queue tells starts a run of the real server, once, though the message comes again to
// another process.
func TestServeQueue(t *testing.T) {
	q := testenv.Queue(t, 1)
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": q.AccessKey, "AWS_SECRET_ACCESS_KEY": q.SecretKey, "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "",
	} {
		t.Setenv(name, value)
	}
	s := newService(t, fmt.Sprintf("  told:\n    target: {table: shop.told}\n    triggers: [{object: {queue: %q, prefix: in/}}]\n", q.URL))
	s.exec("INSERT INTO orders (order_id, order_status) VALUES (1, 'NEW')")
	message := func(key string) string {
		return fmt.Sprintf(`{"Records": [{"eventSource": "aws:s3", "eventTime": "2026-03-01T04:15:09Z", "eventName": "ObjectCreated:Put",
			"s3": {"bucket": {"name": %q}, "object": {"key": %q, "eTag": "e", "sequencer": "07"}}}]}`, q.Bucket, key)
	}
	cause := func(key string) string { return "s3://" + q.Bucket + "/" + key + "#e:07" }
	q.Send(message("in/one.csv"))
	s.begin()
	s.listens()
	s.wants("told", cause("in/one.csv"))
	s.arrives("shop.told", 1)
	s.end(syscall.SIGKILL)
	q.Send(message("in/one.csv"))
	q.Send(message("out/other.csv"))
	s.begin()
	s.listens()
	q.Send(message("in/two.csv"))
	s.wants("told", cause("in/one.csv"), cause("in/two.csv"))
	for deadline := time.Now().Add(time.Minute); q.Count() != "0+0"; {
		if time.Now().After(deadline) {
			t.Fatalf("%s messages stay in the queue\n%s", q.Count(), s.log)
		}
	}
	s.wants("told", cause("in/one.csv"), cause("in/two.csv"))
	s.end(syscall.SIGTERM)
}
