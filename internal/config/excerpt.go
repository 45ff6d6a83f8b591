package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// An Excerpt is the part of a config that one pipeline needs.
type Excerpt struct {
	// JSON is a config in the format of the file that Parse reads, with the defaults of the file filled in, without what
	// is the default anyway and without what is about a server, such as triggers. Variables of the environment that win over the file are not in it. Secrets are references.
	JSON []byte

	Folder string // where relative paths begin; "" where there is none in it
}

// Excerpt returns what the file says of a pipeline of it, or of one that a group of it expanded to.
func (c *Config) Excerpt(p Pipeline) (Excerpt, error) {
	f, problems := parse(c.Path, c.text, nil)
	if f == nil {
		return Excerpt{}, problems.err()
	}
	name, spec := string(p.ID), pipelineSpec{}
	if found, ok := f.Pipelines[name]; ok && len(found.Source.Tables) == 0 {
		spec = found
	} else if spec, ok = memberOf(f, p); !ok {
		return Excerpt{}, fmt.Errorf("pipeline %s in %s: %w", p.ID, c.Path, tidemark.ErrNotFound)
	}
	spec.applicable()
	document := map[string]any{"connections": f.used(spec), "pipelines": map[string]any{name: valueOf(reflect.ValueOf(spec))}}
	for key, value := range map[string]any{"catalog": f.Catalog, "secrets": f.Secrets} {
		if set, _ := valueOf(reflect.ValueOf(value)).(map[string]any); len(set) > 0 {
			document[key] = set
		}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return Excerpt{}, fmt.Errorf("config %s: %w", c.Path, err)
	}
	folder, err := filepath.Abs(filepath.Dir(c.Path))
	if err != nil {
		return Excerpt{}, fmt.Errorf("config %s: %w", c.Path, err)
	}
	e := Excerpt{JSON: text.Bytes()}
	if isRelative(document) {
		e.Folder = folder
	}
	return e, c.isFaithful(e, p, folder)
}

// memberOf returns the spec of a pipeline that a group expanded to, as if it stood in the file by itself.
func memberOf(f *file, p Pipeline) (spec pipelineSpec, found bool) {
	group := ""
	for name, s := range f.Pipelines {
		if len(s.Source.Tables) > 0 && strings.HasPrefix(string(p.ID), name+".") && len(name) > len(group) {
			group, spec, found = name, s, true
		}
	}
	spec.Source.Tables, spec.Source.Exclude = nil, nil
	spec.Source.Table, spec.Target.Table = quote(p.Table.Database)+"."+quote(p.Table.Name), p.Target.String()
	return spec, found
}

// quote puts a name into backquotes where it needs them.
func quote(name string) string {
	if strings.ContainsAny(name, ".`*?") {
		return "`" + strings.ReplaceAll(name, "`", "``") + "`"
	}
	return name
}

// applicable leaves out what defaults say of other pipelines than this, what may not stand where it means nothing, and what
// is about a server.
func (s *pipelineSpec) applicable() {
	var none targetSpec
	builtIn(reflect.ValueOf(&none).Elem())
	builtIn(reflect.ValueOf(&s.runShared).Elem())
	s.Triggers, s.Timeout, s.Freshness = nil, 0, 0
	if s.Source.WatermarkTable.Table == "" || s.Target.Mode == string(tidemark.ModeReplace) {
		s.Source.WatermarkTable = watermarkTableSpec{}
		builtIn(reflect.ValueOf(&s.Source.WatermarkTable).Elem())
	}
	if s.Target.Mode != string(tidemark.ModeMerge) {
		s.Target.Key = nil
	}
	if s.Target.Deletes == string(tidemark.DeletesKeep) {
		s.Target.SweepEvery = none.SweepEvery
	}
	if s.Target.Deletes != string(tidemark.DeletesMark) {
		s.Target.MarkColumn = none.MarkColumn
	}
}

