package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidemark-data/tidemark"
)

// child is the variable that makes this test binary another process with the store of that name.
const child = "TIDEMARK_SQLITE_CHILD"

// again runs this test binary once more, in a process of its own that does what role says with the store at path.
func again(ctx context.Context, role, path string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestChild$", "-test.v")
	cmd.Env = append(os.Environ(), child+"="+role+" "+path)
	return cmd
}

// TestChild is what such a process does.
func TestChild(t *testing.T) {
	role, path, found := strings.Cut(os.Getenv(child), " ")
	if !found {
		t.Skip("only as another process")
	}
	s, err := Open(context.Background(), path, Options{})
	if errors.Is(err, tidemark.ErrConflict) {
		fmt.Println("conflict")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; role == "write"; i++ {
		if i%3 == 0 { // also what the last process has left
			if _, err := s.Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		id := want(t, s, fmt.Sprintf("p%d", i%5), fmt.Sprint(os.Getpid(), " ", i))
		l := begin(t, s, id)
		if err := s.AppendLog(t.Context(), id, 1, []tidemark.LogLine{{At: dawn, Text: strings.Repeat("x", 2000)}, {At: dawn, Text: "y"}}); err != nil {
			t.Fatal(err)
		}
		fmt.Println("begun", id)
		if i%3 > 0 {
			end(t, s, l, tidemark.RunSucceeded)
			fmt.Println("ended", id)
		}
	}
}

// TestSIGKILL: a process that is killed while it writes has lost nothing that it was told is kept, and its store is whole.
func TestSIGKILL(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	told := map[tidemark.RunID]string{}
	for round := range 4 {
		cmd := again(t.Context(), "write", path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		n := 0
		for lines := bufio.NewScanner(out); lines.Scan(); { // to the end: what it has said before it died counts
			what, id, _ := strings.Cut(lines.Text(), " ")
			if what != "begun" && what != "ended" {
				continue
			}
			told[tidemark.RunID(id)] = what
			if n++; n == 30+17*round {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait()
		if n < 30 {
			t.Fatalf("the process said %d times that something is kept", n)
		}
		check(t, path, told)
	}
}

// check opens a store that nobody has closed.
func check(t *testing.T, path string, told map[tidemark.RunID]string) {
	t.Helper()
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var verdict string
	if err := s.write.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity_check: %s, %v", verdict, err)
	}
	if err := s.write.QueryRowContext(t.Context(), "SELECT group_concat(\"table\") FROM pragma_foreign_key_check HAVING count(*) > 0").Scan(&verdict); err == nil {
		t.Errorf("rows of %s belong to nothing", verdict)
	}
	ends := int64(0)
	for id, what := range told {
		r, err := s.Run(t.Context(), id)
		if err != nil || len(r.Causes) == 0 || len(r.Attempts) == 0 {
			t.Errorf("run %s was kept, and is %+v, %v", id, r, err)
			continue
		}
		if what == "ended" && r.State != tidemark.RunSucceeded {
			t.Errorf("run %s has ended, and is %s", id, r.State)
		}
		if log, err := s.Log(t.Context(), id, 0, 10); err != nil || len(log) < 2 {
			t.Errorf("run %s has %d lines, %v", id, len(log), err)
		}
		ends = max(ends, r.EndNumber)
	}
	if last, err := s.LastEnd(t.Context()); err != nil || last < ends || ends == 0 {
		t.Errorf("the last end is %d, %v; want %d at least", last, err, ends)
	}
}

// TestSecondProcess: another process is refused while this one has the store, and not behind it.
func TestSecondProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := again(t.Context(), "open", path).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "\nconflict\n") {
		t.Errorf("another process: %v, it said\n%s", err, out)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	out, err = again(t.Context(), "open", path).CombinedOutput()
	if err != nil || strings.Contains(string(out), "conflict") {
		t.Errorf("another process, behind Close: %v, it said\n%s", err, out)
	}
}
