package duckdb

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// An AsOf says which state of a table a statement means: `orders FOR VERSION AS OF 3`, as Athena and Trino write it, or
// `orders AT (VERSION => 3)`, as DuckDB does.
//
// DuckDB cannot do this for a view. So each table that is read as of something becomes, in what DuckDB is given, one of a
// database of its own, "~0" and so on. The text keeps its length: a place in it is the same place in what the user wrote.
type AsOf struct {
	Database string // in which the statement will look for the table
	Version  string // the version's name; "" for a moment
	Moment   string // an SQL expression for the moment
	place    int
	table    Table
}

// travel finds the tables of a statement that are read as of something, and returns it as DuckDB is to see it.
func travel(sql string) (string, []*AsOf, error) {
	if lower := strings.ToLower(sql); !strings.Contains(lower, "version") && !strings.Contains(lower, "time") {
		return sql, nil, nil
	}
	f := finder{sql: sql, tokens: tokens(sql)}
	var all []*AsOf
	text := []byte(sql)
	for i := range f.tokens {
		kind, from := f.clause(i)
		if kind == "" {
			continue
		}
		a, begin, end, err := f.asOf(kind, i, from)
		if err != nil {
			return "", nil, err
		}
		a.Database = fmt.Sprintf("~%d", len(all))
		name := sql[f.tokens[begin].start:f.tokens[i-1].end]
		replace(text[f.tokens[begin].start:f.tokens[end-1].end], Ident(a.Database)+"."+name)
		all = append(all, a)
	}
	return string(text), all, nil
}

// replace writes a text over a longer one. The lines that follow keep their numbers.
func replace(region []byte, with string) {
	var breaks []int
	for i, c := range region {
		if c == '\n' {
			breaks = append(breaks, i)
		}
		region[i] = ' '
	}
	lines := strings.Count(with, "\n") // in the name itself
	n := copy(region, with)
	for k := len(breaks) - 1; k >= lines; k-- {
		at := max(breaks[k], n+k-lines)
		if at < len(region) {
			region[at] = '\n'
		}
	}
}

// A finder looks through the tokens of a statement.
type finder struct {
	sql    string
	tokens []token
}

// is reports whether token i is one of these words or marks, whatever their case.
func (f *finder) is(i int, words ...string) bool {
	if i < 0 || i >= len(f.tokens) || f.tokens[i].kind != word && f.tokens[i].kind != mark {
		return false
	}
	text := f.sql[f.tokens[i].start:f.tokens[i].end]
	return slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, text) })
}

func (f *finder) kind(i int, kinds ...tokenKind) bool {
	return i >= 0 && i < len(f.tokens) && slices.Contains(kinds, f.tokens[i].kind)
}

// clause reports whether token i begins a clause that names a state: VERSION or TIMESTAMP, and where its value begins.
func (f *finder) clause(i int) (kind string, from int) {
	kinds := map[string]string{"version": "VERSION", "system_version": "VERSION", "timestamp": "TIMESTAMP", "system_time": "TIMESTAMP"}
	of := func(i int) string {
		if !f.kind(i, word) {
			return ""
		}
		return kinds[strings.ToLower(f.sql[f.tokens[i].start:f.tokens[i].end])]
	}
	switch {
	case f.is(i, "for") && f.is(i+2, "as") && f.is(i+3, "of"):
		return of(i + 1), i + 4
	case f.is(i, "at") && f.is(i+1, "(") && f.is(i+3, "=") && f.is(i+4, ">"):
		return of(i + 2), i + 5
	}
	return "", 0
}

