package transform

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// A SQL is a step that is a SELECT over the rows.
type SQL struct {
	Text    string
	Table   tidemark.TableName // of the source: the rows' other name
	Lookups []Lookup
	Dir     string // for what does not fit into memory
}

// A Lookup is a table that the SELECT may read beside the rows. Its rows are read at most once for each Rows.
type Lookup struct {
	Name   string
	Schema func(context.Context) (*arrow.Schema, error)
	Rows   func(context.Context) iter.Seq2[arrow.RecordBatch, error]

	// Own: it is the table in which the rows land. Before the first run it has their columns and no row.
	Own bool
}

const (
	rowsName    = "rows"
	detailsName = "fetch_details"

	watermarkName = "watermark" // of the function

	wholeMemory = 256 << 20 // of a statement that needs all rows
	splitMemory = 64 << 20  // of one of the statements that each have a split
)

// A query is a SELECT that is prepared for rows of one schema.
type query struct {
	*SQL
	name   string // of the rows, as the statement has it
	in     *arrow.Schema
	cursor *tidemark.Cursor
	from   tidemark.CursorValue // where the window begins
	whole  bool
	memory int64 // of one that is whole
	used   []used
	bypass *duckdb.Bypass // nil where all columns go through the database
}

// used is a lookup that the statement reads.
type used struct {
	Lookup
	schema *arrow.Schema
	empty  bool // the table is not there yet
}

func (s *SQL) begin(ctx context.Context, in *tidemark.Schema, w tidemark.Window) (*stage, error) {
	q := s.query(in, w)
	statement, described, shape, err := q.bind(ctx)
	if err != nil {
		return nil, err
	}
	out, err := land(in, described, statement.Lineage(q.name, q.in, described), shape)
	if err != nil {
		return nil, err
	}
	return &stage{schema: out, shape: shape, rows: q.rows}, nil
}

func (s *SQL) query(in *tidemark.Schema, w tidemark.Window) *query {
	return &query{SQL: s, name: rowsName, in: in.Arrow(), cursor: in.Cursor, from: w.From, memory: wholeMemory}
}

