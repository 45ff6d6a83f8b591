package serve_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/testenv"
	"github.com/tidemark-data/tidemark/serve"
)

// await asks the server until something is so.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// next waits until a trigger is to fire at a time: it has looked at all that came before.
func (s *site) next(t *testing.T, trigger, at string) {
	t.Helper()
	await(t, trigger+" fires at "+at+" next", func() bool {
		var all struct {
			Triggers []struct{ ID, Next, Error string }
		}
		s.ask(t, 200, "GET", "/api/v1/triggers", "", &all)
		for _, one := range all.Triggers {
			if one.ID == trigger {
				return one.Next == at
			}
		}
		return false
	})
}

// causes waits until so many runs of a pipeline have succeeded, and all have, and returns what each of them was wanted for, the first first.
func (s *site) causes(t *testing.T, pipeline string, runs int) (causes []string) {
	t.Helper()
	await(t, fmt.Sprintf("%d runs of %s", runs, pipeline), func() bool {
		var all runsBody
		s.ask(t, 200, "GET", "/api/v1/runs?pipeline="+pipeline, "", &all)
		slices.Reverse(all.Runs)
		causes = causes[:0]
		for _, r := range all.Runs {
			if r.State.Ended() && r.State != tidemark.RunSucceeded {
				t.Fatalf("a run has ended as %+v", r)
			}
			if r.State != tidemark.RunSucceeded {
				return false
			}
			var ids []string
			for _, c := range r.Causes {
				ids = append(ids, strings.TrimPrefix(c.ID, string(c.Trigger)+"@"))
			}
			causes = append(causes, strings.Join(ids, " "))
		}
		return len(causes) >= runs
	})
	return causes
}

func (s *site) wants(t *testing.T, pipeline string, want ...string) {
	t.Helper()
	if got := s.causes(t, pipeline, len(want)); !slices.Equal(got, want) {
		t.Errorf("runs of %s by %q, want %q", pipeline, got, want)
	}
}

const cronPipelines = `
  early: {source: {connection: shop, table: orders, cursor: at}, target: {connection: lake, table: shop.early}, triggers: [{cron: "30 2 * * *", zone: Europe/Berlin}]}
`

// TestCronZone: in spring a time that the clock leaves out does not come, and in autumn one that comes twice fires twice.
func TestCronZone(t *testing.T) {
	s := prepareSite(t, "server: {keep_runs: 1000d}", cronPipelines)
	s.ordersTable(t)
	c := testenv.NewClock(t, "2026-03-28T00:00:00Z") // 1:00 in Berlin
	s.serve(t, serve.Options{Clock: c})
	s.next(t, "early/cron", "2026-03-28T01:30:00Z")
	c.To(t, "2026-03-28T01:30:00Z")
	s.wants(t, "early", "2026-03-28T01:30:00Z")
	s.next(t, "early/cron", "2026-03-30T00:30:00Z")
	c.To(t, "2026-03-29T23:00:00Z") // behind the night without a 2:30
	c.To(t, "2026-03-30T00:30:00Z")
	s.wants(t, "early", "2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z")
	s.stop()

	c.To(t, "2026-10-24T23:00:00Z") // 1:00 in the night in which 2:30 comes twice
	s.serve(t, serve.Options{Clock: c})
	s.next(t, "early/cron", "2026-10-25T00:30:00Z")
	missed := "2026-10-24T00:30:00Z"
	s.wants(t, "early", "2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z", missed)
	c.To(t, "2026-10-25T00:30:00Z")
	s.wants(t, "early", "2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z", missed, "2026-10-25T00:30:00Z")
	s.next(t, "early/cron", "2026-10-25T01:30:00Z")
	c.To(t, "2026-10-25T01:30:00Z")
	s.wants(t, "early", "2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z", missed, "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z")
	s.next(t, "early/cron", "2026-10-26T01:30:00Z")
}

