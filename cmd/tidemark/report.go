package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

// A reporter prints how each run has ended as soon as it has: who loads 500 tables wants to know before the last is done.
// It is safe for concurrent use.
type reporter struct {
	app   *app
	watch *watcher

	mu    sync.Mutex
	width int   // of the longest name so far
	err   error // of the first line that could not be printed
}

// newReporter returns a reporter for pipelines of those names, which it sets in one column; there may be others.
func newReporter(a *app, watch *watcher, names []string) *reporter {
	r := &reporter{app: a, watch: watch}
	for _, name := range names {
		r.width = max(r.width, len(name))
	}
	return r
}

// done is run.Options.Done.
func (r *reporter) done(o run.Outcome) {
	r.watch.end(o.Result.Pipeline)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.width = max(r.width, len(o.Result.Pipeline))

	// What belongs together is written at once, so that no line of a log comes between.
	var out, errs bytes.Buffer
	memory := *r.app
	memory.out, memory.err = &out, &errs
	err := memory.printOutcome(o, r.width)
	if errs.Len() > 0 && err == nil {
		_, err = r.watch.Write(errs.Bytes())
	}
	if out.Len() > 0 && err == nil {
		err = r.print(out.Bytes())
	}
	if r.err == nil {
		r.err = err
	}
}

// print writes to where results go. Where that is the terminal too, they stand above the lines of progress.
func (r *reporter) print(p []byte) error {
	if r.app.outTerminal && r.watch.above(p) {
		return nil
	}
	_, err := r.app.out.Write(p)
	return err
}

// printOutcome prints a line about a run, its name in a column of that width: a result to out, an error to err; in JSON
// both to out.
func (a *app) printOutcome(o run.Outcome, width int) error {
	if a.json {
		return a.printJSON(outcomeJSON{o.Result, failureOf(o.Err)})
	}
	if o.Err != nil {
		a.printError(o.Result.Pipeline, o.Err)
		return nil
	}
	if _, err := fmt.Fprintf(a.out, "%-*s  %s\n", width, o.Result.Pipeline, resultLine(o.Result)); err != nil {
		return err
	}
	for _, note := range notes(o.Result) {
		if _, err := io.WriteString(a.out, strings.Repeat(" ", width)+"  "+note+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// outcomeJSON is one object with the fields of both.
type outcomeJSON struct {
	tidemark.RunResult
	failure
}
