package config

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/tidemark-data/tidemark"
)

// A span is an entry of a section and its bytes. In block style the value is on the line of its key ("same") or
// begins on the next one ("below"); in flow style it is always the same.
type span struct {
	key   string
	node  ast.Node
	from  int // where the line of the key begins; in flow style the key
	colon int // behind the colon
	value int // where the value begins: on the line below that of a key in block style, where it is below
	end   int // behind its last line, and in flow style behind the value
	below bool
}

// mergeKey stands for "<<" among the keys: nobody asks for it by name.
const mergeKey = "\x00<<"

// A layout is a section and where its entries stand.
type layout struct {
	path   []string
	flow   bool
	indent int // of the keys, in block style
	step   int // by how much deeper what is in an entry begins
	open   int // behind the brace, in flow style
	close  int // of the closing brace
	spans  []span
}

func (l *layout) find(key string) (int, error) {
	i := slices.IndexFunc(l.spans, func(s span) bool { return s.key == key })
	if i >= 0 && slices.ContainsFunc(l.spans[i+1:], func(s span) bool { return s.key == key }) {
		return 0, fmt.Errorf("%s is there twice: %w", join("", append(slices.Clone(l.path), key)...), tidemark.ErrInvalid)
	}
	return i, nil
}

// layout returns the section at a path, which may be empty for the whole document. It is nil when there is no section,
// or one without a key that is not in braces. What stands elsewhere, behind an alias, is an ErrInvalid.
func (d *document) layout(path []string) (*layout, error) {
	node, limit := d.body, d.end
	var l *layout
	for i := range len(path) + 1 {
		for {
			anchor, ok := node.(*ast.AnchorNode)
			if !ok {
				break
			}
			node = anchor.Value
		}
		if node == nil || node.Type() == ast.NullType {
			return nil, nil
		}
		if _, ok := mapping(node); !ok {
			return nil, tidemark.WithHint(
				fmt.Errorf("%s is no section that can be edited: %w", join("", path[:i]...), tidemark.ErrInvalid), byHand)
		}
		var err error
		if l, err = d.section(node, limit); err != nil {
			return nil, err
		}
		l.path = path[:i]
		if i == len(path) {
			break
		}
		at, err := l.find(path[i])
		if err != nil || at < 0 {
			return nil, err
		}
		node, limit = l.spans[at].node, l.spans[at].end
	}
	return l, nil
}

// section returns where the entries of a section stand that ends at limit.
func (d *document) section(node ast.Node, limit int) (*layout, error) {
	if m, ok := node.(*ast.MappingNode); ok && m.IsFlowStyle {
		return d.flow(m)
	}
	values, _ := mapping(node)
	l := &layout{step: d.step(values)}
	for i, v := range values {
		s := span{key: v.Key.GetToken().Value, node: v.Value}
		if v.Key.IsMergeKey() {
			s.key = mergeKey
		}
		key, err := d.offset(v.Key.GetToken())
		if err != nil {
			return nil, err
		}
		s.from = d.lineStart(key)
		if indent, _ := d.column(s.from); s.from+indent != key || i > 0 && indent != l.indent {
			return nil, d.unclear("line %d does not begin with its key", v.Key.GetToken().Position.Line)
		}
		l.indent = key - s.from
		if i > 0 {
			d.ends(&l.spans[i-1], s.from, l.indent)
		}
		colon, err := d.offsetOf(v.Start, ':')
		if err != nil {
			return nil, err
		}
		s.colon = colon + 1
		l.spans = append(l.spans, s)
	}
	d.ends(&l.spans[len(values)-1], limit, l.indent)
	for i := range l.spans {
		d.begins(&l.spans[i])
	}
	return l, nil
}

// step returns by how many spaces the file goes deeper. 2 is what most people write.
func (d *document) step(values []*ast.MappingValueNode) int {
	top, _ := mapping(d.body)
	for _, v := range slices.Concat(values, top) {
		inner, ok := mapping(v.Value)
		if !ok || len(inner) == 0 || inner[0].IsFlowStyle {
			continue
		}
		if m, is := v.Value.(*ast.MappingNode); is && m.IsFlowStyle {
			continue
		}
		if n := inner[0].Key.GetToken().Position.Column - v.Key.GetToken().Position.Column; n > 0 {
			return n
		}
	}
	return 2
}

