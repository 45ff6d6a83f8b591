package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

// showTable prints a table's description.
func (a *app) showTable(d *run.TableDescription, files bool) error {
	if a.json {
		type fileJSON struct {
			Key   string `json:"key"`
			Rows  int64  `json:"rows"`
			Bytes int64  `json:"bytes"`
		}
		shown := struct {
			*run.TableDescription
			History []tidemark.Change `json:"history,omitempty"` // `catalog history` has it
			Files   []fileJSON        `json:"files,omitempty"`
		}{TableDescription: d}
		if files {
			for _, f := range d.Files {
				shown.Files = append(shown.Files, fileJSON{f.Key, f.Rows, f.Bytes})
			}
		}
		return a.printJSON(shown)
	}
	_, err := fmt.Fprint(a.out, tableText(d, files))
	return err
}

// tableText is a table's description for people.
func tableText(d *run.TableDescription, files bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s\n", d.Table, d.Format)
	var facts [][]string
	if d.Comment != "" {
		facts = append(facts, []string{"  comment", printable(d.Comment)})
	}
	facts = append(facts, [][]string{{"  location", d.Location}, {"  data", fmt.Sprintf("%s, %s rows, %s", count(int64(d.Data.Files), "file"), rowsText(d), size(d.Data.Bytes))}}...)
	if d.Deletes.Files > 0 {
		facts = append(facts, []string{"  deletes", filesText(d.Deletes)})
	}
	if len(d.PartitionBy) > 0 {
		facts = append(facts, []string{"  partitioned by", strings.Join(d.PartitionBy, ", ")})
	}
	for _, w := range d.Pipelines {
		facts = append(facts, []string{"  pipeline", fmt.Sprintf("%s, %s: commit %d of %s, high %s, settled %s, %s loaded",
			w.Pipeline, w.Mode, w.Seq, clock(w.Committed), orDash(w.High), orDash(w.Settled), count(w.Total, "row"))})
	}
	b.WriteString(table(facts))
	b.WriteString(columnsText(d.Columns))
	if files {
		list := [][]string{{"", "FILE", "ROWS", "SIZE"}}
		for _, f := range d.Files {
			list = append(list, []string{"", f.Key, thousands(f.Rows), size(f.Bytes)})
		}
		b.WriteString(table(list))
	}
	return b.String()
}

// columnsText lists columns, with what people say of them if they do.
func columnsText(columns []tidemark.DescribedColumn) string {
	commented := slices.ContainsFunc(columns, func(c tidemark.DescribedColumn) bool { return c.Comment != "" })
	cells := [][]string{{"", "COLUMN", "TYPE", "", "SOURCE"}}
	if commented {
		cells[0] = append(cells[0], "COMMENT")
	}
	for _, c := range columns {
		null := "not null"
		if c.Nullable {
			null = "null"
		}
		line := []string{"", printable(c.Name), c.Type, null, printable(c.Doc)}
		if commented {
			line = append(line, printable(c.Comment))
		}
		cells = append(cells, line)
	}
	return table(cells)
}

// showHistory prints the newest commits of a table; all for 0.
func (a *app) showHistory(d *run.TableDescription, limit int) (err error) {
	changes := d.History
	if limit > 0 {
		changes = changes[:min(limit, len(changes))]
	}
	if a.json {
		for _, c := range changes {
			err = errors.Join(err, a.printJSON(c))
		}
		return err
	}
	cells := [][]string{{"WHEN", "WHAT", "PIPELINE", "COMMIT", "LOADED", "HIGH", "ROWS", "FILES", "SNAPSHOT", "RUN"}}
	for _, c := range changes {
		cells = append(cells, changeLine(c))
	}
	if _, err = fmt.Fprint(a.out, table(cells)); err != nil {
		return err
	}
	if more := len(d.History) - len(changes); more > 0 {
		_, err = fmt.Fprintf(a.out, "… and %s; --limit 0 shows all\n", count(int64(more), "older commit"))
	}
	return err
}

func changeLine(c tidemark.Change) []string {
	what := c.What
	if c.Aside {
		what += ", aside"
	}
	line := []string{clock(c.At), what, orNothing(string(c.Pipeline)), "–", "–", orDash(c.High), "–", thousands(int64(c.Files)), orNothing(c.Snapshot), orNothing(string(c.Run))}
	if c.Pipeline != "" {
		line[3], line[4] = fmt.Sprint(c.Commit), thousands(c.Loaded)
	}
	if c.Rows >= 0 {
		line[6] = thousands(c.Rows)
	}
	return line
}

func orNothing(text string) string {
	if text == "" {
		return "–"
	}
	return text
}
