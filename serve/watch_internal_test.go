package serve

import (
	"bytes"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/notify"
	"github.com/tidemark-data/tidemark/internal/post/posttest"
	"github.com/tidemark-data/tidemark/internal/sqlite"
)

const watchedConfig = `
connections:
  shop: {type: mysql, url: "mysql://etl@127.0.0.1/shop"}
  lake: {type: file, path: lake}
defaults: {source: {connection: shop, cursor: at}, target: {connection: lake}}
pipelines:
  orders: {source: {table: orders}, target: {table: shop.orders}, freshness: 2h}
  never: {source: {table: never}, target: {table: shop.never}}
  all: {source: {tables: ["x*"]}, target: {table: "all.{table}"}, freshness: 1h}
`

// A lookout is a watch whose clock the test moves.
type lookout struct {
	*watch
	store *sqlite.Store
	clock *posttest.Clock
	told  *bytes.Buffer
	dawn  time.Time
}

func newLookout(t *testing.T) *lookout {
	t.Helper()
	l := &lookout{dawn: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), told: new(bytes.Buffer)}
	l.clock = posttest.NewClock(l.dawn)
	var err error
	if l.store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "runs.db"), sqlite.Options{Now: l.clock.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.store.Close() })
	l.begin(t)
	return l
}

// begin is what a server does at its beginning.
func (l *lookout) begin(t *testing.T) {
	t.Helper()
	var err error
	if l.watch, err = newWatch(t.Context(), l.store, notify.Options{Log: slog.New(slog.NewTextHandler(l.told, nil)), Clock: l.clock}); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Parse("tidemark.yaml", []byte(watchedConfig))
	if err != nil {
		t.Fatal(err)
	}
	l.use(cfg)
	l.look()
}

// at moves the clock to so many minutes behind dawn, looks twice, and returns what the log has got.
func (l *lookout) at(minutes int) string {
	l.clock.Add(l.dawn.Add(time.Duration(minutes) * time.Minute).Sub(l.clock.Now()))
	l.look()
	l.look()
	return l.log()
}

// log returns the lines of the log since the last call, in short.
func (l *lookout) log() string {
	var all []string
	for line := range strings.Lines(l.told.String()) {
		_, what, _ := strings.Cut(line, "msg=\"pipeline is ")
		words := strings.Fields(strings.NewReplacer(`"`, "", "pipeline=", "").Replace(what))
		if words[0] == "fresh" {
			words = words[1:]
		}
		all = append(all, strings.Join(words[:2], " "))
	}
	l.told.Reset()
	return strings.Join(all, ", ")
}

// run lets a run of a pipeline end now.
func (l *lookout) run(t *testing.T, pipeline tidemark.PipelineID, state tidemark.RunState) {
	t.Helper()
	ctx, now := t.Context(), l.clock.Now()
	runs, err := l.store.Want(ctx, tidemark.Want{
		Cause: tidemark.Cause{ID: fmt.Sprintf("manual@%d%s", now.UnixNano(), state), Kind: tidemark.TriggerManual, At: now}, Runs: []tidemark.Wanted{{Pipeline: pipeline}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if state == tidemark.RunCancelled {
		r, err := l.store.Cancel(ctx, runs[0].ID, "somebody")
		if err != nil {
			t.Fatal(err)
		}
		l.ended(r)
		return
	}
	lease, err := l.store.Begin(ctx, runs[0].ID, "test", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.store.End(ctx, lease, tidemark.Ending{State: state, Result: &tidemark.RunResult{Started: now}})
	if err != nil {
		t.Fatal(err)
	}
	l.ended(r)
}

// TestFreshness: that a pipeline is late is said once, and so is that it no longer is, also where nobody is to be told.
func TestFreshness(t *testing.T) {
	l := newLookout(t)
	l.run(t, "all.x1", tidemark.RunSucceeded)
	for _, step := range []struct {
		minutes int
		want    string
	}{{60, ""}, {61, "late all.x1"}, {120, ""}, {121, "late orders"}} {
		if diff := cmp.Diff(step.want, l.at(step.minutes)); diff != "" {
			t.Errorf("at minute %d: %s", step.minutes, diff)
		}
	}
	l.run(t, "all.x1", tidemark.RunFailed)
	l.run(t, "orders", tidemark.RunSucceeded)
	if diff := cmp.Diff("again orders", l.log()); diff != "" {
		t.Error(diff)
	}
	cfg, err := config.Parse("tidemark.yaml", []byte(strings.ReplaceAll(watchedConfig, "1h", "3h")))
	if err != nil {
		t.Fatal(err)
	}
	l.use(cfg)
	if diff := cmp.Diff("again all.x1", l.at(122)); diff != "" {
		t.Error(diff)
	}
}

// TestWatchBegins: a server that begins anew knows how runs have ended, whatever was cancelled meanwhile.
func TestWatchBegins(t *testing.T) {
	l := newLookout(t)
	for i, state := range []tidemark.RunState{tidemark.RunSucceeded, tidemark.RunFailed, tidemark.RunFailed, tidemark.RunCancelled} {
		l.at(i)
		l.run(t, "orders", state)
	}
	l.run(t, "never", tidemark.RunCancelled)
	want := [2]tidemark.RunID{l.last["orders"].ID, l.good["orders"].ID}
	l.begin(t)
	if diff := cmp.Diff(want, [2]tidemark.RunID{l.last["orders"].ID, l.good["orders"].ID}); diff != "" {
		t.Errorf("what it knows is another: %s", diff)
	}
	if last, good := l.last["orders"], l.good["orders"]; last.State != tidemark.RunFailed || !last.Ended.Equal(l.dawn.Add(2*time.Minute)) || !good.Ended.Equal(l.dawn) || len(l.last) != 1 {
		t.Errorf("the last run is %+v, the last good one %+v", last, good)
	}
	if diff := cmp.Diff("late orders", l.at(121)); diff != "" {
		t.Error(diff)
	}
}
