package config

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tidemark-data/tidemark"
)

// A writer writes configs as many people would, each its own way.
type writer struct {
	*rand.Rand
	b    strings.Builder
	step int
}

func (w *writer) one(of ...string) string { return of[w.IntN(len(of))] }

func (w *writer) spaces(n int) string { return strings.Repeat(" ", n) }

// noise writes comments and blank lines, none of them as deep as allowed by their caller.
func (w *writer) noise(depths ...int) {
	for w.IntN(3) == 0 {
		if w.IntN(2) == 0 {
			w.b.WriteString(w.one("\n", "\n", "  \n"))
			continue
		}
		w.b.WriteString(w.spaces(depths[w.IntN(len(depths))]) + w.one("# x: 1", "#", "# ünï: {", "#\ta\t'", "# \"", "#- |") + "\n")
	}
}

func (w *writer) beside() string {
	return w.one("", "", "", " # c", "  # it's: {", "\t# tab\t\"")
}

func (w *writer) scalar() string {
	return w.one("1", "x", "'it''s: #1'", `"a \"b\" # c"`, "true", "null", "1.50", "a b  c", "${env:X}", `"日本"`, "x#y", "mysql://a@b:1/c?d=e&f=g", "[a, 'b, c', {d: e}]", "{a: 1, 'b}': [c]}", "{}", "[]")
}

// fields writes the keys of an entry, depth spaces deep. The last one may be of many lines.
func (w *writer) fields(depth, left int) {
	for i := range 1 + w.IntN(3) {
		key := fmt.Sprintf("%s%d", w.one("k", "a.b", "'q'", `"é"`), i)
		if strings.ContainsAny(key, `'"`) {
			key = fmt.Sprintf("%s %d%[1]s", key[:1], i)
		}
		at := w.spaces(depth)
		switch kind := w.IntN(9); {
		case kind == 0 && left > 0:
			w.b.WriteString(at + key + ":" + w.beside() + "\n")
			w.noise(depth + w.step)
			w.fields(depth+w.step, left-1)
		case kind == 1:
			w.b.WriteString(at + key + ": " + w.one("|", "|-", ">", "|", "|2", "|2-", ">-", "|+") + w.one("", " # c") + "\n")
			for range 1 + w.IntN(3) {
				w.b.WriteString(w.spaces(depth+2) + w.one("select 1", "# no comment", "x: y", "- |", "'") + "\n" + w.one("", "", "\n"))
			}
		case kind == 2:
			w.b.WriteString(at + key + ":" + w.beside() + "\n")
			dash := depth + w.step*w.IntN(2)
			for range 1 + w.IntN(2) {
				w.b.WriteString(w.spaces(dash) + "- " + w.one("x", "{sql: a}", "k: v\n"+w.spaces(dash+2)+"l: w") + w.beside() + "\n")
			}
		case kind == 3:
			w.b.WriteString(at + key + ": \"a\n" + at + "  # b\n" + at + "  c\"" + w.beside() + "\n")
		case kind == 4:
			w.b.WriteString(at + key + ": {a: b, # c\n" + at + "  d: [e,\n" + at + "   f]}" + w.beside() + "\n")
		case kind == 5:
			w.b.WriteString(at + key + ":" + w.beside() + "\n") // null
		default:
			w.b.WriteString(at + key + ": " + w.scalar() + w.beside() + "\n")
		}
		w.noise(depth, depth, depth+1, 0)
	}
}

// A piece is an entry of a written config and its bytes: head ends behind its colon.
type piece struct {
	kind, name              string
	above, from, head, stop int
}

