package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/run"
)

// The exit codes of all commands; docs/operations.md lists them.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2
	exitDiffers = 3
	exitNothing = 4
)

// exitText says what a code means, for the help of the commands that use it.
func exitText(code int) string {
	switch code {
	case exitOK:
		return "done"
	case exitFailed:
		return "failed; the message says what to do"
	case exitUsage:
		return "the command line or the config is wrong"
	case exitDiffers:
		return "data differs, or does not pass a check; the report says which"
	case exitNothing:
		return "nothing to do (only with --fail-if-empty)"
	}
	return ""
}

// An exit is an error that knows its code. Without a cause nothing more is printed.
type exit struct {
	code  int
	cause error
}

func (e *exit) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.cause.Error()
}

func (e *exit) Unwrap() error { return e.cause }

// usage marks an error of the command line or the config.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &exit{code: exitUsage, cause: err}
}

// report prints an error and returns the exit code.
func (a *app) report(err error) int {
	if err == nil {
		return exitOK
	}
	code := exitFailed
	var known *exit
	if errors.As(err, &known) {
		code = known.code
		if known.cause == nil {
			return code
		}
		err = known.cause
	} else if errors.Is(err, run.ErrNoPipeline) || errors.Is(err, run.ErrNoFunc) {
		code = exitUsage
	} else if errors.Is(err, tidemark.ErrChecks) {
		code = exitDiffers
	}
	a.printError("", err)
	return code
}

// printError prints an error, about the pipeline of that name if it is one, and its hint.
func (a *app) printError(pipeline tidemark.PipelineID, err error) {
	if a.json {
		_ = json.NewEncoder(a.err).Encode(struct {
			Pipeline tidemark.PipelineID `json:"pipeline,omitempty"`
			failure
		}{pipeline, failureOf(err)})
		return
	}
	var mistakes *config.Errors
	if errors.As(err, &mistakes) {
		fmt.Fprintf(a.err, "tidemark: %s in %s\n%s\n", count(int64(len(mistakes.Problems)), "problem"), mistakes.File, mistakes)
		return
	}
	prefix := "tidemark: "
	if pipeline != "" {
		prefix += string(pipeline) + ": "
	}
	fmt.Fprintf(a.err, "%s%s\n", prefix, message(err))
	for _, hint := range hints(err) {
		fmt.Fprintf(a.err, "  %s\n", hint)
	}
}

// A failure is an error as JSON has it.
type failure struct {
	Error string `json:"error,omitempty"`
	advice
	Problems []config.Problem `json:"problems,omitempty"` // of the config
}

// advice is what an error has beside its message.
type advice struct {
	Hint string `json:"hint,omitempty"`
	Kind string `json:"kind,omitempty"`
}

func adviceOf(err error) advice {
	if err == nil {
		return advice{}
	}
	return advice{Hint: strings.Join(hints(err), "; "), Kind: kind(err)}
}

func failureOf(err error) failure {
	if err == nil {
		return failure{}
	}
	f := failure{Error: message(err), advice: adviceOf(err)}
	var mistakes *config.Errors
	if errors.As(err, &mistakes) {
		f.Problems = mistakes.Problems
	}
	return f
}

// message is the error for people. An interrupted run has failed because a person wanted it to.
func message(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted; what was committed stays, and the next run goes on from there"
	}
	text := err.Error()
	for _, kind := range []error{tidemark.ErrInvalid, tidemark.ErrTransient} { // words for programs, at the end of a sentence for people
		text = strings.TrimSuffix(text, ": "+kind.Error())
	}
	return text
}

// hints returns the hint of each error that was joined.
func hints(err error) []string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []string
		for _, one := range joined.Unwrap() {
			all = append(all, hints(one)...)
		}
		return all
	}
	if hint := tidemark.Hint(err); hint != "" {
		return []string{hint}
	}
	return nil
}

// kind returns the kind of an error as one word.
func kind(err error) string {
	for _, k := range []struct {
		err  error
		name string
	}{
		{context.Canceled, "interrupted"},
		{tidemark.ErrFatal, "state_unknown"},
		{tidemark.ErrChecks, "checks"},
		{tidemark.ErrConflict, "conflict"},
		{tidemark.ErrDenied, "denied"},
		{tidemark.ErrNotFound, "not_found"},
		{tidemark.ErrInvalid, "invalid"},
		{tidemark.ErrRestart, "restart"},
		{tidemark.ErrTransient, "transient"},
	} {
		if errors.Is(err, k.err) {
			return k.name
		}
	}
	return "failed"
}
