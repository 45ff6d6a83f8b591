package web

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// curl returns a command that asks for an operation.
func (s docsSchemas) curl(path string, o *huma.Operation) string {
	first, parts := "curl ", []string{}
	if o.Method != http.MethodGet {
		first += "-X " + o.Method + " "
	}
	if ok := o.Responses["200"]; ok != nil {
		if ok.Content["text/event-stream"] != nil {
			first += "-N " // events are shown as they come
		}
		if ok.Content[arrowStream] != nil {
			parts = append(parts, "-o answer.arrows")
		}
	}
	query := ""
	for _, p := range o.Parameters {
		switch value := s.sampleOf(p); {
		case p.In == "path":
			path = strings.ReplaceAll(path, "{"+p.Name+"}", value)
		case p.In == "query" && p.Required:
			query += map[bool]string{true: "?", false: "&"}[query == ""] + p.Name + "=" + value
		case p.In == "header" && p.Required:
			parts = append(parts, quoted("-H", p.Name+": "+value))
		}
	}
	if len(o.Security) > 0 {
		parts = append(parts, `-H "Authorization: Bearer $TOKEN"`)
	}
	if o.RequestBody != nil {
		if body := o.RequestBody.Content["application/json"]; body != nil {
			parts = append(parts, quoted("-H", "Content-Type: application/json"), quoted("-d", s.body(body.Schema)))
		} else if o.RequestBody.Required {
			parts = append(parts, "--data-binary @body")
		}
	}
	return strings.Join(append([]string{first + `"$SERVER` + path + query + `"`}, parts...), " \\\n  ")
}

// quoted writes a flag and a text, which a shell takes as it stands.
func quoted(flag, text string) string {
	return flag + " '" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// sampleOf returns a value for a parameter: an example, or its name in capitals for people to replace.
func (s docsSchemas) sampleOf(p *huma.Param) string {
	if text, ok := p.Example.(string); ok {
		return text
	}
	if schema := s.resolve(p.Schema); schema != nil && len(schema.Enum) > 0 {
		if text, ok := schema.Enum[0].(string); ok {
			return text
		}
	}
	return strings.ToUpper(strings.TrimSuffix(p.Name, "..."))
}

// body returns JSON with all that a request must hold, or else with one thing that it may.
func (s docsSchemas) body(schema *huma.Schema) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // the page does that
	if err := e.Encode(s.sample("", schema, 0)); err != nil {
		return "{}"
	}
	return strings.TrimSpace(b.String())
}

const sampleDepth = 4 // types that contain themselves end somewhere

func (s docsSchemas) sample(name string, schema *huma.Schema, depth int) any {
	schema = s.resolve(schema)
	if schema == nil || depth > sampleDepth {
		return nil
	}
	switch {
	case len(schema.Examples) > 0:
		return schema.Examples[0]
	case schema.Default != nil:
		return schema.Default
	case len(schema.Enum) > 0:
		return schema.Enum[0]
	}
	switch schema.Type {
	case "object":
		object := map[string]any{}
		for _, key := range schema.Required {
			object[key] = s.sample(key, schema.Properties[key], depth+1)
		}
		if keys := sortedKeys(schema.Properties); depth == 0 && len(object) == 0 && len(keys) > 0 {
			object[keys[0]] = s.sample(keys[0], schema.Properties[keys[0]], depth+1)
		}
		return object
	case "array":
		return []any{s.sample(name, schema.Items, depth+1)}
	case "integer", "number":
		return max(1, valueOr(schema.Minimum, 1))
	case "boolean":
		return true
	case "string":
		if schema.Format == "date-time" {
			return "2026-03-01T00:00:00Z"
		}
		return strings.ToUpper(name)
	}
	return nil
}

func valueOr(p *float64, other float64) float64 {
	if p == nil {
		return other
	}
	return *p
}
