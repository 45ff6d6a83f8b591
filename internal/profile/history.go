package profile

import (
	"fmt"
	"time"

	"github.com/tidemark-data/tidemark"
)

// HistoryRules returns what the commits of a pipeline suggest, the newest first: how many rows a run may have, and how old
// the newest may be.
func HistoryRules(history []tidemark.Change, mode tidemark.Mode) (rules []Rule) {
	var commits []tidemark.Change
	most := int64(0)
	for _, c := range history {
		if c.Commit > 0 && !c.Aside {
			commits = append(commits, c)
			most = max(most, c.Loaded)
		}
	}
	seen := fmt.Sprintf("%s in the largest of %s", count(most, "row"), count(int64(len(commits)), "commit"))
	switch {
	case most == 0:
	case mode == tidemark.ModeReplace:
		newest := commits[0].Loaded
		rules = append(rules, Rule{RowCount: &RowCount{Min: newest / 2, Max: int64(above(float64(most)))},
			Seen: fmt.Sprintf("%s in the newest, %s", thousands(newest), seen)})
	default:
		rules = append(rules, Rule{RowCount: &RowCount{Max: int64(above(float64(most)))}, OnFail: string(tidemark.OnFailWarn), Seen: seen})
	}
	if r := freshness(commits); r != nil {
		rules = append(rules, *r)
	}
	return rules
}

const (
	// fewestCommits is from how many on the time between them says something.
	fewestCommits = 5

	// aDayMore is how far the clock of a cursor may be away from UTC, in either direction, and then some.
	aDayMore = 24 * time.Hour
)

// freshness proposes twice the longest time between two commits, or between what was newest in them. Cursors without a zone
// are not compared with the time of the commit, but for the coarse question whether the source is still written to.
func freshness(commits []tidemark.Change) *Rule {
	if len(commits) < fewestCommits {
		return nil
	}
	longest := time.Duration(0)
	for i, c := range commits[:len(commits)-1] {
		before := commits[i+1]
		if !c.High.Kind().Temporal() || !before.High.Kind().Temporal() || i == 0 && c.At.Sub(time.UnixMicro(c.High.Micros())) > aDayMore {
			return nil
		}
		step := time.Duration(c.High.Micros()-before.High.Micros()) * time.Microsecond
		if i == len(commits)-2 {
			step = 0 // the first load may begin with what is old
		}
		longest = max(longest, c.At.Sub(before.At), step)
	}
	for _, age := range []time.Duration{10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour, 7 * 24 * time.Hour} {
		if age >= 2*longest {
			return &Rule{Freshness: shortly(age), OnFail: string(tidemark.OnFailWarn),
				Seen: fmt.Sprintf("news at least every %s in %s", longest.Round(time.Second), count(int64(len(commits)), "commit"))}
		}
	}
	return nil
}

// shortly returns a duration of the list above as the config has it.
func shortly(d time.Duration) string {
	switch {
	case d >= 24*time.Hour:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	case d >= time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dm", d/time.Minute)
}
