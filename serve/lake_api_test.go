package serve_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/tidemark-data/tidemark/internal/parquet"
	"github.com/tidemark-data/tidemark/run"
)

const lakePipelines = `
  orders:
    source: {connection: shop, table: orders, cursor: at}
    transforms: [{name: trim, sql: 'SELECT id, "at", id * 10 AS big FROM rows WHERE id < 100'}]
    target: {connection: lake, table: shop.orders}
`

func (s *site) ordersTable(t *testing.T) {
	t.Helper()
	s.exec(t, "CREATE TABLE orders (id INT PRIMARY KEY, at DATETIME NOT NULL, KEY (at))",
		"INSERT INTO orders VALUES (1, '2024-01-01'), (2, '2024-01-02'), (300, '2024-01-03')")
}

// runNow runs a pipeline to its end.
func (s *site) runNow(t *testing.T, pipeline string) {
	t.Helper()
	var begun runsBody
	s.ask(t, 202, "POST", "/api/v1/pipelines/"+pipeline+"/runs", "", &begun)
	if r, _ := s.follow(t, begun.Runs[0].ID); r.Error != "" {
		t.Fatalf("run of %s: %s", pipeline, r.Error)
	}
}

// TestAPIPlan: what the next run would do, and what becomes of rows, before and behind the first.
func TestAPIPlan(t *testing.T) {
	s := newSite(t, "", lakePipelines)
	s.ordersTable(t)
	var plans struct{ Plans []run.Plan }
	s.ask(t, 200, "GET", "/api/v1/pipelines/orders/plan", "", &plans)
	if p := plans.Plans; len(p) != 1 || p[0].Rows != 3 || !p[0].New || len(p[0].Columns) != 3 {
		t.Errorf("plans %+v", p)
	}
	var preview struct {
		Read   int `json:"rows_read"`
		Loaded bool
		Steps  []struct {
			Step    string
			Columns []struct{ Name, Type string }
			Rows    [][]any
		}
	}
	s.ask(t, 200, "GET", "/api/v1/pipelines/orders/preview?rows=1", "", &preview)
	if v := preview; v.Read != 3 || v.Loaded || len(v.Steps) != 2 || v.Steps[1].Step != "trim" || len(v.Steps[1].Rows) != 1 || v.Steps[1].Columns[2].Name != "big" || v.Steps[1].Rows[0][2] != 10.0 {
		t.Errorf("preview %+v", v)
	}
	var marks struct {
		Watermarks []struct {
			Pipeline  string
			Watermark struct {
				Seq  int64
				High string
			}
		}
	}
	s.ask(t, 200, "GET", "/api/v1/watermarks", "", &marks)
	if len(marks.Watermarks) != 1 || marks.Watermarks[0].Watermark.Seq != 0 {
		t.Errorf("watermarks before the first run: %+v", marks)
	}
	s.runNow(t, "orders")
	s.ask(t, 200, "GET", "/api/v1/watermarks?pipeline=orders", "", &marks)
	if m := marks.Watermarks; len(m) != 1 || m[0].Watermark.Seq == 0 || m[0].Watermark.High != "2024-01-03 00:00:00" {
		t.Errorf("watermarks: %+v", m)
	}
	for path, code := range map[string]int{
		"/api/v1/pipelines/nobody/plan": 404, "/api/v1/pipelines/orders/preview?step=nothing": 404, "/api/v1/pipelines/orders/preview?rows=0": 422,
		"/api/v1/watermarks?pipeline=nobody": 404,
	} {
		s.ask(t, code, "GET", path, "", nil)
	}
}

