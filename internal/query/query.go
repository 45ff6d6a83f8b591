// Package query answers SQL over the tables of a lake. It only reads: the statement must be one SELECT, and the
// database that runs it sees the data files of the tables that the statement names, and nothing else of the machine.
//
// The way of a statement: DuckDB parses it and says which tables it names (internal/duckdb); the catalog says which
// files hold their rows; those of a bucket are fetched into a cache (stage.go, cache.go); a view per table is made of them
// (view.go); then the database is locked, and the statement runs.
package query

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// Options say what is queried, and with what.
type Options struct {
	Catalog tidemark.Catalog
	Store   blob.Store // where the catalog's files lie

	// Folder is the Store's own folder on this machine, whose files are read where they lie; "" for a bucket.
	Folder string

	Cache      string // a folder for files of a bucket and temporary ones; "": the user's cache folder
	CacheLimit int64  // bytes of a bucket's files that stay there; 0: 2 GiB

	Memory  int64 // bytes that a query may take; 0: 512 MiB
	Threads int   // 0: one per processor
}

// A Result is the answer to a query. Its rows are read once; the caller closes it.
type Result struct {
	Columns []duckdb.Column

	rows *duckdb.Rows
	done func() error
}

// Rows yields the rows in order, each with a value per column, until the first error.
func (r *Result) Rows() iter.Seq2[[]duckdb.Value, error] { return r.rows.All() }

// Close ends the query and removes its temporary files. It may be called twice.
func (r *Result) Close() error {
	if r.done == nil {
		return nil
	}
	err := errors.Join(r.rows.Close(), r.done())
	r.done = nil
	return err
}

// Run answers one SELECT. A statement that is wrong, or more than a SELECT, is tidemark.ErrInvalid with the place; a
// table that is not in the lake is tidemark.ErrInvalid too, with those that are as a hint. ctx must live until the
// Result is closed.
func Run(ctx context.Context, o Options, statement string) (*Result, error) {
	stage, err := newStage(o)
	if err != nil {
		return nil, err
	}
	db, err := duckdb.Open(ctx, duckdb.Options{Memory: o.Memory, Threads: o.Threads, Temp: stage.spill()})
	if err != nil {
		return nil, errors.Join(err, stage.close())
	}
	done := func() error { return errors.Join(db.Close(), stage.close()) }
	rows, err := run(ctx, o, db, stage, statement)
	if err != nil {
		return nil, errors.Join(err, done())
	}
	return &Result{Columns: rows.Columns, rows: rows, done: done}, nil
}

func run(ctx context.Context, o Options, db *duckdb.DB, s *stage, statement string) (*duckdb.Rows, error) {
	parsed, err := db.Parse(ctx, statement)
	if err != nil {
		return nil, err
	}
	if len(parsed.Tables) > 0 {
		if err := makeViews(ctx, o.Catalog, db, s, parsed); err != nil {
			return nil, err
		}
	}
	if err := db.Lock(ctx, s.files); err != nil {
		return nil, err
	}
	return db.Query(ctx, parsed)
}

// makeViews makes a view for each table that the statement names: in a schema of its namespace's name, and where the
// statement leaves the namespace out, also without.
func makeViews(ctx context.Context, catalog tidemark.Catalog, db *duckdb.DB, s *stage, parsed *duckdb.Statement) error {
	tables := sync.OnceValues(func() ([]tidemark.TableID, error) {
		list, err := catalog.Tables(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the tables of the lake: %w", err)
		}
		return list, nil
	})
	made, alone := make(map[tidemark.TableID]bool), make(map[tidemark.TableID]bool)
	for _, t := range parsed.Tables {
		if made[tidemark.TableID{Namespace: t.Schema, Name: t.Name}] {
			continue
		}
		snapshot, id, err := locate(ctx, catalog, parsed, t, tables)
		if err != nil {
			return err
		}
		if id == (tidemark.TableID{}) {
			continue
		}
		if !made[id] {
			if err := makeView(ctx, db, s, id, snapshot); err != nil {
				return fmt.Errorf("read table %s: %w", id, err)
			}
			made[id] = true
		}
		if schema := schemaOf(id); t.Schema == "" && !alone[id] && schema == duckdb.Ident(id.Namespace) && schema != mainSchema {
			name := duckdb.Ident(id.Name)
			if err := db.Exec(ctx, fmt.Sprintf("CREATE VIEW %s.%s AS FROM %s.%s", mainSchema, name, schema, name)); err != nil {
				return fmt.Errorf("read table %s: %w", id, err)
			}
			alone[id] = true
		}
	}
	return nil
}

