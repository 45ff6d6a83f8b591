package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/tidemark-data/tidemark"
)

// A style is how values are written that have no text of their own yet, or one that does not fit where they go.
type style struct {
	step int  // by how many spaces a section goes deeper
	json bool // as JSON wants it
}

// block returns a section or a list in block style, what is simple in one line.
func (s style) block(node ast.Node) (string, error) {
	var lines []string
	if list, ok := node.(*ast.SequenceNode); ok {
		for _, item := range list.Values {
			text, err := s.value(item)
			if err != nil {
				return "", err
			}
			lines = append(lines, "- "+indent(text, 2, false))
		}
		return strings.Join(lines, "\n"), nil
	}
	values, _ := mapping(node)
	for _, v := range values {
		text, err := s.value(v.Value)
		if err != nil {
			return "", err
		}
		key := keyText(v.Key.GetToken().Value)
		if s.isBlock(v.Value) {
			lines = append(lines, key+":\n"+indent(text, s.step, true))
		} else {
			lines = append(lines, key+": "+indent(text, s.step, false))
		}
	}
	return strings.Join(lines, "\n"), nil
}

// isBlock reports whether a value is better written over several lines: lists of words are not.
func (s style) isBlock(node ast.Node) bool {
	if list, ok := node.(*ast.SequenceNode); ok {
		return slices.ContainsFunc(list.Values, func(item ast.Node) bool {
			_, section := mapping(item)
			_, list := item.(*ast.SequenceNode)
			return section || list
		})
	}
	values, ok := mapping(node)
	return ok && len(values) > 0
}

func (s style) value(node ast.Node) (string, error) {
	if s.isBlock(node) {
		return s.block(node)
	}
	if text, kind := scalarText(node); kind == "text" {
		if strings.Contains(text, "\n") && isLiteral.MatchString(text) {
			return literal(text), nil
		}
		if isPlain.MatchString(text) && !isWord.MatchString(text) {
			return text, nil
		}
	}
	return s.flow(node)
}

// isLiteral matches what can be written behind "|" without signs that get lost.
var isLiteral = regexp.MustCompile(`^[^\s\pC][^\pC]*([^\pC]*\n)*[^\pC]*$`)

// literal returns a text of several lines, behind a bar. It is one space too far left: the caller indents it.
func literal(text string) string {
	body := strings.TrimRight(text, "\n")
	switch len(text) - len(body) {
	case 0:
		return "|-\n" + body
	case 1:
		return "|\n" + body
	}
	return "|+\n" + strings.TrimSuffix(text, "\n")
}

// Words that need no quotes, in block style and within braces, and those among them that are no texts.
var (
	isPlain     = regexp.MustCompile(`^[A-Za-z_/$]([\w./${}@%+=~*?,()-]|:[^\s:]| [\w(/$])*$`)
	isPlainFlow = regexp.MustCompile(`^[A-Za-z_/][\w./$@%+=~-]*$`)
	isPlainKey  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
	isWord      = regexp.MustCompile(`(?i)^(true|false|yes|no|on|off|y|n|null|nan|inf|_+)$|^[0-9.-]`)
)

// keyText returns a name as a key.
func keyText(name string) string {
	if isPlainKey.MatchString(name) && !isWord.MatchString(name) {
		return name
	}
	return quoted(name)
}

func quoted(text string) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string always can be
	return strings.TrimSuffix(b.String(), "\n")
}

// flow returns a value in one line. What it cannot say in one is an ErrInvalid.
func (s style) flow(node ast.Node) (string, error) {
	if list, ok := node.(*ast.SequenceNode); ok {
		texts := make([]string, len(list.Values))
		for i, item := range list.Values {
			var err error
			if texts[i], err = s.flow(item); err != nil {
				return "", err
			}
		}
		return "[" + strings.Join(texts, ", ") + "]", nil
	}
	if values, ok := mapping(node); ok {
		texts := make([]string, len(values))
		for i, v := range values {
			text, err := s.flow(v.Value)
			if err == nil && v.Key.IsMergeKey() {
				err = tidemark.WithHint(fmt.Errorf("<< cannot go within braces: %w", tidemark.ErrInvalid), byHand)
			}
			if err != nil {
				return "", err
			}
			texts[i] = s.flowKey(v.Key.GetToken().Value) + ": " + text
		}
		return "{" + strings.Join(texts, ", ") + "}", nil
	}
	text, kind := scalarText(node)
	switch kind {
	case "text":
		if !s.json && isPlainFlow.MatchString(text) && !isWord.MatchString(text) {
			return text, nil
		}
		return quoted(text), nil
	case "nothing":
		return "null", nil
	case "something else":
		return "", tidemark.WithHint(
			fmt.Errorf("%s cannot go within braces: %w", node.GetToken().Value, tidemark.ErrInvalid), byHand)
	}
	return text, nil
}

func (s style) flowKey(name string) string {
	if s.json {
		return quoted(name)
	}
	return keyText(name)
}
