package main

import (
	"bufio"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// besideQuery is what the process may take beside the memory of a query, in bytes, and perThread what for each of its
// threads, of which there are a few per processor: their stacks count in full.
const (
	besideQuery = 512 << 20
	perThread   = 64 << 20
)

// boundMemory keeps the process from taking much more memory than a query may. The database counts what it keeps between
// steps, but not what one function call makes: without this, repeat('x', 3000000000) takes 3 GB and more. Best effort:
// where the system does not tell or does not allow it, nothing is bounded.
func boundMemory(query int64) {
	now, ok := dataNow()
	if !ok {
		return
	}
	const resource = 2 // RLIMIT_DATA: what is private and writable
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(resource, &limit); err != nil {
		return
	}
	want := uint64(now + 2*query + besideQuery + perThread*int64(runtime.NumCPU()))
	if want < limit.Cur {
		limit.Cur = want
		_ = syscall.Setrlimit(resource, &limit)
	}
}

// dataNow returns how much of that the process has.
func dataNow() (int64, bool) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "VmData:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "kB")), 10, 64)
			return kib << 10, err == nil
		}
	}
	return 0, false
}
