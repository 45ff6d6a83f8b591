package shell

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// A Completion is what may stand in place of the word before the cursor.
type Completion struct {
	Word  string   // as typed
	Texts []string // sorted, each once
	End   string   // what comes behind a text that is the only one
}

// Complete returns what may be typed at a place of a line, in view of what is pending. It waits a moment for names
// that are not known yet.
func (s *Session) Complete(ctx context.Context, before, after string) Completion {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if !s.split.pending() && strings.HasPrefix(before, ".") {
		return s.completeCommand(ctx, before)
	}
	line := tail.FindString(before)
	c := Completion{Word: line}
	head := s.split.text.String() + "\n" + before[:len(before)-len(line)]
	if !completable(head) {
		return c
	}
	rest, _, _ := strings.Cut(after, ";")
	p := statementPlace{tokens: tokensOf(head), after: tokensOf(rest)}
	if i := strings.LastIndexByte(line, '.'); i >= 0 {
		c.Texts = s.qualified(ctx, p, line[:i+1], line[i+1:])
	} else {
		c.Texts, c.End = s.word(ctx, p, line)
	}
	c.Texts = tidy(c.Texts)
	return c
}

// tail is the word that ends a text, with what qualifies it.
var tail = regexp.MustCompile(`[\pL\pN_$."]*$`)

// completable reports whether a text ends neither in a string nor in a comment.
func completable(text string) bool {
	var s splitter
	lines := strings.Split(text, "\n")
	for _, line := range lines {
		s.add(line)
	}
	return s.open == "" && !lineCommentEnd(lines[len(lines)-1])
}

// lineCommentEnd reports whether a comment goes to the end of the line.
func lineCommentEnd(line string) bool {
	all := token.FindAllString(line, -1)
	return len(all) > 0 && strings.HasPrefix(all[len(all)-1], lineComment)
}

// token is a part of a statement: a comment, a string, a name or anything else.
var token = regexp.MustCompile(`--[^\n]*|(?s:/\*.*?\*/)|'(?:[^']|'')*'|"(?:[^"]|"")*"|[\pL_][\pL\pN_$]*|\S`)

// tokensOf returns the tokens of the last statement of a text, without comments.
func tokensOf(text string) []string {
	all := token.FindAllString(text, -1)
	all = slices.DeleteFunc(all, func(t string) bool { return strings.HasPrefix(t, lineComment) || strings.HasPrefix(t, commentOpen) })
	for i := len(all) - 1; i >= 0; i-- {
		if all[i] == ";" {
			return all[i+1:]
		}
	}
	return all
}

// A statementPlace is a statement around the cursor.
type statementPlace struct{ tokens, after []string }

// wantsTable reports whether a table comes next.
func (p statementPlace) wantsTable() bool {
	if len(p.tokens) == 0 {
		return false
	}
	switch last := p.tokens[len(p.tokens)-1]; strings.ToUpper(last) {
	case "FROM", "JOIN", "DESCRIBE", "SUMMARIZE", "TABLE":
		return true
	case ",":
		for _, t := range slices.Backward(p.tokens) {
			switch strings.ToUpper(t) {
			case "FROM":
				return true
			case "SELECT", "WHERE", "BY", "ON", "USING", "HAVING", "(", ")", "VALUES":
				return false
			}
		}
	}
	return false
}

// A named is a table that a statement names, under the name that it has there.
type named struct {
	alias string
	id    tidemark.TableID
}

// tables returns the tables that the statement names, on both sides of the cursor.
func (p statementPlace) tables(all []tidemark.TableID) []named {
	var list []named
	for _, tokens := range [][]string{p.tokens, p.after} {
		for i := 0; i < len(tokens); i++ {
			name, next := tokens[i], i+1
			if i+2 < len(tokens) && tokens[i+1] == "." {
				name, next = tokens[i]+"."+tokens[i+2], i+3
			}
			found := find(all, unquote(name))
			if len(found) == 0 {
				continue
			}
			if next < len(tokens) && strings.EqualFold(tokens[next], "AS") {
				next++
			}
			alias := found[0].Name
			if next < len(tokens) && isName(tokens[next]) {
				alias = unquote(tokens[next])
			}
			for _, id := range found {
				list = append(list, named{alias, id})
			}
			i = next - 1
		}
	}
	return list
}

func isName(t string) bool {
	upper := strings.ToUpper(t)
	return (isWord(t[0]) || t[0] == '"') && !slices.Contains(reserved, upper) && !slices.Contains(keywords, upper)
}

