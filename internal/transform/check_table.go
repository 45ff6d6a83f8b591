package transform

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// A Table is the pipeline's table in the lake, in which a check looks beside the rows of the run.
type Table struct {
	Merge bool     // rows of the table with the key of one of the run go
	Key   []string // of a merge; nil: that of what lands

	// Open makes the rows that the table has now ready to be read; nil where there are none. The caller closes what it gets.
	Open func(context.Context) (*OpenTable, error)
}

// An OpenTable is a table whose files are there.
type OpenTable struct {
	SQL    string // the SELECT that is its rows
	Schema *arrow.Schema
	Close  func() error
}

// A tableCheck holds the values of the run's rows in a database, which goes to disk with them, and looks them up in the table
// once all are there.
type tableCheck struct {
	Table
	columns []string // that are to be unique
	types   []arrow.DataType
	schema  *arrow.Schema // of what is held: u0, u1, … and the key of a merge, k0, k1, …
	places  []int         // of those in what lands
	dir     string
	memory  int64
	db      *duckdb.DB
}

const runName = "tidemark_run"

func (c *Checks) uniqueInTable(ctx context.Context, check Check, s *tidemark.Schema) (examiner, error) {
	t := &tableCheck{Table: *check.Table, columns: check.Unique, dir: c.dir, memory: c.share()}
	var err error
	if t.places, t.types, err = comparableAt(check.Unique, s); err != nil {
		return examiner{}, err
	}
	if t.Merge && len(t.Key) == 0 {
		t.Key = s.Key
	}
	var fields []arrow.Field
	for i, of := range t.types {
		fields = append(fields, arrow.Field{Name: fmt.Sprintf("u%d", i), Type: of, Nullable: true})
	}
	if t.Merge {
		key, err := allAt(t.Key, s)
		if err != nil {
			return examiner{}, err
		}
		for i, at := range key {
			fields = append(fields, arrow.Field{Name: fmt.Sprintf("k%d", i), Type: s.Columns[at].Type, Nullable: true})
		}
		t.places = append(t.places, key...)
	}
	t.schema = arrow.NewSchema(fields, nil)
	rows := newIntake(ctx, t.hold)
	return examiner{
		look: func(b arrow.RecordBatch) (finding, error) { return finding{}, rows.put(b) },
		finish: func(n int64, o tidemark.Observed) (finding, error) {
			if n == 0 {
				return finding{}, nil
			}
			if err := rows.end(); err != nil {
				return finding{}, err
			}
			return t.find(ctx, o.Run)
		},
		close: func() error {
			err := rows.close()
			if t.db != nil {
				err = errors.Join(err, t.db.Close())
			}
			return err
		},
	}, nil
}

// hold reads the rows of the run into a database.
func (t *tableCheck) hold(ctx context.Context, rows iter.Seq2[arrow.RecordBatch, error]) (err error) {
	if t.db, err = duckdb.Open(ctx, duckdb.Options{Memory: t.memory, Threads: threadsFor(t.memory), Temp: spillIn(t.dir)}); err != nil {
		return err
	}
	return t.db.Load(ctx, runName, t.schema, each(rows, func(b arrow.RecordBatch) (arrow.RecordBatch, error) {
		columns := make([]arrow.Array, len(t.places))
		for i, at := range t.places {
			columns[i] = b.Column(at)
		}
		return array.NewRecordBatch(t.schema, columns, b.NumRows()), nil
	}))
}

