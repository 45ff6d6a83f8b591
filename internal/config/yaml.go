package config

import (
	"reflect"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// An entry is a key of a mapping with its value.
type entry struct {
	key   string
	value ast.Node
}

// entries returns the keys of a mapping, with those that "<<" brings in behind its own, and remembers where each
// stands. A node that is no mapping is a problem; nil and null are an empty one.
func (d *decoder) entries(node ast.Node, path string) ([]entry, bool) {
	if node == nil {
		return nil, true
	}
	node = d.resolve(node)
	if node == nil {
		d.at(path, "", "this alias has no anchor")
		return nil, false
	}
	if node.Type() == ast.NullType {
		return nil, true
	}
	values, ok := mapping(node)
	if !ok {
		_, is := scalarText(node)
		d.breaks(path, "", "want a section of keys and values, got %s", is)
		return nil, false
	}
	var list []entry
	for _, value := range values {
		if value.Key.IsMergeKey() {
			continue
		}
		key := value.Key.GetToken().Value
		at := join(path, key)
		if slices.ContainsFunc(list, func(e entry) bool { return e.key == key }) {
			first := d.places[at]
			d.places[at] = placeOf(value.Key)
			d.at(at, "", "the key is there twice, first in line %d", first.line)
			continue
		}
		d.places[at] = placeOf(value.Key)
		list = append(list, entry{key, value.Value})
	}
	return append(list, d.merged(values, list, path, 0)...), true
}

// merged returns the entries that the "<<" keys among values bring in, save those that are in own.
func (d *decoder) merged(values []*ast.MappingValueNode, own []entry, path string, depth int) []entry {
	var list []entry
	for _, value := range values {
		if !value.Key.IsMergeKey() {
			continue
		}
		inner, ok := mapping(d.resolve(value.Value))
		if !ok || depth == maxAliases {
			d.at(path, "", "<< wants an alias of a section")
			continue
		}
		for _, v := range inner {
			key := v.Key.GetToken().Value
			same := func(e entry) bool { return e.key == key }
			if v.Key.IsMergeKey() || slices.ContainsFunc(own, same) || slices.ContainsFunc(list, same) {
				continue
			}
			d.places[join(path, key)] = placeOf(v.Key)
			list = append(list, entry{key, v.Value})
		}
		list = append(list, d.merged(inner, slices.Concat(own, list), path, depth+1)...)
	}
	return list
}

// maxAliases bounds the length of a chain of aliases, which may bite its own tail.
const maxAliases = 16

// resolve returns what node stands for: the value behind an anchor, or behind an alias; nil when there is none.
func (d *decoder) resolve(node ast.Node) ast.Node {
	for range maxAliases {
		switch n := node.(type) {
		case *ast.AnchorNode:
			node = n.Value
		case *ast.AliasNode:
			node = d.anchors[n.Value.GetToken().Value]
		default:
			return node
		}
	}
	return nil
}

// anchorVisitor collects the anchors of a document by name.
type anchorVisitor map[string]ast.Node

// Visit implements ast.Visitor.
func (v anchorVisitor) Visit(node ast.Node) ast.Visitor {
	if anchor, ok := node.(*ast.AnchorNode); ok && anchor.Name != nil {
		v[anchor.Name.GetToken().Value] = anchor.Value
	}
	return v
}

func mapping(node ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// scalarText returns the text of a scalar, and what kind of node it is in words.
func scalarText(node ast.Node) (text, kind string) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, "text"
	case *ast.LiteralNode:
		return n.Value.Value, "text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return node.GetToken().Value, "a number"
	case *ast.BoolNode:
		return node.GetToken().Value, "true or false"
	case *ast.NullNode:
		return "", "nothing"
	case *ast.SequenceNode:
		return "", "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "", "a section"
	}
	return "", "something else"
}

// accepted is what a value may be written as, and its name in a sentence.
type accepted struct {
	name  string
	kinds []string
}

func kindsFor(v reflect.Value) accepted {
	switch v.Addr().Interface().(type) {
	case *Size:
		return accepted{"a size such as 64MiB", []string{"text", "a number"}}
	case *Duration:
		return accepted{"a duration such as 15m", []string{"text", "a number"}}
	case *Literal:
		return accepted{"a value", []string{"text", "a number", "true or false"}}
	case *Address:
		return accepted{"a URL, or a reference such as ${env:NAME}", []string{"text"}}
	case *Secret:
		return accepted{"a reference such as ${env:NAME}", []string{"text", "a number"}}
	}
	switch v.Kind() {
	case reflect.Bool:
		return accepted{"true or false", []string{"true or false"}}
	case reflect.Int, reflect.Int64:
		return accepted{"a whole number", []string{"a number"}}
	default:
		return accepted{"text", []string{"text"}}
	}
}

func placeOf(node ast.Node) place {
	if node == nil || node.GetToken() == nil || node.GetToken().Position == nil {
		return place{}
	}
	at := node.GetToken().Position
	return place{line: at.Line, column: at.Column}
}
