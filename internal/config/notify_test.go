package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// told is a config with notifications at its end.
const told = head + `defaults: {freshness: 2h, source: {connection: shop, cursor: c}, target: {connection: lake, table: "{database}.{table}"}}
pipelines:
  orders: {source: {table: orders}, freshness: 15m}
  all: {source: {tables: "db2.*"}}
notifications:
`

func TestNotifications(t *testing.T) {
	env := map[string]string{"HOOK": "https://hooks.example.com/s3cr3t", "KEY": "k"}
	c := mustParse(t, told+`  ops: {type: slack, url: "${env:HOOK}", on: [failed, recovered], repeat: 1d}
  desk:
    type: webhook
    url: https://desk.example.com/in?key=s3cr3t
    secret: ${env:KEY}
    pipelines: [orders, all, "all.t*"]
`, WithEnvironment(func(name string) (string, bool) { v, ok := env[name]; return v, ok }))
	want := []Notification{
		{Name: "ops", Type: NotifySlack, URL: Address{reference: Secret{store: "env", name: "HOOK"}}, On: []string{"failed", "recovered"}, Repeat: 24 * time.Hour},
		{
			Name: "desk", Type: NotifyWebhook, URL: Address{text: "https://desk.example.com/in?key=s3cr3t"}, Secret: Secret{store: "env", name: "KEY"},
			On: []string{"failed", "recovered", "late", "fresh"}, Pipelines: []string{"orders", "all", "all.*", "all.t*"},
		},
	}
	if diff := cmp.Diff(want, c.Notifications, cmp.AllowUnexported(Secret{}, Address{}), cmpopts.IgnoreFields(Secret{}, "access")); diff != "" {
		t.Error(diff)
	}
	for i, want := range []string{"https://hooks.example.com/s3cr3t", "https://desk.example.com/in?key=s3cr3t"} {
		if got, err := c.Notifications[i].URL.Resolve(t.Context()); err != nil || got != want {
			t.Errorf("address %q, %v, want %q", got, err, want)
		}
	}
	text, err := json.Marshal(c.Notifications)
	if shown := fmt.Sprintf("%v %+v %#v %s", c.Notifications, c.Notifications, c.Notifications, text); err != nil || strings.Contains(shown, "s3cr3t") {
		t.Errorf("shown as %s, %v", shown, err)
	}
	if got := []time.Duration{c.Pipelines[0].Runs.Freshness, c.Groups[0].Runs.Freshness}; !cmp.Equal(got, []time.Duration{15 * time.Minute, 2 * time.Hour}) {
		t.Errorf("late after %v", got)
	}
	if e, err := c.Excerpt(c.Pipelines[0]); err != nil || strings.Contains(string(e.JSON), "freshness") || strings.Contains(string(e.JSON), "s3cr3t") {
		t.Errorf("excerpt %s, %v; want nothing of a server in it", e.JSON, err)
	}
}

// TestNotificationsRefused: what cannot be meant is told with its place, and never with the address.
func TestNotificationsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{type: mail, url: "http://h"}`:                                   `notifications.n.type: unknown value "mail"`,
		`{url: "http://h"}`:                                               `notifications.n: type is missing`,
		`{type: webhook}`:                                                 `notifications.n: url is missing`,
		`{type: webhook, url: "ftp://h/s3cr3t"}`:                          `notifications.n.url: want a URL such as https://host/path`,
		`{type: webhook, url: "http://u:s3cr3t@h/"}`:                      `notifications.n.url: a password in the URL; refer to the whole address, as ${env:NAME}`,
		`{type: slack, url: "https://hooks.slack.com/s3cr3t"}`:            `notifications.n.url: the address of a slack webhook is a secret, which cannot be written here; write ${env:NAME}`,
		`{type: slack, url: "https://h/${env:S3CR3T}"}`:                   `notifications.n.url: a secret cannot be written here, only a reference to it`,
		`{type: slack, url: "${env:H}", secret: "${env:K}"}`:              `notifications.n.secret: only a webhook has it`,
		`{type: webhook, url: "http://h", on: [failure]}`:                 `notifications.n.on[0]: unknown value "failure"`,
		`{type: webhook, url: "http://h", on: []}`:                        `notifications.n.on: name something to tell`,
		`{type: webhook, url: "http://h", pipelines: [ordrs, "x*", all]}`: `notifications.n.pipelines[0]: there is no pipeline "ordrs"; did you mean "orders"?`,
	} {
		_, err := Parse("tidemark.yaml", []byte(told+"  n: "+text+"\n"))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%s:\n%v\nwant\n%s", text, err, want)
		}
	}
}

func TestLineage(t *testing.T) {
	const pipelines = "pipelines: {orders: {source: {connection: shop, table: t, cursor: c}, target: {connection: lake}}}\n"
	const file = `server: {lineage: {url: "http://marquez:5000/", namespace: file, api_key: "${env:KEY}"}}` + "\n"
	for _, c := range []struct {
		name, file string
		env        map[string]string
		want       Lineage
		key        string
	}{
		{"none", "", nil, Lineage{}, ""},
		{"file", file, nil, Lineage{URL: "http://marquez:5000/api/v1/lineage", Namespace: "file"}, "of the file"},
		{
			"variables", "", map[string]string{"OPENLINEAGE_URL": "https://ol", "OPENLINEAGE_ENDPOINT": "/events", "OPENLINEAGE_API_KEY": "own"},
			Lineage{URL: "https://ol/events", Namespace: "default"}, "own",
		},
		{
			"both", file, map[string]string{"OPENLINEAGE_URL": "https://ol", "OPENLINEAGE_NAMESPACE": "env"},
			Lineage{URL: "https://ol/api/v1/lineage", Namespace: "env"}, "of the file",
		},
		{
			"ours first", file, map[string]string{"OPENLINEAGE_URL": "https://ol", "TIDEMARK_SERVER_LINEAGE_URL": "https://our"},
			Lineage{URL: "https://our/api/v1/lineage", Namespace: "file"}, "of the file",
		},
		{"disabled", file, map[string]string{"OPENLINEAGE_URL": "https://ol", "OPENLINEAGE_DISABLED": "True"}, Lineage{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			lookup := func(name string) (string, bool) {
				if name == "KEY" {
					return "of the file", true
				}
				v, ok := c.env[name]
				return v, ok
			}
			got := mustParse(t, head+c.file+pipelines, WithEnvironment(lookup)).Server.Lineage
			key, err := got.APIKey.Resolve(t.Context())
			if err != nil || key != c.key {
				t.Errorf("key %q, %v, want %q", key, err, c.key)
			}
			got.APIKey = Secret{}
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
	_, err := Parse("t.yaml", []byte(head+"server: {url: here, lineage: {url: marquez}}\n"+pipelines))
	for _, want := range []string{"server.url: want a URL", "server.lineage.url: want a URL"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
