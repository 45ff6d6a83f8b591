// Package shell is a conversation in SQL: lines come in, statements and the commands that begin with a dot go out to a
// lake, answers and errors to people. It knows nothing of lakes but what Lake says.
//
// A Session splits what it reads into statements (split.go) and answers them, or runs the commands (command.go). The lines
// come from an Editor on a terminal (editor.go), with a History and completion (complete.go) of the names that the lake
// has (names.go), or from a Script.
package shell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// A Lake is what a Session asks. Its methods may be called at the same time.
type Lake interface {
	// Query answers one statement. A statement that is wrong is tidemark.ErrInvalid, with a duckdb.Error that has the
	// place. ctx lives until the Answer is closed.
	Query(ctx context.Context, statement string) (*Answer, error)

	// Tables returns all tables, sorted.
	Tables(ctx context.Context) ([]tidemark.TableID, error)

	// Columns returns the columns of a table, in order.
	Columns(ctx context.Context, id tidemark.TableID) ([]Column, error)
}

// An Answer is what a statement has given. Its rows are read once; the caller closes it.
type Answer struct {
	Columns []duckdb.Column
	Rows    iter.Seq2[[]duckdb.Value, error]
	Close   func() error
}

// A Column is a column of a table.
type Column struct {
	Name    string
	Type    string // DuckDB's name of it
	NotNull bool
}

// A Printer writes the rows of an answer.
type Printer func(w io.Writer, columns []duckdb.Column, rows iter.Seq2[[]duckdb.Value, error]) error

// Table is the mode whose answers are cut to Options.Rows.
const Table = "table"

// Options say with whom a Session talks.
type Options struct {
	Lake  Lake
	Out   io.Writer
	Modes map[string]Printer // by name
	Mode  string             // the first one

	// Report tells of an error. The excerpt is the line of the statement and a caret below the place; "" where there
	// is none.
	Report func(err error, excerpt string)

	// Person says that a person types and reads: errors do not end the session, long tables are cut, and answers are
	// followed by the number of their rows.
	Person bool
	Rows   int // of a table that a person is shown; 0: all

	// Cancel derives the context of a statement, which ends when the person does not want to wait any longer. nil:
	// nothing but the session's own context ends it.
	Cancel func(context.Context) (context.Context, context.CancelFunc)
}

// An Input gives the lines of a Session.
type Input interface {
	// Line returns the next line, without its end; io.EOF behind the last one, and ErrDropped when a person takes back
	// what was typed.
	Line(ctx context.Context, prompt string) (string, error)

	// Pause is called before a statement or a command runs, and when the session ends.
	Pause()

	// Keep puts a line that a person may want again into the history.
	Keep(line string)
}

// ErrDropped says that the lines since the last statement are void.
var ErrDropped = errors.New("the line was dropped")

// A Session is one conversation. It is used by one goroutine.
type Session struct {
	Options
	names *names
	split splitter
	asked bool
}

// New returns a Session.
func New(o Options) *Session { return &Session{Options: o, names: newNames(o.Lake)} }

// errLeave ends a session on request.
var errLeave = errors.New("the session ends")

// Asked reports whether there was any statement or command.
func (s *Session) Asked() bool { return s.asked }

// Run answers what comes in until its end, .quit, or, unless a person is there, the first error, which it has then
// reported and returns. An error of ctx or of reading is returned and not reported.
func (s *Session) Run(ctx context.Context, in Input) error {
	defer in.Pause()
	if s.Person {
		stop := s.names.load(ctx)
		defer stop()
	}
	for {
		line, err := in.Line(ctx, s.prompt())
		switch {
		case errors.Is(err, ErrDropped):
			s.split.drop()
			continue
		case errors.Is(err, io.EOF):
			if s.Person {
				return nil
			}
			return leave(s.all(ctx, in, s.split.rest()))
		case err != nil:
			return err
		}
		if err := s.line(ctx, in, line); err != nil {
			return leave(err)
		}
	}
}

func leave(err error) error {
	if errors.Is(err, errLeave) {
		return nil
	}
	return err
}

// prompt tells what the next line belongs to.
func (s *Session) prompt() string {
	switch {
	case !s.split.pending():
		return "tidemark> "
	case s.split.open == "":
		return "      ... "
	default:
		return fmt.Sprintf("%8s. ", s.split.open[:min(len(s.split.open), 8)]+"..")
	}
}

// line takes one line.
func (s *Session) line(ctx context.Context, in Input, line string) error {
	if c, args := commandOf(line); c != nil && !s.split.pending() {
		s.split.add("") // it counts
		in.Keep(line)
		in.Pause()
		return s.try(ctx, func(ctx context.Context) (string, error) { return "", c.run(s, ctx, args) })
	}
	before := s.split.pending()
	done := s.split.add(line)
	if s.Person {
		keep(in, line, before, done)
	}
	return s.all(ctx, in, done)
}

