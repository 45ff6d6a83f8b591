package propose

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// Lines returns the pipeline of a proposal, as it stands below its name: where rows come from, and where they go to.
func (p Proposal) Lines(connection, lake string, format tidemark.Format) [2]string {
	cursor := ""
	if p.Cursor != "" {
		cursor = ", cursor: " + Quote(p.Cursor)
	}
	return [2]string{
		fmt.Sprintf("source: {connection: %s, table: %s%s}", Quote(connection), Quote(SourceName(p.Table)), cursor),
		fmt.Sprintf("target: {connection: %s, table: %s%s, mode: %s}", Quote(lake), Quote(TargetName(p.Table)), FormatKey(format), p.Mode),
	}
}

// FormatKey returns the key for a format, with a comma before it; "" for the one that is meant without.
func FormatKey(format tidemark.Format) string {
	if format == tidemark.FormatIceberg {
		return ""
	}
	return ", format: " + string(format)
}

// commentWidth is where comments go on in the next line.
const commentWidth = 110

// Comment returns a comment of as many lines as it takes, each behind the indent.
func Comment(indent, text string) string {
	var b strings.Builder
	line := indent + "#"
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > commentWidth {
			b.WriteString(line + "\n")
			line = indent + "#  "
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}

// QuoteAll returns scalars as the elements of a list.
func QuoteAll(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = Quote(s)
	}
	return strings.Join(quoted, ", ")
}

var (
	plainScalar = regexp.MustCompile(`^[A-Za-z./_][A-Za-z0-9_./:@%-]*$`)
	plainIdent  = regexp.MustCompile(`^[^.*?` + "`" + `]+$`)
	plainTarget = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)
	notInName   = regexp.MustCompile(`[^a-z0-9_-]+`)
)

// Quote returns s as a YAML scalar.
func Quote(s string) string {
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", ".nan", ".inf":
	default:
		if plainScalar.MatchString(s) && !strings.HasSuffix(s, ":") {
			return s
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b) // a JSON string is a YAML string
	e.SetEscapeHTML(false)
	_ = e.Encode(s)
	return strings.TrimSpace(b.String())
}

// QuoteIdent puts a name of the source into backquotes where the config needs them.
func QuoteIdent(name string) string {
	if plainIdent.MatchString(name) {
		return name
	}
	return "`" + strings.ReplaceAll(name, "`", "``") + "`"
}

// SourceName is a table of the source as the config has it.
func SourceName(t tidemark.TableName) string {
	return QuoteIdent(t.Database) + "." + QuoteIdent(t.Name)
}

// TargetName names the table in the lake as in the source, where that works, or leaves it to the config's own rule.
func TargetName(t tidemark.TableName) string {
	if plainTarget.MatchString(t.Database) && plainTarget.MatchString(t.Name) {
		return t.Database + "." + t.Name
	}
	return "{database}.{table}"
}

// PipelineName makes a name for a pipeline, or a connection, of a name in the source.
func PipelineName(name string) string {
	made := strings.Trim(notInName.ReplaceAllString(strings.ToLower(name), "_"), "_-")
	if made == "" {
		return "table"
	}
	return made
}
