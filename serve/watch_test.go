package serve_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tidemark-data/tidemark/internal/notify"
	"github.com/tidemark-data/tidemark/internal/post/posttest"
)

const watchedPipelines = `
  orders:
    source: {connection: shop, table: orders, cursor: at}
    target: {connection: lake, table: shop.orders}
  copies:
    source: {connection: shop, table: orders, cursor: at}
    target: {connection: lake, table: shop.copies}
    freshness: 4s
`

// An event is a notification, as a program reads it.
type event struct {
	ID, Kind, Pipeline, Link, Run, Error string

	Lag   int64 `json:"lag_seconds"`
	Limit int64 `json:"freshness_seconds"`
}

// told waits for the next event.
func told(t *testing.T, r *posttest.Receiver) (e event) {
	t.Helper()
	got := r.Next(t)
	if !strings.HasPrefix(got.Header.Get(notify.SignatureHeader), "t=") || got.Path != "/in" || got.Header.Get("User-Agent") != "Tidemark/1.2.3" {
		t.Errorf("%s with %v", got.Path, got.Header)
	}
	if err := json.Unmarshal(got.Body, &e); err != nil {
		t.Fatalf("%v in %s", err, got.Body)
	}
	return e
}

// TestNotifications: one who is told learns that a pipeline fails, once, and that it has recovered; that another is late, and
// that a run has made that good.
func TestNotifications(t *testing.T) {
	r := posttest.NewReceiver(t)
	t.Setenv("SITE_SECRET", "a-secret-of-some-length")
	s := newSite(t, `
server: {url: "https://tide.example.com/"}
notifications:
  desk: {type: webhook, url: "`+r.URL+`/in", secret: "${env:SITE_SECRET}", on: [failed, recovered, late, fresh]}
`, watchedPipelines)

	// Nothing was ever loaded: that counts from the beginning of the server.
	if e := told(t, r); e.Kind != "late" || e.Pipeline != "copies" || e.Limit != 4 || e.Lag < 4 || e.Link != "https://tide.example.com/pipelines/copies" {
		t.Errorf("the first event is %+v", e)
	}
	fails := func() string {
		t.Helper()
		var begun runsBody
		s.ask(t, 202, "POST", "/api/v1/pipelines/orders/runs", "", &begun)
		if r, _ := s.follow(t, begun.Runs[0].ID); r.Error == "" {
			t.Fatalf("a run without a table has ended as %+v", r)
		}
		return string(begun.Runs[0].ID)
	}
	first := fails()
	if e := told(t, r); e.Kind != "failed" || e.Run != first || e.Pipeline != "orders" || !strings.Contains(e.Error, "orders") || e.Link != "https://tide.example.com/runs/"+first {
		t.Errorf("behind the failure: %+v", e)
	}
	fails() // is told to nobody
	s.ordersTable(t)
	s.runNow(t, "orders")
	if e := told(t, r); e.Kind != "recovered" || e.Pipeline != "orders" || e.Run == first {
		t.Errorf("behind the success: %+v", e)
	}
	s.runNow(t, "copies")
	if e := told(t, r); e.Kind != "fresh" || e.Pipeline != "copies" || e.Run == "" {
		t.Errorf("behind the load: %+v", e)
	}
	r.Quiet(t)
}
