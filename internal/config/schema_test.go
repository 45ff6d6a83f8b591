package config

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestSchema(t *testing.T) {
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	type node struct {
		Description string
		Type        string
		Enum        []string
		Default     any
		Properties  map[string]json.RawMessage
		AnyOf       []json.RawMessage
		Additional  json.RawMessage `json:"additionalProperties"`
	}
	read := func(text json.RawMessage) (n node) {
		t.Helper()
		if err := json.Unmarshal(text, &n); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		return n
	}
	root := read(text)
	if string(root.Additional) != "false" || len(root.Properties) != len(fields(reflect.TypeFor[file]())) {
		t.Errorf("the root has %d keys and takes others: %s", len(root.Properties), root.Additional)
	}
	if n := len(read(read(root.Properties["connections"]).Additional).AnyOf); n != 3 {
		t.Errorf("%d types of connection, want 3", n)
	}
	source := read(read(read(root.Properties["pipelines"]).Additional).Properties["source"])
	for _, f := range fields(reflect.TypeFor[sourceSpec]()) {
		if key := read(source.Properties[f.name]); key.Description == "" {
			t.Errorf("source.%s has no description", f.name)
		}
	}
	if slack := read(source.Properties["slack"]); slack.Default != "10s" || slack.Type != "string" {
		t.Errorf("slack: %+v", slack)
	}
	if rows := read(source.Properties["lateness_rows"]); rows.Default != 10000.0 || rows.Type != "integer" {
		t.Errorf("lateness_rows: %+v", rows)
	}
}