// find looks the values up. Rows that are not a run's own take the place of others: of a merge it is known which those are, by
// their keys, and otherwise they are looked up among themselves only.
func (t *tableCheck) find(ctx context.Context, run bool) (f finding, err error) {
	hits := "SELECT " + t.list("u", "NULL AS %s") + " WHERE false"
	if run || t.Merge {
		table, oerr := t.Open(ctx)
		if oerr != nil {
			return f, oerr
		}
		if table != nil {
			defer func() { err = errors.Join(err, table.Close()) }()
			if t.known(table.Schema) {
				hits = t.hits(table.SQL)
			}
		}
	}
	u := t.list("u", "%s")
	rows, err := t.db.Query(ctx, &duckdb.Statement{SQL: fmt.Sprintf(`WITH hits AS MATERIALIZED (%[2]s),
		counted AS (SELECT %[1]s, count(*) AS n FROM %[4]s WHERE %[3]s GROUP BY %[1]s),
		found AS MATERIALIZED (SELECT %[1]s, n, hits.u0 IS NOT NULL AS there FROM counted LEFT JOIN hits USING (%[1]s) WHERE there OR n > 1)
		SELECT (SELECT sum(CASE WHEN there THEN n ELSE n - 1 END) FROM found), (SELECT count(*) FROM found), there, n, %[1]s
		FROM found ORDER BY there DESC, %[1]s LIMIT %[5]d`, u, hits, t.list("u", "%s IS NOT NULL", " AND "), runName, maxNamed)})
	if err != nil {
		return f, fmt.Errorf("look into the table: %w", err)
	}
	defer rows.Close()
	return t.tell(rows)
}

// hits is the SELECT for the values of the run that rows of the table have which stay.
func (t *tableCheck) hits(table string) string {
	var list []string
	for i, name := range t.columns {
		list = append(list, fmt.Sprintf("%s AS u%d", duckdb.Ident(name), i))
	}
	gone := ""
	if t.Merge {
		for i, name := range t.Key {
			list = append(list, fmt.Sprintf("%s AS k%d", duckdb.Ident(name), i))
		}
		gone = fmt.Sprintf(" ANTI JOIN %s AS r USING (%s)", runName, t.list("k", "%s"))
	}
	u := t.list("u", "%s")
	return fmt.Sprintf("SELECT DISTINCT %s FROM (SELECT %s FROM (%s)) AS t SEMI JOIN %s AS s USING (%s)%s", u, strings.Join(list, ", "), table, runName, u, gone)
}

// list returns the held columns with a prefix, each put into a form.
func (t *tableCheck) list(prefix, form string, between ...string) string {
	var list []string
	for _, f := range t.schema.Fields() {
		if strings.HasPrefix(f.Name, prefix) {
			list = append(list, fmt.Sprintf(form, f.Name))
		}
	}
	if len(between) == 0 {
		between = []string{", "}
	}
	return strings.Join(list, between[0])
}

// known reports whether the table has all columns. Where it has not got one yet, that is NULL in all its rows.
func (t *tableCheck) known(s *arrow.Schema) bool {
	return !slices.ContainsFunc(slices.Concat(t.columns, t.Key), func(name string) bool {
		return !slices.ContainsFunc(s.Fields(), func(f arrow.Field) bool { return strings.EqualFold(f.Name, name) })
	})
}

// tell puts what was found into words.
func (t *tableCheck) tell(rows *duckdb.Rows) (f finding, err error) {
	var there, twice []string
	var all int64
	for row, err := range rows.All() {
		if err != nil {
			return finding{}, fmt.Errorf("look into the table: %w", err)
		}
		if _, err := fmt.Sscan(duckdb.Text(row[0])+" "+duckdb.Text(row[1]), &f.failed, &all); err != nil {
			return finding{}, fmt.Errorf("look into the table: %w", err)
		}
		values := make([]string, len(t.types))
		for i, of := range t.types {
			values[i] = shown(duckdb.Text(row[4+i]), of)
		}
		if row[2] == true {
			there = append(there, together(values))
		} else {
			twice = append(twice, together(values)+" "+duckdb.Text(row[3])+" times")
		}
	}
	switch {
	case len(there) == 0 && len(twice) == 0:
	case len(twice) == 0:
		f.detail = "the table has " + namedValues(t.columns, there, all)
	case len(there) == 0:
		f.detail = "the run has " + namedValues(t.columns, twice, all)
	default:
		f.detail = "the table has " + namedValues(t.columns, there, int64(len(there))) + ", the run " + namedValues(t.columns, twice, all-int64(len(there)))
	}
	return f, nil
}
