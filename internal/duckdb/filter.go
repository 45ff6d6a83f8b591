package duckdb

import (
	"reflect"
	"slices"
	"strings"
)

// A filter is the condition that a SELECT has on the rows of the tables that it reads.
type filter struct {
	where any // of the SELECT, as parsed
	names []tableName
	own   tableName
	types map[string]string // of the functions that the program defines, once it has
}

// A tableName is how the columns of a table can be told from those of others in a SELECT.
type tableName struct{ schema, name string }

// noteFilters notes the WHERE of a SELECT at each table to which it applies: a row of such a table that does not meet it
// is in no row of the result, whatever else the statement does. Those are not the ones that an outer join fills up, nor
// the ones of which a row is picked by what others are there.
func (w *walker) noteFilters(n map[string]any) {
	if n["where_clause"] == nil || n["sample"] != nil {
		return
	}
	var tables []map[string]any
	names, ok := fromItems(n["from_table"], true, &tables)
	if !ok {
		return
	}
	for _, t := range tables {
		own := nameIn(t)
		same := 0
		for _, other := range names {
			if strings.EqualFold(other.name, own.name) {
				same++
			}
		}
		if same == 1 {
			w.filters[identity(t)] = &filter{where: n["where_clause"], names: names, own: own, types: w.statement.types}
		}
	}
}

// identity tells a node from others that look alike.
func identity(n map[string]any) uintptr { return reflect.ValueOf(n).Pointer() }

// fromItems returns the names of all that stands in a FROM, and adds those tables to which a WHERE applies. It is not ok
// when something is there that it does not know.
func fromItems(node any, applies bool, tables *[]map[string]any) (names []tableName, ok bool) {
	n, isMap := node.(map[string]any)
	if !isMap {
		return nil, false
	}
	sampled := n["sample"] != nil
	switch n["type"] {
	case "BASE_TABLE":
		aliases, _ := n["column_name_alias"].([]any)
		if applies && !sampled && len(aliases) == 0 {
			*tables = append(*tables, n)
		}
		return []tableName{nameIn(n)}, true
	case "JOIN":
		left, right := joinApplies(n)
		applies = applies && !sampled
		l, lok := fromItems(n["left"], applies && left, tables)
		r, rok := fromItems(n["right"], applies && right, tables)
		return append(l, r...), lok && rok
	case "SUBQUERY", "TABLE_FUNCTION", "EXPRESSION_LIST":
		return []tableName{{name: text(n, "alias")}}, true
	}
	return nil, false
}

// joinApplies reports to which sides of a join a WHERE behind it applies.
func joinApplies(n map[string]any) (left, right bool) {
	if !slices.Contains([]string{"REGULAR", "CROSS", "NATURAL"}, text(n, "ref_type")) {
		return false, false
	}
	switch n["join_type"] {
	case "INNER":
		return true, true
	case "LEFT", "SEMI", "ANTI":
		return true, false
	}
	return false, false
}

func nameIn(n map[string]any) tableName {
	if alias := text(n, "alias"); alias != "" {
		return tableName{name: alias}
	}
	return tableName{schema: text(n, "schema_name"), name: text(n, "table_name")}
}

// column returns which of a table's columns a node is, by its place in the list; -1 for none. A name without the table
// is the table's if it has such a column: had another one as well, the statement would be ambiguous, or join by it.
func (f *filter) column(node any, columns []Column) int {
	n, ok := node.(map[string]any)
	if !ok || n["class"] != "COLUMN_REF" {
		return -1
	}
	parts, _ := n["column_names"].([]any)
	var names []string
	for _, p := range parts {
		name, _ := p.(string)
		names = append(names, name)
	}
	has := func(name string) int {
		return slices.IndexFunc(columns, func(c Column) bool { return strings.EqualFold(c.Name, name) })
	}
	switch len(names) {
	case 1:
		return has(names[0])
	case 2:
		if strings.EqualFold(names[0], f.own.name) && has(names[0]) < 0 {
			return has(names[1])
		}
	case 3:
		if f.own.schema != "" && strings.EqualFold(names[0], f.own.schema) && strings.EqualFold(names[1], f.own.name) {
			return has(names[2])
		}
	}
	return -1
}

// A family is a kind of values that compare in one order, whatever types they are compared as.
type family uint8

const (
	unknown  family = iota
	numerals        // integers and decimals; as constants floats too
	times           // dates, timestamps and instants: the session's zone is UTC
	texts           // strings of a column; as a constant: one with a type of its own
	literal         // a plain 'text', which takes the type of what it is compared with
	duration        // INTERVAL
)

// familyOf returns the family of a type.
func familyOf(typ string) family {
	base, _, _ := strings.Cut(typ, "(")
	switch base {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "DECIMAL":
		if strings.HasSuffix(typ, "]") {
			return unknown
		}
		return numerals
	case "DATE", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE":
		return times
	case "VARCHAR":
		return texts
	}
	return unknown
}

// constant returns the family of an expression that has no columns in it and the same value whenever it is computed.
func (f *filter) constant(node any) family {
	n, ok := node.(map[string]any)
	if !ok {
		return unknown
	}
	switch n["class"] {
	case "CONSTANT":
		value, _ := n["value"].(map[string]any)
		typ, _ := value["type"].(map[string]any)
		switch id := text(typ, "id"); {
		case id == "VARCHAR" && value["is_null"] == false:
			return literal
		case id == "DOUBLE":
			return numerals
		default:
			return familyOf(id)
		}
	case "CAST":
		return f.castFamily(n)
	case "FUNCTION":
		return f.callFamily(n)
	}
	return unknown
}

func (f *filter) castFamily(n map[string]any) family {
	from := f.constant(n["child"])
	typ, _ := n["cast_type"].(map[string]any)
	if from == unknown || n["try_cast"] != false {
		return unknown
	}
	switch id := text(typ, "id"); id {
	case "INTERVAL":
		return duration
	case "DOUBLE", "FLOAT":
		return numerals
	default:
		return familyOf(id)
	}
}

// callFamily knows sums, and what DuckDB makes of INTERVAL 1 MONTH.
func (f *filter) callFamily(n map[string]any) family {
	children, _ := n["children"].([]any)
	var args []family
	for _, c := range children {
		args = append(args, f.constant(c))
	}
	if slices.Contains(args, unknown) || n["filter"] != nil || text(n, "schema") != "" {
		return unknown
	}
	name := text(n, "function_name")
	switch {
	case f.types[strings.ToLower(name)] != "":
		return familyOf(f.types[strings.ToLower(name)])
	case len(args) == 1 && (strings.HasPrefix(name, "to_") && slices.Contains(durations, name)):
		return duration
	case len(args) == 1 && (name == "trunc" || name == "-") && args[0] == numerals:
		return numerals
	case len(args) == 2 && (name == "+" || name == "-"):
		switch {
		case args[0] == numerals && args[1] == numerals:
			return numerals
		case args[0] == times && args[1] == duration:
			return times
		case args[0] == duration && args[1] == duration:
			return duration
		}
	}
	return unknown
}

var durations = []string{
	"to_years", "to_months", "to_weeks", "to_days", "to_hours", "to_minutes", "to_seconds", "to_milliseconds", "to_microseconds",
	"to_quarters", "to_decades", "to_centuries",
}

// ordered reports whether a column of one family can be compared with a constant of another without a change of
// order.
func ordered(column, with family) bool {
	return column != unknown && (with == column || with == literal)
}
