package config

import (
	"fmt"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// watermarkTable checks what a pipeline says about a table of watermarks, at path, and returns it with the table's whole name;
// the zero value where there is none.
func (b *builder) watermarkTable(c *Config, path string, spec pipelineSpec) watermarkTableSpec {
	w := spec.Source.WatermarkTable
	if w.Table == "" {
		if b.has(path) {
			b.missing(path, "table")
		}
		return watermarkTableSpec{}
	}
	if tidemark.Mode(spec.Target.Mode) == tidemark.ModeReplace {
		if b.has(path) { // what the defaults say is for others
			b.at(path, "leave it out: each run loads the whole table", "mode: replace has no watermark")
		}
		return watermarkTableSpec{}
	}
	if w.Name == "" {
		b.at(join(path, "name"), "", "rows without a name")
	}
	connection := spec.Source.Connection
	if w.Connection != "" {
		connection = w.Connection
		b.uses(c, path, "connection", w.Connection, "mysql", isMySQL)
	} else if w.Insert && b.has(join(path, "insert")) {
		b.at(join(path, "insert"), "add connection: a mysql connection whose user may insert into the table", "the source's own connection never writes")
	}
	if _, known := c.Connections[connection].(*MySQL); !known {
		return watermarkTableSpec{} // that has been reported, and the name cannot be judged
	}
	table, err := parseTable(w.Table, databaseOf(c, connection))
	if err != nil {
		b.at(join(path, "table"), tidemark.Hint(err), "%s", err)
		return watermarkTableSpec{}
	}
	w.Table = quote(table.Database) + "." + quote(table.Name)
	return w
}

// watermarks returns the table of watermarks as it is for one table of the source; nil where there is none.
func (s sourceSpec) watermarks(source tidemark.TableName) *WatermarkTable {
	table, err := parseTable(s.WatermarkTable.Table, "")
	if err != nil {
		return nil
	}
	w := &WatermarkTable{
		Table: table, Connection: s.WatermarkTable.Connection, First: tidemark.FirstWindow(s.WatermarkTable.First),
		Name:    strings.NewReplacer("{database}", source.Database, "{table}", source.Name).Replace(s.WatermarkTable.Name),
		Inserts: s.WatermarkTable.Insert && s.WatermarkTable.Connection != "",
	}
	if w.Connection == "" {
		w.Connection = s.Connection
	}
	return w
}

// rowsClash is two pipelines that insert rows of one name into one table.
type rowsClash struct{ first, second Pipeline }

// sameRows returns each pipeline that inserts rows which cannot be told from those of an earlier one.
func sameRows(c *Config, pipelines []Pipeline) []rowsClash {
	type place struct {
		server, name string
		table        tidemark.TableName
	}
	owners := map[place]Pipeline{}
	var list []rowsClash
	for _, p := range pipelines {
		w := p.Watermarks
		if w == nil || !w.Inserts || c.Connections[w.Connection] == nil {
			continue
		}
		at := place{c.Connections[w.Connection].location(), w.Name, w.Table}
		if owner, taken := owners[at]; taken && owner.ID != p.ID {
			list = append(list, rowsClash{owner, p})
			continue
		}
		owners[at] = p
	}
	return list
}

func (c rowsClash) message() string {
	return fmt.Sprintf("pipeline %s inserts rows of the name %q into %s already", c.first.ID, c.second.Watermarks.Name, c.second.Watermarks.Table)
}

func (c rowsClash) hint() string {
	return "give each a name of its own, such as name: \"{database}.{table}\", or set insert: false for one"
}
