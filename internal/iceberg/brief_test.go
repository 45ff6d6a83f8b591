package iceberg

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"
)

// TestWithoutHistory: what remains of a metadata file is the same table at its current snapshot.
func TestWithoutHistory(t *testing.T) {
	const file = `{
  "format-version": 2, "table-uuid": "8b1f4b3e-64a4-4a3c-a5a3-2d8d6e0f0a11", "location": "/lake/a/b", "last-sequence-number": 4,
  "last-updated-ms": 1700000000004, "last-column-id": 1, "current-schema-id": 0,
  "schemas": [{"type": "struct", "schema-id": 0, "fields": [{"id": 1, "name": "snapshots", "required": false, "type": "int"}]}],
  "default-spec-id": 0, "partition-specs": [{"spec-id": 0, "fields": []}], "last-partition-id": 999,
  "default-sort-order-id": 0, "sort-orders": [{"order-id": 0, "fields": []}],
  "properties": {"odd": "}]\\\"{[,\"snapshots\":\\"},
  "current-snapshot-id": 44,
  "refs": {"main": {"snapshot-id": 44, "type": "branch"}, "kept": {"snapshot-id": 11, "type": "tag"}},
  "snapshots": [
    {"snapshot-id": 11, "sequence-number": 1, "timestamp-ms": 1700000000001, "manifest-list": "/lake/a/b/1.avro", "summary": {"operation": "append", "odd": "\"}],"}},
    {"snapshot-id": 22, "sequence-number": 2, "timestamp-ms": 1700000000002, "manifest-list": "/lake/a/b/2.avro", "summary": {"operation": "append"}},
    {"snapshot-id": 33, "sequence-number": 3, "timestamp-ms": 1700000000003, "manifest-list": "/lake/a/b/3.avro", "summary": {"operation": "append"}},
    {"snapshot-id": 44, "parent-snapshot-id": 33, "sequence-number": 4, "timestamp-ms": 1700000000004, "manifest-list": "/lake/a/b/4.avro", "summary": {"operation": "append"}}],
  "snapshot-log": [{"timestamp-ms": 1700000000001, "snapshot-id": 11}, {"timestamp-ms": 1700000000004, "snapshot-id": 44}],
  "metadata-log": [{"timestamp-ms": 1700000000001, "metadata-file": "/lake/a/b/v1.metadata.json"}]
}`
	whole, err := table.ParseMetadataString(file)
	if err != nil {
		t.Fatal(err)
	}
	brief, err := table.ParseMetadataBytes(withoutHistory([]byte(file)))
	if err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for _, s := range brief.Snapshots() {
		ids = append(ids, s.SnapshotID)
	}
	if want := []int64{11, 44}; !slices.Equal(ids, want) {
		t.Errorf("snapshots %v remain, want %v", ids, want)
	}
	if !brief.CurrentSnapshot().Equals(*whole.CurrentSnapshot()) || !brief.CurrentSchema().Equals(whole.CurrentSchema()) {
		t.Errorf("%v is not %v", brief, whole)
	}
	if diff := cmp.Diff(whole.Properties(), brief.Properties()); diff != "" {
		t.Error(diff)
	}
}

// TestWithoutHistoryOdd: what is no metadata file stays for the parser to refuse, and an empty table is one.
func TestWithoutHistoryOdd(t *testing.T) {
	for _, text := range []string{"", "{", "[]", "null", `"x`, `{"snapshots"`, `{"snapshots":[{]`, `{"snapshots":[1]`, `{"snapshots":[}]}`, `{"a":1}}`, `{"a":"\`, `{"snapshots":null,"refs":3}`} {
		if got := string(withoutHistory([]byte(text))); got != text {
			t.Errorf("%s became %s", text, got)
		}
	}
	got := withoutHistory([]byte(`{ "snapshots" : [ ] , "current-snapshot-id":null,"x":[1,2]}`))
	if !json.Valid(got) || string(got) != `{"current-snapshot-id":null,"x":[1,2],"snapshots":[]}` {
		t.Errorf("got %s", got)
	}
}
