package serve_test

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark/internal/post/posttest"
)

// A lineageEvent is what the test reads of an OpenLineage event.
type lineageEvent struct {
	EventType string
	Run       struct{ RunID string }
	Job       struct{ Namespace, Name string }
	Inputs    []lineageTable
	Outputs   []lineageTable
}

type lineageTable struct {
	Namespace, Name string
	Facets          struct {
		Schema struct{ Fields []lineageField }
	}
	OutputFacets struct {
		OutputStatistics struct{ RowCount int }
	}
}

type lineageField struct{ Name, Type string }

// TestLineage: a run is an event when it starts and one when it ends, also where the server has been told to end meanwhile.
// Both name the same tables.
func TestLineage(t *testing.T) {
	r := posttest.NewReceiver(t)
	var s *site
	var start, complete lineageEvent
	read := func(e *lineageEvent) {
		t.Helper()
		got := r.Next(t)
		if got.Path != "/api/v1/lineage" || got.Header.Get("Authorization") != "Bearer a-key" {
			t.Errorf("%s with %v", got.Path, got.Header)
		}
		if err := json.Unmarshal(got.Body, e); err != nil {
			t.Fatalf("%v in %s", err, got.Body)
		}
	}
	t.Setenv("OPENLINEAGE_URL", r.URL)
	t.Setenv("OPENLINEAGE_API_KEY", "a-key")
	t.Run("serve", func(t *testing.T) {
		s = newSite(t, "server: {lineage: {namespace: prod}}", `
  all:
    source: {connection: shop, tables: ["*"], cursor: at}
    transforms: [{change_schema: {note: {rename: text}}}]
    target: {connection: lake, table: "shop.{table}"}
`)
		s.exec(t, "CREATE TABLE orders (id INT PRIMARY KEY, at DATETIME NOT NULL, note VARCHAR(20), KEY (at))", "INSERT INTO orders VALUES (1, '2024-01-01', 'x')")
		s.ask(t, 202, "POST", "/api/v1/pipelines/all/runs", "", nil)
		read(&start)
	})
	read(&complete)
	r.Quiet(t)
	if start.EventType != "START" || complete.EventType != "COMPLETE" || start.Run.RunID == "" || start.Run != complete.Run || start.Job != complete.Job ||
		start.Job.Name != "all.orders" || start.Job.Namespace != "prod" {
		t.Errorf("started as %+v, and completed as %+v", start, complete)
	}
	for _, e := range []lineageEvent{start, complete} {
		if e.Inputs[0].Namespace != "mysql://"+s.server.Addr() || e.Inputs[0].Name != s.database+".orders" ||
			e.Outputs[0].Namespace != "file" || e.Outputs[0].Name != filepath.Join(s.dir, "lake", "shop", "orders") {
			t.Errorf("%s has inputs %+v and outputs %+v", e.EventType, e.Inputs, e.Outputs)
		}
	}
	if fields := complete.Inputs[0].Facets.Schema.Fields; len(fields) != 3 || fields[0].Name != "id" || fields[2] != (lineageField{"note", "varchar(20)"}) {
		t.Errorf("the source has the columns %+v", fields)
	}
	if diff := cmp.Diff([]lineageField{{"id", "int"}, {"at", "timestamp"}, {"text", "string"}}, complete.Outputs[0].Facets.Schema.Fields); diff != "" {
		t.Error(diff)
	}
	if n := complete.Outputs[0].OutputFacets.OutputStatistics.RowCount; n != 1 {
		t.Errorf("%d rows were written, want 1", n)
	}
}