// used returns the connections that a pipeline needs.
func (f *file) used(spec pipelineSpec) map[string]any {
	names := []string{spec.Source.Connection, spec.Source.SettleOn, spec.Source.WatermarkTable.Connection, spec.Target.Connection}
	for _, step := range spec.Transforms {
		for _, l := range step.Lookups {
			names = append(names, l.Connection)
		}
	}
	all := map[string]any{}
	for _, name := range names {
		c, found := f.Connections[name]
		if !found {
			continue
		}
		keys := map[string]any{"type": c.Type}
		for kind, field := range variants(reflect.TypeOf(c)) {
			if kind != c.Type {
				continue
			}
			if set, ok := valueOf(reflect.ValueOf(c).FieldByIndex(field.Index).Elem()).(map[string]any); ok {
				delete(set, "max_runs") // of a server
				maps.Copy(keys, set)
			}
		}
		all[name] = keys
	}
	return all
}

// valueOf returns what a value of a spec is in JSON, without the keys that have their defaults.
func valueOf(v reflect.Value) any {
	switch is := v.Interface().(type) {
	case Secret:
		return is.reference()
	case Size:
		return is.String()
	case Duration:
		return is.String()
	}
	switch v.Kind() {
	case reflect.Struct:
		return sectionOf(v)
	case reflect.Map:
		entries := map[string]any{}
		for _, key := range v.MapKeys() {
			entries[key.String()] = valueOf(v.MapIndex(key))
		}
		return entries
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = valueOf(v.Index(i))
		}
		return list
	default:
		return v.Interface()
	}
}

func sectionOf(v reflect.Value) map[string]any {
	plain := reflect.New(v.Type()).Elem()
	builtIn(plain)
	keys := map[string]any{}
	for _, f := range fields(v.Type()) {
		value := v.FieldByIndex(f.index)
		empty := value.Kind() == reflect.Slice && value.Len() == 0
		if !empty && !reflect.DeepEqual(value.Interface(), plain.FieldByIndex(f.index).Interface()) {
			keys[f.name] = valueOf(value)
		}
	}
	return keys
}

// reference returns the secret as it stands in the file.
func (s Secret) reference() string {
	if s.key != "" {
		return fmt.Sprintf("${%s:%s#%s}", s.store, s.name, s.key)
	}
	return fmt.Sprintf("${%s:%s}", s.store, s.name)
}

// isRelative reports whether a path in a document depends on the folder of the file.
func isRelative(document any) bool {
	section, ok := document.(map[string]any)
	if !ok {
		return false
	}
	for key, value := range section {
		text, isText := value.(string)
		switch {
		case !isText && isRelative(value):
			return true
		case strings.HasPrefix(text, "${file:") && !strings.HasPrefix(text, "${file:/"):
			return true
		case slices.Contains([]string{"path", "socket", "ca"}, key) && isText && text != CAofRDS && !filepath.IsAbs(text):
			return true
		}
	}
	return false
}

// isFaithful reads an excerpt back: it must be the pipeline that it was taken of. The environment counts for both.
func (c *Config) isFaithful(e Excerpt, p Pipeline, folder string) error {
	back, err := Parse(filepath.Join(folder, "excerpt"), e.JSON)
	if err != nil {
		return fmt.Errorf("pipeline %s without the environment's part of its config: %w", p.ID, err)
	}
	if len(back.Pipelines) != 1 || back.Pipelines[0].Target != p.Target || back.Pipelines[0].Table != p.Table ||
		!reflect.DeepEqual(back.Pipelines[0].Steps, p.Steps) || !reflect.DeepEqual(back.Pipelines[0].Checks, p.Checks) ||
		!reflect.DeepEqual(back.Pipelines[0].Watermarks, p.Watermarks) {
		return tidemark.WithHint(fmt.Errorf("pipeline %s is not what %s alone says of it: %w", p.ID, c.Path, tidemark.ErrInvalid),
			"unset the variables TIDEMARK_PIPELINES_… that change it")
	}
	return nil
}
