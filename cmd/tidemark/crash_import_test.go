package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// strikeImport lets an import of one more file end at a failpoint. It is asked for again, and the table has each file once.
func (c crashes) strikeImport(t *testing.T, name, action string) bool {
	t.Helper()
	what := fmt.Sprintf("an import with %s=%s", name, action)
	folder := filepath.Join(c.dir, "lake", "landing")
	files, err := filepath.Glob(filepath.Join(folder, "*.parquet"))
	if err == nil {
		err = os.MkdirAll(folder, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	n := len(files)
	// Each file has a column of its own, so that the table's record changes too.
	_, wait := c.start(t, nil, "query", "-q", "-o", filepath.Join(folder, fmt.Sprintf("f%03d.parquet", n)), fmt.Sprintf("SELECT %d + range AS n, true AS c%d FROM range(10)", 10*n, n))
	if e := wait(); e.code != exitOK {
		t.Fatalf("write a file: %s", e.stderr)
	}
	args := []string{"catalog", "import", "landing", "--as", "crash.old", "--json"}
	_, wait = c.start(t, []string{"TIDEMARK_FAILPOINTS=" + name + "=" + action}, args...)
	stopped := wait()
	came := stopped.struck(t, what, name, action)
	_, wait = c.start(t, nil, args...)
	if e := wait(); e.code != exitOK {
		t.Errorf("%s, and again: exit code %d with %s%s", what, e.code, e.stdout, e.stderr)
	}
	_, wait = c.start(t, nil, "query", "--json", "SELECT COUNT(*) AS c, SUM(n)::BIGINT AS s, COUNT(DISTINCT n) AS d FROM crash.old")
	e := wait()
	var got facts
	if err := json.Unmarshal([]byte(e.stdout), &got); err != nil {
		t.Fatalf("%s: query: %v, %s", what, err, e.stderr)
	}
	rows := int64(10 * (n + 1))
	if want := (facts{Rows: rows, Sum: rows * (rows - 1) / 2, Distinct: rows}); got != want {
		t.Errorf("%s: the table holds %+v, want %+v", what, got, want)
	}
	return came
}
