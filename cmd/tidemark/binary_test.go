package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// programs is the folder of the program of these tests. TestMain makes it.
var programs string

var build = sync.OnceValue(func() error {
	if out, err := exec.Command("go", "build", "-o", filepath.Join(programs, "tidemark"), ".").CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	return os.Setenv("PATH", programs+string(filepath.ListSeparator)+os.Getenv("PATH"))
})

// buildBinary builds tidemark as users do, without the race detector and apart from the test, and returns its path. From
// then on it is what the name tidemark means.
func buildBinary(t testing.TB) string {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(programs, "tidemark")
}
