package propose

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
)

func TestPropose(t *testing.T) {
	updated := tidemark.Cursor{Column: "updated_at", Kind: tidemark.CursorTimestamp, ServerSet: true, Indexed: true}
	byName := tidemark.Cursor{Column: "order_last_updated", Kind: tidemark.CursorDatetime}
	created := tidemark.Cursor{Column: "created_at", Kind: tidemark.CursorDatetime, Indexed: true}
	odd := tidemark.Cursor{Column: "zeit", Kind: tidemark.CursorTimestamp, ServerSet: true}
	auto := tidemark.Cursor{Column: "id", Kind: tidemark.CursorInteger, ServerSet: true, Indexed: true}
	plainInt := tidemark.Cursor{Column: "status", Kind: tidemark.CursorInteger, Indexed: true}
	day := tidemark.Cursor{Column: "updated_on", Kind: tidemark.CursorDate}
	for _, c := range []struct {
		name       string
		candidates []tidemark.Cursor
		key        string
		format     tidemark.Format
		cursor     string
		mode       tidemark.Mode
		reason     string
	}{
		{"set by the server", []tidemark.Cursor{created, auto, byName, updated}, "id", tidemark.FormatIceberg, "updated_at", tidemark.ModeMerge,
			"the server sets updated_at at each change; the newest version by primary key stays"},
		{"set by the server under another name", []tidemark.Cursor{byName, odd}, "id", tidemark.FormatIceberg, "zeit", tidemark.ModeMerge, "no index"},
		{"the origin story", []tidemark.Cursor{byName}, "", tidemark.FormatIceberg, "order_last_updated", tidemark.ModeAppend, "no primary key"},
		{"into Parquet", []tidemark.Cursor{updated}, "id", tidemark.FormatParquet, "updated_at", tidemark.ModeAppend, "cannot be merged"},
		{"only inserts", []tidemark.Cursor{created, auto}, "id", tidemark.FormatIceberg, "id", tidemark.ModeAppend, "AUTO_INCREMENT"},
		{"nothing", []tidemark.Cursor{created, plainInt, day}, "id", tidemark.FormatIceberg, "", tidemark.ModeReplace, "whole table"},
	} {
		facts := Facts{Cursors: c.candidates, Unique: [][]string{{"id"}}}
		if c.key != "" {
			facts.Key = []string{c.key}
		}
		got := For(facts, c.format)
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
	p := func(table, cursor string, mode tidemark.Mode) Proposal {
		return Proposal{Table: name(table), Cursor: cursor, Mode: mode}
	}
	columns := map[tidemark.TableName][]string{
		name("a"): {"id", "updated_at"},
		name("b"): {"id", "modified"},
		name("c"): {"id", "updated_at", "modified"}, // its own cursor is modified, behind updated_at in the list
		name("d"): {"id"}, name("e"): {"id"},
	}
	var got []string
	for _, b := range Bundles([]Proposal{
		p("a", "updated_at", tidemark.ModeMerge), p("b", "modified", tidemark.ModeMerge), p("c", "modified", tidemark.ModeMerge),
		p("d", "id", tidemark.ModeAppend), p("e", "", tidemark.ModeReplace),
	}, columns) {
		line := string(b.Mode) + " [" + strings.Join(b.Cursors, " ") + "]"
		for _, m := range b.Members {
			line += " " + m.Table.Name
		}
		got = append(got, line)
	}
	want := []string{"merge [updated_at modified] a b", "merge [modified] c", "append [id] d", "replace [] e"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bundles (-want +got):\n%s", diff)
	}
}
