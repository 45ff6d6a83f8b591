package restserve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/restserve"
)

// large is a lake of many tables in memory, which counts what it is asked for. What a real lake answers is tested in
// package run.
type large struct {
	mu     sync.Mutex
	tables []tidemark.TableID
	lists  atomic.Int64
	loads  atomic.Int64
	err    error
}

func newLarge(n int) *large {
	l := &large{}
	for i := range n {
		l.tables = append(l.tables, tidemark.TableID{Namespace: "shop", Name: fmt.Sprintf("table_%04d", i)})
	}
	return l
}

func (l *large) Tables(context.Context) ([]tidemark.TableID, error) {
	l.lists.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tables, l.err
}

func (l *large) Metadata(context.Context, tidemark.TableID) (string, []byte, error) {
	l.loads.Add(1)
	return "/lake/v1.metadata.json", []byte(`{"format-version":2}`), l.err
}

func (l *large) Properties() map[string]string { return nil }

func handlerOf(l *large, now func() time.Time, log *slog.Logger) *restserve.Handler {
	return restserve.New(restserve.Options{
		Lakes: []string{"lake"}, Open: func(context.Context, string) (restserve.Lake, error) { return l, nil }, Now: now, Log: log,
	})
}

func get(t *testing.T, h http.Handler, path string, into any) int {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		t.Errorf("%s: %d %s: %v", path, w.Code, w.Body, err)
	}
	return w.Code
}

type tablePage struct {
	Next        *string `json:"next-page-token"`
	Identifiers []struct{ Name string }
}

const tablesPath = "/v1/lake/namespaces/shop/tables"

// TestPages reads a large namespace in pages, while tables come and go, and all at once.
func TestPages(t *testing.T) {
	l := newLarge(2000)
	clock := time.Now()
	h := handlerOf(l, func() time.Time { return clock }, nil)
	var whole tablePage
	if get(t, h, tablesPath+"?pageSize=10", &whole); len(whole.Identifiers) != 2000 || whole.Next != nil {
		t.Errorf("without a token: %d tables, next %v, want all 2000", len(whole.Identifiers), whole.Next)
	}
	seen := map[string]int{}
	pages, token := 0, ""
	for more := true; more; pages++ {
		var p tablePage
		get(t, h, tablesPath+"?pageSize=300&pageToken="+token, &p)
		for _, id := range p.Identifiers {
			seen[id.Name]++
		}
		if more = p.Next != nil; more {
			token = *p.Next
		}
		if pages == 1 { // the last table that we have seen goes, and a new one comes before it
			l.mu.Lock()
			l.tables = append(append([]tidemark.TableID{{Namespace: "shop", Name: "a_new_one"}}, l.tables[:599]...), l.tables[600:]...)
			l.mu.Unlock()
			clock = clock.Add(restserve.Fresh)
		}
	}
	if pages != 7 || len(seen) != 2000 {
		t.Errorf("%d pages with %d tables, want 7 with 2000", pages, len(seen))
	}
	for name, n := range seen {
		if n != 1 {
			t.Errorf("table %s came %d times", name, n)
		}
	}
	var capped tablePage
	if get(t, h, tablesPath+"?pageSize=99999&pageToken=", &capped); len(capped.Identifiers) != 1000 || capped.Next == nil {
		t.Errorf("a page of %d tables, want 1000", len(capped.Identifiers))
	}
}

// TestListIsAskedForOnce: many clients that attach at the same time cost one list of the lake, and no table is opened for
// it; a list is not used for longer than it is fresh.
func TestListIsAskedForOnce(t *testing.T) {
	l := newLarge(2000)
	clock := time.Now()
	h := handlerOf(l, func() time.Time { return clock }, nil)
	var clients sync.WaitGroup
	for range 20 {
		clients.Go(func() {
			for _, path := range []string{"/v1/lake/namespaces", "/v1/namespaces/shop", tablesPath, tablesPath + "?pageToken=", "/v1/lake/namespaces/shop/views"} {
				var answer map[string]json.RawMessage
				if status := get(t, h, path, &answer); status != http.StatusOK {
					t.Errorf("%s: %d", path, status)
				}
			}
		})
	}
	clients.Wait()
	if l.lists.Load() != 1 || l.loads.Load() != 0 {
		t.Errorf("%d lists and %d loads, want 1 and none", l.lists.Load(), l.loads.Load())
	}
	l.mu.Lock()
	l.tables = []tidemark.TableID{{Namespace: "shop", Name: "only"}}
	l.mu.Unlock()
	clock = clock.Add(restserve.Fresh)
	var p tablePage
	if get(t, h, tablesPath, &p); len(p.Identifiers) != 1 || l.lists.Load() != 2 {
		t.Errorf("when the list is old: %d tables of %d lists, want 1 of 2", len(p.Identifiers), l.lists.Load())
	}
}

