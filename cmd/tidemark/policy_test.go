package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
