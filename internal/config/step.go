package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
)

// A Step is a step that changes rows on their way.
type Step struct {
	Name    string         `json:"-"` // unique in the pipeline
	Columns []ColumnChange // of change_schema, sorted by name
	Order   []string       // of change_schema: the columns that come first

	SQL     string        // "" of change_schema
	Lookups []LookupTable // of sql, sorted by name

	Go string `json:",omitempty"` // the name of a func; "" of the others
}

// A LookupTable is a table that sql may read, whole.
type LookupTable struct {
	Name       string
	Connection string
	Source     tidemark.TableName // of a *MySQL
	Lake       tidemark.TableID   // of a *S3 or *Folder
}

// A ColumnChange is what change_schema makes of a column.
type ColumnChange struct {
	Column string
	Rename string // "" keeps the name
	Type   string // as tidemark.ParseType reads it; "" keeps the type
	Drop   bool

	Quarantine bool `json:",omitempty"` // a row whose value does not fit into Type is set aside
}

// steps checks the transforms of the pipeline at path.
func (b *builder) steps(c *Config, path string, specs []stepSpec) {
	path = join(path, "transforms")
	taken := map[string]bool{}
	for i, spec := range specs {
		at := itemPath(path, i)
		if spec.Name != "" && taken[spec.Name] {
			b.at(join(at, "name"), "", "two steps are called %q", spec.Name)
		}
		taken[spec.Name] = true
		var kinds []string
		for _, kind := range []string{"change_schema", "sql", "go"} {
			if b.has(join(at, kind)) || kind == "change_schema" && b.has(join(at, "order")) {
				kinds = append(kinds, kind)
			}
		}
		selects := slices.Contains(kinds, "sql")
		switch {
		case len(kinds) > 1:
			b.at(at, "make several steps of it", "%s exclude each other", strings.Join(kinds, " and "))
		case len(kinds) == 0:
			b.at(at, "use change_schema, sql or go", "this step does nothing")
		case selects:
			b.lookups(c, at, spec)
		case kinds[0] == "go":
			if spec.Go == "" {
				b.at(join(at, "go"), "", "the name of a func is wanted")
			}
		default:
			b.changeSchema(at, spec)
		}
		if !selects && b.has(join(at, "lookups")) {
			b.at(join(at, "lookups"), "", "only sql has lookups")
		}
	}
}

func (b *builder) changeSchema(path string, spec stepSpec) {
	b.words(path, "order", spec.Order)
	path = join(path, "change_schema")
	for _, name := range inOrder(b.problems, path, spec.ChangeSchema) {
		at, change := join(path, name), spec.ChangeSchema[name]
		switch {
		case change.Drop && (change.Rename != "" || change.Type != ""):
			b.at(at, "keep one", "a column that is dropped has no other name or type")
		case !change.Drop && change.Rename == "" && change.Type == "":
			b.at(at, "use rename, type or drop", "nothing is to become of the column")
		}
		if change.Type == "" && b.has(join(at, "on_fail")) {
			b.at(join(at, "on_fail"), "", "only a column with a type has it")
		}
		if change.Type != "" {
			if _, err := tidemark.ParseType(change.Type); err != nil {
				b.at(join(at, "type"), tidemark.Hint(err), "unknown type %q", change.Type)
			}
		}
	}
}

// lookups checks the other tables of a step.
func (b *builder) lookups(c *Config, path string, spec stepSpec) {
	if strings.TrimSpace(spec.SQL) == "" {
		b.at(join(path, "sql"), "", "a statement is wanted")
	}
	path = join(path, "lookups")
	for _, name := range inOrder(b.problems, path, spec.Lookups) {
		at, lookup := join(path, name), spec.Lookups[name]
		if slices.Contains([]string{"rows", "fetch_details"}, strings.ToLower(name)) {
			b.at(at, "choose another name", "%q is what the run's own table is called", name)
		}
		b.uses(c, at, "connection", lookup.Connection, "mysql, s3 or file", func(Connection) bool { return true })
		if lookup.Table == "" {
			b.missing(at, "table")
		} else if _, err := lookupOf(c, name, lookup); err != nil {
			b.at(join(at, "table"), tidemark.Hint(err), "%s", err)
		}
	}
}

// lookupOf reads the name of the table as its connection has it.
func lookupOf(c *Config, name string, spec lookupSpec) (l LookupTable, err error) {
	l = LookupTable{Name: name, Connection: spec.Connection}
	if c.Connections[spec.Connection] == nil {
		return l, nil // that has been reported
	}
	if isMySQL(c.Connections[spec.Connection]) {
		l.Source, err = parseTable(spec.Table, databaseOf(c, spec.Connection))
	} else {
		l.Lake, err = targetTable(spec.Table, tidemark.TableName{})
	}
	return l, err
}

// lookupsOf returns the tables that the document describes, sorted by name.
func lookupsOf(config *Config, specs map[string]lookupSpec) (lookups []LookupTable) {
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		if l, err := lookupOf(config, name, specs[name]); err == nil {
			lookups = append(lookups, l)
		}
	}
	return lookups
}

// steps returns the steps that the document describes.
func (s pipelineSpec) steps(config *Config) []Step {
	var steps []Step
	kinds := map[string]int{}
	for _, spec := range s.Transforms {
		step := Step{Name: spec.Name, Order: spec.Order, SQL: spec.SQL, Go: spec.Go}
		step.Lookups = lookupsOf(config, spec.Lookups)
		for _, name := range slices.Sorted(maps.Keys(spec.ChangeSchema)) {
			c := spec.ChangeSchema[name]
			step.Columns = append(step.Columns, ColumnChange{
				Column: name, Rename: c.Rename, Type: c.Type, Drop: c.Drop, Quarantine: tidemark.OnFail(c.OnFail) == tidemark.OnFailQuarantine,
			})
		}
		if step.Name == "" {
			switch {
			case spec.Go != "":
				step.Name = spec.Go
			case spec.SQL != "":
				step.Name = "sql"
			default:
				step.Name = "change_schema"
			}
			if kinds[step.Name]++; kinds[step.Name] > 1 {
				step.Name = fmt.Sprintf("%s %d", step.Name, kinds[step.Name])
			}
		}
		steps = append(steps, step)
	}
	return steps
}

// ArrowType returns the column's new type, nil where it keeps its own.
func (c ColumnChange) ArrowType() arrow.DataType {
	if c.Type == "" {
		return nil
	}
	t, err := tidemark.ParseType(c.Type)
	if err != nil {
		return nil // the config was checked
	}
	return t
}

// fingerprint says in short what the steps are; "" where there are none.
func fingerprint(steps []Step) string {
	if len(steps) == 0 {
		return ""
	}
	text, err := json.Marshal(steps)
	if err != nil {
		panic(err) // strings and flags
	}
	sum := sha256.Sum256(text)
	return fmt.Sprintf("%d:%s", len(steps), hex.EncodeToString(sum[:8]))
}
