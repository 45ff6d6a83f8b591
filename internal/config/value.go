package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"

	"github.com/tidemark-data/tidemark"
)

// A value is what an entry is to be: a YAML text that begins at column 1 and has no line end behind its last line.
type value struct {
	text     string
	node     ast.Node
	anchors  map[string]ast.Node
	json     bool // it came as JSON: how it is laid out is ours to say
	comments bool
}

// readValue reads the new value of an entry: one section in YAML or JSON.
func readValue(raw []byte) (value, error) {
	text := strings.ReplaceAll(string(bytes.TrimPrefix(raw, []byte("\ufeff"))), "\r\n", "\n")
	v := value{json: json.Valid(raw)}
	d, err := readDocument("the new value", []byte(text))
	if err != nil {
		return v, err
	}
	if d.end < len(text) || strings.HasPrefix(text, "---") || strings.Contains(text, "\n---") {
		return v, fmt.Errorf("the new value: want one section without --- and ...: %w", tidemark.ErrInvalid)
	}
	if d.body == nil || !isSection(d.body) {
		return v, fmt.Errorf("the new value: want a section of keys and values: %w", tidemark.ErrInvalid)
	}
	if err := isOnce(newReader(d.anchors), d.body); err != nil {
		return v, err
	}
	margin := d.body.GetToken().Position.Column - 1
	if values, ok := mapping(d.body); ok && len(values) > 0 && !isFlow(d.body) {
		margin = values[0].Key.GetToken().Position.Column - 1
	}
	keep := keepsBlank(d.body)
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for len(lines) > 0 && strings.TrimSpace(lines[0]) == "" {
		lines = lines[1:]
	}
	for !keep && len(lines) > 0 && strings.TrimSpace(lines[len(lines)-1]) == "" {
		lines = lines[:len(lines)-1]
	}
	return asValue(strings.Join(dedent(lines, margin), "\n"), v.json)
}

// asValue reads a text that is laid out as a value is.
func asValue(text string, isJSON bool) (value, error) {
	d, err := readDocument("the new value", []byte(text+"\n")) // as it will stand in the file
	if err != nil {
		return value{}, err
	}
	v := value{text: text, node: d.body, anchors: d.anchors, json: isJSON}
	for _, t := range lexer.Tokenize(text) {
		v.comments = v.comments || t.Type == token.CommentType
	}
	return v, nil
}

// isSection reports whether a node may be the value of an entry. An alias may: it is followed later.
func isSection(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.AnchorNode:
		return isSection(n.Value)
	case *ast.AliasNode:
		return true
	}
	_, ok := mapping(node)
	return ok
}

// isOnce reports a key that is there twice.
func isOnce(r *reader, node ast.Node) error {
	m, err := r.read(node)
	if err != nil {
		return err
	}
	return m.isOnce("")
}

func (m meaning) isOnce(path string) error {
	for i, item := range m.items {
		at := itemPath(path, i)
		if m.kind == "a section" {
			at = join(path, m.keys[i])
			if i > 0 && m.keys[i-1] == m.keys[i] {
				return fmt.Errorf("the new value: %s is there twice: %w", at, tidemark.ErrInvalid)
			}
		}
		if err := item.isOnce(at); err != nil {
			return err
		}
	}
	return nil
}

func isFlow(node ast.Node) bool {
	m, ok := node.(*ast.MappingNode)
	return ok && m.IsFlowStyle
}

// below reports whether the value begins on the line below its key.
func (v value) below() bool {
	switch n := v.node.(type) {
	case *ast.SequenceNode:
		return !n.IsFlowStyle || strings.HasPrefix(v.text, "#")
	default:
		_, section := mapping(v.node)
		return section && !isFlow(v.node) || strings.HasPrefix(v.text, "#")
	}
}

// under returns the section whose only key is name and has the value.
func (v value) under(name string, step int) (value, error) {
	if !v.below() {
		return asValue(keyText(name)+": "+v.beside(0, step), v.json)
	}
	return asValue(keyText(name)+":\n"+indent(v.text, step, true), v.json)
}

// hasProperty reports whether a value begins with an anchor or a tag. What follows may be in block style.
func hasProperty(node ast.Node) bool {
	switch node.(type) {
	case *ast.AnchorNode, *ast.TagNode:
		return true
	}
	return false
}

// beside returns the text of a value that begins on the line of its key, which stands outer deep. What follows in block
// style, and a comment, go inner deep, to be the entry's.
func (v value) beside(outer, inner int) string {
	if hasProperty(v.node) {
		return indent(v.text, inner, false)
	}
	lines := strings.Split(v.text, "\n")
	for i, line := range lines {
		if i > 0 && strings.HasPrefix(line, "#") {
			lines[i] = strings.Repeat(" ", inner-outer) + line
		}
	}
	return indent(strings.Join(lines, "\n"), outer, false)
}

// dedent takes n spaces off each line, or those that it has.
func dedent(lines []string, n int) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		spaces := len(line) - len(strings.TrimLeft(line, " "))
		out[i] = line[min(n, spaces):]
	}
	return out
}

// indent puts n spaces before each line that has something, before the first only if asked to.
func indent(text string, n int, first bool) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line != "" && (i > 0 || first) {
			lines[i] = strings.Repeat(" ", n) + line
		}
	}
	return strings.Join(lines, "\n")
}
