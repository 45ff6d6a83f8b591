package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/tidemark-data/tidemark"
)

// Section returns what the file says of one entry of a kind, which is "pipelines" or "connections": the YAML behind
// its name, with its comments, from column 1 and with "\n" at the ends of lines. Put takes the same text. Comments
// above the name are not in it, nor is one on the line of the name. It is ErrNotFound when there is no such entry, which
// one that comes from "<<" is not, and ErrInvalid when text is no YAML.
func Section(text []byte, kind, name string) ([]byte, error) {
	d, err := editable(text, kind, name)
	if err != nil {
		return nil, err
	}
	l, err := d.layout([]string{kind})
	if err != nil {
		return nil, err
	}
	at := -1
	if l != nil {
		if at, err = l.find(name); err != nil {
			return nil, err
		}
	}
	if at < 0 {
		return nil, notThere(kind, name)
	}
	s := l.spans[at]
	margin := l.indent
	if s.below || hasProperty(s.node) {
		margin = d.firstColumn(s)
	}
	whole := string(d.text[s.value:s.end])
	lines := dedent(strings.Split(strings.ReplaceAll(whole, "\r\n", "\n"), "\n"), margin)
	section := strings.Join(lines, "\n")
	if section != "" && !strings.HasSuffix(section, "\n") {
		section += "\n"
	}
	return []byte(section), nil
}

func notThere(kind, name string) error {
	return fmt.Errorf("%s: %w", join(kind, name), tidemark.ErrNotFound)
}

// Put returns text with an entry of a kind, "pipelines" or "connections", set to a new value: a section of keys and
// values in YAML, as somebody wrote it, or in JSON.
//
// No other byte of the text changes: comments, quotes, blank lines and the ends of lines stay as they are. A new entry is
// put behind the last of its kind, and one of a kind that is not there at the end of the file. Of an entry that is there
// the name stays, with the comments above and beside it, and YAML takes the place of all that is behind it; of JSON only
// the keys that say something else are changed, each in the same way, so that comments within the entry stay too. Where
// a file is written in braces, the new value is as well; comments have no place there.
//
// What comes out is read again. An edit that would change what the file says elsewhere, as when others use an anchor
// of the entry, is an ErrInvalid; so is a value or a text that is no YAML. What the keys mean is not
// checked: that is up to Parse.
func Put(text []byte, kind, name string, value []byte) ([]byte, error) {
	d, err := editable(text, kind, name)
	if err != nil {
		return nil, err
	}
	v, err := readValue(value)
	if err != nil {
		return nil, err
	}
	path := []string{kind, name}
	if v.json {
		if after, err := merge(d, path, v); err == nil {
			return after, nil
		}
	}
	after, err := d.put(path, v, false)
	if err == nil {
		err = d.verify(after, path, &v)
	}
	if err == nil {
		return after, nil
	}
	if !v.json || d.isJSON() {
		return nil, refused(kind, name, err)
	}
	// A text that our plain style cannot say is safe within quotes.
	line, err := style{}.flow(v.node)
	if err == nil {
		v, err = asValue(line, false)
	}
	if err == nil {
		after, err = d.put(path, v, false)
	}
	if err == nil {
		err = d.verify(after, path, &v)
	}
	if err != nil {
		return nil, refused(kind, name, err)
	}
	return after, nil
}

// Remove returns text without an entry of a kind, "pipelines" or "connections". The comments that stand directly above
// it, as deep as its name, go with it, and so does a blank line where it leaves two. The kind itself stays, be it empty.
// Errors are as those of Put, and ErrNotFound when there is no such entry.
func Remove(text []byte, kind, name string) ([]byte, error) {
	d, err := editable(text, kind, name)
	if err != nil {
		return nil, err
	}
	path := []string{kind, name}
	for _, tidy := range []bool{true, false} {
		after, found, failed := d.remove(path, tidy)
		if failed != nil {
			return nil, refused(kind, name, failed)
		}
		if !found {
			return nil, notThere(kind, name)
		}
		if err = d.verify(after, path, nil); err == nil {
			return after, nil
		}
	}
	return nil, refused(kind, name, err)
}

