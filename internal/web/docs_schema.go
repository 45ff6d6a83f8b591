package web

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// docsSchemas finds the schemas that others refer to.
type docsSchemas struct{ *huma.OpenAPI }

// A docsField is a parameter, a property, or a body, which has no name.
type docsField struct {
	Name, In, Type, Text string
	Required             bool
	Limits               []string
	Fields               []docsField // of an object, or of the elements of a list or a map
	Within               bool        // the type contains itself: its fields stand further up
}

// resolve follows references.
func (s docsSchemas) resolve(schema *huma.Schema) *huma.Schema {
	for schema != nil && schema.Ref != "" {
		schema = s.Components.Schemas.SchemaFromRef(schema.Ref)
	}
	return schema
}

// field describes a value; within are the schemas that it lies in.
func (s docsSchemas) field(name string, schema *huma.Schema, within []*huma.Schema) docsField {
	f := docsField{Name: name}
	schema = s.resolve(schema)
	if schema == nil {
		return f
	}
	f.Type, f.Text, f.Limits = s.typeOf(schema), schema.Description, limitsOf(schema)
	inner := s.element(schema)
	if inner == nil {
		return f
	}
	if inner != schema && f.Text == "" {
		f.Text = inner.Description
	}
	if slices.Contains(within, inner) {
		f.Within = true
		return f
	}
	within = append(slices.Clone(within), inner)
	for _, key := range sortedKeys(inner.Properties) {
		one := s.field(key, inner.Properties[key], within)
		one.Required = slices.Contains(inner.Required, key)
		f.Fields = append(f.Fields, one)
	}
	slices.SortStableFunc(f.Fields, func(a, b docsField) int { // what must be there first
		switch {
		case a.Required == b.Required:
			return 0
		case a.Required:
			return -1
		}
		return 1
	})
	for i, one := range inner.OneOf {
		f.Fields = append(f.Fields, s.field(fmt.Sprintf("form %d", i+1), one, within))
	}
	return f
}

// element returns what has fields: the schema itself, or that of the elements of a list or a map.
func (s docsSchemas) element(schema *huma.Schema) *huma.Schema {
	for schema != nil {
		if len(schema.Properties) > 0 || len(schema.OneOf) > 0 {
			return schema
		}
		values, _ := schema.AdditionalProperties.(*huma.Schema)
		if schema.Items != nil {
			values = schema.Items
		}
		schema = s.resolve(values)
	}
	return nil
}

// typeOf names a type.
func (s docsSchemas) typeOf(schema *huma.Schema) string {
	schema = s.resolve(schema)
	name := "any"
	if schema == nil {
		return name
	}
	values, isMap := schema.AdditionalProperties.(*huma.Schema)
	switch {
	case len(schema.OneOf) > 0 && schema.Type == "":
		name = "one of"
	case schema.Items != nil:
		name = "list of " + s.typeOf(schema.Items)
	case isMap:
		name = "map of " + s.typeOf(values)
	case schema.Format != "" && schema.Type == "string":
		name = schema.Format
	case schema.Type != "":
		name = schema.Type
	}
	if schema.ContentEncoding != "" {
		name += " in " + schema.ContentEncoding
	}
	if schema.Nullable {
		name += " or null"
	}
	return name
}

// limitsOf says what a value must be like.
func limitsOf(schema *huma.Schema) (all []string) {
	if len(schema.Enum) > 0 {
		values := make([]string, len(schema.Enum))
		for i, v := range schema.Enum {
			values[i] = fmt.Sprint(v)
		}
		all = append(all, "one of "+strings.Join(values, ", "))
	}
	add := func(here bool, words string, value func() any) {
		if here {
			all = append(all, fmt.Sprintf(words, value()))
		}
	}
	add(schema.Minimum != nil, "at least %v", func() any { return *schema.Minimum })
	add(schema.ExclusiveMinimum != nil, "above %v", func() any { return *schema.ExclusiveMinimum })
	add(schema.Maximum != nil, "at most %.0f", func() any { return *schema.Maximum })
	add(schema.ExclusiveMaximum != nil, "below %v", func() any { return *schema.ExclusiveMaximum })
	add(schema.MinLength != nil, "at least %d characters", func() any { return *schema.MinLength })
	add(schema.MaxLength != nil, "at most %d characters", func() any { return *schema.MaxLength })
	add(schema.MinItems != nil, "at least %d elements", func() any { return *schema.MinItems })
	add(schema.MaxItems != nil, "at most %d elements", func() any { return *schema.MaxItems })
	add(schema.Pattern != "", "matches %s", func() any { return schema.Pattern })
	add(schema.Default != nil, "default %s", func() any { return asJSON(schema.Default) })
	return all
}

// asJSON writes a value of the document.
func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// sortedKeys returns the keys of a map in their order.
func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
