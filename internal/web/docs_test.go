package web

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/net/html"
)

// answerTo asks the handler from this machine.
func answerTo(t *testing.T, path string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host, r.RemoteAddr = "127.0.0.1:8080", "127.0.0.1:4000"
	w := httptest.NewRecorder()
	handler(t, nil).ServeHTTP(w, r)
	return w.Result()
}

// pageText returns the page, with what it is sent as.
func pageText(t *testing.T) (string, http.Header) {
	t.Helper()
	resp := answerTo(t, "/api")
	var b strings.Builder
	if err := resp.Write(&b); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET /api: %d, %v", resp.StatusCode, err)
	}
	_, text, _ := strings.Cut(b.String(), "\r\n\r\n")
	return text, resp.Header
}

// elements returns those of a page that have the name; all of them for "".
func elements(t *testing.T, page, name string) (all []*html.Node) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && (name == "" || n.Data == name) {
			all = append(all, n)
		}
	}
	return all
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// textOf returns what people read of an element.
func textOf(n *html.Node) string {
	var b strings.Builder
	for one := range n.Descendants() {
		if one.Type == html.TextNode {
			b.WriteString(one.Data)
		}
	}
	return b.String()
}

// TestDocs: each operation of the document is on the page, with its parameters, a command and answers, and nothing else is.
func TestDocs(t *testing.T) {
	var raw struct {
		Paths map[string]map[string]struct {
			OperationID string
			Summary     string
			Parameters  []struct{ Name string }
			Responses   map[string]any
		}
	}
	resp := answerTo(t, "/api/openapi.json")
	if err := json.NewDecoder(resp.Body).Decode(&raw); err != nil {
		t.Fatal(err)
	}
	page, _ := pageText(t)
	articles := map[string]string{}
	for _, n := range elements(t, page, "article") {
		articles[attribute(n, "id")] = textOf(n)
	}
	for path, methods := range raw.Paths {
		for method, o := range methods {
			text, found := articles[o.OperationID]
			delete(articles, o.OperationID)
			wanted := []string{strings.ToUpper(method) + " " + path, o.Summary, "curl", `"$SERVER/api/v1/`}
			for _, p := range o.Parameters {
				wanted = append(wanted, p.Name)
			}
			for code := range o.Responses {
				wanted = append(wanted, strings.ReplaceAll(code, "default", "otherwise"))
			}
			for _, want := range wanted {
				if !found || !strings.Contains(text, want) {
					t.Errorf("%s %s: the page has no %q", method, path, want)
				}
			}
		}
	}
	if len(raw.Paths) == 0 || len(articles) != 0 {
		t.Errorf("%d paths in the document; on the page alone: %v", len(raw.Paths), articles)
	}
}

// TestDocsForm: elements close in the order in which they open, ids are there once, links within the page lead somewhere.
func TestDocsForm(t *testing.T) {
	page, _ := pageText(t)
	void := map[string]bool{"meta": true, "link": true, "br": true, "hr": true, "img": true, "input": true}
	open := []string{}
	for z := html.NewTokenizer(strings.NewReader(page)); z.Err() == nil; {
		switch kind := z.Next(); kind {
		case html.StartTagToken:
			if name, _ := z.TagName(); !void[string(name)] {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if len(open) == 0 || open[len(open)-1] != string(name) {
				t.Fatalf("</%s> closes %v", name, open)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		t.Errorf("not closed: %v", open)
	}
	all := elements(t, page, "")
	ids := map[string]bool{}
	for _, n := range all {
		if id := attribute(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("the id %s is there twice", id)
			}
			ids[id] = true
		}
		if n.Data == "p" && n.FirstChild == nil {
			t.Error("an empty paragraph: the parser closed another one early")
		}
	}
	for _, n := range all {
		if to, here := strings.CutPrefix(attribute(n, "href"), "#"); here && !ids[to] {
			t.Errorf("a link leads to #%s, which is not there", to)
		}
	}
}

// TestDocsAlone: the page takes nothing from elsewhere, runs no script, and its policy allows its own style alone.
func TestDocsAlone(t *testing.T) {
	page, header := pageText(t)
	styles := elements(t, page, "style")
	if len(styles) != 1 {
		t.Fatalf("%d styles", len(styles))
	}
	hash := sha256.Sum256([]byte(styles[0].FirstChild.Data))
	policy := header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "';", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q, want %s in it", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") || header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v", header)
	}
	if text := styles[0].FirstChild.Data; strings.Contains(text, "url(") || strings.Contains(text, "@import") {
		t.Error("the style takes something from elsewhere")
	}
	for _, n := range elements(t, page, "") {
		switch n.Data {
		case "script", "link", "img", "iframe", "object", "form":
			t.Errorf("the page has a <%s>", n.Data)
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
				t.Errorf("<%s %s>: the policy does not allow it", n.Data, a.Key)
			case (a.Key == "href" || a.Key == "src") && !strings.HasPrefix(a.Val, "#") && !strings.HasPrefix(a.Val, "/api"):
				t.Errorf("<%s %s=%q> leads elsewhere", n.Data, a.Key, a.Val)
			}
		}
	}
}

// TestDocsElsewhere: other addresses that people try lead to the page, and no others do.
func TestDocsElsewhere(t *testing.T) {
	for path, want := range map[string]int{"/api/docs": http.StatusFound, "/api/": http.StatusFound, "/api/nothing": http.StatusNotFound, "/api/v1": http.StatusNotFound} {
		resp := answerTo(t, path)
		if to := resp.Header.Get("Location"); resp.StatusCode != want || (want == http.StatusFound) != (to == "/api") {
			t.Errorf("GET %s: %d to %q, want %d", path, resp.StatusCode, to, want)
		}
	}
}

// TestDocsSchemas: references are followed, types that contain themselves end, and text is no markup.
func TestDocsSchemas(t *testing.T) {
	type tree struct {
		Name     string  `json:"name" maxLength:"7" doc:"<b>bold</b>"`
		Children []*tree `json:"children,omitempty"`
	}
	schemas := huma.NewMapRegistry("#/", huma.DefaultSchemaNamer)
	ref := schemas.Schema(reflect.TypeFor[tree](), true, "")
	d := &huma.OpenAPI{Info: &huma.Info{Title: "T"}, Components: &huma.Components{Schemas: schemas}, Paths: map[string]*huma.PathItem{
		"/x/{id}": {Put: &huma.Operation{
			OperationID: "x", Parameters: []*huma.Param{{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: "string"}}},
			RequestBody: &huma.RequestBody{Content: map[string]*huma.MediaType{"application/json": {Schema: ref}}},
		}},
	}}
	body := docsOf(d).Groups[0].Operations[0].Request[0]
	if body.Type != "object" || len(body.Fields) != 2 || body.Fields[0].Name != "name" || !body.Fields[0].Required || body.Fields[0].Limits[0] != "at most 7 characters" {
		t.Errorf("%+v", body)
	}
	if children := body.Fields[1]; !strings.HasPrefix(children.Type, "list of object") || !children.Within || children.Fields != nil {
		t.Errorf("%+v", children)
	}
	want := "curl -X PUT \"$SERVER/x/ID\" \\\n  -H 'Content-Type: application/json' \\\n  -d '{\"name\":\"NAME\"}'"
	if got := docsOf(d).Groups[0].Operations[0].Curl; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	page, err := docsPage(d)
	if err != nil || strings.Contains(string(page), "<b>") || !strings.Contains(string(page), "&lt;b&gt;bold") {
		t.Errorf("%v: markup in a text", err)
	}
}
