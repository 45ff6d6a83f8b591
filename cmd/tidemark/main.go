// Command tidemark loads tables of MySQL and MariaDB into a data lake, each row exactly once.
//
// There is one file per subcommand, cmd_run.go for `tidemark run`. Each has a function that returns the cobra command
// and one that does the work; the work itself is in package run, so that what is left here is flags, words and exit
// codes. app.go holds what the commands share, exit.go the exit codes, format.go and progress.go what people read.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // zones of cursors must be known on machines without the system's own list

	"golang.org/x/term"

	"github.com/tidemark-data/tidemark/internal/failpoint"
	"github.com/tidemark-data/tidemark/internal/schedule"
)

// version is set by the linker.
var version = ""

func main() {
	os.Exit(start(schedule.Machine{}))
}

// start runs the command line and returns the exit code.
func start(clock schedule.Clock) int {
	a := &app{
		clock: clock,
		stdin: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.LookupEnv,
		terminal: term.IsTerminal(int(os.Stderr.Fd())), outTerminal: term.IsTerminal(int(os.Stdout.Fd())),
	}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		a.in = os.Stdin
	}
	if err := failpoint.Arm(os.Getenv("TIDEMARK_FAILPOINTS")); err != nil {
		return a.report(usage(err))
	}
	limitMemory(os.Getenv)

	// The first signal cancels: runs end cleanly, and what they had not committed is not there. After that the
	// default is back, so that a second signal ends the process at once, which loses nothing either.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return a.main(ctx, os.Args[1:])
}

// runMemory is the heap that a run gets along with, in bytes.
const runMemory = 140 << 20

// limitMemory makes the garbage collector keep the heap small enough for the whole process to stay below 256 MiB: the
// binary alone, whose pages count too, takes 80 of them. The limit is soft: it costs time and never an allocation.
// Who sets Go's own variables is left alone.
func limitMemory(getenv func(string) string) {
	if getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(runMemory)
	}
	if getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}
