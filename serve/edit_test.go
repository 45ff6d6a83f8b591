package serve_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
)

const editedPipelines = `  # The orders of the shop.
  orders: # each night
    source: {connection: shop, table: orders, cursor: at}
    target: {connection: lake, table: shop.orders} # the landing
  # The copies.
  copies:
    source: {connection: shop, table: orders, cursor: at}
    target: {connection: lake, table: shop.copies}
`

type configBody struct {
	Text, YAML, Version string
	Problems            []struct{ Path, Message string }
	Errors              []struct{ Message, Location string }
}

// TestAPIConfig: pipelines and connections are added, changed and removed in the file, whose comments stay, and count at
// once; what is wrong changes nothing.
func TestAPIConfig(t *testing.T) {
	s := newSite(t, "# The top.", editedPipelines)
	s.ordersTable(t)
	before := s.text(t)
	var c configBody
	s.ask(t, 200, "GET", "/api/v1/config", "", &c)
	if c.Text != before || c.Version == "" || len(c.Problems) != 0 {
		t.Errorf("the config is %+v", c)
	}
	first := c.Version
	s.ask(t, 200, "GET", "/api/v1/pipelines/orders/spec", "", &c)
	if !strings.Contains(c.YAML, "# the landing") || c.Version != first {
		t.Errorf("the pipeline is %+v", c)
	}

	daily := `{"yaml": "source: {connection: shop, table: orders, cursor: at}\ntarget: {connection: lake, table: shop.daily}\ntriggers:\n  - cron: \"@daily\" # in UTC\n"}`
	s.ask(t, 200, "PUT", "/api/v1/pipelines/daily?dry_run=true", daily, &c)
	if !strings.Contains(c.Text, "# in UTC") || s.text(t) != before {
		t.Errorf("a dry run gives %s", c.Text)
	}
	s.ask(t, 200, "PUT", "/api/v1/pipelines/daily", daily, &c)
	s.ask(t, 200, "GET", "/api/v1/pipelines/daily", "", nil)
	s.ask(t, 200, "PUT", "/api/v1/pipelines/copies", `{"spec": {"source": {"connection": "shop", "table": "orders", "cursor": "at"}, "target": {"connection": "lake", "table": "shop.other"}}}`, &c)
	var one struct{ Target string }
	if s.ask(t, 200, "GET", "/api/v1/pipelines/copies", "", &one); one.Target != "shop.other" {
		t.Errorf("the target is %s", one.Target)
	}
	s.ask(t, 200, "DELETE", "/api/v1/pipelines/copies", "", nil)
	s.ask(t, 404, "GET", "/api/v1/pipelines/copies", "", nil)
	for _, comment := range []string{"# The top.", "# The orders of the shop.", "# each night", "# the landing", "# in UTC"} {
		if !strings.Contains(s.text(t), comment) {
			t.Errorf("the comment %q is gone from\n%s", comment, s.text(t))
		}
	}
	s.ask(t, 200, "PUT", "/api/v1/connections/other", `{"yaml": "{type: file, path: other}"}`, nil)
	s.ask(t, 200, "GET", "/api/v1/connections/other/spec", "", &c)
	s.ask(t, 422, "DELETE", "/api/v1/connections/lake", "", nil) // pipelines use it
	s.ask(t, 200, "DELETE", "/api/v1/connections/other", "", nil)
	s.refusedEdits(t, first)
}

