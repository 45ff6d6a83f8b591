package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

func TestPropose(t *testing.T) {
	updated := candidate{name: "updated_at", kind: tidemark.CursorTimestamp, serverSet: true, indexed: true}
	byName := candidate{name: "order_last_updated", kind: tidemark.CursorDatetime}
	created := candidate{name: "created_at", kind: tidemark.CursorDatetime, indexed: true}
	odd := candidate{name: "zeit", kind: tidemark.CursorTimestamp, serverSet: true}
	auto := candidate{name: "id", kind: tidemark.CursorInteger, serverSet: true, indexed: true}
	plainInt := candidate{name: "status", kind: tidemark.CursorInteger, indexed: true}
	day := candidate{name: "updated_on", kind: tidemark.CursorDate}
	for _, c := range []struct {
		name       string
		candidates []candidate
		key        string
		format     tidemark.Format
		cursor     string
		mode       tidemark.Mode
		reason     string
	}{
		{"set by the server", []candidate{created, auto, byName, updated}, "id", tidemark.FormatIceberg, "updated_at", tidemark.ModeMerge,
			"the server sets updated_at at each change; the newest version by primary key stays"},
		{"set by the server under another name", []candidate{byName, odd}, "id", tidemark.FormatIceberg, "zeit", tidemark.ModeMerge, "no index"},
		{"the origin story", []candidate{byName}, "", tidemark.FormatIceberg, "order_last_updated", tidemark.ModeAppend, "no primary key"},
		{"into Parquet", []candidate{updated}, "id", tidemark.FormatParquet, "updated_at", tidemark.ModeAppend, "cannot be merged"},
		{"only inserts", []candidate{created, auto}, "id", tidemark.FormatIceberg, "id", tidemark.ModeAppend, "AUTO_INCREMENT"},
		{"nothing", []candidate{created, plainInt, day}, "id", tidemark.FormatIceberg, "", tidemark.ModeReplace, "whole table"},
	} {
		facts := tableFacts{candidates: c.candidates}
		if c.key != "" {
			facts.key = []string{c.key}
		}
		got := propose(facts, c.format)
		if got.Cursor != c.cursor || got.Mode != c.mode || !strings.Contains(got.Reason, c.reason) {
			t.Errorf("%s: %q %s because %q, want %q %s because %q", c.name, got.Cursor, got.Mode, got.Reason, c.cursor, c.mode, c.reason)
		}
	}
}

func TestChangeName(t *testing.T) {
	for _, name := range []string{
		"updated_at", "order_last_updated", "last_updated", "last_update", "modified", "modified_on", "last_modified", "date_modified",
		"updatedAt", "UPDATED_AT", "changed_at", "update_time", "mtime", "lastUpdated",
	} {
		if !changeName.MatchString(name) {
			t.Errorf("%q does not match", name)
		}
	}
	for _, name := range []string{"created_at", "exchange", "order_date", "birthday", "update_count_total", "timestamp"} {
		if changeName.MatchString(name) {
			t.Errorf("%q matches", name)
		}
	}
}

func TestBundles(t *testing.T) {
	name := func(n string) tidemark.TableName { return tidemark.TableName{Database: "shop", Name: n} }
	p := func(table, cursor string, mode tidemark.Mode) proposal {
		return proposal{Table: name(table), Cursor: cursor, Mode: mode}
	}
	columns := map[tidemark.TableName][]string{
		name("a"): {"id", "updated_at"},
		name("b"): {"id", "modified"},
		name("c"): {"id", "updated_at", "modified"}, // its own cursor is modified, behind updated_at in the list
		name("d"): {"id"}, name("e"): {"id"},
	}
	var got []string
	for _, b := range bundles([]proposal{
		p("a", "updated_at", tidemark.ModeMerge), p("b", "modified", tidemark.ModeMerge), p("c", "modified", tidemark.ModeMerge),
		p("d", "id", tidemark.ModeAppend), p("e", "", tidemark.ModeReplace),
	}, columns) {
		line := string(b.mode) + " [" + strings.Join(b.cursors, " ") + "]"
		for _, m := range b.members {
			line += " " + m.Table.Name
		}
		got = append(got, line)
	}
	want := []string{"merge [updated_at modified] a b", "merge [modified] c", "append [id] d", "replace [] e"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bundles (-want +got):\n%s", diff)
	}
}
