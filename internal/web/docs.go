package web

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page's template and its style
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html.tmpl
var docsTemplate string

//go:embed docs.css
var docsStyle string

// docs adds the page at /api, which shows the document that describes the API to people. It is made here, once, and needs
// neither a script nor anything of another server.
func docs(mux *http.ServeMux, d *huma.OpenAPI) error {
	page, err := docsPage(d)
	if err != nil {
		return fmt.Errorf("page of the API: %w", err)
	}
	style := sha256.Sum256([]byte(docsStyle))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(style[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	mux.HandleFunc("GET /api", func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		_, _ = w.Write(page) // who does not listen any more misses nothing
	})
	for _, other := range []string{"GET /api/{$}", "GET /api/docs"} {
		mux.Handle(other, http.RedirectHandler("/api", http.StatusFound))
	}
	return nil
}

// docsPage writes the page.
func docsPage(d *huma.OpenAPI) ([]byte, error) {
	t, err := template.New("docs").Parse(docsTemplate)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, docsOf(d))
	return b.Bytes(), err
}

// A docsView is what the page shows.
type docsView struct {
	Title, Version, Text string
	Style                template.CSS
	Token                bool // operations may take one
	Groups               []docsGroup
}

// A docsGroup is the operations with one tag.
type docsGroup struct {
	Name       string
	Operations []docsOperation
}

// A docsOperation is one of them.
type docsOperation struct {
	ID, Method, Path, Summary, Text string
	Parameters                      []docsField
	Request                         []docsBody // by media type
	Answers                         []docsAnswer
	Curl                            string
}

// A docsAnswer is one that an operation may give.
type docsAnswer struct {
	Code, Text string
	Problem    bool
	Bodies     []docsBody
}

// A docsBody is what a request or an answer holds.
type docsBody struct {
	Media string
	docsField
}

// docsOf reads the document. Groups come in the order in which their first path does, and operations by path.
func docsOf(d *huma.OpenAPI) docsView {
	v := docsView{Title: d.Info.Title, Version: d.Info.Version, Text: d.Info.Description, Style: template.CSS(docsStyle)}
	s := docsSchemas{d}
	for _, path := range sortedKeys(d.Paths) {
		for _, o := range operationsOf(d.Paths[path]) {
			if o.Hidden {
				continue
			}
			tag := "other"
			if len(o.Tags) > 0 {
				tag = o.Tags[0]
			}
			at := slices.IndexFunc(v.Groups, func(g docsGroup) bool { return g.Name == tag })
			if at < 0 {
				at = len(v.Groups)
				v.Groups = append(v.Groups, docsGroup{Name: tag})
			}
			v.Groups[at].Operations = append(v.Groups[at].Operations, s.operation(path, o))
			v.Token = v.Token || len(o.Security) > 0
		}
	}
	slices.SortFunc(v.Groups, func(a, b docsGroup) int { return strings.Compare(a.Name, b.Name) })
	return v
}

// operationsOf returns those of a path, with their methods, reading first.
func operationsOf(p *huma.PathItem) []*huma.Operation {
	all := []*huma.Operation{p.Get, p.Head, p.Post, p.Put, p.Patch, p.Delete, p.Options, p.Trace}
	for i, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
		if all[i] != nil && all[i].Method == "" {
			all[i].Method = method
		}
	}
	return slices.DeleteFunc(all, func(o *huma.Operation) bool { return o == nil })
}

// operation describes one.
func (s docsSchemas) operation(path string, o *huma.Operation) docsOperation {
	d := docsOperation{ID: o.OperationID, Method: o.Method, Path: path, Summary: o.Summary, Text: o.Description}
	for _, p := range o.Parameters {
		f := s.field(p.Name, p.Schema, nil)
		f.In, f.Required = p.In, p.Required
		if p.Description != "" {
			f.Text = p.Description
		}
		d.Parameters = append(d.Parameters, f)
	}
	if o.RequestBody != nil {
		d.Request = s.bodies(o.RequestBody.Content)
	}
	for _, code := range sortedKeys(o.Responses) {
		r := o.Responses[code]
		a := docsAnswer{Code: code, Text: r.Description, Bodies: s.bodies(r.Content)}
		_, a.Problem = r.Content["application/problem+json"]
		if code == "default" {
			a.Code, a.Text = "otherwise", "a problem"
		}
		d.Answers = append(d.Answers, a)
	}
	d.Curl = s.curl(path, o)
	return d
}

func (s docsSchemas) bodies(content map[string]*huma.MediaType) (all []docsBody) {
	for _, media := range sortedKeys(content) {
		all = append(all, docsBody{media, s.field("", content[media].Schema, nil)})
	}
	return all
}
