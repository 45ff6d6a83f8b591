package config

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/tidemark-data/tidemark"
)

// A document is the text of a config and where things stand in it. The YAML library only says where: its printer
// would not give back the bytes that it has read.
type document struct {
	text    []byte
	eol     string // what ends its lines
	lines   []int  // where each line begins
	end     int    // where what can hold entries ends: at "..." or at the end
	body    ast.Node
	tokens  token.Tokens // those of the text, comments too
	anchors map[string]ast.Node
}

// readDocument finds out where things stand in text. What is no YAML, or more than one document, is an ErrInvalid.
func readDocument(name string, text []byte) (*document, error) {
	d := &document{text: text, eol: "\n", lines: []int{0}, end: len(text), anchors: map[string]ast.Node{}}
	plain := plainLines(text)
	parsed, err := parser.ParseBytes(plain, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		says := &decoder{problems: newProblems(name)}
		says.syntax(err)
		return nil, says.err()
	}
	if len(parsed.Docs) > 1 {
		return nil, fmt.Errorf("%s: more than one YAML document: %w", name, tidemark.ErrInvalid)
	}
	for i, c := range text {
		// A carriage return alone ends a line too, as the library sees it.
		if c == '\n' || c == '\r' && (i+1 == len(text) || text[i+1] != '\n') {
			if len(d.lines) == 1 && i > 0 && text[i-1] == '\r' {
				d.eol = "\r\n"
			}
			d.lines = append(d.lines, i+1)
		}
	}
	d.tokens = lexer.Tokenize(string(plain))
	if len(parsed.Docs) == 0 {
		return d, nil
	}
	doc := parsed.Docs[0]
	if doc.Body != nil {
		d.body = doc.Body
		ast.Walk(anchorVisitor(d.anchors), doc.Body)
	}
	if doc.End != nil {
		d.end, err = d.offset(doc.End)
	}
	return d, err
}

// offset returns where a token begins. The library counts columns in characters.
func (d *document) offset(t *token.Token) (int, error) {
	if t == nil || t.Position == nil || t.Position.Line < 1 || t.Position.Line > len(d.lines) {
		return 0, d.unclear("a place that is not in the text")
	}
	at := d.lines[t.Position.Line-1]
	for range t.Position.Column - 1 {
		if at >= len(d.text) || d.text[at] == '\n' {
			return 0, d.unclear("a place behind the end of line %d", t.Position.Line)
		}
		_, size := utf8.DecodeRune(d.text[at:])
		at += size
	}
	return at, nil
}

// offsetOf returns where a token begins that is one sign. Anything else there means that places are not understood.
func (d *document) offsetOf(t *token.Token, sign byte) (int, error) {
	at, err := d.offset(t)
	if err == nil && (at >= len(d.text) || d.text[at] != sign) {
		err = d.unclear("no %q in line %d where one should be", sign, t.Position.Line)
	}
	return at, err
}

// unclear is the error of a text whose parts cannot be told apart with certainty.
func (d *document) unclear(format string, args ...any) error {
	return tidemark.WithHint(fmt.Errorf("the config cannot be edited safely: "+format+": %w", append(args, tidemark.ErrInvalid)...), byHand)
}

const byHand = "edit the file by hand"

// lineStart returns where the line of an offset begins.
func (d *document) lineStart(at int) int {
	i, found := slices.BinarySearch(d.lines, at)
	if !found {
		i--
	}
	return d.lines[i]
}

// nextLine returns where the line behind that of an offset begins, or the end of the text.
func (d *document) nextLine(at int) int {
	i, found := slices.BinarySearch(d.lines, at)
	if found {
		i++
	}
	if i < len(d.lines) {
		return d.lines[i]
	}
	return len(d.text)
}

// previousLine returns where the line above the one that begins at start begins.
func (d *document) previousLine(start int) int { return d.lineStart(start - 1) }

// column returns the number of spaces that a line begins with, and the first byte behind them; 0 for a blank line.
func (d *document) column(start int) (spaces int, first byte) {
	for at := start; at < len(d.text); at++ {
		switch c := d.text[at]; c {
		case ' ':
			spaces++
		case '\t':
			// no indentation, and no content
		case '\n', '\r':
			return spaces, 0
		default:
			return spaces, c
		}
	}
	return spaces, 0
}

// tokenAt returns the index of the token that begins where t does.
func (d *document) tokenAt(t *token.Token) (int, error) {
	i := slices.IndexFunc(d.tokens, func(o *token.Token) bool {
		return o.Position.Line == t.Position.Line && o.Position.Column == t.Position.Column && o.Type == t.Type
	})
	if i < 0 {
		return 0, d.unclear("line %d", t.Position.Line)
	}
	return i, nil
}

// splice returns the text with the bytes from..to replaced.
func (d *document) splice(from, to int, by string) []byte {
	return slices.Concat(d.text[:from], []byte(by), d.text[to:])
}
