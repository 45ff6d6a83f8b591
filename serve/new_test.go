package serve_test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/serve"
)

// tableBody is what is told of a table of a source.
type tableBody struct {
	Columns []struct {
		Name, Comment, Type string
		Source              string `json:"source_type"`
		Nullable, Key       bool
	}
	Key      []string
	Unique   [][]string
	Rows     int64
	Cursors  []struct{ Column, Kind string }
	Proposal struct {
		Name, Cursor, Mode, Reason, YAML string
		Key                              []string
		CursorReason                     string `json:"cursor_reason"`
		KeyReason                        string `json:"key_reason"`
		ModeReason                       string `json:"mode_reason"`
	}
}

// TestAPISourceTable: a table of a source is told of, with a pipeline for it that can be saved and run as it is.
func TestAPISourceTable(t *testing.T) {
	s := newSite(t, "", apiPipelines)
	s.exec(t, "CREATE TABLE orders (id INT UNSIGNED PRIMARY KEY, note VARCHAR(20) COMMENT 'for the kitchen', changed TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), KEY (changed))",
		"INSERT INTO orders (id) VALUES (1), (2), (3)", "CREATE TABLE `odd.Name x` (a INT)")
	var got tableBody
	s.ask(t, 200, "GET", "/api/v1/connections/shop/tables/"+s.database+".orders", "", &got)
	if c := got.Columns; len(c) != 3 || !c[0].Key || c[0].Nullable || c[0].Source != "int(10) unsigned" || c[0].Type != "BIGINT" || c[1].Comment != "for the kitchen" || !c[1].Nullable || c[2].Type != "TIMESTAMPTZ" {
		t.Errorf("the columns are %+v", c)
	}
	if len(got.Key) != 1 || len(got.Unique) != 1 || len(got.Cursors) != 2 || got.Cursors[1].Kind != "timestamp" || got.Rows < 0 {
		t.Errorf("the table is %+v", got)
	}
	p := got.Proposal
	if p.Name != s.database+"_orders" || p.Cursor != "changed" || p.Mode != "merge" || len(p.Key) != 1 || !strings.Contains(p.CursorReason, "sets changed at each change") || p.KeyReason == "" || !strings.Contains(p.ModeReason, "newest version") {
		t.Errorf("the proposal is %+v", p)
	}
	s.ask(t, 200, "PUT", "/api/v1/pipelines/mine", `{"yaml": `+quoted(strings.Replace(p.YAML, ".orders, mode", ".mine, mode", 1))+`}`, nil)
	if !strings.Contains(s.text(t), "# the server sets changed") {
		t.Errorf("the reason is not in\n%s", s.text(t))
	}
	s.runNow(t, "mine")
	var runs runsBody
	if s.ask(t, 200, "GET", "/api/v1/runs?pipeline=mine", "", &runs); runs.Runs[0].Result.New != 3 {
		t.Errorf("the run is %+v", runs.Runs[0])
	}
	if s.ask(t, 200, "GET", "/api/v1/connections/shop/tables/orders?format=parquet&lake=other", "", &got); got.Proposal.Mode != "append" || !strings.Contains(got.Proposal.YAML, "connection: other") || !strings.Contains(got.Proposal.YAML, "format: parquet") {
		t.Errorf("into Parquet: %+v", got.Proposal)
	}
	if s.ask(t, 200, "GET", "/api/v1/connections/shop/tables/%60odd.Name%20x%60", "", &got); got.Proposal.Mode != "replace" || got.Proposal.Name != "odd_name_x" || !strings.Contains(got.Proposal.YAML, "`odd.Name x`") {
		t.Errorf("an odd name: %+v", got.Proposal)
	}
	for path, code := range map[string]int{"shop/tables/nothing": 404, "nobody/tables/orders": 404, "lake/tables/orders": 422, "shop/tables/a.b.c": 422, "shop/tables/order*": 422, "shop/tables/orders?format=csv": 422} {
		s.ask(t, code, "GET", "/api/v1/connections/"+path, "", nil)
	}
}

