package duckdb

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/tidemark-data/tidemark"
)

// An Error is what DuckDB has against a statement. It wraps tidemark.ErrInvalid where the statement is to blame.
type Error struct {
	Message string
	Line    int // where in the statement, from 1; 0: unknown
	Column  int // in characters, from 1; 0: unknown
	kind    error
}

func (e *Error) Error() string {
	switch {
	case e.Line == 0:
		return e.Message
	case e.Column == 0:
		return fmt.Sprintf("line %d: %s", e.Line, e.Message)
	default:
		return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
	}
}

// Unwrap returns the error's kind.
func (e *Error) Unwrap() error { return e.kind }

// at returns an error about the part of a statement that begins at a byte offset.
func at(statement string, offset int, message string) *Error {
	e := &Error{Message: message, kind: tidemark.ErrInvalid}
	if offset < 0 || offset > len(statement) {
		return e
	}
	before := statement[:offset]
	e.Line = 1 + strings.Count(before, "\n")
	e.Column = 1 + len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
	return e
}

// placed is how DuckDB appends the place of an error to its message: the line, cut to what fits, and a caret below.
var placed = regexp.MustCompile(`(?s)^(.*?)\n\n(LINE (\d+): )([^\n]*)\n( *)\^`)

// explain turns an error of the driver into an Error; that of a cancelled context stays what it is.
func explain(ctx context.Context, err error, statement string) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var from *duckdb.Error
	if !errors.As(err, &from) {
		return err
	}
	e := &Error{Message: from.Msg, kind: tidemark.ErrInvalid}
	if m := placed.FindStringSubmatch(from.Msg); m != nil {
		e.Message = m[1]
		e.Line, _ = strconv.Atoi(m[3])
		e.Column = column(statement, e.Line, m[4], len(m[5])-len(m[2]))
	}
	message, _, _ := strings.Cut(e.Message, "\n\nPossible solutions:") // with settings that nobody can make here
	e.Message = strings.Join(strings.Fields(message), " ")
	switch from.Type {
	case duckdb.ErrorTypeOutOfMemory:
		e.kind = nil
		return tidemark.WithHint(e, "the query takes more memory than it may: select fewer columns or rows, or raise the limit with --memory")
	case duckdb.ErrorTypeIO, duckdb.ErrorTypeInternal, duckdb.ErrorTypeFatal, duckdb.ErrorTypeInterrupt:
		e.kind = nil
	}
	return e
}

// explain is explain with the place in the statement as it was written.
func (s *Statement) explain(ctx context.Context, err error) error {
	err = explain(ctx, err, s.SQL)
	var e *Error
	if s.written == "" || !errors.As(err, &e) || e.Line == 0 {
		return err
	}
	e.Line -= s.lines
	if e.Line < 1 || e.Line > 1+strings.Count(s.written, "\n") {
		e.Line, e.Column = 0, 0
		return err
	}
	if e.Column == 0 {
		return err
	}
	offset := place(s.SQL, e.Line+s.lines, e.Column) - place(s.SQL, 1+s.lines, 1)
	there := at(s.written, offset, "")
	e.Line, e.Column = there.Line, there.Column
	return err
}

// place returns the byte offset of a character in a text that has such a line.
func place(text string, line, column int) int {
	before := 0
	for range line - 1 {
		before += strings.IndexByte(text[before:], '\n') + 1
	}
	rest := []rune(text[before:])
	return before + len(string(rest[:min(column-1, len(rest))]))
}

// column returns where the caret points in the statement's own line; 0 when that cannot be told. A long line is shown
// from somewhere in the middle, behind three dots.
func column(statement string, line int, shown string, caret int) int {
	lines := strings.Split(statement, "\n")
	if line < 1 || line > len(lines) || caret < 0 {
		return 0
	}
	cut, isCut := strings.CutPrefix(shown, "...")
	if !isCut {
		return caret + 1
	}
	start := strings.Index(lines[line-1], strings.TrimSuffix(cut, "..."))
	if start < 0 {
		return 0
	}
	return len([]rune(lines[line-1][:start])) + caret - len("...") + 1
}
