package main

import (
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// widthRows is the number of rows that the widths of a table's columns are taken from. The rest is printed as it
// comes, so that a result of any size needs no more memory.
const widthRows = 1_000

// printTable prints rows for people: columns side by side, numbers to the right.
func printTable(w io.Writer, columns []duckdb.Column, rows iter.Seq2[[]duckdb.Value, error]) error {
	var first [][]duckdb.Value
	var widths []column
	for row, err := range rows {
		if err != nil {
			return err
		}
		if widths != nil {
			if err := printRow(w, widths, row); err != nil {
				return err
			}
			continue
		}
		if first = append(first, row); len(first) == widthRows {
			widths = columnsOf(columns, first)
			if err := printFirst(w, widths, first); err != nil {
				return err
			}
		}
	}
	if widths == nil {
		return printFirst(w, columnsOf(columns, first), first)
	}
	return nil
}

// A column of a table on its way to people.
type column struct {
	name  string
	width int
	right bool // it holds numbers
}

func columnsOf(columns []duckdb.Column, rows [][]duckdb.Value) []column {
	list := make([]column, len(columns))
	for i, c := range columns {
		one := column{name: printable(c.Name), right: len(rows) > 0}
		one.width = len([]rune(one.name))
		for _, row := range rows {
			if _, number := row[i].(duckdb.Number); !number && row[i] != nil {
				one.right = false
			}
			one.width = max(one.width, len([]rune(cell(row[i]))))
		}
		list[i] = one
	}
	return list
}

func printFirst(w io.Writer, columns []column, rows [][]duckdb.Value) error {
	names := make([]duckdb.Value, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	for _, row := range append([][]duckdb.Value{names}, rows...) {
		if err := printRow(w, columns, row); err != nil {
			return err
		}
	}
	return nil
}

func printRow(w io.Writer, columns []column, row []duckdb.Value) error {
	var line strings.Builder
	for i, c := range columns {
		text := cell(row[i])
		blanks := strings.Repeat(" ", max(0, c.width-len([]rune(text))))
		if c.right {
			text = blanks + text
		} else {
			text += blanks
		}
		if i > 0 {
			line.WriteString("  ")
		}
		line.WriteString(text)
	}
	_, err := fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	return err
}

func cell(v duckdb.Value) string {
	if v == nil {
		return "NULL"
	}
	return printable(duckdb.Text(v))
}

// printable keeps a value in its line, and control sequences off the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '␣'
		}
		return r
	}, text)
}

// printObjects prints an object per row, each in a line of its own.
func printObjects(w io.Writer, columns []duckdb.Column, rows iter.Seq2[[]duckdb.Value, error]) error {
	names := distinct(columns)
	object := make(duckdb.Struct, len(columns))
	var line []byte
	for row, err := range rows {
		if err != nil {
			return err
		}
		for i, v := range row {
			object[i] = duckdb.Member{Name: names[i], Value: v}
		}
		line = append(duckdb.AppendJSON(line[:0], object), '\n')
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// distinct returns the names of columns, with a number behind those that are there already: an object has each once.
func distinct(columns []duckdb.Column) []string {
	names := make([]string, len(columns))
	taken := map[string]bool{}
	for i, c := range columns {
		names[i] = c.Name
		for n := 2; taken[names[i]]; n++ {
			names[i] = fmt.Sprintf("%s_%d", c.Name, n)
		}
		taken[names[i]] = true
	}
	return names
}