// beginner serves an empty config beside a source with many tables, and returns where both are, for the tests in the browser.
func beginner(t *testing.T) []string {
	s := prepareSite(t, "", "")
	s.exec(t, "CREATE TABLE orders (id INT PRIMARY KEY, note VARCHAR(20) COMMENT 'for the kitchen', changed TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), KEY (changed))",
		"INSERT INTO orders (id) SELECT seq FROM seq_1_to_3000", "CREATE TABLE plain (a INT, b INT)",
		"CREATE TABLE story (order_id INT, order_customer_id INT, order_status VARCHAR(20), order_last_updated DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), KEY (order_last_updated))",
		"INSERT INTO story SELECT seq, seq % 12435, ELT(1 + seq % 3, 'COMPLETE', 'PENDING', 'CLOSED'), '2026-01-01' + INTERVAL seq SECOND FROM seq_1_to_68883")
	for n := range 250 {
		s.exec(t, fmt.Sprintf("CREATE TABLE archive_%03d (id INT PRIMARY KEY) ENGINE=Aria", n))
	}
	s.write(t, "")
	s.serve(t, serve.Options{})
	host, port, err := net.SplitHostPort(s.server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	return []string{"CONSOLE_EMPTY_URL=" + s.base, "CONSOLE_SOURCE=" + strings.Join([]string{host, port, strings.Replace(s.database, "tide_", "site_", 1), s.database}, " ")}
}

// TestAPIFromNothing: a server begins with an empty file, and all that it runs is made over its API.
func TestAPIFromNothing(t *testing.T) {
	for _, text := range []string{"", "# Ours.\n", "{}\n", "connections: {}\npipelines: {}\n"} {
		s := prepareSite(t, "", apiPipelines)
		s.exec(t, "CREATE TABLE orders (id INT PRIMARY KEY, at DATETIME NOT NULL, KEY (at))", "INSERT INTO orders VALUES (1, '2024-01-01')")
		_, shop, _ := strings.Cut(s.text(t), "  shop: ")
		shop, _, _ = strings.Cut(shop, "\n")
		s.write(t, text)
		s.serve(t, serve.Options{})
		s.ask(t, 200, "GET", "/api/v1/pipelines", "", nil)
		s.ask(t, 200, "PUT", "/api/v1/connections/shop", `{"yaml": `+quoted(shop)+`}`, nil)
		s.ask(t, 200, "PUT", "/api/v1/connections/lake", `{"spec": {"type": "file", "path": "lake"}}`, nil)
		var got tableBody
		s.ask(t, 200, "GET", "/api/v1/connections/shop/tables/orders", "", &got)
		code, answer := s.send(t, "PUT", "/api/v1/pipelines/orders", `{"yaml": `+quoted(got.Proposal.YAML)+`}`)
		if braces := strings.HasPrefix(text, "{"); braces != (code == 422) { // where a file is written in braces there are no comments
			t.Errorf("from %q: %d %s", text, code, answer)
		} else if braces {
			_, without, _ := strings.Cut(got.Proposal.YAML, "\nsource:")
			s.ask(t, 200, "PUT", "/api/v1/pipelines/orders", `{"yaml": `+quoted("source:"+without)+`}`, nil)
		}
		s.runNow(t, "orders")
		for _, path := range []string{"pipelines/orders", "connections/shop", "connections/lake"} {
			s.ask(t, 200, "DELETE", "/api/v1/"+path, "", nil)
		}
		s.stop()
	}
	s := prepareSite(t, "", "")
	if err := os.Remove(s.file()); err != nil {
		t.Fatal(err)
	}
	if err := serve.Run(t.Context(), s.file(), serve.Options{}); err == nil || !strings.Contains(tidemark.Hint(err), "empty file") {
		t.Errorf("without a file: %v, %s", err, tidemark.Hint(err))
	}
}
