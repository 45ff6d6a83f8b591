package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
)

// TestDocumentedPolicy holds docs/operations.md to what `check --iam-policy` prints.
func TestDocumentedPolicy(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```json\n")
	text, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("docs/operations.md shows no policy")
	}
	var documented policy
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&documented); err != nil {
		t.Fatal(err)
	}
	printed := iamPolicy(&config.Config{Connections: map[string]config.Connection{
		"lake": &config.S3{Bucket: "my-bucket", Prefix: "lake"},
	}})
	if diff := cmp.Diff(printed, documented); diff != "" {
		t.Errorf("docs/operations.md differs from check --iam-policy (-printed +documented):\n%s", diff)
	}
}

// TestPolicyOfQueues: a trigger's queue is named once, as far as its URL tells.
func TestPolicyOfQueues(t *testing.T) {
	var triggers []tidemark.Trigger
	for _, queue := range []string{"https://sqs.eu-west-1.amazonaws.com/123456789012/new-orders", "http://127.0.0.1:5555/000000000000/q", "https://sqs.eu-west-1.amazonaws.com/123456789012/new-orders", "", "https://queue.example.com"} {
		triggers = append(triggers, tidemark.Trigger{Kind: tidemark.TriggerObject, Queue: queue})
	}
	var got []any
	for _, s := range iamPolicy(&config.Config{Triggers: triggers}).Statement {
		if len(s.Action) != 2 || s.Action[0] != "sqs:ReceiveMessage" {
			t.Errorf("actions %q", s.Action)
		}
		got = append(got, s.Resource)
	}
	want := []any{"arn:aws:sqs:eu-west-1:123456789012:new-orders", "arn:aws:sqs:*:000000000000:q", "arn:aws:sqs:*:*:*"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
