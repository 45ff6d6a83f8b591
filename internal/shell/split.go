package shell

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// A statement is what stands between two semicolons.
type statement struct {
	text string // from the begin of its first line; what stood there before it is blanks, so that columns are right
	line int    // where it begins, from 1
	flat string // in one line and without comments; "" where a string goes over several
}

// A splitter takes lines and gives statements: it knows what a semicolon in a string, a name or a comment is.
// The zero value is ready.
type splitter struct {
	lines   int // so far
	first   int // the line in which text begins
	text    strings.Builder
	flat    strings.Builder
	torn    bool   // a string goes over the end of a line
	begun   bool   // text has more than blanks and comments
	open    string // what has begun and not ended: ' or " or /* or $tag$
	escapes bool   // in the open string a backslash takes the next character along
	depth   int    // of open comments
}

// pending reports whether the next line belongs to a statement that has begun.
func (s *splitter) pending() bool { return s.begun || s.open != "" }

// drop forgets what has begun.
func (s *splitter) drop() { *s = splitter{lines: s.lines} }

// rest ends a statement that no semicolon has ended.
func (s *splitter) rest() []statement {
	if !s.begun {
		return nil
	}
	return []statement{s.take(s.lines, "")}
}

// add takes a line and returns the statements that end in it.
func (s *splitter) add(line string) []statement {
	s.lines++
	if s.pending() {
		s.text.WriteByte('\n')
		s.flat.WriteByte(' ')
		s.torn = s.torn || s.open != "" && s.open != commentOpen
	} else {
		s.drop()
		s.first = s.lines
	}
	var done []statement
	for at := 0; at < len(line); {
		if s.open == "" && line[at] == ';' {
			at++
			before := strings.Repeat(" ", utf8.RuneCountInString(line[:at]))
			if s.begun {
				done = append(done, s.take(s.lines, before))
			} else {
				s.take(s.lines, before)
			}
			continue
		}
		comment := s.open == commentOpen
		n := s.step(line, at)
		part := line[at : at+n]
		s.text.WriteString(part)
		switch {
		case comment, s.open == "" && strings.HasPrefix(part, lineComment):
		case s.open == commentOpen:
			s.flat.WriteByte(' ')
		default:
			s.flat.WriteString(part)
		}
		at += n
	}
	return done
}

// take returns the statement and begins the next one, in that line and behind those blanks.
func (s *splitter) take(line int, before string) statement {
	one := statement{text: s.text.String(), line: s.first}
	if flat := strings.TrimSpace(s.flat.String()); !s.torn {
		one.flat = flat
	}
	s.drop()
	s.first = line
	s.text.WriteString(before)
	return one
}

const (
	lineComment = "--"
	commentOpen = "/*"
)

var dollar = regexp.MustCompile(`^\$(?:[\pL_][\pL\d_]*)?\$`)

// step returns how many bytes of the line from at on belong together, and notes what they open or close.
func (s *splitter) step(line string, at int) int {
	rest := line[at:]
	if s.open != "" {
		return s.inside(rest)
	}
	switch {
	case strings.HasPrefix(rest, lineComment):
		return len(rest)
	case strings.HasPrefix(rest, commentOpen):
		s.open, s.depth = commentOpen, 1
		return len(commentOpen)
	case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r':
		return 1
	}
	s.begun = true
	switch {
	case rest[0] == '\'' || rest[0] == '"':
		s.open = rest[:1]
		s.escapes = rest[0] == '\'' && at > 0 && (line[at-1]|0x20) == 'e' && (at == 1 || !isWord(line[at-2]))
	case rest[0] == '$' && (at == 0 || !isWord(line[at-1])):
		if tag := dollar.FindString(rest); tag != "" {
			s.open = tag
			return len(tag)
		}
	}
	return 1
}

// inside is step within what is open.
func (s *splitter) inside(rest string) int {
	switch quote := s.open; {
	case quote == commentOpen:
		return s.comment(rest)
	case s.escapes && rest[0] == '\\':
		return min(2, len(rest))
	case len(quote) == 1 && strings.HasPrefix(rest, quote+quote):
		return 2
	case strings.HasPrefix(rest, quote):
		s.open, s.escapes = "", false
		return len(quote)
	}
	return 1
}

func (s *splitter) comment(rest string) int {
	switch {
	case strings.HasPrefix(rest, commentOpen):
		s.depth++
		return len(commentOpen)
	case strings.HasPrefix(rest, "*/"):
		if s.depth--; s.depth == 0 {
			s.open = ""
		}
		return len("*/")
	}
	return 1
}

// isWord reports whether a byte may be a part of a name.
func isWord(b byte) bool {
	return b == '_' || b == '$' || b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'z' || b >= utf8.RuneSelf
}
