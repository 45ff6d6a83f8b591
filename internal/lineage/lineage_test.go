package lineage

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/post"
	"github.com/tidemark-data/tidemark/internal/post/posttest"
)

var dawn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A stage is an emitter that runs. Its end sends all that waits.
type stage struct {
	*Emitter
	clock *posttest.Clock
	stop  func()
}

func newStage(t *testing.T, s Server) *stage {
	clock := posttest.NewClock(dawn)
	e := New(Options{Clock: clock, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Version: "1.2"})
	e.Use(s)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { e.Run(ctx); close(done) }()
	stop := func() { cancel(); <-done }
	t.Cleanup(stop)
	return &stage{e, clock, stop}
}

func orders() Job {
	schema := &tidemark.Schema{Columns: []tidemark.Column{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64, SourceType: "bigint unsigned", Comment: "of the shop"},
		{Name: "total", Type: &arrow.Decimal128Type{Precision: 9, Scale: 2}},
	}}
	columns := []tidemark.DescribedColumn{{TargetColumn: tidemark.TargetColumn{Name: "id", Type: "long"}, Doc: "bigint unsigned: of the shop"}}
	return Job{
		Source: Source("db.example.com:3306", tidemark.TableName{Database: "shop", Name: "orders"}, SourceFields(schema)),
		Target: Target("s3://bucket/lake/shop/orders/", TargetFields(columns)),
	}
}

// begun returns a run at work; end ends it.
func begun(attempts int) tidemark.Run {
	r := tidemark.Run{
		ID: tidemark.NewRunID(dawn), Pipeline: "orders", State: tidemark.RunRunning, Started: dawn.In(time.FixedZone("far", 7200)),
		Causes: []tidemark.Cause{
			{ID: "manual@x", Kind: tidemark.TriggerManual, At: dawn},
			{ID: "orders/cron@06fhqj2t8n4w0c3r5v7x9yabde", Trigger: "orders/cron", Kind: tidemark.TriggerCron, At: dawn},
			{ID: "orders/cron@2025-12-31T23:45:00Z", Trigger: "orders/cron", Kind: tidemark.TriggerCron, At: dawn},
		},
	}
	for n := range attempts {
		r.Attempts = append(r.Attempts, tidemark.Attempt{N: n + 1})
	}
	return r
}

func end(r tidemark.Run, s tidemark.RunState, result *tidemark.RunResult) tidemark.Run {
	r.State, r.Ended, r.Result = s, r.Started.Add(time.Minute), result
	return r
}

// An object is JSON as a receiver sees it.
type object map[string]any

// at returns what is at a path of keys; the first element of lists.
func (o object) at(path string) any {
	var v any = map[string]any(o)
	for key := range strings.SplitSeq(path, ".") {
		if list, ok := v.([]any); ok && len(list) == 1 {
			v = list[0]
		}
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

// read decodes an event and checks what every event must have.
func read(t *testing.T, got posttest.Got) object {
	t.Helper()
	var o object
	if err := json.Unmarshal(got.Body, &o); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"eventType", "eventTime", "producer", "schemaURL", "run.runId", "job.namespace", "job.name",
		"inputs.namespace", "inputs.name", "outputs.namespace", "outputs.name",
	} {
		if text, ok := o.at(path).(string); !ok || text == "" {
			t.Errorf("no %s in %s", path, got.Body)
		}
	}
	if at, err := time.Parse(time.RFC3339Nano, o.at("eventTime").(string)); err != nil || at.Location() != time.UTC {
		t.Errorf("eventTime %v", o.at("eventTime"))
	}
	if _, err := uuid.Parse(o.at("run.runId").(string)); err != nil {
		t.Errorf("runId: %v", err)
	}
	for _, facets := range []string{"run.facets", "job.facets", "inputs.facets", "outputs.facets", "inputs.inputFacets", "outputs.outputFacets"} {
		all, _ := o.at(facets).(map[string]any)
		for name, f := range all {
			one := object(f.(map[string]any))
			if url, _ := one["_schemaURL"].(string); one["_producer"] != Producer || !strings.HasPrefix(url, "https://openlineage.io/spec/facets/") {
				t.Errorf("facet %s: %v", name, one)
			}
		}
	}
	return o
}

// TestRun follows a run from its start to its end, over two attempts.
func TestRun(t *testing.T) {
	r := posttest.NewReceiver(t)
	s := newStage(t, Server{URL: r.URL + "/api/v1/lineage", Namespace: "prod", APIKey: func(context.Context) (string, error) { return "k3y", nil }})
	one, two := begun(1), begun(2)
	two.ID = one.ID
	s.Started(one, orders())
	s.Ended(end(one, tidemark.RunQueued, nil), orders())
	s.Started(two, orders())
	s.Ended(end(two, tidemark.RunSucceeded, &tidemark.RunResult{Committed: true, Read: 12, New: 10, Bytes: 4096, Files: 2}), orders())
	first, last := r.Next(t), r.Next(t)
	s.stop()
	r.Quiet(t)
	if first.Path != "/api/v1/lineage" || first.Header.Get("Authorization") != "Bearer k3y" || first.Header.Get("Content-Type") != "application/json" {
		t.Errorf("got %s with %v", first.Path, first.Header)
	}
	want := object{
		"eventType": "START", "eventTime": "2026-01-01T00:00:00Z", "producer": Producer, "job.namespace": "prod", "job.name": "orders",
		"inputs.namespace": "mysql://db.example.com:3306", "inputs.name": "shop.orders", "outputs.namespace": "s3://bucket", "outputs.name": "lake/shop/orders",
		"run.facets.nominalTime.nominalStartTime": "2025-12-31T23:45:00Z", "run.facets.processing_engine.version": "1.2",
		"inputs.facets.schema.fields": []any{
			map[string]any{"name": "id", "type": "bigint unsigned", "description": "of the shop"}, map[string]any{"name": "total", "type": "decimal(9,2)"},
		},
		"outputs.facets.schema.fields": []any{map[string]any{"name": "id", "type": "long", "description": "bigint unsigned: of the shop"}},
		"inputs.inputFacets":           nil, "outputs.outputFacets": nil, "run.facets.errorMessage": nil, "job.facets.jobType.processingType": "BATCH",
	}
	check := func(got posttest.Got) object {
		o, seen := read(t, got), object{}
		for path := range want {
			seen[path] = o.at(path)
		}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Error(diff)
		}
		return o
	}
	a := check(first)
	want["eventType"], want["eventTime"] = "COMPLETE", "2026-01-01T00:01:00Z"
	want["inputs.inputFacets.inputStatistics.rowCount"], want["outputs.outputFacets.outputStatistics.rowCount"] = 12.0, 10.0
	want["outputs.outputFacets.outputStatistics.size"], want["outputs.outputFacets.outputStatistics.fileCount"] = 4096.0, 2.0
	delete(want, "inputs.inputFacets")
	delete(want, "outputs.outputFacets")
	if b := check(last); a.at("run.runId") != b.at("run.runId") {
		t.Errorf("run %v, then %v", a.at("run.runId"), b.at("run.runId"))
	}
}