// refusedEdits checks that what is refused changes nothing.
func (s *site) refusedEdits(t *testing.T, old string) {
	t.Helper()
	before := s.text(t)
	for _, bad := range []struct {
		code               int
		method, path, body string
		header             [2]string
	}{
		{422, "PUT", "/pipelines/x", `{"yaml": "source: {connection: nobody}"}`, [2]string{}},
		{422, "PUT", "/pipelines/x", `{"yaml": "source: ["}`, [2]string{}},
		{422, "PUT", "/pipelines/x", `{"yaml": "password: secret"}`, [2]string{}},
		{422, "PUT", "/pipelines/x", `{}`, [2]string{}},
		{422, "PUT", "/pipelines/x", `{"yaml": "a: b", "spec": {}}`, [2]string{}},
		{422, "PUT", "/connections/x", `{"yaml": "{type: mysql, url: \"mysql://u:pw@h/\"}"}`, [2]string{}},
		{422, "PUT", "/config", `{"text": "connections: []"}`, [2]string{}},
		{412, "PUT", "/pipelines/orders", `{"yaml": "a: b"}`, [2]string{"If-None-Match", "*"}},
		{412, "DELETE", "/pipelines/orders", "", [2]string{"If-Match", `"` + old + `"`}},
		{404, "DELETE", "/pipelines/nobody", "", [2]string{}},
		{404, "GET", "/connections/nobody/spec", "", [2]string{}},
	} {
		x := *s
		if x.header = (http.Header{}); bad.header[0] != "" {
			x.header.Set(bad.header[0], bad.header[1])
		}
		x.ask(t, bad.code, bad.method, "/api/v1"+bad.path, bad.body, nil)
	}
	var c configBody
	if s.ask(t, 422, "PUT", "/api/v1/pipelines/x", `{"yaml": "source: {connection: nobody, tabel: t}"}`, &c); len(c.Errors) < 2 || !strings.Contains(c.Errors[0].Location, "pipelines.x") {
		t.Errorf("mistakes are told as %+v", c.Errors)
	}
	if s.ask(t, 200, "POST", "/api/v1/config/check", `{"text": "pipelines: {x: {sorce: 1}}"}`, &c); len(c.Problems) == 0 || c.Problems[0].Path == "" {
		t.Errorf("mistakes are told as %+v", c.Problems)
	}
	if s.text(t) != before {
		t.Errorf("the file has changed to\n%s", s.text(t))
	}
	if err := os.WriteFile(s.file(), []byte(before+"nonsense: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s.ask(t, 200, "GET", "/api/v1/config", "", &c); len(c.Problems) != 1 || c.Problems[0].Path != "nonsense" {
		t.Errorf("a broken file is told as %+v", c.Problems)
	}
	s.ask(t, 409, "GET", "/api/v1/pipelines/orders/spec", "", nil)
	s.ask(t, 200, "PUT", "/api/v1/config", `{"text": `+quoted(before)+`}`, nil)
	s.ask(t, 200, "GET", "/api/v1/pipelines/orders/spec", "", nil)
}

// brokenDraft checks that a step which cannot be done is told with its place, behind what comes to it.
func (s *site) brokenDraft(t *testing.T, draft string) {
	t.Helper()
	var preview struct {
		Steps  []struct{ Columns []struct{ Name string } }
		Failed struct {
			Step, Error  string
			Line, Column int
		}
	}
	s.ask(t, 200, "POST", "/api/v1/pipelines/few/preview", draft, &preview)
	if f := preview.Failed; len(preview.Steps) != 1 || len(preview.Steps[0].Columns) != 2 || f.Step != "few" || f.Line != 2 || f.Column != 2 || !strings.Contains(f.Error, "nothing") {
		t.Errorf("preview of a broken step %+v", preview)
	}
}

// TestAPIDraft: what is not saved yet is planned, previewed and tried.
func TestAPIDraft(t *testing.T) {
	s := newSite(t, "", editedPipelines)
	s.ordersTable(t)
	before := s.text(t)
	draft := `{"spec": {"source": {"connection": "shop", "table": "orders", "cursor": "at"}, "transforms": [{"name": "few", "sql": "SELECT id FROM rows WHERE id = 2"}], "target": {"connection": "lake", "table": "shop.few"}}}`
	var plans struct {
		Plans []struct {
			Rows int64 `json:"rows_expected"`
		}
	}
	if s.ask(t, 200, "POST", "/api/v1/pipelines/few/plan", draft, &plans); len(plans.Plans) != 1 || plans.Plans[0].Rows != 3 {
		t.Errorf("plans %+v", plans)
	}
	var preview struct{ Steps []struct{ Rows [][]any } }
	if s.ask(t, 200, "POST", "/api/v1/pipelines/few/preview", draft, &preview); len(preview.Steps) != 2 || len(preview.Steps[1].Rows) != 1 {
		t.Errorf("preview %+v", preview)
	}
	s.brokenDraft(t, strings.Replace(draft, "SELECT id FROM", "SELECT id,\\n nothing FROM", 1))
	s.ask(t, 422, "POST", "/api/v1/pipelines/few/plan", `{"yaml": "sorce: 1"}`, nil)
	var c struct {
		Works    bool
		Findings []struct{ Error, Hint string }
	}
	if s.ask(t, 200, "POST", "/api/v1/connections/new/draft/check", `{"yaml": "{type: file, path: new}"}`, &c); !c.Works {
		t.Errorf("a folder: %+v", c)
	}
	for _, address := range []string{"169.254.169.254", "[fe80::1]", "[fd00:ec2::254]"} {
		s.ask(t, 200, "POST", "/api/v1/connections/new/draft/check", `{"yaml": "{type: mysql, url: \"mysql://u@`+address+`:80/x\"}"}`, &c)
		if last := c.Findings[len(c.Findings)-1]; c.Works || !strings.Contains(last.Error, "link-local") {
			t.Errorf("MySQL at %s: %+v", address, c)
		}
		s.ask(t, 200, "POST", "/api/v1/connections/new/draft/check", `{"yaml": "{type: s3, url: \"s3://b/x\", region: r, endpoint: \"http://`+address+`\", access_key: \"${env:HOME}\", secret_key: \"${env:HOME}\"}"}`, &c)
		if last := c.Findings[len(c.Findings)-1]; c.Works || !strings.Contains(last.Error, "link-local") {
			t.Errorf("S3 at %s: %+v", address, c)
		}
	}
	if s.text(t) != before {
		t.Error("the file has changed")
	}
}