// locate finds the table that is meant and loads it. One that is named in full, and as it is written in the lake, is there
// without the list of all tables, for which a lake has to look at every object.
func locate(ctx context.Context, catalog tidemark.Catalog, parsed *duckdb.Statement, t duckdb.Table,
	tables func() ([]tidemark.TableID, error)) (*tidemark.Snapshot, tidemark.TableID, error) {
	if id := (tidemark.TableID{Namespace: t.Schema, Name: t.Name}); id.Namespace != "" {
		if s, err := catalog.Snapshot(ctx, id); err == nil {
			return s, id, nil
		}
	}
	list, err := tables()
	if err != nil {
		return nil, tidemark.TableID{}, err
	}
	id, err := resolve(parsed, t, list)
	if err != nil || id == (tidemark.TableID{}) {
		return nil, id, err
	}
	s, err := catalog.Snapshot(ctx, id)
	if err != nil {
		return nil, id, fmt.Errorf("read table %s: %w", id, err)
	}
	return s, id, nil
}

func makeView(ctx context.Context, db *duckdb.DB, s *stage, id tidemark.TableID, snapshot *tidemark.Snapshot) error {
	query, err := viewOf(ctx, s, snapshot)
	if err != nil {
		return err
	}
	schema, create := schemaOf(id), "CREATE VIEW "
	if schema == tempSchema {
		create = "CREATE TEMP VIEW "
	}
	if err := db.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+schema); err != nil {
		return err
	}
	return db.Exec(ctx, create+schema+"."+duckdb.Ident(id.Name)+" AS "+query)
}

const (
	mainSchema = `"main"`
	tempSchema = `"temp"."main"`
)

// schemaOf returns the schema in which the view of a table lies, so that namespace.name is its name. DuckDB has
// databases named memory and temp, and takes a namespace of that name for one of them: then the view lies there.
func schemaOf(id tidemark.TableID) string {
	switch strings.ToLower(id.Namespace) {
	case "memory":
		return `"memory"."main"`
	case "temp":
		return tempSchema
	case "main":
		return mainSchema // whatever its case
	default:
		return duckdb.Ident(id.Namespace)
	}
}

// resolve finds the table that is meant, as SQL does without regard to case. A name that the statement defines itself
// need not be one: the zero TableID.
func resolve(parsed *duckdb.Statement, t duckdb.Table, tables []tidemark.TableID) (tidemark.TableID, error) {
	var found []tidemark.TableID
	for _, id := range tables {
		if strings.EqualFold(id.Name, t.Name) && (t.Schema == "" || strings.EqualFold(id.Namespace, t.Schema)) {
			found = append(found, id)
		}
	}
	if exact := slices.Index(found, tidemark.TableID{Namespace: t.Schema, Name: t.Name}); exact >= 0 {
		found = found[exact : exact+1]
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case t.CTE:
		return tidemark.TableID{}, nil
	case len(found) > 1:
		return tidemark.TableID{}, tidemark.WithHint(parsed.Reject(t, fmt.Sprintf("table %s is ambiguous", t)), "there are "+list(found))
	case len(tables) == 0:
		return tidemark.TableID{}, tidemark.WithHint(parsed.Reject(t, fmt.Sprintf("no table %s in the lake", t)), "the lake has no tables yet: run a pipeline first")
	}
	return tidemark.TableID{}, tidemark.WithHint(parsed.Reject(t, fmt.Sprintf("no table %s in the lake", t)), "there are "+list(tables))
}

// list names tables, as many as one reads.
func list(tables []tidemark.TableID) string {
	const most = 20
	var names []string
	for _, id := range tables[:min(len(tables), most)] {
		names = append(names, id.String())
	}
	if n := len(tables) - most; n > 0 {
		names = append(names, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(names, ", ")
}

// cacheFolder returns Options.Cache or the default.
func (o Options) cacheFolder() (string, error) {
	if o.Cache != "" {
		return o.Cache, nil
	}
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	return filepath.Join(base, "tidemark"), nil
}