// config writes a whole one, and says where the entries of pipelines and connections are.
func (w *writer) config() []piece {
	var pieces []piece
	if w.IntN(4) == 0 {
		w.b.WriteString("---\n")
	}
	w.noise(0)
	for _, kind := range w.order("connections", "defaults", "pipelines", "server") {
		if w.IntN(5) == 0 {
			continue
		}
		w.b.WriteString(kind + ":" + w.beside() + "\n")
		w.noise(w.step)
		w.b.WriteString("\n")
		for i := range 1 + w.IntN(4) {
			p := piece{kind: kind, name: fmt.Sprintf("%s%d", w.one("n", "a.b", "no way", "é"), i)}
			p.above = w.b.Len()
			for w.IntN(3) == 0 {
				w.b.WriteString(w.spaces(w.step) + "# above: 1\n")
			}
			p.from = w.b.Len()
			w.b.WriteString(w.spaces(w.step) + w.quotes(p.name) + ":")
			p.head = w.b.Len()
			if w.IntN(3) == 0 {
				w.b.WriteString(" " + w.one("{a: 1}", "{a: {b: 'c'}, d: e}", "{}") + w.beside() + "\n")
			} else {
				w.b.WriteString(w.beside() + "\n")
				w.noise(2 * w.step)
				w.fields(2*w.step, 2)
			}
			p.stop = p.head + len(ownLines(w.b.String()[p.head:], w.step))
			if strings.HasSuffix(kind, "s") && kind != "defaults" {
				pieces = append(pieces, p)
			}
			w.b.WriteString(w.one("", "\n", "\n  # of nobody\n\n", "# left\n"))
		}
	}
	w.noise(0)
	return pieces
}

// ownLines takes off what is nobody's: the blank lines at the end, and comments no deeper than the name.
func ownLines(text string, depth int) string {
	lines := strings.SplitAfter(text, "\n")
	for len(lines) > 1 {
		last := lines[len(lines)-1]
		words := strings.TrimLeft(last, " ")
		if strings.TrimSpace(last) != "" && (words[0] != '#' || len(last)-len(words) > depth) {
			break
		}
		lines = lines[:len(lines)-1]
	}
	return strings.Join(lines, "")
}

func (w *writer) quotes(name string) string { return w.one(name, "'"+name+"'", `"`+name+`"`) }

func (w *writer) order(words ...string) []string {
	w.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	return words
}

// value writes a new one: YAML in a style of its own, or JSON.
func (w *writer) value() string {
	if w.IntN(3) == 0 {
		return w.one(`{"a": 1}`, `{"k0": {"x": ["y", {"z": "1"}]}, "k1": "a\nb\n", "a": null}`, `{"a": {"b": "c d: e"}, "d": "  \n#"}`, `{}`, "{\n \"a\": [1.50, true],\n \"\\ud83d\\ude00\": \"\\u0001\"\n}\n")
	}
	if w.IntN(3) == 0 {
		return w.one("{a: 1}", "{a: {b: 'c'}} # c\n", "# c\n{a: b,\n  c: d\n}\n", "\n\n{a: b}\n# c")
	}
	inner := &writer{Rand: w.Rand, step: 1 + w.IntN(4)}
	depth := w.IntN(3)
	inner.noise(depth)
	inner.fields(depth, 2)
	return inner.b.String()
}

func TestEditsAtRandom(t *testing.T) {
	for seed := range uint64(600) {
		editAtRandom(t, seed)
		if t.Failed() {
			return
		}
	}
}

