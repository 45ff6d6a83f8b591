package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/tidemark-data/tidemark"
)

// A meaning is what a part of a document says, however it is written: with aliases followed, merged keys in place and
// the keys of a section sorted. Two that are deeply equal decode to the same.
type meaning struct {
	kind  string // as scalarText has it
	text  string
	keys  []string // of a section, sorted; with those that are there twice
	items []meaning
}

// maxMeaning bounds what aliases of aliases may blow up to.
const maxMeaning = 1 << 18

// A reader makes meanings. What aliases stand for is known from the anchors of the whole document.
type reader struct {
	anchors map[string]ast.Node
	left    int
	depth   int
}

func newReader(anchors map[string]ast.Node) *reader {
	return &reader{anchors: anchors, left: maxMeaning}
}

// read returns what a node says. An alias without an anchor says its name.
func (r *reader) read(node ast.Node) (meaning, error) {
	r.left--
	r.depth++
	defer func() { r.depth-- }()
	if r.left < 0 || r.depth > 1000 {
		return meaning{}, tidemark.WithHint(fmt.Errorf("aliases go round in a circle, or say too much: %w", tidemark.ErrInvalid), byHand)
	}
	switch n := node.(type) {
	case nil:
		return meaning{kind: "nothing"}, nil
	case *ast.AnchorNode:
		return r.read(n.Value)
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		if to, found := r.anchors[name]; found {
			return r.read(to)
		}
		return meaning{kind: "an alias without its anchor", text: name}, nil
	case *ast.TagNode:
		inner, err := r.read(n.Value)
		return meaning{kind: "tag", text: n.Start.Value, items: []meaning{inner}}, err
	case *ast.SequenceNode:
		return r.list(n)
	}
	if values, ok := mapping(node); ok {
		return r.section(values)
	}
	text, kind := scalarText(node)
	if kind == "something else" {
		text = node.GetToken().Value
	}
	return meaning{kind: kind, text: text}, nil
}

func (r *reader) list(n *ast.SequenceNode) (meaning, error) {
	m := meaning{kind: "a list", items: make([]meaning, len(n.Values))}
	for i, value := range n.Values {
		var err error
		if m.items[i], err = r.read(value); err != nil {
			return m, err
		}
	}
	return m, nil
}

func (r *reader) section(values []*ast.MappingValueNode) (meaning, error) {
	m := meaning{kind: "a section"}
	list := r.entries(values)
	slices.SortStableFunc(list, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	for _, e := range list {
		value, err := r.read(e.value)
		if err != nil {
			return m, err
		}
		m.keys, m.items = append(m.keys, e.key), append(m.items, value)
	}
	return m, nil
}

// entries returns the keys of a section in their order, those that "<<" brings in behind its own.
func (r *reader) entries(values []*ast.MappingValueNode) []entry {
	quiet := &decoder{problems: newProblems(""), anchors: r.anchors}
	var own []entry
	for _, v := range values {
		if !v.Key.IsMergeKey() {
			own = append(own, entry{v.Key.GetToken().Value, v.Value})
		}
	}
	return append(own, quiet.merged(values, own, "", 0)...)
}

// unlike reports that two documents differ in anything but what is at path, and where. Sections around the path that
// are not there, or empty, are alike.
func unlike(before, after *document, path []string) error {
	return unlikeNodes(newReader(before.anchors), newReader(after.anchors), before.body, after.body, path, "")
}

func unlikeNodes(r, s *reader, before, after ast.Node, path []string, around string) error {
	left, right := r.sectionOf(before), s.sectionOf(after)
	at := func(e entry) bool { return e.key == path[0] }
	i, j := slices.IndexFunc(left, at), slices.IndexFunc(right, at)
	var a, b ast.Node
	if i >= 0 {
		a = left[i].value
		left = slices.Delete(left, i, i+1)
	}
	if j >= 0 {
		b = right[j].value
		right = slices.Delete(right, j, j+1)
	}
	for k := range max(len(left), len(right)) {
		if k >= len(left) || k >= len(right) || left[k].key != right[k].key {
			return fmt.Errorf("other keys of %s would change: %w", cmp.Or(around, "the document"), tidemark.ErrInvalid)
		}
		x, err := r.read(left[k].value)
		if err != nil {
			return err
		}
		y, err := s.read(right[k].value)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(x, y) {
			return fmt.Errorf("%s would change as well: %w", join(around, left[k].key), tidemark.ErrInvalid)
		}
	}
	if len(path) == 1 {
		return nil
	}
	return unlikeNodes(r, s, a, b, path[1:], join(around, path[0]))
}

// sectionOf returns the entries of what a node stands for; none when that is no section.
func (r *reader) sectionOf(node ast.Node) []entry {
	if node == nil {
		return nil
	}
	values, _ := mapping((&decoder{anchors: r.anchors}).resolve(node))
	return r.entries(values)
}

// at returns the value at a path, with aliases and merged keys followed, and whether there is one.
func (d *document) at(path []string) (node ast.Node, found bool) {
	r := newReader(d.anchors)
	node = d.body
	for _, key := range path {
		list := r.sectionOf(node)
		i := slices.IndexFunc(list, func(e entry) bool { return e.key == key })
		if i < 0 {
			return nil, false
		}
		node = list[i].value
	}
	return node, true
}
