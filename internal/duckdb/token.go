package duckdb

import (
	"strings"
	"unicode/utf8"
)

// A token is a part of a statement, without the white space and comments between.
type token struct {
	kind       tokenKind
	start, end int // in bytes
}

type tokenKind uint8

const (
	word   tokenKind = iota // a name or keyword
	quoted                  // a "name"
	str                     // a 'text', or a $$text$$
	number
	mark // any other character
)

// tokens cuts a statement into its parts, as DuckDB does. It never fails: what is not closed goes on to the end, and
// DuckDB's parser will say so.
func tokens(sql string) []token {
	var list []token
	for i := 0; i < len(sql); {
		if n := blank(sql[i:]); n > 0 {
			i += n
			continue
		}
		kind, n := tokenAt(sql[i:])
		list = append(list, token{kind, i, i + n})
		i += n
	}
	return list
}

// blank returns how many bytes of white space, or of one comment, s begins with.
func blank(s string) int {
	switch {
	case strings.HasPrefix(s, "--"):
		if end := strings.IndexAny(s, "\r\n"); end >= 0 {
			return end
		}
		return len(s)
	case strings.HasPrefix(s, "/*"):
		depth := 0
		for i := 0; i < len(s); i++ {
			switch {
			case strings.HasPrefix(s[i:], "/*"):
				depth++
				i++
			case strings.HasPrefix(s[i:], "*/"):
				i++
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
		return len(s)
	}
	return len(s) - len(strings.TrimLeft(s, " \t\r\n\f\v"))
}

func tokenAt(s string) (tokenKind, int) {
	switch c := s[0]; {
	case c == '\'':
		return str, closed(s, 1, '\'', false)
	case (c == 'e' || c == 'E') && len(s) > 1 && s[1] == '\'':
		return str, closed(s, 2, '\'', true)
	case c == '"':
		return quoted, closed(s, 1, '"', false)
	case c == '$':
		if n := dollars(s); n > 0 {
			return str, n
		}
		return mark, 1
	case isDigit(c) || c == '.' && len(s) > 1 && isDigit(s[1]):
		return number, length(s, func(c byte) bool { return isDigit(c) || isName(c) || c == '.' })
	case isName(c):
		return word, length(s, func(c byte) bool { return isName(c) || isDigit(c) || c == '$' })
	}
	_, n := utf8.DecodeRuneInString(s)
	return mark, n
}

// closed returns where a text ends that is closed by a quote; two of them stand for one.
func closed(s string, from int, quote byte, escapes bool) int {
	for i := from; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] != quote:
		case i+1 < len(s) && s[i+1] == quote:
			i++
		default:
			return i + 1
		}
	}
	return len(s)
}

// dollars returns how long a text in $$ or $tag$ is; 0 when s begins with none.
func dollars(s string) int {
	n := 1 + length(s[1:], func(c byte) bool { return isName(c) || isDigit(c) })
	if n >= len(s) || s[n] != '$' || n > 1 && isDigit(s[1]) {
		return 0
	}
	tag := s[:n+1]
	if end := strings.Index(s[n+1:], tag); end >= 0 {
		return n + 1 + end + len(tag)
	}
	return len(s)
}

func length(s string, part func(byte) bool) int {
	for i := range len(s) {
		if !part(s[i]) {
			return i
		}
	}
	return len(s)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isName(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// nameOf returns the name that a word or quoted token stands for.
func nameOf(sql string, t token) string {
	text := sql[t.start:t.end]
	if t.kind != quoted {
		return text
	}
	return strings.ReplaceAll(strings.TrimSuffix(text[1:], `"`), `""`, `"`)
}
