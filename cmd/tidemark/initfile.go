package main

import (
	"fmt"
	"strings"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/propose"
)

// An initFile is what init writes into a config.
type initFile struct {
	source initSource
	lake   initLake
	format tidemark.Format
	whole  string // the database whose tables are all loaded, those of tomorrow included; "" for named ones
	tables []propose.Proposal
	// bundled is tables by pipeline; nil when each table has a pipeline of its own.
	bundled []propose.Bundle
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
	fmt.Fprintf(b, "  %s:\n    type: mysql\n    url: %s", propose.Quote(s.name), propose.Quote(s.url))
	b.WriteString("   # never a password here\n")
	for _, kv := range [][2]string{{"socket", s.socket}, {"auth", s.auth}} {
		if kv[1] != "" {
			fmt.Fprintf(b, "    %s: %s\n", kv[0], propose.Quote(kv[1]))
		}
	}
	if s.passwordEnv != "" {
		fmt.Fprintf(b, "    password: ${env:%s}\n", s.passwordEnv)
	}
	var tls []string
	for _, kv := range [][2]string{{"mode", s.tlsMode}, {"ca", s.tlsCA}} {
		if kv[1] != "" {
			tls = append(tls, kv[0]+": "+propose.Quote(kv[1]))
		}
	}
	if tls != nil {
		fmt.Fprintf(b, "    tls: {%s}\n", strings.Join(tls, ", "))
	}
}

func (l initLake) write(b *strings.Builder) {
	if l.path != "" {
		fmt.Fprintf(b, "  lake:\n    type: file\n    path: %s\n", propose.Quote(l.path))
		return
	}
	fmt.Fprintf(b, "  lake:\n    type: s3\n    url: %s\n", propose.Quote(l.url))
	for _, kv := range [][2]string{{"region", l.region}, {"endpoint", l.endpoint}} {
		if kv[1] != "" {
			fmt.Fprintf(b, "    %s: %s\n", kv[0], propose.Quote(kv[1]))
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
		fmt.Fprintf(b, "%s  %s:\n", propose.Comment("  ", p.Reason), propose.Quote(propose.PipelineName(p.Table.Name)))
		for _, line := range p.Lines(f.source.name, "lake", f.format) {
			fmt.Fprintf(b, "    %s\n", line)
		}
	}
}

// reasonsShown bounds the comments above a pipeline of many tables.
const reasonsShown = 40

// writeBundles writes a pipeline for each group of tables. The first, which has the most tables, takes also those
// that are made later.
func (f initFile) writeBundles(b *strings.Builder) {
	fmt.Fprintf(b, "defaults:\n  source: {connection: %s}\n", propose.Quote(f.source.name))
	fmt.Fprintf(b, "  target: {connection: lake, table: \"{database}.{table}\"%s}\npipelines:\n", propose.FormatKey(f.format))
	taken := map[string]int{}
	for i, group := range f.bundled {
		for j, p := range group.Members {
			if j == reasonsShown {
				fmt.Fprintf(b, "  # … and %d more\n", len(group.Members)-j)
				break
			}
			b.WriteString(propose.Comment("  ", p.Table.Name+": "+p.Reason))
		}
		name := propose.PipelineName(f.whole)
		if i > 0 {
			name += "_" + string(group.Mode)
		}
		if taken[name]++; taken[name] > 1 {
			name = fmt.Sprintf("%s_%d", name, taken[name])
		}
		tables, exclude := sourceNames(group.Members), ""
		if i == 0 {
			tables = propose.Quote(propose.QuoteIdent(f.whole) + ".*")
			if rest := f.bundled[1:]; len(rest) > 0 {
				var others []propose.Proposal
				for _, one := range rest {
					others = append(others, one.Members...)
				}
				exclude = ", exclude: [" + sourceNames(others) + "]"
			}
		}
		cursors := ""
		if len(group.Cursors) > 0 {
			cursors = ", cursor: [" + propose.QuoteAll(group.Cursors) + "]"
		}
		fmt.Fprintf(b, "  %s:\n    source: {tables: [%s]%s%s}\n    target: {mode: %s}\n", propose.Quote(name), tables, exclude, cursors, group.Mode)
	}
}

func sourceNames(list []propose.Proposal) string {
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = propose.SourceName(p.Table)
	}
	return propose.QuoteAll(names)
}