// TestAPIConnections: what is told of connections, that a good one works and a broken one says why.
func TestAPIConnections(t *testing.T) {
	s := newSite(t, "", lakePipelines)
	s.ordersTable(t)
	var list struct {
		Connections []struct {
			Name, Type, Location, User string
			Lake                       bool
			Pipelines                  []string
		}
	}
	s.ask(t, 200, "GET", "/api/v1/connections", "", &list)
	if c := list.Connections; len(c) != 2 || c[0].Name != "lake" || !c[0].Lake || c[1].Type != "mysql" || c[1].User == "" || len(c[1].Pipelines) != 1 {
		t.Errorf("connections %+v", c)
	}
	type check struct {
		Works    bool
		Findings []struct{ Step, Detail, Error, Hint string }
	}
	for _, name := range []string{"shop", "lake"} {
		var c check
		if s.ask(t, 200, "POST", "/api/v1/connections/"+name+"/check", "", &c); !c.Works || len(c.Findings) < 2 {
			t.Errorf("connection %s: %+v", name, c)
		}
	}
	var tables struct {
		Tables []struct{ Database, Name string }
	}
	s.ask(t, 200, "GET", "/api/v1/connections/shop/tables?pattern=*.ord*", "", &tables)
	if len(tables.Tables) != 1 || tables.Tables[0].Name != "orders" {
		t.Errorf("tables %+v", tables)
	}
	s.ask(t, 404, "POST", "/api/v1/connections/nothing/check", "", nil)
	s.ask(t, 404, "GET", "/api/v1/connections/nothing/tables", "", nil)
	s.ask(t, 422, "GET", "/api/v1/connections/lake/tables", "", nil)
	t.Setenv("SITE_PASSWORD", "is-not-the-password")
	var c check
	if s.ask(t, 200, "POST", "/api/v1/connections/shop/check", "", &c); c.Works || c.Findings[len(c.Findings)-1].Hint == "" {
		t.Errorf("a wrong password: %+v", c)
	}
	s.ask(t, 502, "GET", "/api/v1/connections/shop/tables", "", nil)
}

// TestAPICatalog: the tables of the lake, and what is told of one.
func TestAPICatalog(t *testing.T) {
	s := newSite(t, "", lakePipelines)
	s.ordersTable(t)
	s.runNow(t, "orders")
	const tables = "/api/v1/catalog/lake/tables"
	var list struct {
		Tables []struct {
			Table     struct{ Namespace, Name string }
			Data      struct{ Rows int64 }
			Pipelines []string
			Last      struct{ Pipeline string }
		}
	}
	s.ask(t, 200, "GET", tables, "", &list)
	if l := list.Tables; len(l) != 1 || l[0].Table.Name != "orders" || l[0].Data.Rows != 2 || l[0].Pipelines[0] != "orders" || l[0].Last.Pipeline != "orders" {
		t.Errorf("tables %+v", l)
	}
	for query, columns := range map[string]bool{"?brief=true": false, "?table=shop.orders": true, "?table=orders&brief=true": false} {
		var some struct {
			Tables []struct {
				Table   struct{ Name string }
				Columns int
				Error   string
			}
		}
		if s.ask(t, 200, "GET", tables+query, "", &some); len(some.Tables) != 1 || some.Tables[0].Table.Name != "orders" || (some.Tables[0].Columns == 3) != columns || some.Tables[0].Error != "" {
			t.Errorf("tables %s: %+v", query, some)
		}
	}
	var before struct{ Before string }
	s.ask(t, 200, "PUT", tables+"/orders/comment", `{"column": "big", "comment": "ten times the id"}`, &before)
	var one struct {
		Location string
		Columns  []struct{ Name, Type, Comment string }
	}
	s.ask(t, 200, "GET", tables+"/shop.orders", "", &one)
	if len(one.Columns) != 3 || one.Columns[2].Comment != "ten times the id" || one.Location == "" {
		t.Errorf("the table is %+v", one)
	}
	var history struct {
		Changes []struct{ Pipeline string }
		Of      int
	}
	if s.ask(t, 200, "GET", tables+"/orders/history?limit=1", "", &history); history.Of < 1 || len(history.Changes) != 1 {
		t.Errorf("history %+v", history)
	}
	var files struct {
		Files []struct{ Rows, Bytes int64 }
		Of    int
	}
	if s.ask(t, 200, "GET", tables+"/orders/files", "", &files); files.Of != 1 || files.Files[0].Rows != 2 || files.Files[0].Bytes == 0 {
		t.Errorf("files %+v", files)
	}
	var recipes struct {
		Recipes []struct{ Engine, Text string }
	}
	if s.ask(t, 200, "GET", tables+"/orders/recipes", "", &recipes); len(recipes.Recipes) == 0 {
		t.Errorf("recipes %+v", recipes)
	}
	for path, code := range map[string]int{tables + "/nothing": 404, tables + "/a.b": 404, "/api/v1/catalog/nothing/tables": 404, "/api/v1/catalog/shop/tables": 404} {
		s.ask(t, code, "GET", path, "", nil)
	}
	s.ask(t, 404, "PUT", tables+"/orders/comment", `{"column": "nothing", "comment": "x"}`, nil)
}

