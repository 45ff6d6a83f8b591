package config

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/tidemark-data/tidemark"
)

// A decoder fills the structs of spec.go from a YAML document. It goes on after a mistake, so that all are reported
// at once, which the YAML library's own decoder does not do.
type decoder struct {
	*problems
	env     Lookup
	anchors map[string]ast.Node

	// fresh prepares an element of a map before it is filled: a pipeline begins as a copy of the defaults.
	fresh func(element any)
}

// parse reads data and returns the problems that it met. The file is nil when there is nothing to go on with.
func parse(name string, data []byte, env Lookup) (*file, *problems) {
	f := new(file)
	d := &decoder{problems: newProblems(name), env: env, anchors: map[string]ast.Node{}}
	builtIn(reflect.ValueOf(f).Elem())
	d.fresh = func(element any) {
		switch e := element.(type) {
		case *pipelineSpec: // the defaults are declared, and so read, before the pipelines
			e.Source.sourceShared, e.Target, e.Maintenance = f.Defaults.Source, f.Defaults.Target, f.Defaults.Maintenance
			e.runShared = f.Defaults.runShared
		default:
			builtIn(reflect.ValueOf(element).Elem())
		}
	}
	doc, err := parser.ParseBytes(plainLines(data), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntax(err)
		return nil, d.problems
	}
	if len(doc.Docs) > 1 {
		d.places[""] = placeOf(doc.Docs[1])
		d.at("", "put everything into the first", "a second YAML document")
		return nil, d.problems
	}
	var body ast.Node
	if len(doc.Docs) == 1 {
		body = doc.Docs[0].Body
	}
	if body != nil {
		ast.Walk(anchorVisitor(d.anchors), body)
	}
	d.section(body, "", reflect.ValueOf(f).Elem())
	return f, d.problems
}

// plainLines returns a text without the carriage returns of Windows. Lines and columns are the same without them, but the
// library counts a line too many behind each comment that has one, and keeps the line end of a quoted text that goes over it.
func plainLines(text []byte) []byte {
	return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
}

// builtIn sets the fields of a struct, and of those in it, to what their default tags say.
func builtIn(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for _, f := range fields(v.Type()) {
		to := v.FieldByIndex(f.index)
		if f.typ.Kind() == reflect.Struct {
			builtIn(to)
		} else if f.def != "" {
			_ = setText(to, f.def, f.enum) // a test sets every default
		}
	}
}

func (d *decoder) syntax(err error) {
	var syntax *yaml.SyntaxError // its text quotes the source, which may hold a password: only its message is used
	if errors.As(err, &syntax) && syntax.Token != nil {
		at := syntax.Token.Position
		d.list = append(d.list, Problem{Line: at.Line, Column: at.Column, Message: "not YAML: " + syntax.Message})
		return
	}
	d.list = append(d.list, Problem{Message: "not YAML"})
}

// section fills a struct from a mapping. node is nil for a section that is not there: the environment may still
// have values for it.
func (d *decoder) section(node ast.Node, path string, v reflect.Value) {
	entries, ok := d.entries(node, path)
	if !ok {
		return
	}
	rest := d.fill(entries, path, v)
	known := names(fields(v.Type()))
	if kinds := variants(v.Type()); len(kinds) > 0 {
		chosen, found := kinds[v.FieldByName("Type").String()]
		if !found {
			if !d.has(join(path, "type")) {
				d.missing(path, "type")
			}
			return // the other keys cannot be judged
		}
		to := reflect.New(chosen.Type.Elem())
		builtIn(to.Elem())
		v.FieldByIndex(chosen.Index).Set(to)
		rest = d.fill(rest, path, to.Elem())
		known = append(known, names(fields(to.Elem().Type()))...)
	}
	for _, e := range rest {
		d.unknown(e.key, path, known)
	}
}

// fill sets the fields of v from the entries of its section and from the environment, and returns the entries that
// v has no field for.
func (d *decoder) fill(entries []entry, path string, v reflect.Value) []entry {
	for _, f := range fields(v.Type()) {
		to, at := v.FieldByIndex(f.index), join(path, f.name)
		if i := slices.IndexFunc(entries, func(e entry) bool { return e.key == f.name }); i >= 0 {
			d.value(entries[i].value, at, to, f.enum)
			entries = slices.Delete(entries, i, i+1)
		} else if f.typ.Kind() == reflect.Struct && !isText(to) {
			d.section(nil, at, to)
		}
		d.override(at, to, f.enum)
	}
	return entries
}

func (d *decoder) unknown(key, path string, known []string) {
	meant := nearest(key, known)
	suggestion := didYouMean(key, known)
	if strings.HasPrefix(path, "pipelines") || strings.HasPrefix(path, "defaults") {
		if where := belongs(key); where != "" {
			suggestion, meant = fmt.Sprintf("it belongs in %q", where), ""
		}
	}
	if suggestion == "" {
		suggestion = "known here: " + strings.Join(known, ", ")
	}
	d.at(join(path, key), suggestion, "unknown key")
	if meant != "" {
		d.broken[join(path, meant)] = true // not "missing" as well
	}
}

