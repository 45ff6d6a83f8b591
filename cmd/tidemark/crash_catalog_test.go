package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// strikeDrop lets a drop of a table of two commits end at a failpoint. Readers see all of the table or nothing of it; the same
// command finishes what is left; and a run loads the table from the beginning.
func (c crashes) strikeDrop(t *testing.T, name, action string) bool {
	t.Helper()
	what := fmt.Sprintf("a drop with %s=%s", name, action)
	c.change(t)
	c.mustRun(t)
	before := c.look(t)
	args := []string{"catalog", "drop", "crash.items", "--yes", "--json"}
	_, wait := c.start(t, []string{"TIDEMARK_FAILPOINTS=" + name + "=" + action}, args...)
	stopped := wait()
	came := stopped.struck(t, what, name, action)
	if got := c.lookAtDropped(t, what); got != before && got != (facts{}) {
		t.Errorf("%s: readers see %+v, which is neither %+v nor nothing", what, got, before)
	}
	if stopped.code != exitOK || stopped.killed {
		_, wait = c.start(t, nil, args...)
		gone := strings.HasSuffix(name, ".drop.after")
		if e := wait(); e.code != exitOK && (!gone || e.code != exitUsage) {
			t.Errorf("%s, and again: exit code %d with %s%s", what, e.code, e.stdout, e.stderr)
		}
	}
	if got := c.lookAtDropped(t, what); got != (facts{}) {
		t.Errorf("%s, and again: readers see %+v", what, got)
	}
	c.seq, c.high = 0, ""
	c.mustRun(t)
	if c.seq != 1 {
		t.Errorf("%s: the run behind it made commit %d, and so did not begin from the beginning", what, c.seq)
	}
	c.lakeIs(t, what+", and a run", c.now(t))
	c.dropIsAudited(t, what)
	return came
}

// lookAtDropped is look for a table that is there, or not, or on its way out.
func (c crashes) lookAtDropped(t *testing.T, when string) (f facts) {
	t.Helper()
	_, wait := c.start(t, nil, "query", "--json", "SELECT COUNT(*) AS c, COALESCE(SUM(n), 0)::BIGINT AS s, COUNT(DISTINCT n) AS d FROM crash.items")
	e := wait()
	if e.code == exitUsage && strings.Contains(e.stderr, "crash.items") {
		return facts{}
	}
	if err := json.Unmarshal([]byte(e.stdout), &f); err != nil || e.code != exitOK {
		t.Fatalf("%s: query: exit code %d with %s%s", when, e.code, e.stdout, e.stderr)
	}
	return f
}

// dropIsAudited looks for the newest event: it says that the drop was made.
func (c crashes) dropIsAudited(t *testing.T, when string) {
	t.Helper()
	_, wait := c.start(t, nil, "watermark", "audit", "--json")
	e := wait()
	lines := strings.Split(strings.TrimSpace(e.stdout), "\n")
	var event struct{ Action, Outcome string }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &event); err != nil || event.Action != "catalog drop" || event.Outcome != "made" {
		t.Errorf("%s: the audit trail ends with %q, %v, %s", when, lines[len(lines)-1], err, e.stderr)
	}
}

// strikeComment lets a comment end at a failpoint. It is there or not; the same command sets it, and a run keeps it.
func (c crashes) strikeComment(t *testing.T, name, action string) bool {
	t.Helper()
	text := name + "=" + action
	what := "a comment with " + text
	before := c.look(t)
	args := []string{"catalog", "comment", "crash.items", text, "--column", "note", "--json"}
	_, wait := c.start(t, []string{"TIDEMARK_FAILPOINTS=" + text}, args...)
	stopped := wait()
	came := stopped.killed || stopped.code != exitOK
	if came && !stopped.killed && !strings.Contains(stopped.stderr, name+": failpoint hit") {
		t.Errorf("%s: exit code %d with\n%s%s", what, stopped.code, stopped.stdout, stopped.stderr)
	}
	c.lakeIs(t, what, before)
	_, wait = c.start(t, nil, args...)
	if e := wait(); e.code != exitOK {
		t.Errorf("%s, and again: exit code %d with %s%s", what, e.code, e.stdout, e.stderr)
	}
	c.change(t)
	c.mustRun(t)
	c.lakeIs(t, what+", and a run", c.expected(t))
	_, wait = c.start(t, nil, "catalog", "show", "crash.items", "--json")
	if e := wait(); !strings.Contains(e.stdout, fmt.Sprintf(`"comment":%q`, text)) {
		t.Errorf("%s, and again, and a run: the table says %s%s", what, e.stdout, e.stderr)
	}
	return came
}
