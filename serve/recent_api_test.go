package serve_test

import (
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
)

const recentPipelines = `
  orders:
    source: {connection: shop, table: orders, cursor: at}
    target: {connection: lake, table: shop.orders}
  gone:
    source: {connection: shop, table: nothing, cursor: at}
    target: {connection: lake, table: shop.gone}
  many:
    source: {connection: shop, tables: ["item*"], cursor: at}
    target: {connection: lake, table: "shop.{table}"}
`

// TestRecent: what pipelines have done of late, what was read of their splits, and how the watermark came to be.
func TestRecent(t *testing.T) {
	s := newSite(t, "", recentPipelines)
	s.ordersTable(t)
	for _, table := range []string{"items1", "items2"} {
		s.exec(t, "CREATE TABLE "+table+" (id INT PRIMARY KEY, at DATETIME NOT NULL, KEY (at))", "INSERT INTO "+table+" VALUES (1, '2024-01-01'), (2, '2024-01-02')")
	}
	s.runAll(t, "orders", "gone", "many")
	s.exec(t, "INSERT INTO orders VALUES (301, '2024-02-01')")
	s.runAll(t, "orders")

	type recent struct {
		Pipeline string
		Rows     int64 `json:"rows_new"`
		Runs     []tidemark.RecentRun
	}
	var list struct {
		Since     time.Time
		Pipelines []recent
	}
	s.ask(t, 200, "GET", "/api/v1/recent?runs=1&since=2020-01-01T00:00:00Z", "", &list)
	if len(list.Pipelines) != 3 || !list.Since.Equal(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Fatalf("recent runs: %+v", list)
	}
	orders, gone, many := list.Pipelines[0], list.Pipelines[1], list.Pipelines[2]
	if orders.Pipeline != "orders" || orders.Rows != 4 || len(orders.Runs) != 1 || orders.Runs[0].Rows != 1 || orders.Runs[0].Started.IsZero() {
		t.Errorf("orders: %+v", orders)
	}
	if gone.Rows != 0 || len(gone.Runs) != 1 || gone.Runs[0].State != tidemark.RunFailed {
		t.Errorf("gone: %+v", gone)
	}
	if many.Pipeline != "many" || many.Rows != 4 || len(many.Runs) != 1 || many.Runs[0].Rows != 2 {
		t.Errorf("many: %+v", many)
	}
	s.ask(t, 200, "GET", "/api/v1/recent?since=2999-01-01T00:00:00Z", "", &list)
	if orders := list.Pipelines[0]; orders.Rows != 0 || len(orders.Runs) != 2 {
		t.Errorf("of the future: %+v", orders)
	}
	s.ask(t, 422, "GET", "/api/v1/recent?since=today", "", nil)

	var run tidemark.Run
	s.ask(t, 200, "GET", "/api/v1/runs/"+string(orders.Runs[0].ID), "", &run)
	if r := run.Result; r == nil || len(r.Splits) != 1 || r.Splits[0].Rows != r.Read || r.Splits[0].SQL == "" || r.Splits[0].Ended.Before(r.Splits[0].Began) {
		t.Errorf("the run read %+v", r)
	}
	var listed runsBody
	s.ask(t, 200, "GET", "/api/v1/runs?pipeline=orders", "", &listed)
	if r := listed.Runs[0].Result; r == nil || r.Read == 0 || r.Splits != nil {
		t.Errorf("the list tells of %+v", r)
	}
	var history struct {
		Of      int
		Changes []tidemark.Change
	}
	s.ask(t, 200, "GET", "/api/v1/pipelines/orders/history?limit=1", "", &history)
	if history.Of != 2 || len(history.Changes) != 1 || history.Changes[0].Loaded != 1 || history.Changes[0].Commit != 2 || history.Changes[0].High.String() != "2024-02-01 00:00:00" {
		t.Errorf("the history is %+v", history)
	}
	s.ask(t, 200, "GET", "/api/v1/pipelines/gone/history", "", &history)
	if history.Of != 0 || len(history.Changes) != 0 {
		t.Errorf("before the first commit the history is %+v", history)
	}
	s.ask(t, 200, "GET", "/api/v1/pipelines/many.items1/history", "", &history)
	if history.Of != 1 {
		t.Errorf("the history of a member is %+v", history)
	}
	s.ask(t, 422, "GET", "/api/v1/pipelines/many/history", "", nil)
	s.ask(t, 404, "GET", "/api/v1/pipelines/nobody/history", "", nil)
}