// ends sets the end of an entry whose next sibling, or whose section's end, is at limit: blank lines do not belong
// to it, nor do comments that stand no deeper than its key.
func (d *document) ends(s *span, limit, indent int) {
	s.end = limit
	for s.end > d.nextLine(s.from) {
		line := d.lineStart(s.end - 1)
		spaces, first := d.column(line)
		if first != 0 && (first != '#' || spaces > indent) {
			break
		}
		s.end = line
	}
	for keepsBlank(s.node) && s.end < limit {
		if _, first := d.column(s.end); first != 0 {
			break
		}
		s.end = d.nextLine(s.end)
	}
}

// keepsBlank reports whether the blank lines behind a value belong to it, as those behind "|+" do.
func keepsBlank(node ast.Node) bool {
	literal := lastLiteral(node)
	return literal != nil && strings.Contains(literal.Start.Value, "+")
}

// lastLiteral returns the text behind "|" or ">" that a value ends with, or nil.
func lastLiteral(node ast.Node) *ast.LiteralNode {
	switch n := node.(type) {
	case *ast.AnchorNode:
		return lastLiteral(n.Value)
	case *ast.TagNode:
		return lastLiteral(n.Value)
	case *ast.LiteralNode:
		return n
	case *ast.SequenceNode:
		if len(n.Values) > 0 {
			return lastLiteral(n.Values[len(n.Values)-1])
		}
		return nil
	}
	if values, ok := mapping(node); ok && len(values) > 0 {
		return lastLiteral(values[len(values)-1].Value)
	}
	return nil
}

// begins sets where the value of an entry begins.
func (d *document) begins(s *span) {
	line := d.text[s.colon:min(d.nextLine(s.colon), s.end)]
	rest := bytes.TrimLeft(line, " \t")
	switch {
	case len(bytes.TrimSpace(rest)) == 0 || rest[0] == '#':
		s.value, s.below = min(d.nextLine(s.colon), s.end), true
	default:
		s.value = s.colon + len(line) - len(rest)
	}
}

// flow returns where the entries of a section in braces stand.
func (d *document) flow(m *ast.MappingNode) (*layout, error) {
	l := &layout{flow: true, step: d.step(nil)}
	open, err := d.offsetOf(m.Start, '{')
	if err != nil {
		return nil, err
	}
	l.open = open + 1
	if l.close, err = d.offsetOf(m.End, '}'); err != nil {
		return nil, err
	}
	for _, v := range m.Values {
		if v.Start == nil || v.Start.Value != ":" {
			return nil, d.unclear("a key without a value in line %d", v.Key.GetToken().Position.Line)
		}
		s := span{key: v.Key.GetToken().Value, node: v.Value}
		if v.Key.IsMergeKey() {
			s.key = mergeKey
		}
		if s.from, err = d.offset(v.Key.GetToken()); err != nil {
			return nil, err
		}
		colon, err := d.offsetOf(v.Start, ':')
		if err != nil {
			return nil, err
		}
		s.colon = colon + 1
		if err := d.flowValue(&s, v.Start); err != nil {
			return nil, err
		}
		l.spans = append(l.spans, s)
	}
	return l, nil
}

// flowValue finds the value behind a colon in flow style: up to the comma or brace that ends it.
func (d *document) flowValue(s *span, colon *token.Token) error {
	i, err := d.tokenAt(colon)
	if err != nil {
		return err
	}
	depth, from, comment := 0, -1, -1
	for _, t := range d.tokens[i+1:] {
		at, err := d.offset(t)
		if err != nil {
			return err
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		}
		if depth < 0 || depth == 0 && t.Type == token.CollectEntryType {
			if from < 0 {
				s.value, s.end = s.colon, s.colon
				return nil
			}
			if comment > 0 {
				at = comment
			}
			s.value, s.end = from, from+len(bytes.TrimRight(d.text[from:at], " \t\r\n"))
			return nil
		}
		if t.Type != token.CommentType {
			comment = -1
			if from < 0 {
				from = at
			}
		} else if comment < 0 {
			comment = at
		}
	}
	return d.unclear("a brace that is not closed")
}
