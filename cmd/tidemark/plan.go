package main

import (
	"fmt"
	"strings"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

// planText is a plan for people: a line for what and where, then one or a few per question.
func planText(p run.Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s → %s, %s, %s", p.Pipeline, p.Source, p.Table, p.Format, p.Mode)
	if len(p.Key) > 0 {
		fmt.Fprintf(&b, " by %s", strings.Join(p.Key, ", "))
	}
	b.WriteString("\n")
	planPart(&b, "reads", append([]string{planWindow(p)}, planSplits(p)...))
	if p.Overlap > 0 {
		known := count(p.Overlap, "row") + " loaded before"
		if p.OverlapBytes > 0 { // 0 before the first commit
			known += ", side file of " + size(p.OverlapBytes)
		}
		planPart(&b, "overlap", []string{known + ": " + p.OverlapReason})
	}
	planPart(&b, "writes", planWritten(p))
	if p.Deletes != "" {
		planPart(&b, "deletes", []string{p.Deletes})
	}
	planPart(&b, "steps", p.Steps)
	planPart(&b, "table", planTable(p))
	if p.SettledBy != "" {
		planPart(&b, "settled", planSettled(p))
	}
	planPart(&b, "note", p.Warnings)
	return b.String()
}

// planPart writes lines behind a label, which the first one has.
func planPart(b *strings.Builder, label string, lines []string) {
	for _, line := range lines {
		line = strings.ReplaceAll(line, "\n", "\n"+strings.Repeat(" ", 14)) // a condition may have several
		fmt.Fprintf(b, "  %-8s %s\n", label, line)
		label = ""
	}
}

// planWindow says in words what would be read.
func planWindow(p run.Plan) string {
	from := "the whole table"
	switch {
	case p.Mode == tidemark.ModeReplace:
	case p.From.IsZero():
		from += ", as the first load by " + p.Cursor
	default:
		from = fmt.Sprintf("%s from %s", p.Cursor, p.From)
	}
	line := fmt.Sprintf("%s: %s in %s", from, planRows(p.Rows, p.Exact), count(int64(len(p.Splits)), "split"))
	if p.Nulls > 0 {
		line += fmt.Sprintf(", %s of them without a cursor", thousands(p.Nulls))
	}
	return line
}

func planRows(n int64, exact bool) string {
	switch {
	case n < 0:
		return "an unknown number of rows"
	case exact:
		return count(n, "row")
	default:
		return "about " + count(n, "row")
	}
}

// planSplits shows for each split how the server reads it, and below that the statement.
func planSplits(p run.Plan) []string {
	rows := make([][]string, len(p.Splits))
	for i, sp := range p.Splits {
		rows[i] = []string{fmt.Sprint(i + 1), planRows(sp.Rows, sp.Exact), sp.Access}
	}
	var lines []string
	for i, line := range strings.Split(strings.TrimSuffix(table(rows), "\n"), "\n") {
		if i < len(p.Splits) {
			lines = append(lines, line, "   "+p.Splits[i].SQL)
		}
	}
	return lines
}

// planWritten says what the run would leave in the lake.
func planWritten(p run.Plan) []string {
	w := p.Written
	if w.Rows < 0 {
		return []string{"not known before the rows are read"}
	}
	if w.Files == 0 {
		return []string{"nothing new"}
	}
	line := planRows(w.Rows, p.Exact)
	if p.Exact && p.Overlap > 0 { // a row of the overlap that has changed is new
		line = "at least " + line
	}
	if w.Bytes >= 0 {
		line += fmt.Sprintf(" → %s or more, %s", count(w.Files, "file"), size(w.Bytes))
	}
	if w.Deletes {
		line += ", and deletes of their older versions"
	}
	lines := []string{line}
	if w.Basis != "" {
		lines = append(lines, "estimated "+w.Basis)
	}
	return lines
}

// planTable says what would become of the table: all columns of a new one, else what differs.
func planTable(p run.Plan) []string {
	lines := []string{"new, " + count(int64(len(p.Columns)), "column")}
	switch {
	case !p.New && len(p.Changes) > 0:
		lines = p.Changes
	case !p.New:
		lines = []string{fmt.Sprintf("no change, %s", count(int64(len(p.Columns)), "column"))}
	}
	if !p.New && len(p.Steps) == 0 {
		return lines
	}
	return append(lines, strings.Split(strings.TrimSuffix(table(planColumns(p)), "\n"), "\n")...)
}

// planColumns shows the columns of source and table side by side.
func planColumns(p run.Plan) [][]string {
	var rows [][]string
	for _, c := range p.Columns {
		null := "not null"
		if c.Nullable {
			null = "null"
		}
		row := []string{c.Name, c.Source, "→ " + c.Type, null}
		if len(p.Steps) > 0 {
			from := c.Name
			if c.From != "" {
				from = c.From
			}
			if c.Computed {
				from = "(computed)"
			}
			row = []string{from, c.Source, "→ " + c.Name, c.Type, null}
		}
		rows = append(rows, row)
	}
	for _, name := range p.Dropped {
		rows = append(rows, []string{name, "", "→ dropped"})
	}
	return rows
}

// planSettled says how far the next run but one could begin, and who keeps it from beginning later.
func planSettled(p run.Plan) []string {
	line := "stays unset"
	if !p.Settled.IsZero() {
		line = "at most " + p.Settled.String()
	}
	line += ", by " + string(p.SettledBy)
	if p.HeldBy == "" {
		return []string{line}
	}
	return []string{line, "held back by " + p.HeldBy}
}
