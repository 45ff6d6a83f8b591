package serve_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tidemark-data/tidemark"
)

// roles is the least role that each operation takes; "" of those that anybody may ask for.
var roles = map[string]tidemark.Role{
	"GET /": "", "GET /runs": "", "GET /assets/index.js": "", // the console, which asks the API
	"GET /healthz": "", "GET /readyz": "", "POST /api/v1/session": "", "DELETE /api/v1/session": "",
	"POST /api/v1/hooks/{pipeline}/{name}": "", // which asks for a proof of its own

	"GET /api/openapi.json": tidemark.RoleViewer, "GET /api/openapi.yaml": tidemark.RoleViewer, "GET /iceberg/v1/config": tidemark.RoleViewer,
	"GET /api/v1/session": tidemark.RoleViewer, "PUT /api/v1/session/password": tidemark.RoleViewer,
	"GET /api/v1/pipelines": tidemark.RoleViewer, "GET /api/v1/pipelines/{name}": tidemark.RoleViewer, "GET /api/v1/pipelines/{name}/plan": tidemark.RoleViewer, "GET /api/v1/pipelines/{name}/history": tidemark.RoleViewer,
	"GET /api/v1/recent": tidemark.RoleViewer, "GET /api/v1/runs": tidemark.RoleViewer, "GET /api/v1/runs/{id}": tidemark.RoleViewer, "GET /api/v1/runs/{id}/log": tidemark.RoleViewer, "GET /api/v1/runs/{id}/events": tidemark.RoleViewer,
	"GET /api/v1/triggers": tidemark.RoleViewer, "GET /api/v1/watermarks": tidemark.RoleViewer, "GET /api/v1/connections": tidemark.RoleViewer,
	"GET /api/v1/catalog/{lake}/tables": tidemark.RoleViewer, "GET /api/v1/catalog/{lake}/tables/{table}": tidemark.RoleViewer,
	"GET /api/v1/catalog/{lake}/tables/{table}/history": tidemark.RoleViewer, "GET /api/v1/catalog/{lake}/tables/{table}/files": tidemark.RoleViewer,
	"GET /api/v1/catalog/{lake}/tables/{table}/recipes": tidemark.RoleViewer, "POST /api/v1/query": tidemark.RoleViewer, "POST /api/v1/query/arrow": tidemark.RoleViewer,
	"POST /api/v1/query/parquet": tidemark.RoleViewer,

	"POST /api/v1/pipelines/{name}/runs": tidemark.RoleOperator, "POST /api/v1/runs/{id}/cancel": tidemark.RoleOperator,
	"GET /api/v1/pipelines/{name}/preview":     tidemark.RoleOperator, // rows of the source, before steps that drop columns
	"PATCH /api/v1/triggers/{pipeline}/{name}": tidemark.RoleOperator, "POST /api/v1/triggers/{pipeline}/{name}/fire": tidemark.RoleOperator,
	"POST /api/v1/connections/{name}/check": tidemark.RoleOperator, "GET /api/v1/connections/{name}/tables": tidemark.RoleOperator,
	"GET /api/v1/connections/{name}/tables/{table}":     tidemark.RoleOperator,
	"PUT /api/v1/catalog/{lake}/tables/{table}/comment": tidemark.RoleOperator,

	"GET /api/v1/pipelines/{name}/spec": tidemark.RoleViewer,

	"GET /api/v1/config": tidemark.RoleAdmin, "PUT /api/v1/config": tidemark.RoleAdmin, "POST /api/v1/config/check": tidemark.RoleAdmin,
	"PUT /api/v1/pipelines/{name}": tidemark.RoleAdmin, "DELETE /api/v1/pipelines/{name}": tidemark.RoleAdmin,
	"POST /api/v1/pipelines/{name}/plan": tidemark.RoleAdmin, "POST /api/v1/pipelines/{name}/preview": tidemark.RoleAdmin,
	"GET /api/v1/connections/{name}/spec": tidemark.RoleAdmin, "PUT /api/v1/connections/{name}": tidemark.RoleAdmin, "DELETE /api/v1/connections/{name}": tidemark.RoleAdmin,
	"POST /api/v1/connections/{name}/draft/check": tidemark.RoleAdmin,

	"GET /api/v1/users": tidemark.RoleAdmin, "POST /api/v1/users": tidemark.RoleAdmin, "PATCH /api/v1/users/{name}": tidemark.RoleAdmin, "DELETE /api/v1/users/{name}": tidemark.RoleAdmin,
	"GET /api/v1/tokens": tidemark.RoleAdmin, "POST /api/v1/tokens": tidemark.RoleAdmin, "DELETE /api/v1/tokens/{name}": tidemark.RoleAdmin, "GET /api/v1/audit": tidemark.RoleAdmin,
}

// password is of at least twelve characters.
const password = "correct-horse-battery"

