package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"go/format"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/tidemark-data/tidemark/run"
)

//go:embed program.tmpl
var programText string

var programTemplate = template.Must(template.New("program").Parse(programText))

// goProgram returns a Go program that runs the pipeline of a config that has no other, as gofmt would have it.
func goProgram(name, pipeline, file string, cfg run.Config) ([]byte, error) {
	var text bytes.Buffer
	err := programTemplate.Execute(&text, struct {
		Package, Pipeline, File, Config string
		Main                            bool
		Steps, Variables                []string
	}{
		Package: name, Pipeline: pipeline, File: filepath.Base(file), Config: goLiteral(reflect.ValueOf(cfg)),
		Main: name == "main", Steps: stepsOf(cfg.Pipelines[pipeline]), Variables: variablesOf(cfg),
	})
	if err != nil {
		return nil, fmt.Errorf("program of pipeline %s: %w", pipeline, err)
	}
	pretty, err := format.Source(text.Bytes())
	if err != nil {
		return nil, fmt.Errorf("program of pipeline %s: %w", pipeline, err)
	}
	return pretty, nil
}

// stepsOf returns the names of the funcs that a pipeline asks for, as Go strings.
func stepsOf(p run.Pipeline) (names []string) {
	for _, s := range p.Transforms {
		if s.Go != "" && !slices.Contains(names, strconv.Quote(s.Go)) {
			names = append(names, strconv.Quote(s.Go))
		}
	}
	return names
}

// variablesOf returns the variables of the environment that a config refers to.
func variablesOf(cfg run.Config) []string {
	found := map[string]bool{}
	note := func(references ...string) {
		for _, r := range references {
			if name, ok := strings.CutPrefix(r, "${env:"); ok {
				found[strings.TrimSuffix(name, "}")] = true
			}
		}
	}
	for _, c := range cfg.Connections {
		switch c := c.(type) {
		case run.MySQL:
			note(c.Password)
		case run.S3:
			note(c.AccessKey, c.SecretKey)
		}
	}
	if cfg.Catalog != nil {
		note(cfg.Catalog.AccessKey, cfg.Catalog.SecretKey)
	}
	return slices.Sorted(maps.Keys(found))
}

// goLiteral returns a value of a config as Go source: fields without a value are left out.
func goLiteral(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Interface:
		return goLiteral(v.Elem())
	case reflect.Pointer:
		if v.Elem().Kind() == reflect.Struct {
			return "&" + goLiteral(v.Elem())
		}
		return fmt.Sprintf("new(%s(%s))", v.Elem().Type(), goLiteral(v.Elem()))
	case reflect.String:
		return quoted(v.String())
	case reflect.Struct:
		return v.Type().String() + fieldsOf(v)
	case reflect.Map:
		var b strings.Builder
		b.WriteString(v.Type().String() + "{\n")
		for _, key := range slices.SortedFunc(slices.Values(v.MapKeys()), func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) }) {
			fmt.Fprintf(&b, "%q: %s,\n", key.String(), element(v.MapIndex(key)))
		}
		return b.String() + "}"
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = element(v.Index(i))
		}
		if v.Type().Elem().Kind() == reflect.Struct {
			return v.Type().String() + "{\n" + strings.Join(parts, ",\n") + ",\n}"
		}
		return v.Type().String() + "{" + strings.Join(parts, ", ") + "}"
	default:
		return fmt.Sprint(v.Interface())
	}
}

// element returns what stands in a list or map: its type goes without saying.
func element(v reflect.Value) string {
	if v.Kind() == reflect.Struct {
		return fieldsOf(v)
	}
	return goLiteral(v)
}

// short is how many characters of fields a line holds.
const short = 100

func fieldsOf(v reflect.Value) string {
	var parts []string
	for i := range v.NumField() {
		if f := v.Field(i); !f.IsZero() {
			parts = append(parts, v.Type().Field(i).Name+": "+goLiteral(f))
		}
	}
	if line := strings.Join(parts, ", "); len(line) < short && !strings.Contains(line, "\n") {
		return "{" + line + "}"
	}
	return "{\n" + strings.Join(parts, ",\n") + ",\n}"
}

// quoted returns text as Go source: between backquotes where that is easier to read and to edit.
func quoted(text string) string {
	if strings.ContainsAny(text, "\"\\\n") && strconv.CanBackquote(strings.ReplaceAll(text, "\n", "")) {
		return "`" + text + "`"
	}
	return strconv.Quote(text)
}