// editable reads a text of which one entry is asked for.
func editable(text []byte, kind, name string) (*document, error) {
	if kind != "pipelines" && kind != "connections" {
		return nil, fmt.Errorf("edit %q: want pipelines or connections: %w", kind, tidemark.ErrInvalid)
	}
	if name == "" {
		return nil, fmt.Errorf("edit %s: the name is missing: %w", kind, tidemark.ErrInvalid)
	}
	return readDocument("config", text)
}

func refused(kind, name string, err error) error {
	err = fmt.Errorf("edit %s: %w", join(kind, name), err)
	if tidemark.Hint(err) == "" {
		return tidemark.WithHint(err, "others may use an anchor of it; else "+byHand)
	}
	return err
}

// verify reads an edited text again: the entry at path must say what was asked for, or be gone where want is nil, and
// everything else the same as before.
func (d *document) verify(after []byte, path []string, want *value) error {
	edited, err := readDocument("the edited config", after)
	if err != nil {
		return err
	}
	if err := unlike(d, edited, path); err != nil {
		return err
	}
	if d.isJSON() && !edited.isJSON() {
		return fmt.Errorf("the file would not be JSON any more: %w", tidemark.ErrInvalid)
	}
	node, found := edited.at(path)
	if found != (want != nil) {
		return fmt.Errorf("%s is brought in by << as well: %w", join("", path...), tidemark.ErrInvalid)
	}
	if want == nil {
		return nil
	}
	same, err := edited.says(node, *want)
	if err == nil && !same {
		err = fmt.Errorf("%s would not say what it should: %w", join("", path...), tidemark.ErrInvalid)
	}
	return err
}

// says reports whether a node of a document says what a value does. The value's aliases are those of the document.
func (d *document) says(node ast.Node, v value) (bool, error) {
	got, err := newReader(d.anchors).read(node)
	if err != nil {
		return false, err
	}
	want, err := newReader(d.anchors).read(v.node)
	return reflect.DeepEqual(got, want), err
}

// errWhole says that an entry has to be written anew as a whole.
var errWhole = errors.New("no change of single keys")

// maxMerge bounds the changes that are made one by one.
const maxMerge = 50

// merge changes the keys of an entry that say something else than v, one at a time. Any error means that it cannot.
func merge(d *document, path []string, v value) ([]byte, error) {
	edited := d
	for range maxMerge {
		after, err := edited.mergeOne(path, v.node)
		if err != nil {
			return nil, err
		}
		if after == nil {
			return edited.text, d.verify(edited.text, path, &v)
		}
		if edited, err = readDocument("the edited config", after); err != nil {
			return nil, err
		}
	}
	return nil, errWhole
}

// mergeOne makes the first change that brings the section at path closer to want; nil when there is none left.
func (d *document) mergeOne(path []string, want ast.Node) ([]byte, error) {
	l, err := d.layout(path)
	if err != nil {
		return nil, err
	}
	if l == nil || len(l.spans) == 0 {
		return nil, errWhole
	}
	wanted, _ := mapping(want)
	has := func(key string) bool {
		return slices.ContainsFunc(wanted, func(v *ast.MappingValueNode) bool { return v.Key.GetToken().Value == key })
	}
	for i := range wanted {
		key := wanted[i].Key.GetToken().Value
		after, err := d.mergeKey(l, append(slices.Clone(path), key), wanted[i].Value)
		if after != nil || err != nil {
			return after, err
		}
	}
	for _, s := range l.spans {
		if s.key == mergeKey || has(s.key) {
			continue
		}
		if len(wanted) == 0 {
			return nil, errWhole
		}
		after, _, err := d.remove(append(slices.Clone(path), s.key), true)
		return after, err
	}
	return nil, nil
}

// mergeKey changes what is at path to want; nil when it says so already.
func (d *document) mergeKey(l *layout, path []string, want ast.Node) ([]byte, error) {
	text, err := style{}.flow(want)
	if err != nil {
		return nil, err
	}
	v, err := asValue(text, true)
	if err != nil {
		return nil, err
	}
	if node, found := d.at(path); found {
		if same, err := d.says(node, v); same || err != nil {
			return nil, err
		}
	}
	at, err := l.find(path[len(path)-1])
	if err != nil {
		return nil, err
	}
	if at >= 0 {
		_, isSection := mapping(l.spans[at].node)
		if inner, is := mapping(want); isSection && is && len(inner) > 0 {
			if after, err := d.mergeOne(path, want); !errors.Is(err, errWhole) {
				return after, err
			}
		}
	}
	return d.put(path, v, true)
}
