package duckdb

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// Files are those of a table, and what is known of the values in them.
type Files struct {
	Columns []Column // the table's
	Rows    []int64  // of each file
	Bounds  func(i int, column string) (tidemark.Bounds, bool)
}

// Needed returns which of the files of a table may have a row that a statement wants, given all places at which it reads
// that table; nil for all. A file is left out only where its bounds prove that none of its rows meets the WHERE.
//
// DuckDB itself compares the bounds with the constants of the statement, in the types in which it will compare the
// rows. When that fails, all files are needed, and the statement will say what is wrong with it.
func (db *DB) Needed(ctx context.Context, places []Table, f Files) ([]bool, error) {
	p := pruner{files: f}
	var all []any
	for _, place := range places {
		if place.filter == nil || place.CTE {
			return nil, nil
		}
		p.filter = place.filter
		condition := p.may(place.filter.where)
		if condition == nil {
			return nil, nil
		}
		all = append(all, condition)
	}
	if len(all) == 0 || len(f.Rows) == 0 {
		return nil, nil
	}
	ids, err := db.ask(ctx, p.relation(), either(all))
	if err != nil {
		return nil, context.Cause(ctx) // else the statement's own error, with its place, is the better one
	}
	needed := make([]bool, len(f.Rows))
	for _, i := range ids {
		needed[i] = true
	}
	return needed, nil
}

// ask returns the files that meet a condition, which is a parsed one.
func (db *DB) ask(ctx context.Context, relation string, condition any) ([]int, error) {
	node := map[string]any{
		"type": "SELECT_NODE", "modifiers": []any{}, "cte_map": map[string]any{"map": []any{}},
		"select_list": []any{reference("i")},
		"from_table": map[string]any{
			"type": "BASE_TABLE", "alias": "", "sample": nil, "schema_name": "", "table_name": filesName, "column_name_alias": []any{}, "catalog_name": "", "at_clause": nil,
		},
		"where_clause": condition, "group_expressions": []any{}, "group_sets": []any{}, "aggregate_handling": "STANDARD_HANDLING",
		"having": nil, "sample": nil, "qualify": nil,
	}
	tree, err := json.Marshal(map[string]any{"error": false, "statements": []any{map[string]any{"node": node, "named_param_map": []any{}}}})
	if err != nil {
		return nil, err
	}
	var question string
	if err := db.conn.QueryRowContext(ctx, "SELECT json_deserialize_sql(CAST(? AS JSON))", string(tree)).Scan(&question); err != nil {
		return nil, err
	}
	rows, err := db.conn.QueryContext(ctx, relation+" "+question)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []int
	for rows.Next() {
		var i int
		if err := rows.Scan(&i); err != nil {
			return nil, err
		}
		ids = append(ids, i)
	}
	return ids, rows.Err()
}

const filesName = "tidemark_files"

// A pruner turns a condition on rows into one on the bounds of a file, which holds wherever that on a row of it may hold.
type pruner struct {
	files  Files
	filter *filter
	used   []int // columns
}

// may returns that condition; nil for one that always holds.
func (p *pruner) may(node any) any {
	n, ok := node.(map[string]any)
	if !ok {
		return nil
	}
	children, _ := n["children"].([]any)
	switch n["type"] {
	case "CONJUNCTION_AND":
		var all []any
		for _, c := range children {
			if one := p.may(c); one != nil {
				all = append(all, one)
			}
		}
		return conjunction("CONJUNCTION_AND", all)
	case "CONJUNCTION_OR":
		var all []any
		for _, c := range children {
			one := p.may(c)
			if one == nil {
				return nil
			}
			all = append(all, one)
		}
		return either(all)
	case "COMPARE_IN":
		if len(children) < 2 {
			return nil
		}
		var all []any
		for _, c := range children[1:] {
			one := p.compare("COMPARE_EQUAL", children[0], c)
			if one == nil {
				return nil
			}
			all = append(all, one)
		}
		return either(all)
	case "COMPARE_BETWEEN":
		var all []any
		for bound, by := range map[string]string{"lower": "COMPARE_GREATERTHANOREQUALTO", "upper": "COMPARE_LESSTHANOREQUALTO"} {
			if one := p.compare(by, n["input"], n[bound]); one != nil {
				all = append(all, one)
			}
		}
		return conjunction("CONJUNCTION_AND", all)
	case "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL":
		if len(children) != 1 {
			return nil
		}
		at := p.filter.column(children[0], p.files.Columns)
		if at < 0 {
			return nil
		}
		if n["type"] == "OPERATOR_IS_NULL" {
			return p.use("null", at)
		}
		return p.use("value", at)
	}
	typ, _ := n["type"].(string)
	return p.compare(typ, n["left"], n["right"])
}

