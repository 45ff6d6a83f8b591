package config

import (
	"embed"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"reflect"
	"slices"
	"strings"
)

//go:embed spec*.go
var specSources embed.FS

// Schema returns a JSON Schema of the config file, for editors that complete and check YAML while it is typed. It is
// made from the structs that the file is read into, so the two cannot differ; the descriptions are their comments.
func Schema() ([]byte, error) {
	comments := map[string]string{}
	sources, err := specSources.ReadDir(".")
	if err != nil {
		return nil, err
	}
	for _, f := range sources {
		text, err := specSources.ReadFile(f.Name())
		if err != nil {
			return nil, err
		}
		if err := fieldComments(string(text), comments); err != nil {
			return nil, err
		}
	}
	w := schemaWriter{comments: comments}
	root := w.section(reflect.TypeFor[file]())
	root.Schema = "https://json-schema.org/draft/2020-12/schema"
	root.Title = "Tidemark config"
	return json.MarshalIndent(root, "", "  ")
}

// A schemaNode is the part of JSON Schema that is needed here.
type schemaNode struct {
	Schema      string                 `json:"$schema,omitempty"`
	Title       string                 `json:"title,omitempty"`
	Description string                 `json:"description,omitempty"`
	Type        string                 `json:"type,omitempty"`
	Enum        []string               `json:"enum,omitempty"`
	Const       string                 `json:"const,omitempty"`
	Default     json.RawMessage        `json:"default,omitempty"`
	Pattern     string                 `json:"pattern,omitempty"`
	Properties  map[string]*schemaNode `json:"properties,omitempty"`
	Required    []string               `json:"required,omitempty"`
	Additional  *additional            `json:"additionalProperties,omitempty"`
	Items       *schemaNode            `json:"items,omitempty"`
	AnyOf       []*schemaNode          `json:"anyOf,omitempty"`
}

// additional is the schema of the keys that Properties does not name; without one there are no such keys.
type additional struct{ node *schemaNode }

// MarshalJSON writes the schema, or false.
func (a additional) MarshalJSON() ([]byte, error) {
	if a.node == nil {
		return []byte("false"), nil
	}
	return json.Marshal(a.node)
}

type schemaWriter struct{ comments map[string]string } // by Struct.Field

func (w schemaWriter) section(t reflect.Type) *schemaNode {
	kinds := variants(t)
	if len(kinds) == 0 {
		return w.keys(t)
	}
	node := &schemaNode{}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		one := w.keys(kinds[kind].Type.Elem())
		one.Properties["type"] = &schemaNode{Const: kind}
		one.Required = []string{"type"}
		node.AnyOf = append(node.AnyOf, one)
	}
	return node
}

func (w schemaWriter) keys(t reflect.Type) *schemaNode {
	node := &schemaNode{Type: "object", Properties: map[string]*schemaNode{}, Additional: &additional{}}
	for _, f := range fields(t) {
		value := w.value(f)
		value.Description = w.comments[f.doc]
		node.Properties[f.name] = value
	}
	return node
}

func (w schemaWriter) value(f field) *schemaNode {
	node := &schemaNode{Type: "string", Enum: f.enum}
	if f.def != "" {
		node.Default = defaultOf(f)
	}
	switch f.typ {
	case reflect.TypeFor[Strings]():
		return &schemaNode{AnyOf: []*schemaNode{{Type: "string"}, {Type: "array", Items: &schemaNode{Type: "string"}}}}
	case reflect.TypeFor[Literals]():
		return &schemaNode{Type: "array", Items: literalNode()}
	case reflect.TypeFor[Literal]():
		return literalNode()
	case reflect.TypeFor[Size]():
		node.Pattern = `^[0-9]+\s*(B|[KMGT]i?B)$`
		return node
	case reflect.TypeFor[Duration]():
		node.Pattern = `^([0-9]+d|([0-9.]+(ns|us|µs|ms|s|m|h))+)$`
		return node
	case reflect.TypeFor[Address]():
		return node
	case reflect.TypeFor[Secret]():
		node.Pattern = `^\$\{(env|file|aws-sm):[^{}]+\}$`
		return node
	}
	switch f.typ.Kind() {
	case reflect.Struct:
		if _, ok := shortOf(f.typ); ok {
			return &schemaNode{AnyOf: []*schemaNode{{Type: "string"}, w.section(f.typ)}}
		}
		return w.section(f.typ)
	case reflect.Slice:
		return &schemaNode{Type: "array", Items: w.section(f.typ.Elem())}
	case reflect.Map:
		return &schemaNode{Type: "object", Additional: &additional{w.section(f.typ.Elem())}}
	case reflect.Bool:
		node.Type = "boolean"
	case reflect.Int, reflect.Int64:
		node.Type = "integer"
	}
	return node
}

// literalNode is the schema of a Literal.
func literalNode() *schemaNode {
	return &schemaNode{AnyOf: []*schemaNode{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}}
}

// defaultOf returns a default as it stands in the YAML.
func defaultOf(f field) json.RawMessage {
	if isNumber := f.typ.Kind() == reflect.Bool || f.typ == reflect.TypeFor[int]() || f.typ == reflect.TypeFor[int64](); isNumber {
		return json.RawMessage(f.def)
	}
	return json.RawMessage(fmt.Sprintf("%q", f.def))
}

// fieldComments adds the comments of the fields of all structs in a Go source, as one line each.
func fieldComments(source string, comments map[string]string) error {
	parsed, err := parser.ParseFile(token.NewFileSet(), "spec.go", source, parser.ParseComments)
	if err != nil {
		return fmt.Errorf("read the comments of the config's structs: %w", err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if structure, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range structure.Fields.List {
				for _, name := range f.Names {
					comments[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
				}
			}
		}
		return true
	})
	return nil
}