// TestRoles asks for everything that there is, as nobody, with what nobody has made, and with each role.
func TestRoles(t *testing.T) {
	s := newSite(t, "", apiPipelines)
	s.ordersTable(t)
	s.ask(t, 201, "POST", "/api/v1/users", `{"name": "ann", "role": "admin", "password": "`+password+`"}`, nil)
	s.ask(t, 401, "GET", "/api/v1/pipelines", "", nil)
	cookie := s.logIn(t, "ann", password)
	as := func(header, value string) *site {
		other := *s
		other.header = http.Header{header: {value}}
		return &other
	}
	ann := as("Cookie", cookie)
	tokens := map[tidemark.Role]*site{}
	for _, role := range tidemark.Roles() {
		var made struct{ Token string }
		ann.ask(t, 201, "POST", "/api/v1/tokens", fmt.Sprintf(`{"name": "%s", "role": "%s"}`, role, role), &made)
		tokens[role] = as("Authorization", "Bearer "+made.Token)
	}
	var d openAPI
	ann.ask(t, 200, "GET", "/api/openapi.json", "", &d)
	for path, operations := range d.Paths {
		for method := range operations {
			if _, known := roles[strings.ToUpper(method)+" "+path]; !known {
				t.Errorf("%s %s is not in the table of roles", method, path)
			}
		}
	}
	strangers := map[string]*site{
		"nobody": s, "a wrong token": as("Authorization", "Bearer tide_"+strings.Repeat("0", 57)), "no token": as("Authorization", "Bearer x"),
		"a wrong session": as("Cookie", "tidemark_session=tides_"+strings.Repeat("0", 57)), "a password": as("Authorization", "Basic YW5uOmNvcnJlY3QtaG9yc2UtYmF0dGVyeQ=="),
	}
	for operation, least := range roles {
		method, path, _ := strings.Cut(operation, " ")
		path = strings.NewReplacer("{pipeline}", "nobody", "{name}", "nobody", "{id}", "nothing", "{lake}", "lake", "{table}", "nothing").Replace(path)
		for name, stranger := range strangers {
			code, text := stranger.send(t, method, path, "")
			if refused := code == http.StatusUnauthorized; refused != (least != "") && !strings.Contains(path, "/hooks/") {
				t.Errorf("%s as %s: %d %s", operation, name, code, text)
			}
		}
		for role, x := range tokens {
			code, text := x.send(t, method, path, "")
			if refused := code == http.StatusForbidden; refused == role.Allows(least) && least != "" || code == http.StatusUnauthorized && !strings.Contains(path, "/hooks/") {
				t.Errorf("%s as %s: %d %s", operation, role, code, text)
			}
		}
	}
	s.sessions(t, ann, as)
}

// logIn returns the cookie of a session.
func (s *site) logIn(t *testing.T, name, password string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"name": name, "password": password})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(s.base+"/api/v1/session", "application/json", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK || len(resp.Cookies()) != 1 {
		t.Fatalf("log in: %d %s", resp.StatusCode, text)
	}
	c := resp.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Expires.IsZero() || strings.Contains(string(text), c.Value) {
		t.Errorf("the cookie is %+v, the answer %s", c, text)
	}
	return c.Name + "=" + c.Value
}

// sessions checks who is who, that a session ends, and what the audit log has.
func (s *site) sessions(t *testing.T, ann *site, as func(header, value string) *site) {
	t.Helper()
	var who struct {
		Name, Role, Kind string
		Open             bool
	}
	if ann.ask(t, 200, "GET", "/api/v1/session", "", &who); who.Name != "ann" || who.Role != "admin" || who.Kind != "user" || who.Open {
		t.Errorf("ann is %+v", who)
	}
	var begun runsBody
	ann.ask(t, 202, "POST", "/api/v1/pipelines/orders/runs", "", &begun)
	if begun.Runs[0].Causes[0].By != "ann" {
		t.Errorf("the run is wanted by %+v", begun.Runs[0].Causes)
	}
	ann.ask(t, 201, "POST", "/api/v1/users", `{"name": "ben", "role": "viewer", "password": "`+password+`"}`, nil)
	ben := as("Cookie", s.logIn(t, "ben", password))
	ben.ask(t, 403, "POST", "/api/v1/pipelines/orders/runs", "", nil)
	ben.ask(t, 403, "PUT", "/api/v1/session/password", `{"old": "wrong-wrong-wrong", "new": "another-long-one"}`, nil)
	ben.ask(t, 204, "PUT", "/api/v1/session/password", `{"old": "`+password+`", "new": "another-long-one"}`, nil)
	ben.ask(t, 401, "GET", "/api/v1/runs", "", nil)
	ben = as("Cookie", s.logIn(t, "ben", "another-long-one"))
	ben.ask(t, 200, "GET", "/api/v1/runs", "", nil)
	ann.ask(t, 204, "PATCH", "/api/v1/users/ben", `{"disabled": true}`, nil)
	ben.ask(t, 401, "GET", "/api/v1/runs", "", nil)
	ann.ask(t, 409, "PATCH", "/api/v1/users/ann", `{"role": "viewer"}`, nil)
	for range 6 {
		s.send(t, "POST", "/api/v1/session", `{"name": "cid", "password": "is-not-a-password"}`)
	}
	if code, text := s.send(t, "POST", "/api/v1/session", `{"name": "cid", "password": "is-not-a-password"}`); code != http.StatusTooManyRequests {
		t.Errorf("the seventh failed login: %d %s", code, text)
	}
	var log struct{ Acts []tidemark.Act }
	ann.ask(t, 200, "GET", "/api/v1/audit?limit=1000", "", &log)
	found := map[string]tidemark.Act{}
	for _, a := range log.Acts {
		found[a.Action+" "+a.Object+" by "+a.Who+": "+a.Outcome] = a
	}
	for _, want := range []string{"start-run orders by ann: done", "start-run orders by ben: denied", "user add ben by ann: done", "user disable ben by ann: done", "user role ann by ann: conflict", "token add viewer by ann: done", "login ann by ann: done"} {
		if a, ok := found[want]; !ok || a.Address != "127.0.0.1" {
			t.Errorf("the audit log has no %q: %+v", want, a)
		}
	}
	for key := range found {
		if strings.Contains(key, "password-") || strings.Contains(key, "list-") {
			t.Errorf("the audit log has %s", key)
		}
	}
	ann.ask(t, 204, "DELETE", "/api/v1/session", "", nil)
	ann.ask(t, 401, "GET", "/api/v1/session", "", nil)
}
