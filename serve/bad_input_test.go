package serve_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// An openAPI is the part of the description that is needed to call everything.
type openAPI struct {
	OpenAPI    string
	Paths      map[string]map[string]described
	Components struct{ Schemas map[string]schema }
}

// A described is an operation.
type described struct {
	OperationID string
	Parameters  []struct{ Name, In string }
	RequestBody *struct {
		Content map[string]struct{ Schema schema }
	}
	Responses map[string]any
}

// A schema is one of an object, or a reference to it.
type schema struct {
	Ref        string `json:"$ref"`
	Properties map[string]any
	Required   []string
}

// odd are values that a person or a program sends that has not read the description.
var odd = []string{
	"", "x", "-1", "0", "1", "99999999999999999999", "1e9", "null", "true", "../..", "%00", "' OR 1=1 --", "orders", "lake", "shop", "shop.orders",
	"ä€𝄞", "\x7f", "a/b", "a.b.c", strings.Repeat("a", 5000), "{}", "[]", "2024-01-01T00:00:00Z",
}

// bodies returns what is sent to an operation: what is no JSON, what is none of its, and each of its properties with odd
// values beside good ones of the others.
func (d openAPI) bodies(o described) []string {
	if o.RequestBody == nil {
		return []string{""}
	}
	all := []string{"", "{", "null", "[]", `"x"`, "7", "{}", `{"nothing": 1}`, "\x00\xff", `{"a":` + strings.Repeat("[", 10_000)}
	s := o.RequestBody.Content["application/json"].Schema
	if s.Ref != "" {
		s = d.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
	}
	good := map[string]any{"sql": "SELECT 1", "enabled": true, "comment": "x"}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		for _, value := range []any{nil, true, -1, 0, 1e99, 1.5, "", "x", "'", "\x00", "SELECT", "SELECT * FROM", ";", strings.Repeat("x", 100_000), []any{}, map[string]any{}, []any{1, nil}} {
			body := map[string]any{}
			for _, other := range s.Required {
				body[other] = good[other]
			}
			body[name] = value
			text, _ := json.Marshal(body)
			all = append(all, string(text))
		}
	}
	return all
}

// TestAPIBadInput calls every operation of the description with what nobody should send. Whatever it is, the server says so,
// and is well.
func TestAPIBadInput(t *testing.T) {
	s := newSite(t, "", apiPipelines)
	s.ordersTable(t)
	s.runNow(t, "orders")
	var d openAPI
	s.ask(t, 200, "GET", "/api/openapi.json", "", &d)
	if d.OpenAPI != "3.1.0" || len(d.Paths) < 20 {
		t.Fatalf("the description is %+v", d)
	}
	ids, calls := map[string]bool{}, 0
	for path, operations := range d.Paths {
		for method, o := range operations {
			if ids[o.OperationID] || o.OperationID == "" || len(o.Responses) == 0 {
				t.Errorf("%s %s: operation %q is there twice, or says nothing", method, path, o.OperationID)
			}
			ids[o.OperationID] = true
			bodies := d.bodies(o)
			for i := range max(len(odd), len(bodies)) {
				filled, query := path, url.Values{}
				for n, p := range o.Parameters {
					value := odd[(i+n*7)%len(odd)]
					switch p.In {
					case "path":
						filled = strings.ReplaceAll(filled, "{"+p.Name+"}", url.PathEscape(value))
					case "query":
						query.Set(p.Name, value)
					}
				}
				body := bodies[i%len(bodies)]
				code, text := s.send(t, strings.ToUpper(method), filled+"?"+query.Encode(), body)
				if calls++; code >= 500 {
					t.Errorf("%s %s ? %.200s with %.60q: %d %s", method, filled, query, body, code, text)
				}
			}
		}
	}
	t.Logf("%d calls of %d operations", calls, len(ids))
	s.ask(t, 200, "GET", "/api/v1/runs", "", nil)
}

// TestAPIForeignPage: a page of another site that a browser shows starts nothing.
func TestAPIForeignPage(t *testing.T) {
	s := newSite(t, "", apiPipelines)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.base+"/api/v1/pipelines/orders/runs", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", "https://evil.example")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another site has started a run: %d", resp.StatusCode)
	}
}
