package main

import (
	"fmt"
	"strings"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

// planText is a plan for people.
func planText(p run.Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s → %s, %s, %s", p.Pipeline, p.Source, p.Table, p.Format, p.Mode)
	if len(p.Key) > 0 {
		fmt.Fprintf(&b, " by %s", strings.Join(p.Key, ", "))
	}
	b.WriteString("\n  " + planWindow(p) + "\n")
	for _, statement := range p.Statements {
		fmt.Fprintf(&b, "    %s\n", statement)
	}
	b.WriteString("  columns\n")
	rows := make([][]string, len(p.Columns))
	for i, c := range p.Columns {
		null := "not null"
		if c.Nullable {
			null = "null"
		}
		rows[i] = []string{"  ", c.Name, c.Source, "→ " + c.Type, null}
	}
	b.WriteString(table(rows))
	for _, w := range p.Warnings {
		fmt.Fprintf(&b, "  note: %s\n", w)
	}
	if p.HeldBy != "" {
		fmt.Fprintf(&b, "  note: settled would be held back by %s\n", p.HeldBy)
	}
	return b.String()
}

// planWindow says in words what would be read.
func planWindow(p run.Plan) string {
	from := "reads the whole table"
	switch {
	case p.Mode == tidemark.ModeReplace:
	case p.From.IsZero():
		from += ", as the first load by " + p.Cursor
	default:
		from = fmt.Sprintf("reads %s from %s", p.Cursor, p.From)
	}
	rows := "an unknown number of rows"
	if p.Rows >= 0 {
		rows = "about " + count(p.Rows, "row")
	}
	line := fmt.Sprintf("%s: %s in %s", from, rows, count(int64(len(p.Statements)), "split"))
	if p.Overlap > 0 {
		line += fmt.Sprintf(", %s of them loaded before", thousands(p.Overlap))
	}
	return line
}
