package main

import (
	"fmt"
	"strings"

	"github.com/tidemark-data/tidemark/internal/verify"
	"github.com/tidemark-data/tidemark/run"
)

// verifyText is a report for people, with at most so many rows by name.
func verifyText(r *run.VerifyReport, show int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", r.Pipeline, verdict(r))
	fmt.Fprintf(&b, "  %s in the source, %s in the lake, %s in %s%s\n",
		count(r.SourceRows, "row"), thousands(r.LakeRows), took(r.Took), count(int64(r.Parts), "part"), verifyScope(r))
	for i, row := range r.Rows {
		if i == show {
			b.WriteString(moreRows(r, show))
			break
		}
		b.WriteString("  " + rowText(row) + "\n")
	}
	if r.Partial > 0 {
		fmt.Fprintf(&b, "  note: %s that differ were not looked into any more: there are more such rows\n", count(int64(r.Partial), "part"))
	}
	for _, n := range r.Notices {
		fmt.Fprintf(&b, "  note: %s\n", n)
	}
	return b.String()
}

// moreRows says how many rows differ that are not shown: a report names no more than it was asked for.
func moreRows(r *run.VerifyReport, show int) string {
	more, named := r.Total()-int64(show), int64(len(r.Rows)-show)
	if more <= named {
		return fmt.Sprintf("  … and %s; --show or --json names them\n", count(named, "row"))
	}
	return fmt.Sprintf("  … and %s; --show or --json names %s of them\n", count(more, "row"), thousands(named))
}

// verdict is the first line: what was found.
func verdict(r *run.VerifyReport) string {
	if r.Clean() {
		return "equal"
	}
	var parts []string
	for _, kind := range verify.Kinds {
		if n := r.Found[kind]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", thousands(n), kind))
		}
	}
	if r.Partial > 0 {
		return "differs: at least " + strings.Join(parts, ", ")
	}
	return "differs: " + strings.Join(parts, ", ")
}

func verifyScope(r *run.VerifyReport) string {
	var b strings.Builder
	if r.Sample > 0 {
		fmt.Fprintf(&b, ", a sample of %.3g%%", 100*r.Sample)
	}
	if !r.Settled.IsZero() {
		fmt.Fprintf(&b, "; settled %s", r.Settled)
	}
	if r.Pending > 0 {
		fmt.Fprintf(&b, ", %s pending", thousands(r.Pending))
	}
	return b.String()
}

func rowText(row verify.Row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-9s", row.Kind)
	for i, v := range row.Key {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, " %s=%s", v.Column, shown(v.Value))
	}
	if row.Count > 1 {
		fmt.Fprintf(&b, "  %d times", row.Count)
	}
	for i, p := range row.Differ {
		sep := ","
		if i == 0 {
			sep = " ·"
		}
		fmt.Fprintf(&b, "%s %s: %s in the source, %s in the lake", sep, p.Column, shown(p.Source), shown(p.Lake))
	}
	return b.String()
}

// shown is a value on one line, cut where it is long.
func shown(value *string) string {
	if value == nil {
		return "NULL"
	}
	const most = 60
	text := strings.ToValidUTF8(*value, "\uFFFD")
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most-1]) + "…"
	}
	if strings.ContainsAny(text, "\n\r\t\x1b ,") || text == "" {
		return fmt.Sprintf("%q", text)
	}
	return text
}
