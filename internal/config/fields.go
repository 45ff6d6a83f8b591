package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
)

// A field is a key of a section of the YAML, as the struct of the section declares it.
type field struct {
	name  string   // the key
	enum  []string // the allowed values; nil means all
	def   string   // the default as text, for the reference; "" when it is none or depends
	index []int    // for reflect's FieldByIndex
	typ   reflect.Type
	doc   string // Struct.Field, where the comment is
	short bool   // a text in the place of the section stands for this key
}

// fields returns the keys of a section, those of inlined structs included, in the order of the declaration.
func fields(t reflect.Type) []field {
	var list []field
	for i := range t.NumField() {
		f := t.Field(i)
		key, inline := strings.CutSuffix(f.Tag.Get("yaml"), ",inline")
		if inline {
			for _, inner := range fields(f.Type) {
				inner.index = append([]int{i}, inner.index...)
				list = append(list, inner)
			}
			continue
		}
		if key == "" {
			continue
		}
		one := field{name: key, def: f.Tag.Get("default"), index: []int{i}, typ: f.Type, doc: t.Name() + "." + f.Name, short: f.Tag.Get("short") == "true"}
		if values, found := f.Tag.Lookup("enum"); found {
			one.enum = strings.Split(values, ",")
		}
		list = append(list, one)
	}
	return list
}

// shortOf returns the key that a text in the place of a section stands for, or false.
func shortOf(t reflect.Type) (field, bool) {
	for _, f := range fields(t) {
		if f.short {
			return f, true
		}
	}
	return field{}, false
}

// variants returns the structs that hold the keys of a section whose key "type" chooses among them, by type: nil
// where a section is always the same.
func variants(t reflect.Type) map[string]reflect.StructField {
	byType := map[string]reflect.StructField{}
	for i := range t.NumField() {
		if kind := t.Field(i).Tag.Get("variant"); kind != "" {
			byType[kind] = t.Field(i)
		}
	}
	return byType
}

func names(list []field) []string {
	keys := make([]string, len(list))
	for i, f := range list {
		keys[i] = f.name
	}
	return keys
}

// belongs returns "source" or "target" when the key is known there, or "".
func belongs(key string) string {
	for _, f := range fields(reflect.TypeFor[pipelineSpec]()) {
		if f.typ.Kind() != reflect.Struct {
			continue
		}
		for _, inner := range fields(f.typ) {
			if inner.name == key {
				return f.name
			}
		}
	}
	return ""
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// join returns the path of a key below path, and of keys below that.
func join(path string, keys ...string) string {
	for _, key := range keys {
		switch {
		case !plainKey.MatchString(key):
			path = fmt.Sprintf("%s[%q]", path, key)
		case path == "":
			path = key
		default:
			path += "." + key
		}
	}
	return path
}

// itemPath returns the path of an element of a list.
func itemPath(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

var notVariable = regexp.MustCompile(`[^A-Z0-9]+`)

// variable returns the name of the environment variable that overrides the value at path: connections.shop.url is
// TIDEMARK_CONNECTIONS_SHOP_URL.
func variable(path string) string {
	return "TIDEMARK_" + strings.Trim(notVariable.ReplaceAllString(strings.ToUpper(path), "_"), "_")
}
