package duckdb

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// reads says how often a statement reads a table: never, 0, once, 1, or perhaps more often, 2.
func (s *Statement) reads(name string) int {
	n := 0
	for _, t := range s.Tables {
		if t.Schema == "" && strings.EqualFold(t.Name, name) {
			n++
		}
	}
	if n == 1 && s.repeats() {
		return 2
	}
	return n
}

// repeats reports whether a part of the statement that has a name may be run more than once.
func (s *Statement) repeats() bool {
	seen := map[string]bool{}
	for _, t := range s.Tables {
		name := strings.ToLower(t.Name)
		if t.CTE && seen[name] {
			return true
		}
		seen[name] = t.CTE
	}
	return s.recursive
}

// RowByRow reports whether each row of the table gives its part of the result by itself, so that the result of some rows
// and that of the others are together the result of all, in any order. It is false when that is not plain: for more
// than one SELECT, for functions of which DuckDB does not say that they always give the same, for CTEs.
func (db *DB) RowByRow(ctx context.Context, s *Statement, table string) (bool, error) {
	node, ok := s.tree["node"].(map[string]any)
	if !ok || text(node, "type") != "SELECT_NODE" || s.reads(table) != 1 {
		return false, nil
	}
	for _, key := range []string{"modifiers", "group_expressions", "group_sets", "having", "qualify", "sample"} {
		if !absent(node[key]) {
			return false, nil
		}
	}
	if !absent(ctes(node)) || text(node, "aggregate_handling") != "STANDARD_HANDLING" || preserved(node["from_table"], table) == nil {
		return false, nil
	}
	if err := db.learnScalars(ctx); err != nil {
		return false, err
	}
	return db.plain(s, node["select_list"]) && db.plain(s, node["where_clause"]) && db.plain(s, node["from_table"]), nil
}

// Changes tells of a statement that works row by row whether a row may come to nothing, and whether it may become several.
func (s *Statement) Changes() (drops, adds bool) {
	node, _ := s.tree["node"].(map[string]any)
	drops, adds = joins(node["from_table"])
	return drops || !absent(node["where_clause"]), adds
}

// joins tells the same of a table in FROM.
func joins(from any) (drops, adds bool) {
	n, _ := from.(map[string]any)
	if text(n, "type") != "JOIN" {
		return false, false
	}
	kind := text(n, "join_type")
	leftDrops, leftAdds := joins(n["left"])
	rightDrops, rightAdds := joins(n["right"])
	return leftDrops || rightDrops || kind != "LEFT", leftAdds || rightAdds || kind != "SEMI" && kind != "ANTI"
}

// learnScalars asks which functions depend on nothing but their arguments.
func (db *DB) learnScalars(ctx context.Context) error {
	if db.scalar != nil {
		return nil
	}
	rows, err := db.conn.QueryContext(ctx, `SELECT function_name FROM duckdb_functions() GROUP BY function_name
		HAVING bool_and(function_type = 'scalar' AND stability = 'CONSISTENT' AND NOT coalesce(has_side_effects, false))`)
	if err != nil {
		return fmt.Errorf("list functions: %w", err)
	}
	defer rows.Close()
	scalar := map[string]bool{"nullif": true, "split_part": true} // macros that are as good
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return fmt.Errorf("list functions: %w", err)
		}
		scalar[name] = true
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("list functions: %w", err)
	}
	db.scalar = scalar
	return nil
}

// plainClasses are the kinds of expression that work on one row, if their parts do.
var plainClasses = []string{"COLUMN_REF", "CONSTANT", "FUNCTION", "COMPARISON", "CONJUNCTION", "CAST", "CASE", "OPERATOR", "BETWEEN", "STAR", "LAMBDA", "SUBQUERY", "COLLATE"}

// clocks are what stands for the time without being called.
var clocks = []string{"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"}

// plain reports whether all that is in a part of a statement works on one row. What a subquery does inside is the same
// for each, since it does not read the table.
func (db *DB) plain(s *Statement, part any) bool {
	switch n := part.(type) {
	case []any:
		return !slices.ContainsFunc(n, func(child any) bool { return !db.plain(s, child) })
	case map[string]any:
		if class := text(n, "class"); class != "" && !slices.Contains(plainClasses, class) {
			return false
		}
		switch name := strings.ToLower(text(n, "function_name")); text(n, "type") {
		case "FUNCTION":
			if !db.scalar[name] && !s.owns(name) {
				return false
			}
		case "COLUMN_REF":
			if names, _ := n["column_names"].([]any); len(names) == 1 && slices.Contains(clocks, strings.ToLower(fmt.Sprint(names[0]))) {
				return false
			}
		case "SUBQUERY":
			return absent(n["sample"]) && db.plain(s, n["child"])
		}
		for key, child := range n {
			if key == "sample" && !absent(child) || !db.plain(s, child) {
				return false
			}
		}
	}
	return true
}

// preserved returns the place of a table in FROM, if each of its rows is joined to others by itself, and else nil.
func preserved(from any, table string) map[string]any {
	n, _ := from.(map[string]any)
	switch text(n, "type") {
	case "BASE_TABLE":
		if text(n, "schema_name") == "" && strings.EqualFold(text(n, "table_name"), table) && absent(n["sample"]) && absent(n["at_clause"]) {
			return n
		}
	case "JOIN":
		if !slices.Contains([]string{"REGULAR", "CROSS", "NATURAL", "ASOF"}, text(n, "ref_type")) {
			return nil
		}
		kind := text(n, "join_type")
		if left := preserved(n["left"], table); left != nil && slices.Contains([]string{"INNER", "LEFT", "SEMI", "ANTI"}, kind) {
			return left
		}
		if text(n, "ref_type") != "ASOF" && slices.Contains([]string{"INNER", "RIGHT"}, kind) {
			return preserved(n["right"], table)
		}
	}
	return nil
}