// asOf reads the clause that begins at token i with its value at token from, and the name of the table before it: tokens
// begin to end are all of it.
func (f *finder) asOf(kind string, i, from int) (a *AsOf, begin, end int, err error) {
	fail := func(k int, hint string) (*AsOf, int, int, error) {
		e := &Error{Message: kind + " AS OF is not understood", kind: tidemark.ErrInvalid}
		if k < len(f.tokens) {
			e = at(f.sql, f.tokens[k].start, e.Message)
		}
		return nil, 0, 0, tidemark.WithHint(e, hint)
	}
	begin = f.nameBefore(i)
	if begin < 0 || !f.is(begin-1, "from", "join", ",", "(", "describe", "summarize", "table", "lateral") {
		return fail(i, "it stands right behind the name of a table, before its alias: FROM orders FOR "+kind+" AS OF … AS o")
	}
	var names []string
	for _, t := range f.tokens[begin:i] {
		if t.kind != mark {
			names = append(names, nameOf(f.sql, t))
		}
	}
	if len(names) > 2 {
		return fail(begin, "want namespace.table")
	}
	a = &AsOf{place: f.tokens[begin].start, table: Table{Name: names[len(names)-1]}}
	if len(names) == 2 {
		a.table.Schema = names[0]
	}
	if kind == "VERSION" {
		if !f.kind(from, number, str) {
			return fail(from, "want the number of a commit, the id of a snapshot, or 'PIPELINE:NUMBER'")
		}
		end = from + 1
		a.Version = literalText(f.sql[f.tokens[from].start:f.tokens[from].end])
	} else {
		if end = f.value(from); end < 0 {
			return fail(from, "want a moment, such as TIMESTAMP '2024-07-31 17:50:00'")
		}
		a.Moment = f.sql[f.tokens[from].start:f.tokens[end-1].end]
	}
	if f.is(i, "at") {
		if !f.is(end, ")") {
			return fail(end, "want AT (VERSION => 3) or AT (TIMESTAMP => '2024-07-31 17:50:00')")
		}
		end++
	}
	return a, begin, end, nil
}

// literalText returns what a number or a plain text says.
func literalText(literal string) string {
	if strings.HasPrefix(literal, "'") {
		return strings.ReplaceAll(strings.Trim(literal, "'"), "''", "'")
	}
	return strings.ReplaceAll(literal, "_", "")
}

// nameBefore returns where the name begins that ends before token i; -1 for nowhere.
func (f *finder) nameBefore(i int) int {
	begin := -1
	for k := i - 1; f.kind(k, word, quoted); k -= 2 {
		if begin = k; !f.is(k-1, ".") {
			break
		}
	}
	return begin
}

// value returns where the expression ends that begins at token i; -1 when there is none. It is what may stand there
// without parentheses: a literal, a call, a name or something in parentheses, with a cast or zone behind it; and sums
// of these.
func (f *finder) value(i int) int {
	for {
		i = f.term(i)
		if i < 0 || !f.is(i, "+", "-") {
			return i
		}
		i++
	}
}

func (f *finder) term(i int) int {
	switch {
	case f.is(i, "("):
		i = f.closing(i)
	case f.is(i, "interval"):
		if f.is(i+1, "(") {
			i = f.closing(i + 1)
		} else if i += 2; !f.kind(i-1, str, number) {
			return -1
		}
		if f.is(i, units...) {
			i++
		}
	case f.kind(i, str, number):
		i++
	case f.kind(i, word, quoted):
		i++
		if f.is(i, "with", "without") && f.is(i+1, "time") && f.is(i+2, "zone") {
			i += 3
		}
		if f.is(i, "(") {
			i = f.closing(i)
		} else if f.kind(i, str) { // TIMESTAMP '…'
			i++
		}
	default:
		return -1
	}
	for i >= 0 {
		switch {
		case f.is(i, ":") && f.is(i+1, ":") && f.kind(i+2, word):
			i += 3
		case f.is(i, "at") && f.is(i+1, "time") && f.is(i+2, "zone") && f.kind(i+3, str):
			i += 4
		default:
			return i
		}
	}
	return -1
}

var units = []string{
	"year", "years", "month", "months", "week", "weeks", "day", "days", "hour", "hours", "minute", "minutes", "second", "seconds",
	"millisecond", "milliseconds", "microsecond", "microseconds",
}

// closing returns what follows the parenthesis that closes the one at token i; -1 when none does.
func (f *finder) closing(i int) int {
	depth := 0
	for ; i < len(f.tokens); i++ {
		switch {
		case f.is(i, "("):
			depth++
		case f.is(i, ")"):
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}
