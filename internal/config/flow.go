package config

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// putFlow sets an entry of a section in braces. A value that is in braces itself is taken as it is, any other is put on
// one line, where comments have no place: those are an ErrInvalid.
func (d *document) putFlow(l *layout, name string, v value) ([]byte, error) {
	s := style{json: d.isJSON()}
	at, err := l.find(name)
	if err != nil {
		return nil, err
	}
	asIs := !v.below() && !s.json && strings.HasSuffix(v.text, "}")
	if v.comments && !asIs {
		return nil, tidemark.WithHint(fmt.Errorf("%s is written in braces, where the comments of the new value have no place: %w",
			join("", l.path...), tidemark.ErrInvalid), "leave the comments out, or write that section without braces first")
	}
	text := v.text
	if !asIs || v.json {
		if text, err = s.flow(v.node); err != nil {
			return nil, err
		}
	}
	if at >= 0 {
		old := l.spans[at]
		if old.value == old.colon {
			text = " " + text
		}
		return d.splice(old.value, old.end, text), nil
	}
	text = s.flowKey(name) + ": " + text
	if len(l.spans) == 0 {
		return d.splice(l.open, l.open, text), nil
	}
	last := l.spans[len(l.spans)-1]
	line := d.lineStart(last.from)
	if spaces, _ := d.column(line); line+spaces == last.from && line > l.open {
		return d.splice(last.end, last.end, ","+d.eol+strings.Repeat(" ", spaces)+text), nil
	}
	return d.splice(last.end, last.end, ", "+text), nil
}

// removeFlow removes an entry of a section in braces and one comma beside it. Comments around it stay.
func (d *document) removeFlow(l *layout, at int) []byte {
	s := l.spans[at]
	if at > 0 && at == len(l.spans)-1 {
		// The last one: the comma before it goes, and one behind it stays.
		before := l.spans[at-1].end
		if gap := d.text[before:s.from]; len(bytes.Trim(gap, ", \t\r\n")) > 0 {
			comma := before + bytes.IndexByte(gap, ',')
			text := d.splice(s.from, s.end, "")
			return append(text[:comma:comma], text[comma+1:]...)
		}
		return d.splice(before, s.end, "")
	}
	from, to := s.from, s.end
	if rest := bytes.TrimLeft(d.text[to:l.close], " \t\r\n"); len(rest) > 0 && rest[0] == ',' {
		to = l.close - len(rest) + 1
	}
	for to < l.close && (d.text[to] == ' ' || d.text[to] == '\t') && (to+1 >= len(d.text) || d.text[to+1] != '#') {
		to++
	}
	line := d.lineStart(from)
	if spaces, _ := d.column(line); line+spaces == from && line > l.open && to < l.close {
		if rest := d.text[to:d.nextLine(to)]; len(bytes.TrimSpace(rest)) == 0 {
			from, to = line, d.nextLine(to)
		}
	}
	return d.splice(from, to, "")
}