// TestAPIQuery: answers as JSON and as Arrow, their limits, and what is refused.
func TestAPIQuery(t *testing.T) {
	s := newSite(t, "", lakePipelines)
	s.ordersTable(t)
	s.runNow(t, "orders")
	var answer struct {
		Columns   []struct{ Name, Type string }
		Rows      [][]any
		Truncated bool
		Files     int `json:"files_read"`
	}
	s.ask(t, 200, "POST", "/api/v1/query", `{"sql": "SELECT id, big FROM shop.orders ORDER BY id"}`, &answer)
	if len(answer.Rows) != 2 || answer.Rows[1][1] != 20.0 || answer.Truncated || answer.Files != 1 || answer.Columns[0].Name != "id" {
		t.Errorf("answer %+v", answer)
	}
	s.ask(t, 200, "POST", "/api/v1/query", `{"sql": "SELECT i, NULL FROM range(9007199254740993, 9007199254740999) t(i)", "limit": 2, "as_text": true}`, &answer)
	if len(answer.Rows) != 2 || answer.Rows[0][0] != "9007199254740993" || answer.Rows[0][1] != nil || !answer.Truncated {
		t.Errorf("answer in texts %+v", answer)
	}
	code, stream := s.send(t, "POST", "/api/v1/query/arrow", `{"sql": "SELECT id FROM shop.orders, range(100000)", "limit": 150000}`)
	r, err := ipc.NewReader(bytes.NewReader(stream))
	if code != 200 || err != nil {
		t.Fatalf("a stream: %d, %v", code, err)
	}
	rows := int64(0)
	for r.Next() {
		rows += r.RecordBatch().NumRows()
	}
	if r.Err() != nil || rows != 150_000 {
		t.Errorf("%d rows of the stream, %v", rows, r.Err())
	}
	code, file := s.send(t, "POST", "/api/v1/query/parquet", `{"sql": "SELECT id, big AS id, sum(id) OVER () AS s, 'x' FROM shop.orders, range(100000)", "limit": 150000}`)
	schema, n, err := parquet.Footer(bytes.NewReader(file))
	if code != 200 || err != nil || n != 150_000 || schema.NumFields() != 4 || schema.Field(1).Name != "id_1" || schema.Field(2).Type.String() != "decimal(38, 0)" {
		t.Errorf("a file: %d, %d rows, %v, %v", code, n, schema, err)
	}
	for sql, want := range map[string]string{
		"SELECT INTERVAL 1 DAY":                 "",
		"SELECT * FROM nothing":                 "nothing",
		"DROP TABLE shop.orders":                "",
		"SELECT * FROM read_csv('/etc/passwd')": "",
		"SELECT sum(a.i * b.i) FROM range(1000000000) a(i), range(1000000000) b(i)": "longer than its limit",
	} {
		for _, path := range []string{"/api/v1/query", "/api/v1/query/arrow", "/api/v1/query/parquet"} {
			if (strings.Contains(want, "limit") && path != "/api/v1/query") || (strings.Contains(sql, "INTERVAL") && path == "/api/v1/query") {
				continue
			}
			code, text := s.send(t, "POST", path, `{"timeout_seconds": 1, "sql": "`+sql+`"}`)
			if code != http.StatusUnprocessableEntity || !strings.Contains(string(text), want) {
				t.Errorf("%s of %s: %d %s", path, sql, code, text)
			}
		}
	}
	s.ask(t, 404, "POST", "/api/v1/query", `{"sql": "SELECT 1", "lake": "nothing"}`, nil)
}