// qualified completes what comes behind a point: a table of a namespace, or a column of a table.
func (s *Session) qualified(ctx context.Context, p statementPlace, before, prefix string) []string {
	qualifier, part := unquote(strings.TrimSuffix(before, ".")), unquote(prefix)
	var texts []string
	all := s.names.all(ctx)
	for _, id := range all {
		if strings.EqualFold(id.Namespace, qualifier) && begins(id.Name, part) {
			texts = append(texts, before+quoted(id.Name))
		}
	}
	for _, t := range p.tables(all) {
		if !strings.EqualFold(t.alias, qualifier) && !strings.EqualFold(t.id.Name, qualifier) && !strings.EqualFold(t.id.String(), qualifier) {
			continue
		}
		for _, c := range s.names.columnsOf(ctx, t.id) {
			if begins(c.Name, part) {
				texts = append(texts, before+quoted(c.Name))
			}
		}
	}
	return texts
}

// word completes what no point is in.
func (s *Session) word(ctx context.Context, p statementPlace, word string) (texts []string, end string) {
	part := unquote(word)
	if len(p.tokens) == 0 {
		return matching(starters, word), " "
	}
	all := s.names.all(ctx)
	if p.wantsTable() {
		return tableTexts(all, part), " "
	}
	texts = s.columnTexts(ctx, p, all, part)
	if word == "" || strings.HasPrefix(word, `"`) {
		return texts, ""
	}
	for _, t := range p.tables(all) {
		if begins(t.alias, part) {
			texts = append(texts, quoted(t.alias))
		}
	}
	if len(texts) > 0 {
		return append(append(texts, matching(keywords, word)...), matching(functions, word)...), ""
	}
	if texts = append(matching(keywords, word), matching(starters, word)...); len(texts) > 0 {
		return append(texts, matching(functions, word)...), " "
	}
	if texts = matching(functions, word); len(texts) > 0 {
		return texts, "("
	}
	return tableTexts(all, part), ""
}

// columnTexts returns the columns of the tables that the statement names, or of all.
func (s *Session) columnTexts(ctx context.Context, p statementPlace, all []tidemark.TableID, part string) []string {
	var columns []Column
	tables := p.tables(all)
	for _, t := range tables {
		columns = append(columns, s.names.columnsOf(ctx, t.id)...)
	}
	if len(tables) == 0 {
		columns = s.names.known()
	}
	var texts []string
	for _, c := range columns {
		if begins(c.Name, part) {
			texts = append(texts, quoted(c.Name))
		}
	}
	return texts
}

// tableTexts returns the tables that begin so: by their whole name, or by their own where only one has it.
func tableTexts(all []tidemark.TableID, part string) []string {
	var texts []string
	for _, id := range all {
		switch {
		case begins(id.String(), part):
			texts = append(texts, nameOf(id))
		case !begins(id.Name, part):
		case len(find(all, id.Name)) == 1:
			texts = append(texts, quoted(id.Name))
		default:
			texts = append(texts, nameOf(id))
		}
	}
	return texts
}

// completeCommand completes a line that begins with a dot.
func (s *Session) completeCommand(ctx context.Context, before string) Completion {
	name, arg, behind := strings.Cut(before, " ")
	var texts []string
	if !behind {
		for _, c := range commands() {
			texts = append(texts, c.name)
		}
		return Completion{Word: name, Texts: matching(texts, name), End: " "}
	}
	c := Completion{Word: strings.TrimLeft(arg, " ")}
	switch name {
	case ".schema", ".tables":
		c.Texts = tableTexts(s.names.all(ctx), unquote(c.Word))
	case ".mode":
		for mode := range s.Modes {
			texts = append(texts, mode)
		}
		c.Texts = matching(texts, c.Word)
	}
	c.Texts = tidy(c.Texts)
	return c
}

// matching returns the words that begin so, in small letters where the beginning is.
func matching(words []string, part string) []string {
	small := part != "" && part == strings.ToLower(part)
	var texts []string
	for _, w := range words {
		if begins(w, part) {
			if small {
				w = strings.ToLower(w)
			}
			texts = append(texts, w)
		}
	}
	return texts
}

// begins reports whether a name begins so, in whatever case.
func begins(name, part string) bool {
	return strings.HasPrefix(strings.ToLower(name), strings.ToLower(part))
}

// tidy sorts texts, without regard to quotes, and keeps each once, whatever its case.
func tidy(texts []string) []string {
	key := func(text string) string { return strings.ToLower(unquote(text)) }
	slices.SortFunc(texts, func(a, b string) int { return cmp.Or(cmp.Compare(key(a), key(b)), cmp.Compare(a, b)) })
	return slices.CompactFunc(texts, strings.EqualFold)
}
