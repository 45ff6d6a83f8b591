package duckdb

import "strings"

// A Call is one of a function of the caller's own, which Parse was told of.
type Call struct {
	Function string // in small letters
	Text     string // its only argument, where that is a text
	Literal  bool   // it is
	offset   int
}

func (w *walker) call(n map[string]any) {
	name := strings.ToLower(text(n, "function_name"))
	if !w.statement.owns(name) || text(n, "schema") != "" {
		return
	}
	c := Call{Function: name, offset: offset(n)}
	if args, _ := n["children"].([]any); len(args) == 1 {
		if arg, ok := args[0].(map[string]any); ok && arg["class"] == "CONSTANT" {
			value, _ := arg["value"].(map[string]any)
			c.Text, c.Literal = value["value"].(string)
		}
	}
	w.statement.Calls = append(w.statement.Calls, c)
}

// Define says that a function was defined, with the type of what it returns: the same for the same argument.
func (s *Statement) Define(function, typ string) { s.types[function] = typ }

// RejectCall returns an error that points at a call in the statement.
func (s *Statement) RejectCall(c Call, message string) error { return at(s.text(), c.offset, message) }
