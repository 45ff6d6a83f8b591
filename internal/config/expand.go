package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// A Group is a pipeline spec that covers many tables: each that matches is a pipeline of its own.
type Group struct {
	Name    string
	Source  string // the *MySQL whose tables are asked for
	Lake    string // an *S3 or a *Folder
	Tables  []Pattern
	Exclude []Pattern
	Runs    Runs // of each of its pipelines

	spec   pipelineSpec
	steps  []Step
	checks []Check
}

func (b *builder) group(c *Config, name, path string, spec pipelineSpec) Group {
	g := Group{
		Name: name, Source: spec.Source.Connection, Lake: spec.Target.Connection, Runs: spec.runs(), spec: spec, steps: spec.steps(c), checks: spec.checks(c),
	}
	database := databaseOf(c, spec.Source.Connection)
	read := func(key string, list Strings) (patterns []Pattern) {
		for i, text := range list {
			p, err := parsePattern(text, database)
			if err != nil {
				b.at(fmt.Sprintf("%s[%d]", join(path, "source", key), i), tidemark.Hint(err), "%s", err)
				continue
			}
			patterns = append(patterns, p)
		}
		return patterns
	}
	g.Tables, g.Exclude = read("tables", spec.Source.Tables), read("exclude", spec.Source.Exclude)
	example := tidemark.TableName{Database: "d", Name: "t"}
	if _, err := targetTable(spec.Target.Table, example); err != nil {
		b.at(join(path, "target", "table"), tidemark.Hint(err), "%s", err)
	} else if !strings.Contains(spec.Target.Table, "{table}") {
		b.at(join(path, "target", "table"), "write it as shop.{table}", "many tables would go into one: {table} is missing")
	}
	return g
}

// Watermarks returns the table of watermarks of the group's pipelines, without the name of each; nil where they have none.
func (g Group) Watermarks() *WatermarkTable { return g.spec.Source.watermarks(tidemark.TableName{}) }

// systemDatabases belong to the server. A pattern finds them only where it spells their names.
var systemDatabases = []string{"mysql", "information_schema", "performance_schema", "sys"}

// Expand returns a pipeline for each of the tables that the group covers, sorted by table. It is an error when there
// is none, or when two tables would share a name.
func (g Group) Expand(tables []tidemark.TableName) ([]Pipeline, error) {
	var list []Pipeline
	taken := map[tidemark.PipelineID]tidemark.TableName{}
	for _, table := range slices.SortedFunc(slices.Values(tables), compareTables) {
		p, ok := g.match(table)
		if !ok {
			continue
		}
		id := g.Name + "." + plain(table.Name)
		if p.anyDatabase {
			id = g.Name + "." + plain(table.Database) + "." + plain(table.Name)
		}
		name, err := tidemark.ParsePipelineID(id)
		if err != nil {
			return nil, fmt.Errorf("table %s of pipelines %s: %w", table, g.Name, err)
		}
		if other, found := taken[name]; found {
			return nil, tidemark.WithHint(
				fmt.Errorf("tables %s and %s would both be pipeline %s: %w", other, table, name, tidemark.ErrInvalid),
				"exclude one, and give it a pipeline with a name of its own")
		}
		taken[name] = table
		target, err := targetTable(g.spec.Target.Table, table)
		if err != nil {
			return nil, fmt.Errorf("pipeline %s: %w: %w", name, tidemark.ErrInvalid, err)
		}
		list = append(list, g.spec.pipeline(g.steps, g.checks, name, table, target))
	}
	if len(list) == 0 {
		return nil, tidemark.WithHint(
			fmt.Errorf("pipelines %s: no table matches %s: %w", g.Name, strings.Join(g.spec.Source.Tables, ", "), tidemark.ErrNotFound),
			"check the patterns, and that the user may see the tables")
	}
	return list, nil
}

// match returns the first pattern that covers the table, if none excludes it.
func (g Group) match(table tidemark.TableName) (Pattern, bool) {
	if slices.ContainsFunc(g.Exclude, func(p Pattern) bool { return p.Match(table) }) {
		return Pattern{}, false
	}
	for _, p := range g.Tables {
		system := p.anyDatabase && slices.Contains(systemDatabases, table.Database)
		if p.Match(table) && !system {
			return p, true
		}
	}
	return Pattern{}, false
}

func compareTables(a, b tidemark.TableName) int {
	return cmp.Or(cmp.Compare(a.Database, b.Database), cmp.Compare(a.Name, b.Name))
}

// Check returns an error for each pair of pipelines that cannot both be run: those that have one name, or that write
// one table although one of them does not only append. Parse has checked c.Pipelines; this is for those that
// Expand added.
func (c *Config) Check(pipelines []Pipeline) error {
	var errs []error
	seen := map[tidemark.PipelineID]bool{}
	for _, p := range pipelines {
		if seen[p.ID] {
			errs = append(errs, tidemark.WithHint(
				fmt.Errorf("two pipelines are called %s: %w", p.ID, tidemark.ErrInvalid), "exclude the table from the patterns"))
		}
		seen[p.ID] = true
	}
	for _, clash := range clashes(c, pipelines) {
		errs = append(errs, tidemark.WithHint(
			fmt.Errorf("pipeline %s: %s: %w", clash.second.ID, clash.message(), tidemark.ErrInvalid), clash.hint()))
	}
	for _, twice := range sameRows(c, pipelines) {
		errs = append(errs, tidemark.WithHint(
			fmt.Errorf("pipeline %s: %s: %w", twice.second.ID, twice.message(), tidemark.ErrInvalid), twice.hint()))
	}
	return errors.Join(errs...)
}

// A clash is two pipelines that cannot share their table.
type clash struct{ first, second Pipeline }

// clashes returns each pipeline that writes the table of an earlier one, unless all that both do is to append.
func clashes(c *Config, pipelines []Pipeline) []clash {
	type place struct {
		lake  string
		table tidemark.TableID
	}
	owners := map[place]Pipeline{}
	var list []clash
	for _, p := range pipelines {
		lake, found := c.Connections[p.Lake]
		if !found {
			continue
		}
		at := place{lake.location(), p.Target}
		owner, taken := owners[at]
		if !taken {
			owners[at] = p
			continue
		}
		share := owner.Mode == tidemark.ModeAppend && p.Mode == tidemark.ModeAppend && owner.Format == p.Format
		if !share {
			list = append(list, clash{owner, p})
		}
	}
	return list
}

func (c clash) message() string {
	return fmt.Sprintf("pipeline %s writes the table %s already", c.first.ID, c.second.Target)
}

func (c clash) hint() string {
	return "only pipelines of mode append and of one format can share a table"
}
