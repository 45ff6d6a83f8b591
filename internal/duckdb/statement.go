package duckdb

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// A Statement is one SELECT that was found harmless: it names tables and calls no function that could read anything
// else.
type Statement struct {
	SQL    string  // as DuckDB is to run it
	Tables []Table // in the order in which they stand there, each as often as it does
	Calls  []Call  // of the caller's own functions

	written   string         // as it was written, with everything in the same place; "" for as SQL is
	lines     int            // of the program's own that SQL has before it
	tree      map[string]any // DuckDB's
	recursive bool
	own       []string          // functions of the caller's
	types     map[string]string // of the functions that were defined
}

// text returns the statement as it was written.
func (s *Statement) text() string {
	if s.written == "" {
		return s.SQL
	}
	return s.written
}

// A Table is a table as a statement names it.
type Table struct {
	Schema string // "" where only the name is given
	Name   string
	CTE    bool // the statement defines the name itself; a table may be meant all the same
	AsOf   *AsOf
	offset int
	filter *filter // which of its rows are wanted, where that can be told
}

func (t Table) String() string {
	if t.Schema == "" {
		return t.Name
	}
	return t.Schema + "." + t.Name
}

// harmless are the table functions that a query may call: they make rows of their arguments. All others read files,
// settings or the catalog, or run a string as a statement.
var harmless = []string{"range", "generate_series", "unnest", "json_each", "json_tree", "repeat", "repeat_row"}

// forbidden are the functions outside FROM that read or change something that is not an argument of theirs. The first
// would be refused by DuckDB as well, but not as plainly.
var forbidden = []string{
	"read_text", "read_blob", "read_csv", "read_csv_auto", "read_json", "read_json_auto", "read_json_objects", "read_ndjson", "read_parquet",
	"parquet_scan", "glob", "sniff_csv", "query", "query_table",
	"getenv", "current_setting", "nextval", "currval", "setseed", "write_log",
}

