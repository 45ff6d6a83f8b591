package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// marker divides a page into what people wrote and what the bench writes.
const marker = "<!-- From here on this page is written by make bench. -->\n"

// report is everything that was measured in one session.
type report struct {
	machine, server, tidemark string
	tables                    []result
}

// write replaces the results on a page, or prints them.
func (r report) write(path string) error {
	if path == "-" {
		fmt.Print(r.markdown())
		return nil
	}
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	prose, _, found := strings.Cut(string(page), marker)
	if !found {
		return fmt.Errorf("%s has no line %q", path, strings.TrimSpace(marker))
	}
	return os.WriteFile(path, []byte(prose+marker+r.markdown()), 0o644)
}

func (r report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s, on %s, server %s, %s.\n", r.tidemark, r.machine, r.server, time.Now().UTC().Format(time.DateOnly))
	for _, t := range r.tables {
		t.markdown(&b)
	}
	return b.String()
}

func (r result) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n### %s: %s rows, %d columns\n\n", r.table.name, thousands(r.table.rows), len(r.table.columns))
	b.WriteString("| | wall s | CPU s | rows per CPU second | peak memory | wall ÷ raw stream |\n|---|--:|--:|--:|--:|--:|\n")
	row := func(name string, s sample) {
		perSecond := "–"
		if s.cpu > 0 {
			perSecond = thousands(int64(float64(r.table.rows) / s.cpu.Seconds()))
		}
		fmt.Fprintf(b, "| %s | %.2f | %.2f | %s | %d MiB | %.2f |\n",
			name, s.wall.Seconds(), s.cpu.Seconds(), perSecond, s.memory>>20, s.wall.Seconds()/r.raw.wall.Seconds())
	}
	row("raw stream to the server's client", r.raw)
	for i, l := range r.lakes {
		row("first load, "+l.name, r.loads[i])
	}
	fmt.Fprintf(b, "\n| | no news: wall | CPU | peak memory | %s new rows: wall | CPU | peak memory |\n|---|--:|--:|--:|--:|--:|--:|\n", thousands(r.added))
	for i, l := range r.lakes {
		idle, growth := r.idle[i], r.growth[i]
		fmt.Fprintf(b, "| %s | %d ms | %d ms | %d MiB | %d ms | %d ms | %d MiB |\n", l.name,
			idle.wall.Milliseconds(), idle.cpu.Milliseconds(), idle.memory>>20,
			growth.wall.Milliseconds(), growth.cpu.Milliseconds(), growth.memory>>20)
	}
	fmt.Fprintf(b, "\n| `GROUP BY %s` with `SUM(%s)` | query: wall | CPU | peak memory | the library alone: wall | CPU | peak memory |\n|---|--:|--:|--:|--:|--:|--:|\n",
		r.table.group, r.table.sum)
	for i, l := range r.lakes {
		if l.steps != "" { // other columns, other rows
			continue
		}
		ours, library := r.asked[i].ours, r.asked[i].library
		fmt.Fprintf(b, "| %s | %d ms | %d ms | %d MiB | %d ms | %d ms | %d MiB |\n", l.name,
			ours.wall.Milliseconds(), ours.cpu.Milliseconds(), ours.memory>>20,
			library.wall.Milliseconds(), library.cpu.Milliseconds(), library.memory>>20)
	}
}

// thousands writes a number as people read it: 68,883.
func thousands(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// describeMachine says what the numbers were taken on, as far as Linux tells.
func describeMachine() string {
	cpu := runtime.GOARCH
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
				cpu = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d × %s", runtime.NumCPU(), cpu)
}
