package testenv

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(startLimit); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// readNote waits for a file of two lines.
func readNote(t *testing.T, path string) (first, second string) {
	t.Helper()
	waitFor(t, path, func() bool {
		data, _ := os.ReadFile(path)
		var ok bool
		first, second, ok = strings.Cut(string(data), "\n")
		return ok
	})
	return first, second
}

func listens(address string) bool {
	c, err := net.Dial("tcp", address)
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}
