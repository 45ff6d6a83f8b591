package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
)

// A Check is what must hold of the rows that a run publishes. Exactly one of its kinds is set.
type Check struct {
	Name   string // unique in the pipeline
	OnFail tidemark.OnFail

	NotNull   []string
	Unique    []string
	Accepted  *Accepted
	Range     *Range
	Regex     *Regex
	RowCount  *RowCount
	Freshness time.Duration

	InTable bool          // of Unique: among all rows of the table
	SQL     string        // "" of the other kinds
	Lookups []LookupTable // of SQL, sorted by name
}

// Accepted are the only values of a column, as they are written.
type Accepted struct {
	Column string
	Values []string
}

// Range bounds a column; "" for no bound.
type Range struct{ Column, Min, Max string }

// Regex is what the texts of a column look like.
type Regex struct{ Column, Pattern string }

// RowCount bounds the rows of a run; a Max of -1 is none.
type RowCount struct{ Min, Max int64 }

// checkKinds are the keys of which a check has exactly one.
var checkKinds = []string{"not_null", "unique", "accepted_values", "range", "regex", "row_count", "freshness", "sql"}

// checks checks the checks of the pipeline at path.
func (b *builder) checks(config *Config, path string, spec pipelineSpec) {
	names := map[string]bool{}
	built := spec.checks(config)
	path = join(path, "checks")
	for i, c := range spec.Checks {
		at := itemPath(path, i)
		var kinds []string
		for _, kind := range checkKinds {
			if b.has(join(at, kind)) {
				kinds = append(kinds, kind)
			}
		}
		if len(kinds) != 1 {
			b.at(at, "use one of "+strings.Join(checkKinds, ", "), "want one kind of check, got %d", len(kinds))
			continue
		}
		if name := built[i].Name; names[name] {
			b.at(at, "give it a name", "two checks are called %q", name)
		}
		names[built[i].Name] = true
		b.belongings(config, at, kinds[0], c)
		b.check(at, kinds[0], c, spec.Source)
	}
}

// belongings checks the keys that belong to one kind of check.
func (b *builder) belongings(config *Config, path, kind string, c checkSpec) {
	if kind != "unique" && b.has(join(path, "in")) {
		b.at(join(path, "in"), "", "only unique has it")
	}
	if kind == "sql" {
		b.lookups(config, path, stepSpec{SQL: c.SQL, Lookups: c.Lookups})
	} else if b.has(join(path, "lookups")) {
		b.at(join(path, "lookups"), "", "only sql has lookups")
	}
}

// check checks one.
func (b *builder) check(path, kind string, c checkSpec, source sourceSpec) {
	b.words(path, "not_null", c.NotNull)
	b.words(path, "unique", c.Unique)
	at := join(path, kind)
	if single := []string{"not_null", "accepted_values", "range", "regex"}; tidemark.OnFail(c.OnFail) == tidemark.OnFailQuarantine && !slices.Contains(single, kind) {
		b.at(join(path, "on_fail"), "use stop or warn; "+strings.Join(single, ", ")+" can set rows aside", "%s does not judge rows one by one, so that none can be set aside", kind)
	}
	needs := func(key string, empty bool) {
		if empty {
			b.missing(at, key)
		}
	}
	switch kind {
	case "accepted_values":
		needs("column", c.AcceptedValues.Column == "")
		needs("values", len(c.AcceptedValues.Values) == 0)
	case "range":
		needs("column", c.Range.Column == "")
		needs("min", c.Range.Min == "" && c.Range.Max == "")
	case "regex":
		needs("column", c.Regex.Column == "")
		needs("pattern", c.Regex.Pattern == "")
		if _, err := regexp.Compile(c.Regex.Pattern); err != nil {
			b.at(join(at, "pattern"), "", "%s", err)
		}
	case "row_count":
		needs("min", !b.has(join(at, "min")) && !b.has(join(at, "max")))
		if b.has(join(at, "max")) && c.RowCount.Max < c.RowCount.Min {
			b.at(join(at, "max"), "", "max is below min")
		}
	case "freshness":
		if c.Freshness <= 0 {
			b.at(at, "", "want a duration above zero")
		}
		if len(source.Cursor) == 0 {
			b.at(at, "use row_count", "freshness needs a cursor")
		}
	}
	if (kind == "not_null" && len(c.NotNull) == 0) || (kind == "unique" && len(c.Unique) == 0) {
		b.at(at, "", "name a column")
	}
}

// checks returns the checks that the document describes.
func (s pipelineSpec) checks(config *Config) []Check {
	var checks []Check
	for _, spec := range s.Checks {
		c := spec.check()
		c.Lookups = lookupsOf(config, spec.Lookups)
		checks = append(checks, c)
	}
	return checks
}

func (s checkSpec) check() Check {
	c := Check{Name: s.Name, OnFail: tidemark.OnFail(s.OnFail), NotNull: s.NotNull, Unique: s.Unique, Freshness: time.Duration(s.Freshness)}
	kind, of := "", ""
	switch {
	case s.NotNull != nil:
		kind, of = "not_null", strings.Join(s.NotNull, ", ")
	case s.Unique != nil:
		kind, of = "unique", strings.Join(s.Unique, ", ")
		c.InTable = s.In == "table"
	case s.AcceptedValues.Column != "":
		kind, of = "accepted_values", s.AcceptedValues.Column
		c.Accepted = &Accepted{Column: of}
		for _, v := range s.AcceptedValues.Values {
			c.Accepted.Values = append(c.Accepted.Values, string(v))
		}
	case s.Range.Column != "":
		kind, of = "range", s.Range.Column
		c.Range = &Range{Column: of, Min: string(s.Range.Min), Max: string(s.Range.Max)}
	case s.Regex.Column != "":
		kind, of = "regex", s.Regex.Column
		c.Regex = &Regex{Column: of, Pattern: s.Regex.Pattern}
	case s.Freshness > 0:
		kind = "freshness"
	case s.SQL != "":
		kind, c.SQL = "sql", s.SQL
	default:
		kind = "row_count"
		c.RowCount = &RowCount{Min: s.RowCount.Min, Max: -1}
		if s.RowCount.Max > 0 {
			c.RowCount.Max = s.RowCount.Max
		}
	}
	if c.Name != "" {
		return c
	}
	if c.Name = kind; of != "" {
		c.Name = fmt.Sprintf("%s(%s)", kind, of)
	}
	if c.InTable {
		c.Name += " in table"
	}
	return c
}
