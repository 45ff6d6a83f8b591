package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// strikeReplay lets a replay of all that a check has set aside end at a failpoint. It is asked for again, behind which all rows
// are in the table, and none in that of rejected rows.
func (c crashes) strikeReplay(t *testing.T, name, action string) bool {
	t.Helper()
	what := fmt.Sprintf("a replay with %s=%s", name, action)
	c.change(t)
	c.mustRun(t)
	c.rule(t, "max: 1", "max: 2")
	defer c.rule(t, "max: 2", "max: 1")
	args := []string{"replay", "items", "--yes", "--json"}
	_, wait := c.start(t, []string{"TIDEMARK_FAILPOINTS=" + name + "=" + action}, args...)
	stopped := wait()
	came := stopped.struck(t, what, name, action)
	_, wait = c.start(t, nil, args...)
	if e := wait(); e.code != exitOK {
		t.Errorf("%s, and again: exit code %d with %s%s", what, e.code, e.stdout, e.stderr)
	}
	after := c.now(t)
	if c.mode == "append" {
		after = c.expected(t)
	}
	c.replayed(t, what+", and again", after)
	c.mustRun(t)
	c.replayed(t, what+", and a run", after)
	return came
}

// replayed looks whether the table holds all rows, and that of rejected rows none.
func (c crashes) replayed(t *testing.T, when string, want facts) {
	t.Helper()
	if got, _ := c.ask(t, "crash.items", false); got != want {
		t.Errorf("%s: the table holds %+v, want %+v", when, got, want)
	}
	if got, _ := c.ask(t, "crash.items__rejected", false); got.Rows != 0 {
		t.Errorf("%s: %d rows are still set aside", when, got.Rows)
	}
}

// rule changes the config.
func (c crashes) rule(t *testing.T, from, to string) {
	t.Helper()
	path := filepath.Join(c.dir, "tidemark.yaml")
	config, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(strings.Replace(string(config), from, to, 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