func editAtRandom(t *testing.T, seed uint64) {
	w := &writer{Rand: rand.New(rand.NewPCG(seed, 1)), step: 2}
	if w.IntN(3) == 0 {
		w.step = 4
	}
	pieces := w.config()
	text, value := w.b.String(), w.value()
	kind, name := w.one("pipelines", "connections"), "new"
	var p *piece
	if len(pieces) > 0 && w.IntN(4) > 0 {
		p = &pieces[w.IntN(len(pieces))]
		kind, name = p.kind, p.name
	}
	var before, wanted map[string]any
	if err := yaml.Unmarshal([]byte(text), &before); err != nil {
		return // the library's own decoder does not read all of what its parser does
	}
	if err := yaml.Unmarshal([]byte(value), &wanted); err != nil {
		return
	}
	if before == nil {
		before = map[string]any{}
	}
	windows := w.IntN(4) == 0
	ends := func(s string) string {
		if windows {
			return strings.ReplaceAll(s, "\n", "\r\n")
		}
		return s
	}
	var after []byte
	var err error
	remove := p != nil && w.IntN(3) == 0
	if remove {
		after, err = Remove([]byte(ends(text)), kind, name)
	} else {
		after, err = Put([]byte(ends(text)), kind, name, []byte(value))
	}
	fail := func(format string, args ...any) {
		t.Errorf("seed %d: %s (remove %v, %s %s)\n--- before\n%s--- value\n%s\n--- after\n%s", seed, fmt.Sprintf(format, args...), remove, kind, name, text, value, after)
	}
	if err != nil {
		// Where blank lines are a part of a text, those around the entry may not become one; and the library does not
		// read all blank lines behind "|2".
		if odd := strings.Contains(text+value, "|+") || strings.Contains(text+value, "|2"); !odd || !errors.Is(err, tidemark.ErrInvalid) {
			fail("%v", err)
		}
		return
	}
	if back := bytes.Count(after, []byte("\r\n")); windows && text != "" && back != bytes.Count(after, []byte("\n")) {
		fail("ends of lines")
	}
	after = bytes.ReplaceAll(after, []byte("\r\n"), []byte("\n"))
	if why := outside(text, string(after), p, remove); why != "" && !strings.Contains(text, "|+") {
		fail("%s", why)
	}
	var got map[string]any
	if err := yaml.Unmarshal(after, &got); err != nil {
		fail("%v", err)
		return
	}
	section, _ := before[kind].(map[string]any)
	if section == nil {
		section = map[string]any{}
	}
	before[kind] = section
	if section[name] = wanted; remove {
		delete(section, name)
	}
	if got[kind] == nil {
		got[kind] = map[string]any{}
	}
	if diff := cmp.Diff(before, got); diff != "" {
		fail("what it says (-want +got):\n%s", diff)
	}
}

// outside compares the bytes that no edit may touch.
func outside(before, after string, p *piece, remove bool) string {
	if p == nil {
		n := 0
		for n < len(before) && n < len(after) && before[n] == after[n] {
			n++
		}
		for i := n; i >= 0; i-- {
			if strings.HasSuffix(after, before[i:]) {
				return ""
			}
		}
		return "more than a piece is new"
	}
	rest := before[p.stop:]
	if remove {
		left := strings.TrimSuffix(after, rest)
		if !strings.HasSuffix(after, rest) || !strings.HasPrefix(before[:p.above], left) || strings.TrimSpace(before[len(left):p.above]) != "" {
			return "more than the entry is gone"
		}
		return ""
	}
	if !strings.HasPrefix(after, before[:p.head]) {
		return "what is before the value has changed"
	}
	if !strings.HasSuffix(after, rest) {
		return "what is behind the value has changed"
	}
	return ""
}

func FuzzEdits(f *testing.F) {
	archive, err := os.ReadFile("testdata/edit.txtar")
	if err != nil {
		f.Fatal(err)
	}
	text := ""
	for _, file := range txtar.Parse(archive).Files {
		switch words := strings.Fields(file.Name); words[0] {
		case "before:":
			text = string(file.Data)
		case "put":
			f.Add(text, words[1] == "pipelines", words[2], string(file.Data))
		case "remove":
			f.Add(text, words[1] == "pipelines", words[2], "")
		}
	}
	f.Fuzz(func(t *testing.T, text string, pipelines bool, name, value string) {
		kind := "connections"
		if pipelines {
			kind = "pipelines"
		}
		var after []byte
		var err error
		if value == "" {
			after, err = Remove([]byte(text), kind, name)
		} else {
			after, err = Put([]byte(text), kind, name, []byte(value))
		}
		if err != nil {
			if !errors.Is(err, tidemark.ErrInvalid) && !errors.Is(err, tidemark.ErrNotFound) {
				t.Errorf("%v is of no kind", err)
			}
			return
		}
		var before, got map[string]any
		if yaml.Unmarshal([]byte(text), &before) != nil {
			return
		}
		if err := yaml.Unmarshal(after, &got); err != nil {
			var wanted any
			if value == "" || yaml.Unmarshal([]byte(value), &wanted) == nil {
				t.Fatalf("%v\n%q\n%q", err, text, after)
			}
			return
		}
		for _, m := range []map[string]any{before, got} {
			section, _ := m[kind].(map[string]any)
			if delete(section, name); len(section) == 0 {
				delete(m, kind)
			}
		}
		if diff := cmp.Diff(before, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q\n%q\n%s", text, after, diff)
		}
	})
}
