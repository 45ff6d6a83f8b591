package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// A Pattern is a glob on the names of tables: * stands for any characters, ? for one. What stands in backquotes is
// taken literally.
type Pattern struct {
	text            string
	schema          string // the database's part, as it is written
	database, table *regexp.Regexp
	anyDatabase     bool // the database is a pattern too
}

// String returns the pattern as it is written.
func (p Pattern) String() string { return p.text }

// Databases returns the databases that the pattern covers as GRANT has them: % for any characters, _ for one, and a
// backslash before those that stand for themselves.
func (p Pattern) Databases() string {
	name, quoted := unquote(p.schema)
	name = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(name)
	if quoted {
		return name
	}
	return strings.NewReplacer("*", "%", "?", "_").Replace(name)
}

// Match reports whether the pattern covers a table. Case counts, as it does on most servers.
func (p Pattern) Match(t tidemark.TableName) bool {
	return p.database.MatchString(t.Database) && p.table.MatchString(t.Name)
}

func parsePattern(text, database string) (Pattern, error) {
	first, second, err := splitName(text, database)
	if err != nil {
		return Pattern{}, err
	}
	return Pattern{text: text, schema: first, database: glob(first), table: glob(second), anyDatabase: strings.ContainsAny(first, "*?")}, nil
}

func glob(text string) *regexp.Regexp {
	if name, quoted := unquote(text); quoted {
		return regexp.MustCompile("^" + regexp.QuoteMeta(name) + "$")
	}
	return regexp.MustCompile("(?s)^" + strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(text)) + "$")
}

// parseTable reads DATABASE.TABLE, or TABLE in the given database.
func parseTable(text, database string) (tidemark.TableName, error) {
	first, second, err := splitName(text, database)
	if err != nil {
		return tidemark.TableName{}, err
	}
	for _, part := range []string{first, second} {
		if _, quoted := unquote(part); !quoted && strings.ContainsAny(part, "*?") {
			return tidemark.TableName{}, tidemark.WithHint(errors.New("a pattern, not a table"), "use tables for many tables")
		}
	}
	first, _ = unquote(first)
	second, _ = unquote(second)
	return tidemark.TableName{Database: first, Name: second}, nil
}

// names in MySQL: in backquotes, where a backquote is doubled, or without them and without dots.
var tableName = regexp.MustCompile("^(?:(`(?:[^`]|``)+`|[^.`]+)\\.)?(`(?:[^`]|``)+`|[^.`]+)$")

// splitName returns both parts of a name as they are written, with their backquotes.
func splitName(text, database string) (first, second string, err error) {
	parts := tableName.FindStringSubmatch(text)
	if parts == nil {
		return "", "", tidemark.WithHint(fmt.Errorf("%q is not the name of a table", text),
			"write DATABASE.TABLE, and a name with a dot in backquotes")
	}
	if parts[1] == "" {
		if database == "" {
			return "", "", tidemark.WithHint(fmt.Errorf("table %q without a database", text),
				"write DATABASE.TABLE, or put the database into the connection's URL")
		}
		return "`" + strings.ReplaceAll(database, "`", "``") + "`", parts[2], nil
	}
	return parts[1], parts[2], nil
}

func unquote(part string) (name string, quoted bool) {
	if len(part) < 2 || part[0] != '`' {
		return part, false
	}
	return strings.ReplaceAll(part[1:len(part)-1], "``", "`"), true
}

// targetName is a name in the lake: safe in paths and object keys, and one that all readers take. Names that begin
// with '_' or '.' are left out: Spark and Athena skip such folders.
var targetName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,127}$`)

// ParseTable reads NAMESPACE.TABLE as the name of a table in a lake. Another form is an error that says which is wanted.
func ParseTable(text string) (tidemark.TableID, error) {
	return targetTable(text, tidemark.TableName{})
}

// ParseSourceTable reads DATABASE.TABLE, or TABLE in the given database, as the name of a table of a source. Another form is
// ErrInvalid.
func ParseSourceTable(text, database string) (tidemark.TableName, error) {
	name, err := parseTable(text, database)
	if err != nil {
		return name, tidemark.WithHint(fmt.Errorf("%w: %w", err, tidemark.ErrInvalid), tidemark.Hint(err))
	}
	return name, nil
}

// targetTable returns the table of the lake for a table of the source.
func targetTable(template string, source tidemark.TableName) (tidemark.TableID, error) {
	text := strings.NewReplacer("{database}", plain(source.Database), "{table}", plain(source.Name)).Replace(template)
	if i := strings.IndexAny(text, "{}"); i >= 0 {
		return tidemark.TableID{}, tidemark.WithHint(fmt.Errorf("unknown placeholder in %q", template), "use {database} and {table}")
	}
	namespace, name, found := strings.Cut(text, ".")
	if !found || !targetName.MatchString(namespace) || !targetName.MatchString(name) {
		return tidemark.TableID{}, tidemark.WithHint(fmt.Errorf("%q is not the name of a table in the lake", text),
			"write NAMESPACE.TABLE with lower-case letters, digits, '_' and '-'")
	}
	if strings.HasSuffix(name, tidemark.RejectedSuffix) {
		return tidemark.TableID{}, tidemark.WithHint(fmt.Errorf("%q has the name of a table of rejected rows", text), "choose another name")
	}
	return tidemark.TableID{Namespace: namespace, Name: name}, nil
}

var notPlain = regexp.MustCompile(`[^a-z0-9_-]+`)

// plain returns a name of the source as a part of names in the lake: lower case, '_' for what does not fit.
func plain(name string) string {
	return strings.TrimLeft(notPlain.ReplaceAllString(strings.ToLower(name), "_"), "_-")
}
