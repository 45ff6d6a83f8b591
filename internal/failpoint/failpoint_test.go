package failpoint

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

func arm(t *testing.T, spec string) {
	t.Helper()
	if err := Arm(spec); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { armed.Store(nil) })
}

func TestNothingArmed(t *testing.T) {
	if err := Hit("commit.before"); err != nil {
		t.Fatalf("Hit = %v, want nil", err)
	}
	if n := testing.AllocsPerRun(100, func() { _ = Hit("commit.before") }); n != 0 {
		t.Errorf("an unarmed hit allocates %v times", n)
	}
}

func TestError(t *testing.T) {
	tests := []struct {
		spec string
		want []bool // whether hit 1, 2, 3 of "b" fails
	}{
		{"b=error", []bool{true, true, true}},
		{"b=error@2", []bool{false, true, false}},
		{"a=kill, b=error@3", []bool{false, false, true}},
		{"a=error", []bool{false, false, false}},
		{"", []bool{false, false, false}},
	}
	for _, tt := range tests {
		t.Run(tt.spec, func(t *testing.T) {
			arm(t, tt.spec)
			for i, want := range tt.want {
				err := Hit("b")
				if got := errors.Is(err, ErrHit); got != want {
					t.Errorf("hit %d: err = %v, want failure %v", i+1, err, want)
				}
				if want && !strings.HasPrefix(err.Error(), "b: ") {
					t.Errorf("hit %d: error %q does not name the place", i+1, err)
				}
			}
		})
	}
}

func TestOneHitOfManyGoroutinesCounts(t *testing.T) {
	arm(t, "b=error@7")
	var group sync.WaitGroup
	var failed atomic.Int64
	for range 20 {
		group.Go(func() {
			if Hit("b") != nil {
				failed.Add(1)
			}
		})
	}
	group.Wait()
	if failed.Load() != 1 {
		t.Errorf("%d hits failed, want 1", failed.Load())
	}
}

func TestArmRefuses(t *testing.T) {
	arm(t, "b=error")
	for _, spec := range []string{"b", "=kill", "b=", "b=stop", "b=kill@", "b=kill@0", "b=kill@-1", "b=kill@x", "b=kill,b=error", "a=error,,"} {
		if err := Arm(spec); err == nil {
			t.Errorf("Arm(%q) = nil, want an error", spec)
		}
	}
	if Hit("b") == nil {
		t.Error("a refused spec has disarmed the one before")
	}
}

// TestKill runs this test binary again, and that process kills itself.
func TestKill(t *testing.T) {
	const childDir = "TIDEMARK_FAILPOINT_CHILD"
	if dir := os.Getenv(childDir); dir != "" {
		killedAtThird(t, dir)
		return
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("child ended with %v, want a signal; it said:\n%s", err, out)
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("child ended with %v, want SIGKILL; it said:\n%s", err, out)
	}
	got, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || filepath.Base(got[0]) != "1" || filepath.Base(got[1]) != "2" {
		t.Errorf("child left %v, want the marks of the two hits before the third and no deferred one", got)
	}
}

func killedAtThird(t *testing.T, dir string) {
	mark := func(name string) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	defer mark("deferred")
	arm(t, "b=kill@3")
	for _, name := range []string{"1", "2", "3", "4"} {
		if err := Hit("b"); err != nil {
			t.Fatal(err)
		}
		mark(name)
	}
}

func BenchmarkUnarmed(b *testing.B) {
	for b.Loop() {
		_ = Hit("commit.before")
	}
}
