package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

// An interrupted run has failed: a script that goes on after it must know that not all is loaded.
func TestExitInterrupted(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "tidemark.yaml")
	err := os.WriteFile(config, []byte(`connections:
  shop: {type: mysql, url: mysql://etl@127.0.0.1:1/shop}
  lake: {type: file, path: lake}
pipelines:
  orders: {source: {connection: shop, table: orders, cursor: updated_at}, target: {connection: lake, table: shop.orders}}
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	a := &app{out: &out, err: &errs, env: func(string) (string, bool) { return "", false }}
	if code := a.main(ctx, []string{"run", "--fail-if-empty", "-c", config}); code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
	if !strings.HasPrefix(errs.String(), "tidemark: orders: interrupted; ") || out.Len() > 0 {
		t.Errorf("stdout %q, stderr %q", &out, &errs)
	}
}

func TestRunExit(t *testing.T) {
	some := run.Outcome{Result: tidemark.RunResult{New: 1}}
	none, failed := run.Outcome{}, run.Outcome{Err: errors.New("cut")}
	for _, tt := range []struct {
		name        string
		outcomes    []run.Outcome
		failIfEmpty bool
		want        int
	}{
		{"new rows", []run.Outcome{none, some}, true, exitOK},
		{"nothing new", []run.Outcome{none, none}, false, exitOK},
		{"nothing new, and that counts", []run.Outcome{none, none}, true, exitNothing},
		{"one failed", []run.Outcome{some, failed}, false, exitFailed},
		{"one failed and nothing new", []run.Outcome{none, failed}, true, exitFailed},
	} {
		a := &app{err: new(bytes.Buffer)}
		if got := a.report(runExit(tt.outcomes, tt.failIfEmpty)); got != tt.want {
			t.Errorf("%s: exit code %d, want %d", tt.name, got, tt.want)
		}
	}
}
