package testenv

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// DuckDB returns what runs a script of the DuckDB command line, a reader that shares nothing with the product but the
// files: TIDEMARK_TEST_DUCKDB, a command with its arguments, or duckdb in the PATH. The test is skipped without one.
func DuckDB(t testing.TB) func(script string) string {
	t.Helper()
	command := strings.Fields(os.Getenv("TIDEMARK_TEST_DUCKDB"))
	if len(command) == 0 {
		path, err := exec.LookPath("duckdb")
		if err != nil {
			t.Skip("there is no duckdb command (TIDEMARK_TEST_DUCKDB names it)")
		}
		command = []string{path}
	}
	return func(script string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), command[0], append(command[1:], "-init", os.DevNull, "-bail")...)
		cmd.Stdin = strings.NewReader(script)
		var errors strings.Builder
		cmd.Stderr = &errors
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("duckdb: %v\n%s", err, errors.String())
		}
		return string(out)
	}
}