// flipped are the comparisons by what they are with their sides exchanged.
var flipped = map[string]string{
	"COMPARE_EQUAL": "COMPARE_EQUAL", "COMPARE_LESSTHAN": "COMPARE_GREATERTHAN", "COMPARE_GREATERTHAN": "COMPARE_LESSTHAN",
	"COMPARE_LESSTHANOREQUALTO": "COMPARE_GREATERTHANOREQUALTO", "COMPARE_GREATERTHANOREQUALTO": "COMPARE_LESSTHANOREQUALTO",
}

// compare is may for a comparison of a column with a constant.
func (p *pruner) compare(by string, left, right any) any {
	if flipped[by] == "" {
		return nil
	}
	at := p.filter.column(left, p.files.Columns)
	if at < 0 {
		if at = p.filter.column(right, p.files.Columns); at < 0 {
			return nil
		}
		by, right = flipped[by], left
	}
	if !ordered(familyOf(p.files.Columns[at].Type), p.filter.constant(right)) {
		return nil
	}
	all := []any{p.use("value", at)}
	if by != "COMPARE_GREATERTHAN" && by != "COMPARE_GREATERTHANOREQUALTO" { // something is as low as the constant
		low := by
		if by == "COMPARE_EQUAL" {
			low = "COMPARE_LESSTHANOREQUALTO"
		}
		all = append(all, orUnknown(p.use("lower", at), low, right))
	}
	if by != "COMPARE_LESSTHAN" && by != "COMPARE_LESSTHANOREQUALTO" {
		high := by
		if by == "COMPARE_EQUAL" {
			high = "COMPARE_GREATERTHANOREQUALTO"
		}
		all = append(all, orUnknown(p.use("upper", at), high, right))
	}
	return conjunction("CONJUNCTION_AND", all)
}

// use returns a bound of a column.
func (p *pruner) use(what string, at int) map[string]any {
	if !slices.Contains(p.used, at) {
		p.used = append(p.used, at)
	}
	return reference(fmt.Sprintf("%s_%d", what, at))
}

func reference(name string) map[string]any {
	return map[string]any{"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "column_names": []any{name}}
}

func orUnknown(bound map[string]any, by string, constant any) any {
	return either([]any{
		map[string]any{"class": "COMPARISON", "type": by, "alias": "", "left": bound, "right": constant},
		map[string]any{"class": "OPERATOR", "type": "OPERATOR_IS_NULL", "alias": "", "children": []any{bound}},
	})
}

func either(of []any) any { return conjunction("CONJUNCTION_OR", of) }

func conjunction(typ string, of []any) any {
	switch len(of) {
	case 0:
		return nil
	case 1:
		return of[0]
	}
	return map[string]any{"class": "CONJUNCTION", "type": typ, "alias": "", "children": of}
}

// relation returns the bounds of all files as a common table expression.
func (p *pruner) relation() string {
	names, list := []string{"i"}, []string{"i"}
	for _, at := range p.used {
		lower, upper, null, value := fmt.Sprintf("lower_%d", at), fmt.Sprintf("upper_%d", at), fmt.Sprintf("null_%d", at), fmt.Sprintf("value_%d", at)
		names = append(names, lower, upper, null, value)
		typ := p.files.Columns[at].Type
		if familyOf(typ) == unknown {
			typ = "VARCHAR" // only its NULLs are asked for
		}
		list = append(list, fmt.Sprintf("CAST(%s AS %s) AS %s", lower, typ, lower), fmt.Sprintf("CAST(%s AS %s) AS %s", upper, typ, upper), null, value)
	}
	rows := make([]string, len(p.files.Rows))
	for i, n := range p.files.Rows {
		row := []string{fmt.Sprint(i)}
		for _, at := range p.used {
			b, ok := p.files.Bounds(i, p.files.Columns[at].Name)
			if !ok {
				b = tidemark.Bounds{Nulls: -1}
			}
			row = append(row, orNull(b.Lower), orNull(b.Upper), fmt.Sprint(b.Nulls != 0), fmt.Sprint(b.Nulls < 0 || b.Nulls < n))
		}
		rows[i] = "(" + strings.Join(row, ", ") + ")"
	}
	return fmt.Sprintf("WITH %s AS (SELECT %s FROM (VALUES %s) AS f(%s))", filesName, strings.Join(list, ", "), strings.Join(rows, ", "), strings.Join(names, ", "))
}

func orNull(text *string) string {
	if text == nil {
		return "CAST(NULL AS VARCHAR)"
	}
	return "CAST(" + Literal(*text) + " AS VARCHAR)"
}
