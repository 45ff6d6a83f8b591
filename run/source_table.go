package run

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/duckdb"
	"github.com/tidemark-data/tidemark/internal/mysql"
	"github.com/tidemark-data/tidemark/internal/propose"
)

// A SourceTable is a table of a source, and how it could be loaded.
type SourceTable struct {
	Table   tidemark.TableName
	Columns []SourceColumn
	Key     []string   // the primary key
	Unique  [][]string // as in tidemark.Schema
	Rows    int64      // the server's guess; -1 where it has none
	Bytes   int64      // the same

	Cursors  []tidemark.Cursor // all that the table could have
	Proposal propose.Proposal
	Pipeline string // a name that no pipeline has
	YAML     string // of the pipeline that is proposed, as it stands below its name
}

// A SourceColumn is a column of a table of a source.
type SourceColumn struct {
	tidemark.Column
	Lake string // the type that it would have in the lake, as a query sees it
}

// SourceTableOptions say for which target something is proposed.
type SourceTableOptions struct {
	Lake   string          // a connection; "" means the first that the config has
	Format tidemark.Format // "" means Iceberg
}

// SourceTable looks at a table of a MySQL connection, DATABASE.TABLE or TABLE in the connection's own database, and proposes a
// pipeline that loads it. What is not there is ErrNotFound.
func (r *Runner) SourceTable(ctx context.Context, connection, table string, o SourceTableOptions) (*SourceTable, error) {
	of, ok := r.cfg.Connections[connection]
	if !ok {
		return nil, fmt.Errorf("connection %q: %w", connection, tidemark.ErrNotFound)
	}
	c, err := r.mysqlConfig(connection)
	if err != nil {
		return nil, err
	}
	name, err := config.ParseSourceTable(table, of.(*config.MySQL).Database)
	if err != nil {
		return nil, err
	}
	source, err := mysql.Open(ctx, c, tidemark.Pipeline{Table: name, Mode: tidemark.ModeReplace}, r.log)
	if err != nil {
		return nil, fmt.Errorf("connection %s: %w", connection, err)
	}
	defer source.Close()
	schema, err := source.Schema(ctx)
	if err != nil {
		return nil, fmt.Errorf("connection %s: %w", connection, err)
	}
	t := &SourceTable{Table: name, Key: schema.Key, Unique: schema.Unique, Rows: schema.Rows, Bytes: schema.Bytes}
	for _, column := range schema.Columns {
		lake, err := duckdb.Type(column.Type)
		if err != nil {
			return nil, fmt.Errorf("table %s: column %q: %w", name, column.Name, err)
		}
		t.Columns = append(t.Columns, SourceColumn{column, lake})
	}
	if t.Cursors, err = source.Cursors(); err != nil {
		return nil, err
	}
	r.propose(t, connection, o)
	return t, nil
}

func (r *Runner) propose(t *SourceTable, connection string, o SourceTableOptions) {
	if o.Format == "" {
		o.Format = tidemark.FormatIceberg
	}
	if o.Lake == "" {
		o.Lake = r.firstLake()
	}
	t.Proposal = propose.For(propose.Facts{Table: t.Table, Key: t.Key, Unique: t.Unique, Cursors: t.Cursors}, o.Format)
	t.YAML = propose.Comment("", t.Proposal.Reason)
	for _, line := range t.Proposal.Lines(connection, o.Lake, o.Format) {
		t.YAML += line + "\n"
	}
	short := propose.PipelineName(t.Table.Name)
	t.Pipeline = short
	for n := 1; slices.Contains(r.names(), t.Pipeline); n++ {
		if t.Pipeline = propose.PipelineName(t.Table.Database) + "_" + short; n > 1 {
			t.Pipeline = fmt.Sprintf("%s_%d", short, n)
		}
	}
}

// firstLake is the first lake by name, or what one would be called.
func (r *Runner) firstLake() string {
	for _, name := range slices.Sorted(maps.Keys(r.cfg.Connections)) {
		if _, isSource := r.cfg.Connections[name].(*config.MySQL); !isSource {
			return name
		}
	}
	return "lake"
}
