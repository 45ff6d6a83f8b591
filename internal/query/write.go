package query

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// WriteCSV writes rows with a header line, as RFC 4180 says but for lines that end in a newline alone. NULL is an
// empty cell.
func WriteCSV(w io.Writer, columns []duckdb.Column, rows iter.Seq2[[]duckdb.Value, error]) error {
	out := csv.NewWriter(w)
	record := make([]string, len(columns))
	for i, c := range columns {
		record[i] = c.Name
	}
	if err := out.Write(record); err != nil {
		return err
	}
	for row, err := range rows {
		if err != nil {
			out.Flush()
			return err
		}
		for i, v := range row {
			record[i] = duckdb.Text(v)
		}
		if len(record) == 1 && record[0] == "" { // an empty line would be none
			out.Flush()
			if _, err := io.WriteString(w, "\"\"\n"); err != nil {
				return err
			}
			continue
		}
		if err := out.Write(record); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// WriteJSON writes a result as an array with an object per row, its members in the order of the columns. Of columns
// with the same name the later ones get a number.
func WriteJSON(w io.Writer, r *Result) error {
	out := bufio.NewWriter(w)
	names := distinct(r.Columns)
	separator := "["
	for row, err := range r.Rows() {
		if err != nil {
			return err
		}
		object := make(duckdb.Struct, len(row))
		for i, v := range row {
			object[i] = duckdb.Member{Name: names[i], Value: v}
		}
		text, err := json.Marshal(object)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s%s", separator, text); err != nil {
			return err
		}
		separator = ",\n "
	}
	end := "]\n"
	if separator == "[" { // no rows
		end = "[]\n"
	}
	if _, err := out.WriteString(end); err != nil {
		return err
	}
	return out.Flush()
}

func distinct(columns []duckdb.Column) []string {
	names := make([]string, len(columns))
	taken := make(map[string]bool)
	for i, c := range columns {
		names[i] = c.Name
		for n := 2; taken[names[i]]; n++ {
			names[i] = fmt.Sprintf("%s_%d", c.Name, n)
		}
		taken[names[i]] = true
	}
	return names
}

// widthRows is how many rows decide on the width of the columns. A longer cell further down moves its line's rest.
const widthRows = 1000

// WriteTable writes a result for people: columns side by side, numbers to the right, and the number of rows. NULL is
// shown as such, to be told from an empty string.
func WriteTable(w io.Writer, r *Result) error {
	out := bufio.NewWriter(w)
	t := newTable(r.Columns)
	next, stop := iter.Pull2(r.Rows())
	defer stop()
	var head [][]string
	for len(head) < widthRows {
		row, err, ok := next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		head = append(head, t.cells(row))
	}
	t.fit(head)
	if err := t.header(out); err != nil {
		return err
	}
	rows := len(head)
	for _, cells := range head {
		if err := t.line(out, cells); err != nil {
			return err
		}
	}
	for {
		row, err, ok := next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		rows++
		if err := t.line(out, t.cells(row)); err != nil {
			return err
		}
	}
	unit := "rows"
	if rows == 1 {
		unit = "row"
	}
	if _, err := fmt.Fprintf(out, "(%d %s)\n", rows, unit); err != nil {
		return err
	}
	return out.Flush()
}

type table struct {
	names  []string
	right  []bool // numbers
	widths []int  // in characters
}

func newTable(columns []duckdb.Column) *table {
	t := &table{}
	for _, c := range columns {
		t.names = append(t.names, printable(c.Name))
		t.right = append(t.right, numeric(c.Type))
		t.widths = append(t.widths, utf8.RuneCountInString(t.names[len(t.names)-1]))
	}
	return t
}

func numeric(typ string) bool {
	base, _, _ := strings.Cut(typ, "(")
	return slices.Contains([]string{
		"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
		"FLOAT", "DOUBLE", "DECIMAL",
	}, base) && !strings.HasSuffix(typ, "]")
}

func (t *table) cells(row []duckdb.Value) []string {
	cells := make([]string, len(row))
	for i, v := range row {
		cells[i] = "NULL"
		if v != nil {
			cells[i] = printable(duckdb.Text(v))
		}
	}
	return cells
}

// printable keeps what would move the cursor of a terminal or change its colours out of a cell.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
}

func (t *table) fit(rows [][]string) {
	for _, row := range rows {
		for i, cell := range row {
			t.widths[i] = max(t.widths[i], utf8.RuneCountInString(cell))
		}
	}
}

func (t *table) header(w io.Writer) error {
	if err := t.line(w, t.names); err != nil {
		return err
	}
	rules := make([]string, len(t.widths))
	for i, n := range t.widths {
		rules[i] = strings.Repeat("-", n)
	}
	return t.line(w, rules)
}

func (t *table) line(w io.Writer, cells []string) error {
	var b strings.Builder
	for i, cell := range cells {
		if i > 0 {
			b.WriteString("  ")
		}
		pad := strings.Repeat(" ", max(0, t.widths[i]-utf8.RuneCountInString(cell)))
		switch {
		case t.right[i]:
			b.WriteString(pad + cell)
		default:
			b.WriteString(cell + pad)
		}
	}
	_, err := fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	return err
}
