package serve_test

import (
	"strings"
	"testing"

	"github.com/tidemark-data/tidemark"
)

const apiPipelines = `
  orders:
    source: {connection: shop, table: orders, cursor: at}
    target: {connection: lake, table: shop.orders}
    triggers: [{name: night, cron: "15 2 * * *", zone: Europe/Berlin}]
  copies:
    source: {connection: shop, table: orders, cursor: at}
    target: {connection: lake, table: shop.copies}
    triggers: [{after: orders}, {every: 24h, enabled: false}]
  gone:
    source: {connection: shop, table: nothing, cursor: at}
    target: {connection: lake, table: shop.gone}
`

type runsBody struct {
	Runs []tidemark.Run
	Next string
}

// TestAPI: a run is started, followed, listed and told of; one that fails says why; triggers are turned on and off.
func TestAPI(t *testing.T) {
	s := newSite(t, "", apiPipelines)
	s.exec(t, "CREATE TABLE orders (id INT PRIMARY KEY, at DATETIME NOT NULL, KEY (at))", "INSERT INTO orders VALUES (1, '2024-01-01'), (2, '2024-01-02')")
	var started runsBody
	s.ask(t, 202, "POST", "/api/v1/pipelines/orders/runs", `{"detail": "a test"}`, &started)
	if len(started.Runs) != 1 || started.Runs[0].Causes[0].Detail != "a test" {
		t.Fatalf("started %+v", started)
	}
	orders, lines := s.follow(t, started.Runs[0].ID)
	if orders.State != tidemark.RunSucceeded || orders.Result.New != 2 || len(orders.Attempts) != 1 {
		t.Errorf("the run has ended as %+v", orders)
	}
	var log struct{ Lines []tidemark.LogLine }
	s.ask(t, 200, "GET", "/api/v1/runs/"+string(orders.ID)+"/log", "", &log)
	if len(log.Lines) != len(lines) {
		t.Errorf("%d lines were told, and %d are kept", len(lines), len(log.Lines))
	}
	s.ask(t, 202, "POST", "/api/v1/pipelines/gone/runs", "", &started)
	if gone, _ := s.follow(t, started.Runs[0].ID); gone.State != tidemark.RunFailed || !strings.Contains(gone.Error, "nothing") {
		t.Errorf("a run of a table that is not there: %+v", gone)
	}
	var copies runsBody
	for len(copies.Runs) == 0 || !copies.Runs[0].State.Ended() {
		s.ask(t, 200, "GET", "/api/v1/runs?pipeline=copies", "", &copies)
	}
	if c := copies.Runs[0]; c.State != tidemark.RunSucceeded || c.Causes[0].ID != "copies/after@"+string(orders.ID) {
		t.Errorf("the run after: %+v", c)
	}
	var page runsBody
	s.ask(t, 200, "GET", "/api/v1/runs?limit=2&state=succeeded&state=failed", "", &page)
	if len(page.Runs) != 2 || page.Next != string(page.Runs[1].ID) {
		t.Errorf("a page of runs: %+v", page)
	}
	var next runsBody
	s.ask(t, 200, "GET", "/api/v1/runs?limit=2&before="+page.Next, "", &next)
	if len(next.Runs) != 1 || next.Next != "" || next.Runs[0].ID != orders.ID {
		t.Errorf("the next page behind %s: %+v, all: %+v", page.Next, next, page)
	}
	s.ask(t, 409, "POST", "/api/v1/runs/"+string(orders.ID)+"/cancel", "", nil)
	s.triggers(t)
}

// triggers checks what is told of pipelines and triggers.
func (s *site) triggers(t *testing.T) {
	t.Helper()
	type trigger struct {
		ID, Says, Next string
		Enabled        bool
		ByHand         bool `json:"by_hand"`
		Last           struct{ Run, State string }
	}
	var one struct {
		Name, Target string
		Triggers     []trigger
		Last         *tidemark.Run
	}
	s.ask(t, 200, "GET", "/api/v1/pipelines/copies", "", &one)
	if one.Target != "shop.copies" || one.Last == nil || len(one.Triggers) != 2 || one.Triggers[0].Says != "success of orders" || one.Triggers[1].Enabled {
		t.Errorf("the pipeline is %+v", one)
	}
	var off, left trigger
	s.ask(t, 200, "PATCH", "/api/v1/triggers/orders/night", `{"enabled": false}`, &off)
	if off.Enabled || !off.ByHand || off.Says != "cron 15 2 * * * in Europe/Berlin" {
		t.Errorf("a trigger that was turned off: %+v", off)
	}
	s.ask(t, 409, "POST", "/api/v1/triggers/orders/night/fire", "", nil)
	s.ask(t, 200, "PATCH", "/api/v1/triggers/orders/night", `{"enabled": null}`, &left)
	if !left.Enabled || left.ByHand {
		t.Errorf("a trigger that was left to the config: %+v", left)
	}
	var fired runsBody
	s.ask(t, 202, "POST", "/api/v1/triggers/orders/night/fire", "", &fired)
	if r, _ := s.follow(t, fired.Runs[0].ID); r.State != tidemark.RunSucceeded || r.Causes[0].Trigger != "orders/night" {
		t.Errorf("the run of the trigger: %+v", r)
	}
	var list struct{ Triggers []trigger }
	if s.ask(t, 200, "GET", "/api/v1/triggers", "", &list); len(list.Triggers) != 3 || list.Triggers[0].Last.Run != string(fired.Runs[0].ID) || list.Triggers[0].Last.State != "succeeded" {
		t.Errorf("the triggers are %+v", list)
	}
	for path, code := range map[string]int{
		"/api/v1/pipelines/nobody": 404, "/api/v1/runs/nothing": 404, "/api/v1/runs/nothing/events": 404, "/api/v1/runs/nothing/log": 404,
		"/api/v1/runs?state=broken": 422, "/api/v1/runs?since=yesterday": 422, "/api/v1/runs?before=nothing": 404,
	} {
		s.ask(t, code, "GET", path, "", nil)
	}
}