// bind checks the statement against the rows and the lookups, and tells what it yields.
func (q *query) bind(ctx context.Context) (statement *duckdb.Statement, described *arrow.Schema, shape tidemark.Shape, err error) {
	db, err := q.open(ctx)
	if err != nil {
		return nil, nil, shape, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if statement, err = q.parse(ctx, db); err != nil {
		return nil, nil, shape, err
	}
	for i, l := range q.used {
		q.used[i].schema, err = l.Schema(ctx)
		if l.Own && errors.Is(err, tidemark.ErrNotFound) {
			q.used[i].schema, q.used[i].empty, err = q.in, true, nil
		}
		if err == nil {
			err = db.Register(ctx, l.Name, q.used[i].schema, nil)
		}
		if err != nil {
			return nil, nil, shape, fmt.Errorf("lookup %s: %w", l.Name, err)
		}
	}
	if err = db.Register(ctx, q.name, q.in, nil); err != nil {
		return nil, nil, shape, err
	}
	if described, err = db.Describe(ctx, statement); err != nil {
		return nil, nil, shape, err
	}
	if shape, err = shapeOf(ctx, db, statement, q.name); err != nil {
		return nil, nil, shape, err
	}
	q.whole = shape.Whole
	q.bypass, err = db.Bypass(ctx, statement, q.name, q.in, described, detailsName)
	return statement, described, shape, err
}

// open starts a database that knows where the window begins.
func (q *query) open(ctx context.Context) (*duckdb.DB, error) {
	o := duckdb.Options{Memory: splitMemory, Threads: 1, Temp: spillIn(q.Dir)}
	if q.whole {
		o.Memory, o.Threads = q.memory, threadsFor(q.memory)
	}
	db, err := duckdb.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := q.begins(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// threadsFor returns how many threads share some memory; 0 for one per processor. Each holds some of what it works on.
func threadsFor(memory int64) int {
	if memory < wholeMemory {
		return int(max(memory/splitMemory, 1))
	}
	return 0
}

// spills counts the databases of this process.
var spills atomic.Int64

// spillIn returns a folder in dir that one database has for itself: DuckDB makes it when something does not fit into memory, and
// removes it, with all that looks like its own.
func spillIn(dir string) string {
	if dir == "" {
		return "" // nowhere
	}
	return filepath.Join(dir, fmt.Sprintf("tidemark-spill-%d-%d", os.Getpid(), spills.Add(1)))
}

// begins makes watermark() and fetch_details.
func (q *query) begins(ctx context.Context, db *duckdb.DB) error {
	from := q.lowerBound()
	if err := db.Exec(ctx, fmt.Sprintf("CREATE TEMP MACRO %s() AS %s", watermarkName, from)); err != nil {
		return err
	}
	return db.Exec(ctx, fmt.Sprintf("CREATE TEMP TABLE %s AS SELECT unnest([%s, %s]) AS tablename, %s AS last_fetched",
		detailsName, duckdb.Literal(q.Table.Name), duckdb.Literal(q.Table.String()), from))
}

// lowerBound is where the window begins, as SQL. A window without a beginning has the least value, and not NULL, to which
// no row would compare.
func (q *query) lowerBound() string {
	switch {
	case q.cursor == nil:
		return "NULL"
	case q.cursor.Kind == tidemark.CursorInteger && q.from.IsZero():
		return fmt.Sprint(math.MinInt64)
	case q.cursor.Kind == tidemark.CursorInteger:
		return q.from.String()
	}
	text := "0001-01-01 00:00:00"
	if !q.from.IsZero() {
		text = q.from.SQL()
	}
	switch q.cursor.Kind {
	case tidemark.CursorTimestamp:
		return "TIMESTAMPTZ " + duckdb.Literal(text+"+00")
	case tidemark.CursorDate:
		return "DATE " + duckdb.Literal(text)
	}
	return "TIMESTAMP " + duckdb.Literal(text)
}

// parse checks the statement and finds what it calls the rows, and which lookups it uses.
func (q *query) parse(ctx context.Context, db *duckdb.DB) (*duckdb.Statement, error) {
	statement, err := db.Parse(ctx, q.Text, watermarkName)
	if err != nil {
		return nil, err
	}
	called := ""
	for _, t := range statement.Tables {
		switch name := t.String(); {
		case t.AsOf != nil:
			return nil, statement.Reject(t, fmt.Sprintf("a step reads %s as it is, not AS OF an earlier state", name))
		case strings.EqualFold(name, q.Table.String()):
			return nil, statement.Reject(t, fmt.Sprintf("call the rows %s, or %s", q.Table.Name, rowsName))
		case strings.EqualFold(name, rowsName), strings.EqualFold(name, q.Table.Name):
			if called != "" && !strings.EqualFold(called, name) {
				return nil, statement.Reject(t, fmt.Sprintf("%s and %s are the same rows: call them by one name", called, name))
			}
			called = name
		case t.CTE, strings.EqualFold(name, detailsName):
		default:
			i := slices.IndexFunc(q.Lookups, func(l Lookup) bool { return strings.EqualFold(l.Name, name) })
			if i < 0 {
				return nil, tidemark.WithHint(statement.Reject(t, fmt.Sprintf("there is no table %s here", name)), q.known())
			}
			if l := q.Lookups[i]; !slices.ContainsFunc(q.used, func(u used) bool { return u.Name == l.Name }) {
				q.used = append(q.used, used{Lookup: l})
			}
		}
	}
	if called == "" {
		return nil, tidemark.WithHint(fmt.Errorf("the statement does not read the rows: %w", tidemark.ErrInvalid), q.known())
	}
	q.name = called
	return statement, nil
}

func (q *query) known() string {
	hint := fmt.Sprintf("the rows are %s, or %s; beside them there is %s", rowsName, q.Table.Name, detailsName)
	for _, l := range q.Lookups {
		hint += ", " + l.Name
	}
	return hint + "; other tables are named under lookups"
}

// rows runs the statement over rows in a database of its own.
func (q *query) rows(ctx context.Context, rows iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error] {
	var given error // an error of the rows, which is not the step's
	watched := func(yield func(arrow.RecordBatch, error) bool) {
		for b, err := range rows {
			if err != nil {
				given = err
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
	return func(yield func(arrow.RecordBatch, error) bool) {
		stopped := false
		err := q.run(ctx, watched, func(b arrow.RecordBatch) bool {
			stopped = !yield(b, nil)
			return !stopped
		})
		switch {
		case err == nil || stopped:
		case given != nil:
			yield(nil, given)
		default:
			yield(nil, ownError{err})
		}
	}
}

func (q *query) run(ctx context.Context, rows iter.Seq2[arrow.RecordBatch, error], take func(arrow.RecordBatch) bool) (err error) {
	db, err := q.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, l := range q.used {
		var rows iter.Seq2[arrow.RecordBatch, error]
		if !l.empty {
			rows = l.Rows(ctx)
		}
		if err := db.Load(ctx, l.Name, l.schema, rows); err != nil {
			return fmt.Errorf("lookup %s: %w", l.Name, err)
		}
	}
	statement, err := db.Parse(ctx, q.Text, watermarkName)
	if err != nil {
		return err
	}
	if err := db.Register(ctx, q.name, q.in, rows); err != nil {
		return err
	}
	if err := db.Lock(ctx, nil); err != nil {
		return err
	}
	results := db.Stream(ctx, statement)
	if q.bypass != nil {
		results = db.StreamPast(ctx, statement, q.bypass, rows)
	}
	for b, err := range results {
		if err != nil {
			return err
		}
		if !take(b) {
			return nil
		}
	}
	return nil
}
