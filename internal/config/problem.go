package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// A Problem is one mistake in a config, with its place.
type Problem struct {
	Line       int    `json:"line,omitempty"`   // from 1; 0 when it has none, as with environment variables
	Column     int    `json:"column,omitempty"` // from 1
	Path       string `json:"path,omitempty"`   // such as pipelines.orders.source.cursor; "" for the whole document
	Message    string `json:"message"`
	Suggestion string `json:"suggestion,omitempty"` // what to do about it; ""
}

// Errors is everything that is wrong with one config. It is an ErrInvalid.
type Errors struct {
	File     string    `json:"file"`
	Problems []Problem `json:"problems"` // at least one, in the order of the file
}

// Error returns the problems, one per line, as compilers print them.
func (e *Errors) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = e.line(p)
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the kind of the error.
func (e *Errors) Unwrap() error { return tidemark.ErrInvalid }

func (e *Errors) line(p Problem) string {
	var b strings.Builder
	b.WriteString(e.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	if p.Suggestion != "" {
		b.WriteString("; " + p.Suggestion)
	}
	return b.String()
}

// problems collects mistakes while a document is read, and knows where each path stands in it.
type problems struct {
	file   string
	places map[string]place
	broken map[string]bool // paths whose value could not be read: nothing more is said about them
	list   []Problem
}

func newProblems(file string) *problems {
	return &problems{file: file, places: map[string]place{}, broken: map[string]bool{}}
}

type place struct{ line, column int }

// at adds a problem of the value at path, which need not be in the document: then the place is that of the nearest
// section around it.
func (ps *problems) at(path, suggestion, format string, args ...any) {
	for around := path; ; around = parent(around) {
		if ps.broken[around] {
			return
		}
		if around == "" {
			break
		}
	}
	p := ps.place(path)
	ps.list = append(ps.list, Problem{
		Line: p.line, Column: p.column, Path: path, Suggestion: suggestion, Message: fmt.Sprintf(format, args...),
	})
}

// breaks adds a problem after which the value at path is not there for later checks.
func (ps *problems) breaks(path, suggestion, format string, args ...any) {
	ps.at(path, suggestion, format, args...)
	ps.broken[path] = true
}

// missing adds the problem that a section has no such key, unless that is due to another problem.
func (ps *problems) missing(section, key string) {
	if !ps.broken[join(section, key)] {
		ps.at(section, "", "%s is missing", key)
	}
}

func (ps *problems) place(path string) place {
	for {
		if p, found := ps.places[path]; found || path == "" {
			return p
		}
		path = parent(path)
	}
}

// parent returns the path of the section around path, "" for the whole document.
func parent(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}

// has reports whether the document itself, and not its defaults, has a value at path.
func (ps *problems) has(path string) bool {
	_, found := ps.places[path]
	return found
}

// err returns all problems in the order of the document, or nil.
func (ps *problems) err() error {
	if len(ps.list) == 0 {
		return nil
	}
	slices.SortStableFunc(ps.list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return &Errors{File: ps.file, Problems: ps.list}
}