// TestEnds: each way in which a run ends, and those that are no event.
func TestEnds(t *testing.T) {
	never := begun(0)
	never.Started = time.Time{}
	failed := end(begun(1), tidemark.RunFailed, &tidemark.RunResult{Read: 5, New: 5, Files: 1})
	failed.Error = strings.Repeat("é", 5000)
	for name, c := range map[string]struct {
		run  tidemark.Run
		want string
	}{
		"succeeded":        {end(begun(1), tidemark.RunSucceeded, &tidemark.RunResult{}), "COMPLETE 0 "},
		"failed":           {failed, "FAIL 0 " + strings.Repeat("é", 2000)},
		"cancelled":        {end(begun(1), tidemark.RunCancelled, nil), "ABORT <nil> "},
		"waits":            {end(begun(1), tidemark.RunQueued, nil), ""},
		"never started":    {end(never, tidemark.RunCancelled, nil), ""},
		"skipped":          {end(never, tidemark.RunSkipped, nil), ""},
		"another of START": {end(begun(1), tidemark.RunRunning, nil), ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := posttest.NewReceiver(t)
			s := newStage(t, Server{URL: r.URL, Namespace: "prod"})
			if c.run.Started.IsZero() {
				c.run.Ended = dawn
			}
			s.Ended(c.run, orders())
			s.stop()
			got := ""
			if s.Counts().Sent > 0 {
				o := read(t, r.Next(t))
				message, _ := o.at("run.facets.errorMessage.message").(string)
				got = fmt.Sprintf("%v %v %s", o.at("eventType"), o.at("outputs.outputFacets.outputStatistics.rowCount"), message)
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			r.Quiet(t)
		})
	}
}

// TestOrder: an end comes behind its start, also where that is tried again.
func TestOrder(t *testing.T) {
	r := posttest.NewReceiver(t, posttest.Answer{Status: 503}, posttest.Answer{Status: 429})
	s := newStage(t, Server{URL: r.URL, Namespace: "prod"})
	one := begun(1)
	s.Started(one, orders())
	s.Ended(end(one, tidemark.RunSucceeded, nil), orders())
	var got []any
	for n := range 4 {
		got = append(got, read(t, r.Next(t)).at("eventType"))
		if n < 2 {
			s.clock.Next(t)
		}
	}
	if diff := cmp.Diff([]any{"START", "START", "START", "COMPLETE"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDisabled(t *testing.T) {
	s := newStage(t, Server{})
	s.Started(begun(1), orders())
	s.stop()
	if s.Enabled() || s.Counts() != (post.Counts{}) {
		t.Errorf("enabled %t, counts %+v", s.Enabled(), s.Counts())
	}
}

func TestRunUUID(t *testing.T) {
	at := dawn.Add(1234 * time.Millisecond)
	id := tidemark.NewRunID(at)
	u := runUUID(id)
	if seconds, nanos := u.Time().UnixTime(); u.Version() != 7 || u.Variant() != uuid.RFC4122 || !time.Unix(seconds, nanos).Equal(at) {
		t.Errorf("%s of %s: version %s, variant %s, time %v", u, id, u.Version(), u.Variant(), time.Unix(seconds, nanos))
	}
	if again := runUUID(id); again != u {
		t.Errorf("%s, then %s", u, again)
	}
	if other := runUUID(tidemark.NewRunID(at)); other == u {
		t.Errorf("two runs are %s", u)
	}
	if odd := runUUID("by hand"); odd.Version() != 5 || odd != runUUID("by hand") || odd == runUUID("by foot") {
		t.Errorf("another id is %s", odd)
	}
}

func TestTarget(t *testing.T) {
	for location, want := range map[string]Dataset{
		"s3://bucket/lake/shop/orders": {Namespace: "s3://bucket", Name: "lake/shop/orders"},
		"/var/lake/shop/orders/":       {Namespace: "file", Name: "/var/lake/shop/orders"},
		"file:///var/lake":             {Namespace: "file", Name: "/var/lake"},
		"/":                            {Namespace: "file", Name: "/"},
	} {
		if diff := cmp.Diff(want, Target(location, nil)); diff != "" {
			t.Errorf("%s: %s", location, diff)
		}
	}
	if got := SourceFields(nil); got != nil {
		t.Errorf("fields %v of no schema", got)
	}
}
