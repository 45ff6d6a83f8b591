package main

import (
	"testing"
	"time"

	"github.com/tidemark-data/tidemark"
)

func at(t *testing.T, text string) tidemark.CursorValue {
	t.Helper()
	v, err := tidemark.ParseCursorValue(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestResultLine has the lines of the design, word for word.
func TestResultLine(t *testing.T) {
	first, second := at(t, "2014-07-24 00:00:00"), at(t, "2024-07-31 17:50:18")
	for _, c := range []struct {
		name   string
		result tidemark.RunResult
		want   string
	}{
		{"first load", tidemark.RunResult{
			Read: 68883, New: 68883, Files: 1, Bytes: 412_345, Took: 312 * time.Millisecond, Committed: true, Seq: 1, High: first,
		}, "68,883 read · 68,883 new · 0 suppressed → 1 file, 0.4 MB in 0.3 s · high 2014-07-24 00:00:00 → commit 1"},
		{"one row", tidemark.RunResult{
			Read: 1, New: 1, Files: 1, Bytes: 1_100, Took: 90 * time.Millisecond, Committed: true, Seq: 2, HighBefore: first, High: second,
		}, "1 read · 1 new · 0 suppressed → 1 file, 1 KB in 0.1 s · high 2014-07-24 00:00:00 → 2024-07-31 17:50:18 · commit 2"},
		{"nothing", tidemark.RunResult{Read: 1, Suppressed: 1, Seq: 2, HighBefore: second, High: second},
			"0 new rows; lake unchanged · high 2024-07-31 17:50:18"},
		{"nothing ever", tidemark.RunResult{}, "0 new rows; lake unchanged"},
		{"ties", tidemark.RunResult{
			Read: 347, New: 3, Suppressed: 344, Files: 2, Bytes: 2_000, Took: time.Second, Committed: true, Seq: 3, HighBefore: second, High: second,
		}, "347 read · 3 new · 344 suppressed → 2 files, 2 KB in 1.0 s · high 2024-07-31 17:50:18 · commit 3"},
		{"settled alone", tidemark.RunResult{
			Read: 5, Suppressed: 5, Took: time.Second, Committed: true, Seq: 3, HighBefore: second, High: second,
		}, "5 read · 0 new · 5 suppressed → no files in 1.0 s · high 2024-07-31 17:50:18 · commit 3"},
		{"replace", tidemark.RunResult{
			Read: 10, New: 10, Files: 1, Bytes: 3e9, Took: 3725 * time.Second, Committed: true, Seq: 9, Mode: tidemark.ModeReplace,
		}, "10 read · 10 new · 0 suppressed → 1 file, 3.0 GB in 1 h 02 m · commit 9"},
	} {
		if got := resultLine(c.result); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 7: "7", 999: "999", 1000: "1,000", 68883: "68,883", 1234567: "1,234,567", -1000: "-1,000", -999: "-999",
		-1 << 63: "-9,223,372,036,854,775,808",
	} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1 KB", 1499: "1 KB", 49_499: "49 KB", 50_000: "0.1 MB", 412_345: "0.4 MB", 99_949_999: "99.9 MB",
		99_950_000: "100 MB", 999_499_999: "999 MB", 999_500_000: "1.0 GB", 1_249_999_999: "1.2 GB", 5_000_000_000_000: "5,000.0 GB",
	} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestTook(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0.0 s", 0: "0.0 s", 312 * time.Millisecond: "0.3 s", 59949 * time.Millisecond: "59.9 s",
		59950 * time.Millisecond: "1 m 00 s", 185 * time.Second: "3 m 05 s", time.Hour - time.Millisecond: "1 h 00 m",
		3725 * time.Second: "1 h 02 m", 24*time.Hour - time.Second: "1 d 00 h", 76 * time.Hour: "3 d 04 h",
	} {
		if got := took(d); got != want {
			t.Errorf("took(%s) = %s, want %s", d, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	got := table([][]string{{"PIPELINE", "HELD BY"}, {"größe", ""}, {"a", "x y"}})
	want := "PIPELINE  HELD BY\ngröße\na         x y\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
