package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/token"

	"github.com/tidemark-data/tidemark"
)

// put returns the text with the value at path, be it new or in place of another. With tail the comment behind a value
// of one line stays where it is: else it belongs to the value.
func (d *document) put(path []string, v value, tail bool) ([]byte, error) {
	around, name := path[:len(path)-1], path[len(path)-1]
	l, err := d.layout(around)
	if err != nil {
		return nil, err
	}
	switch {
	case l == nil && len(around) == 0:
		return d.add(&layout{step: d.step(nil)}, d.end, name, v)
	case l == nil || len(l.spans) == 0 && len(around) > 0 && !d.isFlowThroughout(around):
		if v, err = d.laidOut(v, d.step(nil)); err == nil {
			v, err = v.under(name, d.step(nil))
		}
		if err != nil {
			return nil, err
		}
		return d.fill(around, v)
	case l.flow:
		return d.putFlow(l, name, v)
	}
	at, err := l.find(name)
	if err != nil {
		return nil, err
	}
	if v, err = d.laidOut(v, l.step); err != nil {
		return nil, err
	}
	if at < 0 {
		last := l.spans[len(l.spans)-1]
		return d.add(l, last.end, name, v)
	}
	return d.replace(l, l.spans[at], v, tail), nil
}

// isFlowThroughout reports whether a section stands within the braces of another.
func (d *document) isFlowThroughout(path []string) bool {
	l, err := d.layout(path[:len(path)-1])
	return err == nil && l != nil && l.flow
}

// laidOut gives what came as JSON the form that people write.
func (d *document) laidOut(v value, step int) (value, error) {
	s := style{step: step}
	if !v.json {
		return v, nil
	}
	text, err := s.value(v.node)
	if err != nil {
		return v, err
	}
	return asValue(text, false)
}

// fill puts the first entry into a section that is not there, or that is empty: "pipelines:" or "pipelines: {}". Comments
// in it stay.
func (d *document) fill(path []string, v value) ([]byte, error) {
	name := path[len(path)-1]
	l, err := d.layout(path[:len(path)-1])
	if err != nil {
		return nil, err
	}
	if l != nil && !l.flow {
		at, err := l.find(name)
		if err != nil {
			return nil, err
		}
		if at >= 0 {
			return d.fillSpan(l, l.spans[at], v)
		}
	}
	return d.put(path, v, false)
}

func (d *document) fillSpan(l *layout, s span, v value) ([]byte, error) {
	lines := d.lined(indent(v.text, l.indent+l.step, true))
	if s.below {
		return d.insert(s.end, lines), nil
	}
	old := bytes.TrimRight(d.text[s.value:s.end], " \t\r\n")
	for _, empty := range []string{"{}", "null", "~", "Null", "NULL", "{ }"} {
		rest, found := bytes.CutPrefix(old, []byte(empty))
		if !found || bytes.ContainsAny(rest, "\r\n") {
			continue
		}
		if len(rest) > 0 && bytes.TrimLeft(rest, " \t")[0] != '#' {
			continue
		}
		filled := &document{text: d.splice(s.colon, s.value+len(empty), ""), eol: d.eol}
		return filled.insert(s.end-(s.value+len(empty)-s.colon), lines), nil
	}
	return nil, tidemark.WithHint(fmt.Errorf("%s holds something that cannot be told from its text: %w",
		join("", append(slices.Clone(l.path), s.key)...), tidemark.ErrInvalid), byHand)
}

// lined gives a text the line ends of the file.
func (d *document) lined(text string) string { return strings.ReplaceAll(text, "\n", d.eol) }

// insert puts lines before the one that begins at an offset. A file without an end of its last line stays so.
func (d *document) insert(at int, lines string) []byte {
	if at > 0 && d.text[at-1] != '\n' && d.text[at-1] != '\r' {
		return d.splice(at, at, d.eol+lines)
	}
	return d.splice(at, at, lines+d.eol)
}