// TestFaultsOfTheLake: the client is told what kind of fault it is and no more, the log all.
func TestFaultsOfTheLake(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		kind   string
	}{
		{tidemark.ErrTransient, 503, "ServiceUnavailableException"},
		{tidemark.ErrDenied, 500, "InternalServerError"},
		{tidemark.ErrInvalid, 500, "InternalServerError"},
		{context.DeadlineExceeded, 503, "ServiceUnavailableException"},
	} {
		l := newLarge(1)
		l.err = fmt.Errorf("get s3://hidden/place: %w", c.err)
		var log bytes.Buffer
		h := handlerOf(l, nil, slog.New(slog.NewTextHandler(&log, nil)))
		for _, path := range []string{"/v1/lake/namespaces", tablesPath, tablesPath + "/table_0000"} {
			var got struct {
				Error struct{ Message, Type string }
			}
			status := get(t, h, path, &got)
			if status != c.status || got.Error.Type != c.kind || strings.Contains(got.Error.Message, "hidden") {
				t.Errorf("%v at %s: %d %+v, want %d %s", c.err, path, status, got.Error, c.status, c.kind)
			}
		}
		if n := strings.Count(log.String(), "hidden"); n != 3 {
			t.Errorf("the log says it %d times, want 3:\n%s", n, &log)
		}
	}
	// A fault is not remembered.
	l := newLarge(1)
	l.err = tidemark.ErrTransient
	h := handlerOf(l, nil, nil)
	var p tablePage
	if status := get(t, h, tablesPath, &p); status != 503 {
		t.Errorf("status %d, want 503", status)
	}
	l.mu.Lock()
	l.err = nil
	l.mu.Unlock()
	if status := get(t, h, tablesPath, &p); status != 200 || len(p.Identifiers) != 1 {
		t.Errorf("after the fault: %d with %d tables, want 200 with 1", status, len(p.Identifiers))
	}
}

// TestClientGone: who waits for a list and goes away is no fault of the lake's, and the next one is answered.
func TestClientGone(t *testing.T) {
	l := newLarge(1)
	l.err = context.Canceled
	var log bytes.Buffer
	h := handlerOf(l, nil, slog.New(slog.NewTextHandler(&log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, tablesPath, nil).WithContext(ctx))
	if w.Code != http.StatusServiceUnavailable || log.Len() > 0 {
		t.Errorf("status %d, want 503 and nothing in the log:\n%s", w.Code, &log)
	}
	l.err = nil
	var p tablePage
	if status := get(t, h, tablesPath, &p); status != http.StatusOK {
		t.Errorf("the next one: %d", status)
	}
}

// TestConfig: what a client is told first.
func TestConfig(t *testing.T) {
	h := handlerOf(newLarge(0), nil, nil)
	for _, path := range []string{"/v1/config", "/v1/config?warehouse=", "/v1/config?warehouse=lake", "//v1//config"} {
		var got struct {
			Defaults, Overrides map[string]string
			Endpoints           []string
		}
		get(t, h, path, &got)
		if diff := cmp.Diff(map[string]string{"prefix": "lake"}, got.Overrides); diff != "" {
			t.Errorf("%s: overrides (-want +got)\n%s", path, diff)
		}
		for _, e := range got.Endpoints {
			if strings.HasPrefix(e, "DELETE") || strings.HasPrefix(e, "POST") && !strings.HasSuffix(e, "/metrics") {
				t.Errorf("%s: it offers %s", path, e)
			}
		}
		if len(got.Endpoints) != 8 || got.Defaults == nil {
			t.Errorf("%s: %d endpoints, defaults %v", path, len(got.Endpoints), got.Defaults)
		}
	}
}
