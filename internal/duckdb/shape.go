package duckdb

import "strings"

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
