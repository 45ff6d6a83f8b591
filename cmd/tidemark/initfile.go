package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// An initFile is what init writes into a config.
type initFile struct {
	source initSource
	lake   initLake
	format tidemark.Format
	whole  string // the database whose tables are all loaded, those of tomorrow included; "" for named ones
	tables []proposal
	// bundled is tables by pipeline; nil when each table has a pipeline of its own.
	bundled []bundle
}

type initSource struct {
	name, url, passwordEnv, auth, tlsMode, tlsCA, socket string
}

type initLake struct {
	url, path, region, endpoint string // url or path
	pathStyle                   bool
}

// yaml returns the file, with the reasons as comments.
func (f initFile) yaml() string {
	var b strings.Builder
	b.WriteString("# Written by `tidemark init`. `tidemark check` says whether it works, `tidemark run` loads.\n")
	b.WriteString("connections:\n")
	f.source.write(&b)
	f.lake.write(&b)
	if f.bundled != nil {
		f.writeBundles(&b)
	} else {
		f.writeSingles(&b)
	}
	return b.String()
}

func (s initSource) write(b *strings.Builder) {
	fmt.Fprintf(b, "  %s:\n    type: mysql\n    url: %s", quote(s.name), quote(s.url))
	b.WriteString("   # never a password here\n")
	for _, kv := range [][2]string{{"socket", s.socket}, {"auth", s.auth}} {
		if kv[1] != "" {
			fmt.Fprintf(b, "    %s: %s\n", kv[0], quote(kv[1]))
		}
	}
	if s.passwordEnv != "" {
		fmt.Fprintf(b, "    password: ${env:%s}\n", s.passwordEnv)
	}
	var tls []string
	for _, kv := range [][2]string{{"mode", s.tlsMode}, {"ca", s.tlsCA}} {
		if kv[1] != "" {
			tls = append(tls, kv[0]+": "+quote(kv[1]))
		}
	}
	if tls != nil {
		fmt.Fprintf(b, "    tls: {%s}\n", strings.Join(tls, ", "))
	}
}

func (l initLake) write(b *strings.Builder) {
	if l.path != "" {
		fmt.Fprintf(b, "  lake:\n    type: file\n    path: %s\n", quote(l.path))
		return
	}
	fmt.Fprintf(b, "  lake:\n    type: s3\n    url: %s\n", quote(l.url))
	for _, kv := range [][2]string{{"region", l.region}, {"endpoint", l.endpoint}} {
		if kv[1] != "" {
			fmt.Fprintf(b, "    %s: %s\n", kv[0], quote(kv[1]))
		}
	}
	if l.pathStyle {
		b.WriteString("    path_style: true\n")
	}
}

// writeSingles writes a pipeline for each table.
func (f initFile) writeSingles(b *strings.Builder) {
	b.WriteString("pipelines:\n")
	for _, p := range f.tables {
		cursor := ""
		if p.Cursor != "" {
			cursor = ", cursor: " + quote(p.Cursor)
		}
		fmt.Fprintf(b, "%s  %s:\n", comment(p.Reason), quote(pipelineName(p.Table.Name)))
		fmt.Fprintf(b, "    source: {connection: %s, table: %s%s}\n", quote(f.source.name), quote(sourceName(p.Table)), cursor)
		fmt.Fprintf(b, "    target: {connection: lake, table: %s%s, mode: %s}\n", quote(targetName(p.Table)), f.formatKey(), p.Mode)
	}
}

func (f initFile) formatKey() string {
	if f.format == tidemark.FormatIceberg {
		return ""
	}
	return ", format: " + string(f.format)
}

// reasonsShown bounds the comments above a pipeline of many tables.
const reasonsShown = 40

// writeBundles writes a pipeline for each group of tables. The first, which has the most tables, takes also those
// that are made later.
func (f initFile) writeBundles(b *strings.Builder) {
	fmt.Fprintf(b, "defaults:\n  source: {connection: %s}\n", quote(f.source.name))
	fmt.Fprintf(b, "  target: {connection: lake, table: \"{database}.{table}\"%s}\npipelines:\n", f.formatKey())
	taken := map[string]int{}
	for i, group := range f.bundled {
		for j, p := range group.members {
			if j == reasonsShown {
				fmt.Fprintf(b, "  # … and %d more\n", len(group.members)-j)
				break
			}
			b.WriteString(comment(p.Table.Name + ": " + p.Reason))
		}
		name := pipelineName(f.whole)
		if i > 0 {
			name += "_" + string(group.mode)
		}
		if taken[name]++; taken[name] > 1 {
			name = fmt.Sprintf("%s_%d", name, taken[name])
		}
		tables, exclude := sourceNames(group.members), ""
		if i == 0 {
			tables = quote(quoteIdent(f.whole) + ".*")
			if rest := f.bundled[1:]; len(rest) > 0 {
				var others []proposal
				for _, one := range rest {
					others = append(others, one.members...)
				}
				exclude = ", exclude: [" + sourceNames(others) + "]"
			}
		}
		cursors := ""
		if len(group.cursors) > 0 {
			cursors = ", cursor: [" + quoteAll(group.cursors) + "]"
		}
		fmt.Fprintf(b, "  %s:\n    source: {tables: [%s]%s%s}\n    target: {mode: %s}\n", quote(name), tables, exclude, cursors, group.mode)
	}
}

// commentWidth is where comments go on in the next line.
const commentWidth = 110

// comment returns a comment of as many lines as it takes, indented as a pipeline is.
func comment(text string) string {
	var b strings.Builder
	line := "  #"
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > commentWidth {
			b.WriteString(line + "\n")
			line = "  #  "
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}

func sourceNames(list []proposal) string {
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = sourceName(p.Table)
	}
	return quoteAll(names)
}

func quoteAll(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = quote(s)
	}
	return strings.Join(quoted, ", ")
}

var (
	plainScalar = regexp.MustCompile(`^[A-Za-z./_][A-Za-z0-9_./:@%-]*$`)
	plainIdent  = regexp.MustCompile(`^[^.*?` + "`" + `]+$`)
	plainTarget = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)
	notInName   = regexp.MustCompile(`[^a-z0-9_-]+`)
)

// quote returns s as a YAML scalar.
func quote(s string) string {
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

// quoteIdent puts a name of the source into backquotes where the config needs them.
func quoteIdent(name string) string {
	if plainIdent.MatchString(name) {
		return name
	}
	return "`" + strings.ReplaceAll(name, "`", "``") + "`"
}

func sourceName(t tidemark.TableName) string {
	return quoteIdent(t.Database) + "." + quoteIdent(t.Name)
}

// targetName names the table in the lake as in the source, where that works, or leaves it to the config's own rule.
func targetName(t tidemark.TableName) string {
	if plainTarget.MatchString(t.Database) && plainTarget.MatchString(t.Name) {
		return t.Database + "." + t.Name
	}
	return "{database}.{table}"
}

// pipelineName makes a name for a pipeline, or a connection, of a name in the source.
func pipelineName(name string) string {
	made := strings.Trim(notInName.ReplaceAllString(strings.ToLower(name), "_"), "_-")
	if made == "" {
		return "table"
	}
	return made
}
