package notify

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/post/posttest"
)

// TestSlack looks at what a channel gets.
func TestSlack(t *testing.T) {
	r := posttest.NewReceiver(t)
	s := newStage(t, Options{})
	s.Use([]Target{{Name: "ops", Slack: true, URL: text(r.URL), Secret: text("unused"), On: allKinds()}}, "https://t.example.com/?a=1&b=2")
	bad := ended("shop.orders", 1, tidemark.RunFailed)
	bad.Error = "column `a` <!channel> & <http://x|y>"
	s.Ended(nil, bad)
	got := r.Next(t)
	var m struct {
		Text   string
		Blocks []struct {
			Type     string
			Text     struct{ Type, Text string }
			Elements []struct{ Type, Text string }
		}
	}
	if err := json.Unmarshal(got.Body, &m); err != nil {
		t.Fatal(err)
	}
	want := ":red_circle: `shop.orders` *failed* (denied)\n```column 'a' &lt;!channel&gt; &amp; &lt;http://x|y&gt;```\ngrant SELECT\n" +
		"run run1 · 2 attempts · 2026-01-01T00:01:00Z · <https://t.example.com/?a=1&amp;b=2/runs/run1|look>"
	if diff := cmp.Diff(want, m.Text); diff != "" {
		t.Error(diff)
	}
	var types []string
	for _, b := range m.Blocks {
		types = append(types, b.Type+b.Text.Type)
		for _, e := range b.Elements {
			types = append(types, e.Type)
		}
	}
	if diff := cmp.Diff([]string{"sectionmrkdwn", "sectionmrkdwn", "sectionmrkdwn", "context", "mrkdwn"}, types); diff != "" {
		t.Error(diff)
	}
	if got.Header.Get(SignatureHeader) != "" || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", got.Header)
	}
}

// TestSlackLimits: no text makes a message that Slack refuses.
func TestSlackLimits(t *testing.T) {
	e := Event{Kind: Failed, Pipeline: "p", At: dawn, Error: strings.Repeat("<é", 100_000), Hint: strings.Repeat("&", 100_000), Run: "r"}
	body, err := slack(e)
	if err != nil {
		t.Fatal(err)
	}
	var m slackMessage
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatal(err)
	}
	for _, b := range m.Blocks {
		if b.Text != nil && (len(b.Text.Text) > 3000 || strings.Contains(b.Text.Text, "�") || strings.Contains(strings.ReplaceAll(b.Text.Text, "&lt;", ""), "&l")) {
			t.Errorf("%d bytes: %s", len(b.Text.Text), b.Text.Text)
		}
	}
}

func TestHeadlines(t *testing.T) {
	for want, e := range map[string]Event{
		":large_green_circle: `p` *recovered* after 1h30m0s":                 {Kind: Recovered, Since: dawn, At: dawn.Add(90 * time.Minute)},
		":large_yellow_circle: `p` *is late*: 11m0s behind, more than 10m0s": {Kind: Late, Lag: Seconds(11 * time.Minute), Limit: Seconds(10 * time.Minute)},
		":large_green_circle: `p` *is fresh again*: 1m0s behind":             {Kind: Fresh, Lag: Seconds(time.Minute)},
		":red_circle: `p` *still fails*":                                     {Kind: Failed, Again: true},
	} {
		e.Pipeline = "p"
		if got := e.headline(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "…"}, {"äöüß", 7, "äö…"}, {"ab\xff", 3, "ab�"}} {
		if got := cut(c.text, c.n); got != c.want {
			t.Errorf("cut(%q, %d) is %q, want %q", c.text, c.n, got, c.want)
		}
	}
}
