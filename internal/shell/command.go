package shell

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// A command is a line for the session itself.
type command struct {
	name, args, text string
	also             []string // what users of other shells type; only without arguments where it has no dot or backslash
	run              func(*Session, context.Context, []string) error
}

// commands returns all commands. (A variable would depend on itself, through .help.)
func commands() []command {
	return []command{
		{".help", "", "this list", []string{"help", `\?`, `\h`}, (*Session).help},
		{".mode", "[NAME]", "how answers are printed", []string{".format", `\f`}, (*Session).setMode},
		{".quit", "", "leave; Ctrl-D does, too", []string{"quit", "exit", ".exit", `\q`}, (*Session).quit},
		{".rows", "[N]", "show at most N rows of a table; 0 shows all", []string{".maxrows"}, (*Session).setRows},
		{".schema", "[TABLE]", "the columns of a table, or of all", []string{`\d`}, (*Session).showSchema},
		{".tables", "[PART]", "the tables, all or those with PART in the name; reads their names anew", []string{`\dt`}, (*Session).showTables},
	}
}

// commandOf returns the command of a line, and its arguments; nil for SQL.
func commandOf(line string) (*command, []string) {
	words := strings.Fields(strings.TrimRight(strings.TrimSpace(line), ";"))
	if len(words) == 0 {
		return nil, nil
	}
	marked := strings.HasPrefix(words[0], ".") || strings.HasPrefix(words[0], `\`)
	name := strings.ToLower(words[0])
	for _, c := range commands() {
		if (name == c.name || slices.Contains(c.also, name)) && (marked || len(words) == 1) {
			return &c, words[1:]
		}
	}
	if !marked || len(name) > 1 && name[1] >= '0' && name[1] <= '9' { // SELECT 1 +⏎.5
		return nil, nil
	}
	return &command{run: func(*Session, context.Context, []string) error {
		return wrong("see .help", "there is no command %s", words[0])
	}}, nil
}

// wrong is a mistake in a command.
func wrong(hint, format string, args ...any) error {
	return tidemark.WithHint(fmt.Errorf(format+": %w", append(args, tidemark.ErrInvalid)...), hint)
}

// isShowTables reports whether a statement is what MySQL has for .tables.
func isShowTables(text string) bool {
	words := strings.Fields(text)
	return len(words) == 2 && strings.EqualFold(words[0], "show") && strings.EqualFold(words[1], "tables")
}

func (s *Session) quit(context.Context, []string) error { return errLeave }

func (s *Session) help(context.Context, []string) error {
	for _, c := range commands() {
		fmt.Fprintf(s.Out, "%-16s  %s\n", strings.TrimSpace(c.name+" "+c.args), c.text)
	}
	fmt.Fprintf(s.Out, `
Everything else is SQL, over as many lines as it takes, up to a semicolon. It only reads.
The modes are %s. Tab completes, arrow up brings back what was
typed, Ctrl-R the last statement that has in it what stands there; Ctrl-C cancels the query or the line.
`, strings.Join(slices.Sorted(maps.Keys(s.Modes)), ", "))
	return nil
}

func (s *Session) setMode(_ context.Context, args []string) error {
	if len(args) == 0 {
		_, err := fmt.Fprintln(s.Out, s.Mode)
		return err
	}
	if s.Modes[args[0]] == nil {
		return wrong("there are "+strings.Join(slices.Sorted(maps.Keys(s.Modes)), ", "), "there is no mode %q", args[0])
	}
	s.Mode = args[0]
	return nil
}

func (s *Session) setRows(_ context.Context, args []string) error {
	if len(args) == 0 {
		_, err := fmt.Fprintln(s.Out, s.Rows)
		return err
	}
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 0 {
		return wrong("write .rows 100, or .rows 0 for all", "%q is no number of rows", args[0])
	}
	s.Rows = n
	return nil
}

func (s *Session) showTables(ctx context.Context, args []string) error {
	tables, err := s.names.refresh(ctx)
	if err != nil {
		return err
	}
	for _, id := range tables {
		if len(args) == 0 || strings.Contains(strings.ToLower(id.String()), strings.ToLower(args[0])) {
			fmt.Fprintln(s.Out, nameOf(id))
		}
	}
	if len(tables) == 0 && s.Person {
		fmt.Fprintln(s.Out, "the lake has no tables yet: run a pipeline first")
	}
	return nil
}

func (s *Session) showSchema(ctx context.Context, args []string) error {
	tables, err := s.Lake.Tables(ctx)
	if err != nil {
		return err
	}
	wanted := tables
	if len(args) > 0 {
		if wanted = find(tables, unquote(args[0])); len(wanted) == 0 {
			return wrong(".tables lists them", "no table %s in the lake", args[0])
		}
	}
	for _, id := range wanted {
		columns, err := s.Lake.Columns(ctx, id)
		if err != nil {
			return err
		}
		fmt.Fprintln(s.Out, schemaText(id, columns))
	}
	return nil
}

// schemaText is a table as a person would define it.
func schemaText(id tidemark.TableID, columns []Column) string {
	width := 0
	for _, c := range columns {
		width = max(width, len([]rune(quoted(c.Name))))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE %s (\n", nameOf(id))
	for i, c := range columns {
		fmt.Fprintf(&b, "  %-*s %s", width, quoted(c.Name), c.Type)
		if c.NotNull {
			b.WriteString(" NOT NULL")
		}
		if i < len(columns)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString(");")
	return b.String()
}
