package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/duckdb"
	"github.com/tidemark-data/tidemark/internal/query"
	"github.com/tidemark-data/tidemark/internal/shell"
	"github.com/tidemark-data/tidemark/run"
)

// shownRows is how many rows of a table the shell shows unless .rows says otherwise.
const shownRows = 40

// runShell answers statements from standard input: those that a person types at a terminal, or a file of them.
func runShell(ctx context.Context, a *app, o queryOptions) error {
	if err := o.checkShell(a); err != nil {
		return usage(err)
	}
	r, err := a.openLake(o.lake)
	if err != nil {
		return err
	}
	defer r.Close()
	boundMemory(int64(o.memory))
	if err := r.Reach(ctx, o.lake); err != nil {
		return fmt.Errorf("list the tables of the lake: %w", err)
	}
	session := shell.Options{
		Lake: shellLake{r, o.run()}, Out: a.out, Report: a.printStatementError, Mode: o.format,
		Modes: map[string]shell.Printer{shell.Table: printTable, formatJSON: printObjects, formatCSV: query.WriteCSV, "line": printLines},
	}
	if a.in != nil && a.outTerminal {
		return a.converse(ctx, session)
	}
	if a.in != nil && a.terminal {
		fmt.Fprintln(a.err, "type SQL, each statement with a semicolon behind it; Ctrl-D ends")
	}
	s := shell.New(session)
	err = s.Run(ctx, shell.NewScript(a.stdin))
	switch {
	case errors.Is(err, tidemark.ErrInvalid):
		return &exit{code: exitUsage} // it was reported
	case err != nil && ctx.Err() == nil:
		return &exit{code: exitFailed}
	case err == nil && !s.Asked():
		return usage(tidemark.WithHint(errors.New("there is no SQL to answer"), "give it as an argument or on standard input; at a terminal there is a shell"))
	}
	return err
}

// converse is runShell with a person.
func (a *app) converse(ctx context.Context, o shell.Options) error {
	// Ctrl-C ends a query, not the process: what start has set up for it is undone. Between queries nothing happens.
	idle := make(chan os.Signal, 1)
	signal.Reset(os.Interrupt)
	signal.Notify(idle, os.Interrupt)
	defer signal.Stop(idle)

	path, err := a.historyFile()
	history, herr := shell.OpenHistory(path)
	if err = errors.Join(err, herr); err != nil {
		fmt.Fprintf(a.err, "tidemark: what you type is not kept: %v\n", err)
	}
	o.Person, o.Rows = true, shownRows
	o.Cancel = func(ctx context.Context) (context.Context, context.CancelFunc) {
		return signal.NotifyContext(ctx, os.Interrupt)
	}
	s := shell.New(o)
	editor := shell.NewEditor(os.Stdin, os.Stdout, history)
	editor.Complete = s.Complete
	if !a.quiet {
		fmt.Fprintln(a.out, "SQL over the lake, read-only. A statement ends with a semicolon; .help tells more, Ctrl-D leaves.")
	}
	return s.Run(ctx, editor)
}

// historyFile returns where the shell keeps what was typed: TIDEMARK_HISTORY, which may be empty for nowhere, or a file in
// the user's folder for such things.
func (a *app) historyFile() (string, error) {
	if path, found := a.env("TIDEMARK_HISTORY"); found {
		return path, nil
	}
	if state, _ := a.env("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "tidemark", "query_history"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state", "tidemark", "query_history"), nil
}

// printStatementError prints an error of a statement, and below the message its place.
func (a *app) printStatementError(err error, excerpt string) {
	if a.json || excerpt == "" {
		a.printError("", err)
		return
	}
	fmt.Fprintf(a.err, "tidemark: %s\n", message(err))
	for line := range strings.Lines(excerpt) {
		fmt.Fprintf(a.err, "  %s\n", printable(strings.TrimSuffix(line, "\n")))
	}
	for _, hint := range hints(err) {
		fmt.Fprintf(a.err, "  %s\n", hint)
	}
}

// shellLake is a lake for the shell.
type shellLake struct {
	r *run.Runner
	o run.QueryOptions
}

// Query implements shell.Lake.
func (l shellLake) Query(ctx context.Context, statement string) (*shell.Answer, error) {
	result, err := l.r.QueryWith(ctx, statement, l.o)
	if err != nil {
		return nil, err
	}
	return &shell.Answer{Columns: result.Columns, Rows: result.Rows(), Close: result.Close}, nil
}

// Tables implements shell.Lake.
func (l shellLake) Tables(ctx context.Context) ([]tidemark.TableID, error) {
	return l.r.Tables(ctx, l.o.Lake)
}

// Columns implements shell.Lake.
func (l shellLake) Columns(ctx context.Context, id tidemark.TableID) ([]shell.Column, error) {
	columns, err := l.r.Columns(ctx, l.o.Lake, id)
	list := make([]shell.Column, len(columns))
	for i, c := range columns {
		list[i] = shell.Column(c)
	}
	return list, err
}

// printLines prints a line per value, for rows that are wider than the screen.
func printLines(w io.Writer, columns []duckdb.Column, rows iter.Seq2[[]duckdb.Value, error]) error {
	width := 0
	for _, c := range columns {
		width = max(width, len([]rune(printable(c.Name))))
	}
	first := true
	for row, err := range rows {
		if err != nil {
			return err
		}
		if !first {
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
		first = false
		for i, v := range row {
			if _, err := fmt.Fprintf(w, "%*s = %s\n", width, printable(columns[i].Name), cell(v)); err != nil {
				return err
			}
		}
	}
	return nil
}