// value fills v, which may be a section, a map of sections or a scalar. A key without a value counts as not there.
func (d *decoder) value(node ast.Node, path string, v reflect.Value, enum []string) {
	node = d.resolve(node)
	if node == nil {
		d.at(path, "", "this alias has no anchor")
		return
	}
	if node.Type() == ast.NullType {
		if slices.Contains(enum, "null") {
			v.SetString("null")
		}
		return
	}
	switch {
	case isText(v):
		d.scalar(node, path, v, enum)
	case v.Kind() == reflect.Struct:
		if f, ok := shortOf(v.Type()); ok && isScalar(node) {
			at := join(path, f.name)
			d.places[at] = placeOf(node)
			d.scalar(node, at, v.FieldByIndex(f.index), f.enum)
			node = nil // the environment may have more
		}
		d.section(node, path, v)
	case v.Kind() == reflect.Map:
		d.named(node, path, v)
	case isTexts(v.Type()):
		d.strings(node, path, v)
	case isList(v.Type()):
		d.sections(node, path, v)
	default:
		d.scalar(node, path, v, enum)
	}
}

// isScalar reports whether a value is written as one word or text.
func isScalar(node ast.Node) bool {
	_, is := scalarText(node)
	return is == "text" || is == "a number" || is == "true or false"
}

// named fills a map from names to sections.
func (d *decoder) named(node ast.Node, path string, v reflect.Value) {
	entries, _ := d.entries(node, path)
	v.Set(reflect.MakeMap(v.Type()))
	for _, e := range entries {
		element := reflect.New(v.Type().Elem())
		d.fresh(element.Interface())
		d.section(e.value, join(path, e.key), element.Elem())
		v.SetMapIndex(reflect.ValueOf(e.key), element.Elem())
	}
}

// isTexts reports whether a value is a list of texts.
func isTexts(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String
}

// isList reports whether a value is a list of sections.
func isList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct
}

// sections fills a list of sections.
func (d *decoder) sections(node ast.Node, path string, v reflect.Value) {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		d.breaks(path, "begin each with a dash", "want a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(sequence.Values), len(sequence.Values)))
	for i, item := range sequence.Values {
		at := itemPath(path, i)
		d.places[at] = placeOf(item)
		element := v.Index(i)
		d.fresh(element.Addr().Interface())
		if resolved := d.resolve(item); resolved != nil {
			d.section(resolved, at, element)
		}
	}
}

// strings fills a list of texts, or one with a single text.
func (d *decoder) strings(node ast.Node, path string, v reflect.Value) {
	element := v.Type().Elem()
	list := reflect.MakeSlice(v.Type(), 0, 1)
	add := func(node ast.Node, path string) {
		one := reflect.New(element).Elem()
		if node != nil && d.scalar(node, path, one, nil) {
			list = reflect.Append(list, one)
		}
	}
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		add(node, path)
		if list.Len() > 0 {
			v.Set(list)
		}
		return
	}
	for i, item := range sequence.Values {
		at := itemPath(path, i)
		d.places[at] = placeOf(item)
		add(d.resolve(item), at)
	}
	v.Set(list)
}

// scalar fills a value that is written as one word or text, and reports whether it could.
func (d *decoder) scalar(node ast.Node, path string, v reflect.Value, enum []string) bool {
	text, is := scalarText(node)
	wanted := kindsFor(v)
	if !slices.Contains(wanted.kinds, is) {
		suggestion := ""
		if v.Kind() == reflect.String && (is == "a number" || is == "true or false") {
			suggestion = "put it into quotes"
		}
		d.breaks(path, suggestion, "want %s, got %s", wanted.name, is)
		return false
	}
	if err := setText(v, text, enum); err != nil {
		d.breaks(path, tidemark.Hint(err), "%s", err)
		return false
	}
	return true
}

// override takes the value from the environment, where that has one.
func (d *decoder) override(path string, v reflect.Value, enum []string) {
	if d.env == nil || v.Kind() == reflect.Map || isList(v.Type()) || v.Kind() == reflect.Struct && !isText(v) {
		return
	}
	text, found := d.env(variable(path))
	if !found {
		return
	}
	if err := setText(v, text, enum); err != nil {
		d.list = append(d.list, Problem{
			Path: path, Message: fmt.Sprintf("environment variable %s: %s", variable(path), err), Suggestion: tidemark.Hint(err),
		})
	}
}

func isText(v reflect.Value) bool {
	_, ok := v.Addr().Interface().(encoding.TextUnmarshaler)
	return ok
}

// setText sets v to what text says. Its errors do not repeat the text, unless it is one of few allowed words.
func setText(v reflect.Value, text string, enum []string) error {
	if to, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return to.UnmarshalText([]byte(text))
	}
	switch v.Kind() {
	case reflect.String:
		if enum != nil && !slices.Contains(enum, text) {
			return tidemark.WithHint(fmt.Errorf("unknown value %q", text), allowed(text, enum))
		}
		v.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return errors.New("want true or false")
		}
		v.SetBool(text == "true")
	case reflect.Slice:
		list := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
		texts := reflect.MakeSlice(v.Type(), len(list), len(list))
		for i, text := range list {
			texts.Index(i).SetString(text)
		}
		v.Set(texts)
	default:
		n, err := strconv.ParseInt(text, 0, v.Type().Bits())
		if err != nil {
			return errors.New("want a whole number that is not too large")
		}
		v.SetInt(n)
	}
	return nil
}