// add puts a new entry before the line that begins at an offset. Where a blank line parts the other entries, one parts
// it from them.
func (d *document) add(l *layout, at int, name string, v value) ([]byte, error) {
	v, err := d.laidOut(v, l.step)
	if err == nil {
		v, err = v.under(name, l.step)
	}
	if err != nil {
		return nil, err
	}
	lines := d.lined(indent(v.text, l.indent, true))
	if n := len(l.spans); n > 1 {
		above := d.comments(l.spans[n-1].from, l.indent)
		if _, first := d.column(d.previousLine(above)); first == 0 {
			lines = d.eol + lines
		}
	}
	after := d.insert(at, lines)
	if lastLiteral(v.node) != nil && !bytes.HasSuffix(after, []byte("\n")) {
		after = append(after, d.eol...)
	}
	return after, nil
}

// comments returns where the comments begin that stand directly above the line of a key, or the line itself.
func (d *document) comments(line, indent int) int {
	for line > 0 {
		above := d.previousLine(line)
		if spaces, first := d.column(above); first != '#' || spaces != indent {
			break
		}
		line = above
	}
	return line
}

// replace puts a value in place of another.
func (d *document) replace(l *layout, s span, v value, tail bool) []byte {
	end := s.end
	last := "" // what ends the last line of the old value
	if trimmed := bytes.TrimRight(d.text[s.colon:end], "\r\n"); s.colon+len(trimmed) < end {
		last = d.eol
	}
	if lastLiteral(v.node) != nil {
		last = d.eol // without it the text would end otherwise
	}
	inner := l.indent + l.step
	if spaces := d.firstColumn(s); spaces > l.indent && (s.below || hasProperty(s.node)) {
		inner = spaces
	}
	header := d.text[s.colon:min(d.nextLine(s.colon), s.end)]
	commented := s.below && bytes.IndexByte(header, '#') >= 0
	switch {
	case v.below() || commented:
		lines := d.lined(indent(v.text, inner, true)) + last
		if !s.below {
			return d.splice(s.colon, end, d.eol+lines)
		}
		if !bytes.HasSuffix(header, []byte("\n")) && !bytes.HasSuffix(header, []byte("\r")) {
			lines = d.eol + lines
		}
		return d.splice(s.value, end, lines)
	case s.below:
		return d.splice(s.colon, end, " "+d.lined(v.beside(l.indent, inner))+last)
	case tail:
		if comment := d.comment(s); comment > 0 && !strings.Contains(v.text, "\n") {
			return d.splice(s.value, comment, v.text)
		}
	}
	return d.splice(s.value, end, d.lined(v.beside(l.indent, inner))+last)
}

// firstColumn returns how deep the first line below the key of an entry stands that is no comment.
func (d *document) firstColumn(s span) int {
	for line := d.nextLine(s.colon); line < s.end; line = d.nextLine(line) {
		if spaces, first := d.column(line); first != 0 && first != '#' {
			return spaces
		}
	}
	return 0
}

// comment returns where the space before the comment behind a value of one line begins, or 0.
func (d *document) comment(s span) int {
	if d.nextLine(s.value) < s.end {
		return 0
	}
	for _, t := range d.tokens {
		at, err := d.offset(t)
		if err == nil && t.Type == token.CommentType && at > s.value && at < s.end {
			return s.value + len(bytes.TrimRight(d.text[s.value:at], " \t"))
		}
	}
	return 0
}

// remove returns the text without the entry at path, and whether there was one.
func (d *document) remove(path []string, tidy bool) ([]byte, bool, error) {
	l, err := d.layout(path[:len(path)-1])
	if err != nil || l == nil {
		return nil, false, err
	}
	at, err := l.find(path[len(path)-1])
	if err != nil || at < 0 {
		return nil, false, err
	}
	if l.flow {
		return d.removeFlow(l, at), true, nil
	}
	s := l.spans[at]
	from := d.comments(s.from, l.indent)
	_, behind := d.column(s.end)
	for tidy && behind == 0 && from > 0 { // a blank line on each side: one of them goes
		above := d.previousLine(from)
		if _, first := d.column(above); first != 0 {
			break
		}
		from = above
	}
	return d.splice(from, s.end, ""), true, nil
}

// isJSON reports whether the whole text is JSON and has to stay so.
func (d *document) isJSON() bool { return json.Valid(d.text) }
