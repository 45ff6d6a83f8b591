package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
)

// thousands returns n with its digits in groups: 68,883.
func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// count returns "1 file", "2 files".
func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}

// size returns a number of bytes in the unit that people expect of it: 812 B, 1 KB, 0.4 MB, 256 MB, 1.2 GB.
func size(n int64) string {
	switch {
	case n < 1_000:
		return fmt.Sprintf("%d B", n)
	case n < 50_000:
		return fmt.Sprintf("%d KB", (n+500)/1_000)
	case n < 99_950_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n < 999_500_000:
		return fmt.Sprintf("%d MB", (n+500_000)/1_000_000)
	default:
		return fmt.Sprintf("%s.%d GB", thousands((n+50_000_000)/1e9), (n+50_000_000)%1e9/1e8)
	}
}

// took returns a duration as people read it: 0.3 s, 3 m 05 s, 2 h 07 m, 3 d 04 h.
func took(d time.Duration) string {
	switch d = max(d, 0); {
	case d < 59950*time.Millisecond:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour-500*time.Millisecond:
		return pair(d.Round(time.Second), time.Minute, "m", time.Second, "s")
	case d < 24*time.Hour-30*time.Second:
		return pair(d.Round(time.Minute), time.Hour, "h", time.Minute, "m")
	default:
		return pair(d.Round(time.Hour), 24*time.Hour, "d", time.Hour, "h")
	}
}

func pair(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	return fmt.Sprintf("%d %s %02d %s", d/large, largeName, d%large/small, smallName)
}

// resultLine is what is printed at the end of a run, without the pipeline's name.
func resultLine(r tidemark.RunResult) string {
	if !r.Committed {
		return "0 new rows; lake unchanged" + high(" · high ", r.High)
	}
	if r.New == 0 && r.Deleted+r.Marked > 0 {
		return fmt.Sprintf("0 new rows%s in %s%s · commit %d", swept(r), took(r.Took), high(" · high ", r.High), r.Seq)
	}
	files := "no files"
	if r.Files > 0 {
		files = count(int64(r.Files), "file") + ", " + size(r.Bytes)
	}
	line := fmt.Sprintf("%s read · %s new · %s suppressed%s → %s in %s",
		thousands(r.Read), thousands(r.New), thousands(r.Suppressed), rejected(r)+swept(r), files, took(r.Took))
	commit := fmt.Sprintf("commit %d", r.Seq)
	switch {
	case r.High.IsZero():
		return line + " · " + commit
	case r.HighBefore.IsZero():
		return line + high(" · high ", r.High) + " → " + commit
	case r.HighBefore == r.High:
		return line + high(" · high ", r.High) + " · " + commit
	default:
		return line + high(" · high ", r.HighBefore) + high(" → ", r.High) + " · " + commit
	}
}

// rejected is what checks have set aside.
func rejected(r tidemark.RunResult) string {
	if r.Rejected == 0 {
		return ""
	}
	return fmt.Sprintf(" · %s rejected", thousands(r.Rejected))
}

// swept is what became of rows that the source has deleted.
func swept(r tidemark.RunResult) (text string) {
	if r.Deleted > 0 {
		text += fmt.Sprintf(" · %s deleted", thousands(r.Deleted))
	}
	if r.Marked > 0 {
		text += fmt.Sprintf(" · %s marked as deleted", thousands(r.Marked))
	}
	return text
}

func high(before string, v tidemark.CursorValue) string {
	if v.IsZero() {
		return ""
	}
	return before + v.String()
}

// notes are the lines below a result: what the owner should know.
func notes(r tidemark.RunResult) []string {
	lines := append([]string(nil), r.Notices...)
	for _, c := range r.Checks {
		if c.Failed > 0 {
			lines = append(lines, fmt.Sprintf("check %s: %s failed, %s", c.Check, thousands(c.Failed), c.Detail))
		}
	}
	if r.Maintenance != nil {
		lines = append(lines, "maintenance: "+maintenanceLine(*r.Maintenance, false))
	}
	if r.HeldBy != "" {
		lines = append(lines, "settled is held back by "+r.HeldBy)
	}
	return lines
}

// maintenanceLine says what was done for a table, or would be.
func maintenanceLine(m tidemark.Maintenance, dry bool) string {
	var parts []string
	if m.Files > 0 && dry {
		parts = append(parts, count(int64(m.Files), "file")+" to compact")
	} else if m.Files > 0 {
		parts = append(parts, fmt.Sprintf("%s compacted into %s, %s", count(int64(m.Files), "file"), thousands(int64(m.Into)), size(m.Bytes)))
	}
	if m.Snapshots > 0 {
		parts = append(parts, count(int64(m.Snapshots), "snapshot")+does(dry, " to expire", " expired"))
	}
	if m.Removed > 0 {
		parts = append(parts, fmt.Sprintf("%s%s, %s", count(int64(m.Removed), "file"), does(dry, " to remove", " removed"), size(m.Freed)))
	}
	if len(parts) == 0 {
		return "nothing to do"
	}
	return strings.Join(parts, " · ")
}

func does(dry bool, would, did string) string {
	if dry {
		return would
	}
	return did
}

// clock returns a time of the last run in UTC, or "never".
func clock(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// table returns rows as columns that are two blanks apart, without blanks at the ends of lines.
func table(rows [][]string) string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", widths[i]-len([]rune(cell))+2))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}