// keep puts the statements into the history; one that cannot be one line, as its last line at least. A line that begins
// with a blank is not kept.
func keep(in Input, line string, before bool, done []statement) {
	if !before && strings.HasPrefix(line, " ") {
		return
	}
	for _, one := range done {
		if one.flat != "" {
			in.Keep(one.flat + ";")
		} else {
			in.Keep(line)
		}
	}
}

// all answers statements in order.
func (s *Session) all(ctx context.Context, in Input, statements []statement) error {
	for _, one := range statements {
		in.Pause()
		if isShowTables(one.text) {
			if err := s.try(ctx, func(ctx context.Context) (string, error) { return "", s.showTables(ctx, nil) }); err != nil {
				return err
			}
			continue
		}
		err := s.try(ctx, func(ctx context.Context) (string, error) {
			err := s.answer(ctx, one.text)
			first := one.line
			if s.Person {
				first = 1 // a person counts the lines of what was typed just now
			}
			return place(err, one.text, first), err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// try does one thing for the person, and tells if it does not work. The error is what ends the session.
func (s *Session) try(ctx context.Context, do func(context.Context) (string, error)) error {
	s.asked = true
	own := ctx
	if s.Cancel != nil {
		var stop context.CancelFunc
		own, stop = s.Cancel(ctx)
		defer stop()
	}
	excerpt, err := do(own)
	switch {
	case err == nil, errors.Is(err, errLeave), ctx.Err() != nil:
		return err
	case s.Person && own.Err() != nil:
		fmt.Fprintln(s.Out, "cancelled")
		return nil
	}
	s.Report(err, excerpt)
	if s.Person {
		return nil
	}
	return err
}

// answer runs one statement and prints what it gives.
func (s *Session) answer(ctx context.Context, text string) (err error) {
	begin := time.Now()
	answer, err := s.Lake.Query(ctx, text)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, answer.Close()) }()
	out := bufio.NewWriter(s.Out)
	write := s.Modes[s.Mode]
	if !s.Person || s.Mode != Table {
		return errors.Join(write(out, answer.Columns, answer.Rows), out.Flush())
	}
	next, stop := iter.Pull2(answer.Rows)
	defer stop()
	shown := 0
	rows := func(yield func([]duckdb.Value, error) bool) {
		for s.Rows == 0 || shown < s.Rows {
			row, err, ok := next()
			if !ok || !yield(row, err) {
				return
			}
			shown++
		}
	}
	if err := errors.Join(write(out, answer.Columns, rows), out.Flush()); err != nil {
		return err
	}
	more, sure, err := countOn(next)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.Out, summary(shown, more, sure, time.Since(begin)))
	return err
}

// countFor bounds how long the rows behind those that are shown are counted.
const countFor = time.Second

// countOn counts the rows that are left, and tells whether these are all.
func countOn(next func() ([]duckdb.Value, error, bool)) (more int, sure bool, err error) {
	end := time.Now().Add(countFor)
	for {
		_, err, ok := next()
		if !ok || err != nil {
			return more, true, err
		}
		if more++; more%1024 == 0 && time.Now().After(end) {
			return more, false, nil
		}
	}
}

// summary is the line below a table.
func summary(shown, more int, sure bool, took time.Duration) string {
	seconds := fmt.Sprintf("%.2f s", took.Seconds())
	rows := "rows"
	if shown+more == 1 {
		rows = "row"
	}
	switch {
	case more == 0:
		return fmt.Sprintf("(%s %s, %s)", thousands(shown), rows, seconds)
	case sure:
		return fmt.Sprintf("(the first %s of %s rows, %s; .rows 0 shows all)", thousands(shown), thousands(shown+more), seconds)
	default:
		return fmt.Sprintf("(the first %s of more than %s rows, %s; .rows 0 shows all)", thousands(shown), thousands(shown+more-1), seconds)
	}
}

// thousands returns a number of rows with commas.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// place makes the line of an error, which is the statement's, one of the text in which the statement begins at the line
// first; and returns the excerpt for it.
func place(err error, text string, first int) string {
	var at *duckdb.Error
	lines := strings.Split(text, "\n")
	if !errors.As(err, &at) || at.Line < 1 || at.Line > len(lines) {
		return ""
	}
	line := []rune(strings.ReplaceAll(strings.TrimSuffix(lines[at.Line-1], "\r"), "\t", " "))
	at.Line += first - 1
	column := at.Column - 1
	if column < 0 || column > len(line) {
		return strings.TrimSpace(string(line))
	}
	blanks := 0
	for blanks < column && line[blanks] == ' ' {
		blanks++
	}
	line, column = line[blanks:], column-blanks
	const before, most = 50, 100 // what one sees at a glance
	if column > most-before && len(line) > most {
		line, column = slices.Concat([]rune("..."), line[column-before:]), before+len("...")
	}
	if len(line) > most+len("...") {
		line = slices.Concat(line[:most], []rune("..."))
	}
	return string(line) + "\n" + strings.Repeat(" ", column) + "^"
}