// ctes returns the names that a SELECT defines.
func ctes(node map[string]any) any {
	m, _ := node["cte_map"].(map[string]any)
	return m["map"]
}

// absent reports whether a part of a statement is not there.
func absent(part any) bool {
	switch n := part.(type) {
	case nil:
		return true
	case []any:
		return len(n) == 0
	case map[string]any:
		return len(n) == 0
	}
	return false
}

// Lineage returns, for each column of the result, the name of the column of the table that it plainly is, value by
// value; "" where it is computed, or where the statement does not say so in so many words. In and out are the columns
// of the table and of the result, as Describe has them.
func (s *Statement) Lineage(table string, in, out *arrow.Schema) []string {
	found := make([]string, out.NumFields())
	node, _ := s.tree["node"].(map[string]any)
	place := preserved(node["from_table"], table)
	if text(node, "type") != "SELECT_NODE" || !absent(ctes(node)) || place == nil || !absent(place["column_name_alias"]) {
		return found
	}
	l := lineage{in: in, alias: text(place, "alias"), alone: text(node["from_table"].(map[string]any), "type") == "BASE_TABLE"}
	if l.alias == "" {
		l.alias = text(place, "table_name")
	}
	list, _ := node["select_list"].([]any)
	for _, item := range list {
		if n, ok := item.(map[string]any); !ok || !l.add(n) {
			return found
		}
	}
	if len(l.columns) != out.NumFields() {
		return found
	}
	for i, c := range l.columns {
		f := out.Field(i)
		if at := in.FieldIndices(c.from); len(at) == 1 && (c.name == "" || strings.EqualFold(c.name, f.Name)) {
			found[i] = in.Field(at[0]).Name
		}
	}
	return found
}

// A lineage follows the items of a SELECT, which are columns of the result.
type lineage struct {
	in      *arrow.Schema
	alias   string
	alone   bool // there is no other table
	columns []origin
}

// An origin is a column of the result.
type origin struct {
	from string // "": computed
	name string // in the result
}

// add takes an item. It returns false when it does not know how many columns that is.
func (l *lineage) add(n map[string]any) bool {
	switch text(n, "class") {
	case "STAR":
		return l.star(n)
	case "COLUMN_REF":
		from := l.column(n)
		name := text(n, "alias")
		if name == "" {
			name = from
		}
		l.columns = append(l.columns, origin{from, name})
		return true
	}
	// An item that calls UNNEST of a struct, or COLUMNS, is as many columns as there are parts.
	if strings.Contains(strings.ToLower(fmt.Sprint(n)), "unnest") || hasStar(n) {
		return false
	}
	l.columns = append(l.columns, origin{})
	return true
}

func hasStar(part any) bool {
	switch n := part.(type) {
	case []any:
		return slices.ContainsFunc(n, hasStar)
	case map[string]any:
		if text(n, "class") == "STAR" {
			return true
		}
		for _, child := range n {
			if hasStar(child) {
				return true
			}
		}
	}
	return false
}

// column returns which column of the table a reference names; "" when that is not plain.
func (l *lineage) column(n map[string]any) string {
	names, _ := n["column_names"].([]any)
	switch len(names) {
	case 1:
		if l.alone {
			return l.name(fmt.Sprint(names[0]))
		}
	case 2: // table.column, unless a struct of that name has such a part
		if strings.EqualFold(fmt.Sprint(names[0]), l.alias) && l.name(l.alias) == "" {
			return l.name(fmt.Sprint(names[1]))
		}
	}
	return ""
}

// name returns a column's name as the table has it; "" when it has none, or two.
func (l *lineage) name(s string) string {
	found := ""
	for _, f := range l.in.Fields() {
		if strings.EqualFold(f.Name, s) {
			if found != "" {
				return ""
			}
			found = f.Name
		}
	}
	return found
}

// star takes `*` or `table.*`, with what it leaves out, computes and renames.
func (l *lineage) star(n map[string]any) bool {
	relation := text(n, "relation_name")
	isColumns, _ := n["columns"].(bool)
	if isColumns || !absent(n["expr"]) || relation == "" && !l.alone || relation != "" && !strings.EqualFold(relation, l.alias) {
		return false
	}
	left, computed, renamed := map[string]bool{}, map[string]bool{}, map[string]string{}
	for _, key := range []string{"exclude_list", "qualified_exclude_list"} {
		list, _ := n[key].([]any)
		for _, e := range list {
			left[fold(e)] = true
		}
	}
	for _, e := range entries(n["replace_list"]) {
		computed[fold(e["key"])] = true
	}
	for _, e := range entries(n["rename_list"]) {
		renamed[fold(e["key"])] = fmt.Sprint(e["value"])
	}
	for _, f := range l.in.Fields() {
		key := strings.ToLower(f.Name)
		o := origin{f.Name, f.Name}
		if name, ok := renamed[key]; ok {
			o.name = name
		}
		if computed[key] {
			o.from = ""
		}
		if !left[key] {
			l.columns = append(l.columns, o)
		}
	}
	return true
}

func entries(list any) []map[string]any {
	var all []map[string]any
	items, _ := list.([]any)
	for _, item := range items {
		if e, ok := item.(map[string]any); ok {
			all = append(all, e)
		}
	}
	return all
}

// fold returns the name of a column, which DuckDB writes as it is or with the table's, in the form for comparison.
func fold(name any) string {
	if n, ok := name.(map[string]any); ok {
		name = text(n, "column")
	}
	return strings.ToLower(fmt.Sprint(name))
}
