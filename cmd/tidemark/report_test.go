package main

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vbauerster/mpb/v8"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

func outcomeOf(id tidemark.PipelineID, err error) run.Outcome {
	return run.Outcome{Result: tidemark.RunResult{Pipeline: id}, Err: err}
}

// A result stands on the screen while other pipelines are still running, and their lines go on below it.
func TestReporterOnTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s screen
		a := &app{out: &s, err: &s, terminal: true, outTerminal: true}
		w := newWatcher(a)
		w.refresh = mpb.WithAutoRefresh() // the screen of the test is not seen to be a terminal
		r := newReporter(a, w, []string{"orders", "customers"})
		w.begin("orders", progressOf(10, 5, 5))
		w.begin("customers", progressOf(10, 5, 5))
		time.Sleep(barDelay + time.Second)
		synctest.Wait()
		s.take()

		r.done(outcomeOf("orders", nil))
		time.Sleep(time.Second)
		synctest.Wait()
		result, rest, found := strings.Cut(s.take(), "orders     0 new rows; lake unchanged\n")
		if !found || !strings.Contains(rest, "customers 5 rows") {
			t.Errorf("after the end of orders: %q, %q", result, rest)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if text := s.take(); strings.Contains(text, "orders") {
			t.Errorf("the bar of orders stays: %q", text)
		}
		r.done(outcomeOf("customers", tidemark.WithHint(errors.New("cut"), "try again")))
		w.close()
		if text := s.take(); !strings.Contains(text, "tidemark: customers: cut\n  try again\n") || r.err != nil {
			t.Errorf("after the end of customers: %q, %v", text, r.err)
		}
	})
}

// Results that go to a file go there alone and whole, whatever the screen shows.
func TestReporterToFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s, file screen
		a := &app{out: &file, err: &s, terminal: true}
		w := newWatcher(a)
		w.refresh = mpb.WithAutoRefresh()
		r := newReporter(a, w, []string{"orders"})
		w.begin("orders", progressOf(10, 5, 5))
		time.Sleep(barDelay + time.Second)
		o := outcomeOf("orders", nil)
		o.Result.Notices = []string{"no index"}
		r.done(o)
		r.done(outcomeOf("customers", nil)) // of a group: its name was not known before
		if got, want := file.take(), "orders  0 new rows; lake unchanged\n        no index\ncustomers  0 new rows; lake unchanged\n"; got != want {
			t.Errorf("the file holds %q, want %q", got, want)
		}
		w.close()
		if text := s.take(); strings.Contains(text, "unchanged") {
			t.Errorf("the screen shows %q", text)
		}
	})
}

type brokenPipe struct{}

var errPipe = errors.New("broken pipe")

func (brokenPipe) Write([]byte) (int, error) { return 0, errPipe }

// A result that nobody could be told is an error of the command.
func TestReporterBrokenPipe(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		var s screen
		a := &app{out: brokenPipe{}, err: &s, quiet: true, json: asJSON}
		w := newWatcher(a)
		r := newReporter(a, w, nil)
		r.done(outcomeOf("orders", nil))
		w.close()
		if !errors.Is(r.err, errPipe) {
			t.Errorf("json %v: error %v, want %v", asJSON, r.err, errPipe)
		}
	}
}
