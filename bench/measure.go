package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A sample is what one process took.
type sample struct {
	wall, cpu time.Duration
	memory    int64 // the peak of the resident set, in bytes
}

func (s sample) String() string {
	return fmt.Sprintf("%7.2f s wall %7.2f s CPU %5d MiB", s.wall.Seconds(), s.cpu.Seconds(), s.memory>>20)
}

// measure runs a command to its end and throws its output away. The peak of memory includes this process's own few
// megabytes at the moment of the fork, which no measured process stays below.
func measure(cmd *exec.Cmd) (sample, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr // standard output goes to the null device
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w: %s", cmd.Args[0], err, strings.TrimSpace(stderr.String()))
	}
	s := sample{wall: wall, cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.memory = int64(usage.Maxrss) << 10 // Linux counts in KiB
	}
	return s, nil
}

// median returns the medians of wall and CPU time, and the largest memory, which is what the machine must have.
func median(all []sample) sample {
	var m sample
	slices.SortFunc(all, func(a, b sample) int { return cmp.Compare(a.cpu, b.cpu) })
	m.cpu = all[len(all)/2].cpu
	slices.SortFunc(all, func(a, b sample) int { return cmp.Compare(a.wall, b.wall) })
	m.wall = all[len(all)/2].wall
	for _, s := range all {
		m.memory = max(m.memory, s.memory)
	}
	return m
}

// command prepares a process that is told to stop when ctx is done, and killed when it does not.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	return cmd
}

// output returns what a command prints, without the line end.
func output(ctx context.Context, name string, args ...string) (string, error) {
	out, err := command(ctx, name, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return strings.TrimSpace(string(out)), nil
}
