package config

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

const triggered = `connections:
  shop: {type: mysql, url: mysql://etl@db.example.com/shop, max_runs: 2, read_rate: 5000}
  lake: {type: file, path: lake}
  bucket: {type: s3, url: s3://bucket/lake}
server: {store: state/runs.db, parallel: 7, keep_runs: 30d, stop_timeout: 5s}
defaults:
  source: {connection: shop, cursor: updated_at}
  target: {connection: lake, table: "shop.{table}"}
  retries: 5
pipelines:
  orders:
    source: {table: orders}
    timeout: 2h
    freshness: 30m
    triggers: TRIGGERS
  items:
    source: {table: items}
    retries: 0
    priority: 10
    triggers: [{after: [orders, all.t1], on: end, of: all}]
  full:
    source: {table: full, cursor: []}
    target: {mode: replace}
  all:
    source: {tables: ["shop.t*"]}
    triggers: [{every: 1h}]
`

// TestTriggers: what the document says comes out, with its defaults.
func TestTriggers(t *testing.T) {
	text := strings.ReplaceAll(triggered, "TRIGGERS", `
      - cron: "*/15 * * * *"
      - {cron: "@daily", zone: Europe/Berlin, catch_up: all, enabled: false}
      - {name: quick, every: 5s}
      - object: {connection: lake, prefix: in/}
      - object: {queue: "https://sqs.eu-west-1.amazonaws.com/1/q", prefix: in/}
      - object: {queue: "http://127.0.0.1:5555/1/q", connection: bucket}
      - source: 30s
      - webhook: {token: "${env:HOOK}"}
      - webhook: {secret: "${file:/run/hook}"}`)
	c, err := Parse("/etc/tidemark/tidemark.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []tidemark.Trigger{
		{ID: "orders/cron", Kind: tidemark.TriggerCron, Enabled: true, Cron: "*/15 * * * *", CatchUp: tidemark.CatchUpOne},
		{ID: "orders/cron-2", Kind: tidemark.TriggerCron, Cron: "@daily", Zone: "Europe/Berlin", CatchUp: tidemark.CatchUpAll},
		{ID: "orders/quick", Kind: tidemark.TriggerEvery, Enabled: true, Every: 5 * time.Second},
		{ID: "orders/object", Kind: tidemark.TriggerObject, Enabled: true, Connection: "lake", Prefix: "in/", Every: time.Minute},
		{ID: "orders/object-2", Kind: tidemark.TriggerObject, Enabled: true, Prefix: "in/", Queue: "https://sqs.eu-west-1.amazonaws.com/1/q"},
		{ID: "orders/object-3", Kind: tidemark.TriggerObject, Enabled: true, Connection: "bucket", Queue: "http://127.0.0.1:5555/1/q"},
		{ID: "orders/source", Kind: tidemark.TriggerSource, Enabled: true, Every: 30 * time.Second},
		{ID: "orders/webhook", Kind: tidemark.TriggerWebhook, Enabled: true},
		{ID: "orders/webhook-2", Kind: tidemark.TriggerWebhook, Enabled: true},
		{ID: "items/after", Kind: tidemark.TriggerAfter, Enabled: true, After: []string{"orders", "all.t1"}, On: tidemark.OnEnd, All: true},
		{ID: "all/every", Kind: tidemark.TriggerEvery, Enabled: true, Every: time.Hour},
	}
	if diff := cmp.Diff(want, c.Triggers); diff != "" {
		t.Error(diff)
	}
	server := Server{Listen: "127.0.0.1:8080", Store: "/etc/tidemark/state/runs.db", Parallel: 7, KeepRuns: 30 * 24 * time.Hour, StopTimeout: 5 * time.Second}
	if !reflect.DeepEqual(c.Server, server) || c.MaxRuns["shop"] != 2 || len(c.MaxRuns) != 1 {
		t.Errorf("server %+v, limits %v", c.Server, c.MaxRuns)
	}
	for i, want := range []Runs{{Retries: 5, Timeout: 2 * time.Hour, Freshness: 30 * time.Minute}, {Priority: 10}, {Retries: 5}} {
		if got := c.Pipelines[i].Runs; got != want {
			t.Errorf("runs of %s: %+v, want %+v", c.Pipelines[i].ID, got, want)
		}
	}
	if one, two := c.Webhooks["orders/webhook"], c.Webhooks["orders/webhook-2"]; one.Token.IsZero() || !one.Key.IsZero() || !two.Token.IsZero() || two.Key.IsZero() {
		t.Errorf("webhooks %+v", c.Webhooks)
	}
	if rate := c.Connections["shop"].(*MySQL).ReadRate; rate != 5000 {
		t.Errorf("read_rate %d", rate)
	}
	e, err := c.Excerpt(c.Pipelines[0])
	if err != nil || !strings.Contains(string(e.JSON), "read_rate") {
		t.Errorf("excerpt %s, %v; want how the source is read in it", e.JSON, err)
	}
	for _, key := range []string{"triggers", "timeout", "max_runs", "freshness"} {
		if strings.Contains(string(e.JSON), key) {
			t.Errorf("excerpt %s: %s is about a server", e.JSON, key)
		}
	}
}