const missedPipelines = `
  none: {source: {connection: shop, table: orders, cursor: at}, target: {connection: lake, table: shop.none}, triggers: [{cron: "@hourly", catch_up: none}]}
  one: {source: {connection: shop, table: orders, cursor: at}, target: {connection: lake, table: shop.one}, triggers: [{cron: "@hourly"}]}
  all: {source: {connection: shop, table: orders, cursor: at}, target: {connection: lake, table: shop.all}, triggers: [{cron: "@hourly", catch_up: all}]}
  step: {source: {connection: shop, table: orders, cursor: at}, target: {connection: lake, table: shop.step}, triggers: [{every: 1h}]}
`

// TestCatchUp: what becomes of times that passed while no server was there, as the config says.
func TestCatchUp(t *testing.T) {
	s := prepareSite(t, "", missedPipelines)
	s.ordersTable(t)
	c := testenv.NewClock(t, "2026-01-01T00:10:00Z")
	s.serve(t, serve.Options{Clock: c})
	for _, name := range []string{"none", "one", "all"} {
		s.next(t, name+"/cron", "2026-01-01T01:00:00Z")
	}
	s.wants(t, "step", "2026-01-01T00:10:00Z")
	s.stop()
	c.To(t, "2026-01-01T03:30:00Z")
	s.serve(t, serve.Options{Clock: c})
	for _, name := range []string{"none", "one", "all"} {
		s.next(t, name+"/cron", "2026-01-01T04:00:00Z")
	}
	s.wants(t, "one", "2026-01-01T03:00:00Z")
	s.wants(t, "all", "2026-01-01T01:00:00Z 2026-01-01T02:00:00Z 2026-01-01T03:00:00Z") // the run that waited has taken them on
	s.wants(t, "step", "2026-01-01T00:10:00Z", "2026-01-01T03:10:00Z")
	s.wants(t, "none")
	c.To(t, "2026-01-01T04:00:00Z")
	s.wants(t, "none", "2026-01-01T04:00:00Z")
	s.wants(t, "one", "2026-01-01T03:00:00Z", "2026-01-01T04:00:00Z")
}

// TestQueue: an object that is written starts a run, and a message starts one, once, though it is delivered twice and across
// a restart.
func TestQueue(t *testing.T) {
	q := testenv.Queue(t, 1)
	t.Setenv("AWS_ACCESS_KEY_ID", q.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", q.SecretKey)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_REGION", "")
	s := newSite(t, "", fmt.Sprintf(`
  told: {source: {connection: shop, table: orders, cursor: at}, target: {connection: lake, table: shop.told}, triggers: [{object: {queue: %q, prefix: in/}}]}
`, q.URL))
	s.ordersTable(t)
	taken := func() {
		t.Helper()
		await(t, "the queue is empty", func() bool { return q.Count() == "0+0" })
	}
	q.PutObject("out/other.csv", "x")
	q.PutObject("in/new.csv", "x")
	causes := s.causes(t, "told", 1)
	if len(causes) != 1 || !strings.HasPrefix(causes[0], "s3://"+q.Bucket+"/in/new.csv#") || strings.Contains(causes[0], " ") {
		t.Errorf("runs by %q, want one by the new object", causes)
	}
	twice := fmt.Sprintf(`{"Records": [{"eventSource": "aws:s3", "eventTime": "2026-03-01T04:15:09Z", "eventName": "ObjectCreated:Put",
		"s3": {"bucket": {"name": %q}, "object": {"key": "in/twice.csv", "eTag": "e", "sequencer": "07"}}}]}`, q.Bucket)
	q.Send(twice)
	want := []string{causes[0], "s3://" + q.Bucket + "/in/twice.csv#e:07"}
	s.wants(t, "told", want...)
	q.Send(twice)
	taken()
	s.wants(t, "told", want...)
	s.stop()
	q.Send(twice)
	s.serve(t, serve.Options{})
	taken()
	s.wants(t, "told", want...)
}