// Parse checks a statement without running it. What is no single SELECT, or more than that, is tidemark.ErrInvalid. It
// may call the functions of the caller's own: in FROM, and as macros whose value depends on nothing but the arguments.
func (db *DB) Parse(ctx context.Context, statement string, own ...string) (*Statement, error) {
	written := statement
	statement, travels, err := travel(written)
	if err != nil {
		return nil, err
	}
	var text string
	// The parser writes JSON for a SELECT and nothing else, so that it is the one to say what a SELECT is.
	err = db.conn.QueryRowContext(ctx, "SELECT json_serialize_sql(CAST(? AS VARCHAR))::VARCHAR", statement).Scan(&text)
	if err != nil {
		return nil, fmt.Errorf("parse statement: %w", explain(ctx, err, written))
	}
	var tree struct {
		Error      bool   `json:"error"`
		Type       string `json:"error_type"`
		Message    string `json:"error_message"`
		Position   string `json:"position"`
		Statements []any  `json:"statements"`
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber() // constants keep their digits
	if err := decoder.Decode(&tree); err != nil {
		return nil, fmt.Errorf("parse statement: %w", err)
	}
	switch {
	case tree.Error && tree.Type == "parser":
		offset, err := strconv.Atoi(tree.Position)
		if err != nil {
			offset = -1
		}
		return nil, at(written, offset, tree.Message)
	case tree.Error:
		return nil, tidemark.WithHint(&Error{Message: "only SELECT is allowed", kind: tidemark.ErrInvalid}, "the lake is read-only here; use SELECT, WITH, FROM, VALUES, DESCRIBE or SUMMARIZE")
	case len(tree.Statements) != 1:
		return nil, &Error{Message: fmt.Sprintf("one statement is wanted, not %d", len(tree.Statements)), kind: tidemark.ErrInvalid}
	}
	s := &Statement{SQL: statement, written: written, own: own, types: map[string]string{}}
	s.tree, _ = tree.Statements[0].(map[string]any)
	w := walker{statement: s, travels: travels, filters: map[uintptr]*filter{}}
	if err := w.walk(tree.Statements[0]); err != nil {
		return nil, err
	}
	for i, t := range s.Tables {
		s.Tables[i].CTE = t.Schema == "" && t.AsOf == nil && slices.ContainsFunc(w.ctes, func(n string) bool { return strings.EqualFold(n, t.Name) })
	}
	return s, nil
}

// Reject returns an error that points at a table in the statement.
func (s *Statement) Reject(t Table, message string) error { return at(s.text(), t.offset, message) }

func (s *Statement) owns(function string) bool {
	return slices.ContainsFunc(s.own, func(n string) bool { return strings.EqualFold(n, function) })
}

// A walker visits every node of a parsed statement, whatever it is a part of.
type walker struct {
	statement *Statement
	travels   []*AsOf
	filters   map[uintptr]*filter // by the node of the table
	ctes      []string
}

func (w *walker) walk(node any) error {
	switch n := node.(type) {
	case []any:
		for _, child := range n {
			if err := w.walk(child); err != nil {
				return err
			}
		}
	case map[string]any:
		if err := w.visit(n); err != nil {
			return err
		}
		for _, key := range sortedKeys(n) {
			if err := w.walk(n[key]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walker) visit(n map[string]any) error {
	if ctes, ok := n["cte_map"].(map[string]any); ok {
		entries, _ := ctes["map"].([]any)
		for _, e := range entries {
			if entry, ok := e.(map[string]any); ok {
				w.ctes = append(w.ctes, text(entry, "key"))
			}
		}
	}
	switch n["type"] {
	case "SELECT_NODE":
		w.noteFilters(n)
	case "RECURSIVE_CTE_NODE":
		w.statement.recursive = true
	case "BASE_TABLE":
		return w.table(n)
	case "TABLE_FUNCTION":
		function, _ := n["function"].(map[string]any)
		name := text(function, "function_name")
		if !slices.Contains(harmless, strings.ToLower(name)) && !w.statement.owns(name) {
			return tidemark.WithHint(at(w.statement.text(), offset(n), fmt.Sprintf("function %s is not allowed in FROM", name)),
				"a query reads the tables of the lake, and nothing else")
		}
	case "FUNCTION":
		if name := text(n, "function_name"); slices.Contains(forbidden, strings.ToLower(name)) {
			return tidemark.WithHint(at(w.statement.text(), offset(n), fmt.Sprintf("function %s is not allowed", name)),
				"a query reads the tables of the lake, and nothing else")
		}
		w.call(n)
	case "SHOW_REF":
		if n["query"] == nil {
			return tidemark.WithHint(&Error{Message: "SHOW is not allowed", kind: tidemark.ErrInvalid}, "DESCRIBE namespace.table shows the columns of a table")
		}
	}
	return nil
}

func (w *walker) table(n map[string]any) error {
	t := Table{Schema: text(n, "schema_name"), Name: text(n, "table_name"), offset: offset(n)}
	t.filter = w.filters[identity(n)]
	catalog := text(n, "catalog_name")
	for _, a := range w.travels {
		there := Table{Schema: a.Database, Name: a.table.Name} // as the parser takes a name in two parts
		if catalog == a.Database {
			there.Schema = a.table.Schema
		}
		if (catalog == a.Database || catalog == "") && t.Schema == there.Schema && t.Name == there.Name {
			catalog, t.Schema, t.Name, t.AsOf, t.offset = "", a.table.Schema, a.table.Name, a, a.place
			break
		}
	}
	if catalog != "" {
		return at(w.statement.text(), t.offset, fmt.Sprintf("table %s.%s: want namespace.table", catalog, t))
	}
	w.statement.Tables = append(w.statement.Tables, t)
	return nil
}

func text(n map[string]any, key string) string {
	s, _ := n[key].(string)
	return s
}

// offset returns the place of a node in bytes; -1 when it has none.
func offset(n map[string]any) int {
	f, ok := n["query_location"].(json.Number)
	if !ok {
		return -1
	}
	place, err := strconv.Atoi(f.String())
	if err != nil || place > 1e9 {
		return -1
	}
	return place
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
