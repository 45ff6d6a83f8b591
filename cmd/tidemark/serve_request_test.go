package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
)

// listens waits until the server takes requests.
func (s *service) listens() {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(s.log.String(), "msg=listening"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("the server does not listen\n%s", s.log)
		}
	}
}

// started sends a request that starts a run, and returns that.
func (s *service) started(path string, header ...string) tidemark.RunID {
	s.t.Helper()
	code, body := s.request(http.MethodPost, path, "", header...)
	var begun struct{ Runs []tidemark.Run }
	if err := json.Unmarshal([]byte(body), &begun); code != http.StatusAccepted || err != nil || len(begun.Runs) != 1 {
		s.t.Fatalf("POST %s: %d %s", path, code, body)
	}
	return begun.Runs[0].ID
}

// becomes waits until a run is in a state.
func (s *service) becomes(id tidemark.RunID, state tidemark.RunState) (r tidemark.Run) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); r.State != state; {
		code, body := s.fetch("/api/v1/runs/" + string(id))
		r = tidemark.Run{}
		if err := json.Unmarshal([]byte(body), &r); code != http.StatusOK || err != nil {
			s.t.Fatalf("run %s: %d %s", id, code, body)
		}
		if r.State != state && (r.State.Ended() || time.Now().After(deadline)) {
			s.t.Fatalf("run %s is %s, want %s\n%s\n%s", id, r.State, state, body, s.log)
		}
	}
	return r
}

// TestServeRequests: requests start runs of the real server, by hand, by a webhook and by letting a trigger fire, and end one that
// waits and one that is under way.
func TestServeRequests(t *testing.T) {
	t.Setenv("SERVE_TOKEN", "a-token-of-some-length")
	s := newService(t, `  orders:
    target: {table: shop.orders}
    triggers: [{webhook: {token: "${env:SERVE_TOKEN}"}}, {cron: "@yearly"}]
`)
	s.exec("INSERT INTO orders (order_id, order_status) VALUES (1, 'NEW')")
	s.begin()
	s.listens()
	if r := s.becomes(s.started("/api/v1/pipelines/orders/runs"), tidemark.RunSucceeded); r.Causes[0].Kind != tidemark.TriggerManual || r.Result.New != 1 {
		t.Errorf("by hand: %+v", r)
	}
	hook := func() tidemark.RunID {
		return s.started("/api/v1/hooks/orders/webhook", "Authorization", "Bearer a-token-of-some-length", "Idempotency-Key", "one")
	}
	called := hook()
	if r := s.becomes(called, tidemark.RunSucceeded); r.Causes[0].ID != "orders/webhook@one" {
		t.Errorf("by a webhook: %+v", r)
	}
	if code, body := s.request(http.MethodPost, "/api/v1/hooks/orders/webhook", "", "Authorization", "Bearer another-token-of-length"); code != http.StatusUnauthorized {
		t.Errorf("a wrong token: %d %s", code, body)
	}
	if r := s.becomes(s.started("/api/v1/triggers/orders/cron/fire"), tidemark.RunSucceeded); r.Causes[0].Trigger != "orders/cron" {
		t.Errorf("a trigger by hand: %+v", r)
	}
	s.cancelled()
	s.end(syscall.SIGKILL)
	s.begin()
	s.listens()
	if again := hook(); again != called {
		t.Errorf("sent again to another process, the webhook has started run %s beside %s", again, called)
	}
	s.arrives("shop.orders", 1)
	s.end(syscall.SIGTERM)
}

// cancelled ends a run that is under way, because the table is locked, and one that waits for its end. The next one finds all well.
func (s *service) cancelled() {
	s.t.Helper()
	locked, err := s.db.Conn(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	defer locked.Close()
	if _, err := locked.ExecContext(s.t.Context(), "LOCK TABLES orders WRITE"); err != nil {
		s.t.Fatal(err)
	}
	running := s.started("/api/v1/pipelines/orders/runs")
	s.becomes(running, tidemark.RunRunning)
	waiting := s.started("/api/v1/pipelines/orders/runs")
	for _, id := range []tidemark.RunID{waiting, running} {
		if code, body := s.request(http.MethodPost, "/api/v1/runs/"+string(id)+"/cancel", ""); code != http.StatusOK && code != http.StatusAccepted {
			s.t.Fatalf("cancel: %d %s", code, body)
		}
	}
	s.becomes(waiting, tidemark.RunCancelled)
	s.becomes(running, tidemark.RunCancelled) // while the table is still locked
	if code, body := s.request(http.MethodPost, "/api/v1/runs/"+string(running)+"/cancel", ""); code != http.StatusConflict {
		s.t.Errorf("cancel of a run that has ended: %d %s", code, body)
	}
	if _, err := locked.ExecContext(s.t.Context(), "UNLOCK TABLES"); err != nil {
		s.t.Fatal(err)
	}
	s.becomes(s.started("/api/v1/pipelines/orders/runs"), tidemark.RunSucceeded)
}