// TestTriggersRefused: what cannot be meant is told with its place.
func TestTriggersRefused(t *testing.T) {
	for triggers, want := range map[string]string{
		`[{cron: "0 0 30 2 *"}]`:                                           `15:17: pipelines.orders.triggers[0].cron: "0 0 30 2 *" never comes`,
		`[{cron: "often"}]`:                                                `15:17: pipelines.orders.triggers[0].cron: "often" are no times: expected exactly 5 fields, found 1: [often]; write five fields, such as "15 2 * * *" for 2:15 each day`,
		`[{cron: "CRON_TZ=Asia/Tokyo 1 1 * * *"}]`:                         `15:17: pipelines.orders.triggers[0].cron: the zone does not stand in the times; name it with zone`,
		`[{cron: "@every 5m"}]`:                                            `15:17: pipelines.orders.triggers[0].cron: @every is no time of the calendar; use every`,
		`[{cron: "@daily", zone: Mars/Base}]`:                              `15:33: pipelines.orders.triggers[0].zone: unknown zone "Mars/Base"; write it as Europe/Berlin`,
		`[{every: 10ms}]`:                                                  `15:17: pipelines.orders.triggers[0].every: want at least 1s`,
		`[{every: 5s, zone: UTC}]`:                                         `15:28: pipelines.orders.triggers[0].zone: only cron has it`,
		`[{every: 5s, source: 5s}]`:                                        `15:16: pipelines.orders.triggers[0]: want one kind of trigger, got 2; use one of cron, every, after, object, source, webhook`,
		`[{name: x}]`:                                                      `15:16: pipelines.orders.triggers[0]: want one kind of trigger, got 0; use one of cron, every, after, object, source, webhook`,
		`[{every: 5s, name: a b}]`:                                         `15:28: pipelines.orders.triggers[0].name: use letters, digits, '_' and '-' for the name`,
		`[{every: 5s, name: a}, {every: 6s, name: a}]`:                     `15:38: pipelines.orders.triggers[1]: two triggers are called "a"; give it another name`,
		`[{after: itms}]`:                                                  `15:17: pipelines.orders.triggers[0].after: there is no pipeline "itms"; did you mean "items"?`,
		`[{after: [all.t1, all.t1]}]`:                                      `15:17: pipelines.orders.triggers[0].after: "all.t1" is named twice`,
		`[{webhook: {}}]`:                                                  `15:17: pipelines.orders.triggers[0].webhook: want one of token, secret; a request sends the token, or is signed with the secret`,
		`[{webhook: {token: abc}}]`:                                        `15:27: pipelines.orders.triggers[0].webhook.token: a secret cannot be written here, only a reference to it; write ${env:NAME}, ${file:/path} or ${aws-sm:name#key} and keep the value there`,
		`[{after: orders}]`:                                                `15:17: pipelines.orders.triggers[0].after: a pipeline cannot run after itself`,
		`[{after: items}]`:                                                 `15:17: pipelines.orders.triggers[0].after: orders → items → orders would start each other for ever`,
		`[{object: {connection: shop}}]`:                                   `15:26: pipelines.orders.triggers[0].object.connection: connection "shop" is not of type s3 or file`,
		`[{object: {queue: "arn:aws:sqs:eu-west-1:1:q"}}]`:                 `pipelines.orders.triggers[0].object.queue: this is no URL of a queue; write it as https://sqs.eu-west-1.amazonaws.com/123456789012/NAME`,
		`[{object: {queue: "https://a:b@example.com/q"}}]`:                 `object.queue: this is no URL of a queue`,
		`[{object: {queue: "https://example.com/"}}]`:                      `object.queue: this is no URL of a queue`,
		`[{object: {queue: ""}}]`:                                          `object.queue: this is no URL of a queue`,
		`[{object: {queue: "https://example.com/1/q", every: 5s}}]`:        `object.every: what a queue tells of is not listed`,
		`[{object: {queue: "https://example.com/1/q", connection: lake}}]`: `object.connection: connection "lake" is not of type s3`,
		"[]\n    retries: 101":                                             `pipelines.orders.retries: want a number from 0 to 100`,
		"[]\n  other:\n    source: {table: o, cursor: []}\n    target: {mode: replace}\n    triggers: [{source: 5s}]": `pipelines.other.triggers[0].source: a pipeline without a cursor has nothing to look at; use every or cron`,
	} {
		_, err := Parse("tidemark.yaml", []byte(strings.ReplaceAll(triggered, "TRIGGERS", triggers)))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%s:\n%v\nwant\n%s", triggers, err, want)
		}
	}
}

// TestLimitsRefused: limits that cannot be meant, from the file or from the environment.
func TestLimitsRefused(t *testing.T) {
	for _, c := range []struct{ from, to, variable, value, want string }{
		{"max_runs: 2", "max_runs: 0", "", "", "connections.shop.max_runs: "},
		{"", "", "TIDEMARK_CONNECTIONS_SHOP_MAX_RUNS", "-1", "connections.shop.max_runs: "},
		{"read_rate: 5000", "read_rate: 5", "", "", "connections.shop.read_rate: "},
		{"parallel: 7", `listen: "127.0.0.1:99999"`, "", "", "server.listen: want HOST:PORT"},
		{"parallel: 7", "listen: localhost", "", "", "server.listen: want HOST:PORT"},
	} {
		text := strings.ReplaceAll(strings.Replace(triggered, c.from, c.to, 1), "TRIGGERS", "[]")
		_, err := Parse("tidemark.yaml", []byte(text), WithEnvironment(func(name string) (string, bool) { return c.value, name == c.variable }))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestGroupOfLongestName: a name belongs to the group whose own is the longest part of it.
func TestGroupOfLongestName(t *testing.T) {
	specs := map[string]pipelineSpec{"shop": {}, "shop.eu": {}, "shop.eu.old": {}}
	for name := range specs {
		spec := specs[name]
		spec.Source.Tables = Strings{"*"}
		specs[name] = spec
	}
	for range 20 { // in any order of the map
		if _, group, found := pipelineNamed(specs, "shop.eu.items"); group != "shop.eu" || !found {
			t.Fatalf("the group is %q", group)
		}
	}
}

// TestServerRefused: what a server cannot go by is told with its place.
func TestServerRefused(t *testing.T) {
	for server, want := range map[string]string{
		"keep_runs: 0s":      "server.keep_runs: want at least 1h",
		"keep_runs: 59m":     "server.keep_runs: want at least 1h",
		"parallel: 0":        "server.parallel: want a number from 1 to 1000",
		"store: \"\"":        "server: store is missing",
		"listen: localhost":  "server.listen: want HOST:PORT",
		"keep_runs: forever": "server.keep_runs: ",
	} {
		text := strings.ReplaceAll(triggered, "TRIGGERS", "[]")
		_, err := Parse("tidemark.yaml", []byte(strings.ReplaceAll(text, "{store: state/runs.db, parallel: 7, keep_runs: 30d, stop_timeout: 5s}", "{"+server+"}")))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n%v\nwant\n%s", server, err, want)
		}
	}
	text := strings.ReplaceAll(strings.ReplaceAll(triggered, "TRIGGERS", "[]"), "keep_runs: 30d", "keep_runs: 1h")
	if c, err := Parse("tidemark.yaml", []byte(text)); err != nil || c.Server.KeepRuns != time.Hour {
		t.Errorf("keep_runs: 1h: %v", err)
	}
}
