package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// A named table is one that a statement reads, in one of its states.
type named struct {
	id       tidemark.TableID
	database string // in which its view lies; "" for the session's own
	snapshot *tidemark.Snapshot
	places   []duckdb.Table // in the statement, of this state
	alone    bool           // the statement leaves the namespace out somewhere
}

// resolve finds all tables that a statement reads, as they were where it says so.
func (s *session) resolve(parsed *duckdb.Statement) ([]*named, error) {
	list := sync.OnceValues(func() ([]tidemark.TableID, error) {
		list, err := s.o.Catalog.Tables(s.ctx)
		if err != nil {
			return nil, fmt.Errorf("list the tables of the lake: %w", err)
		}
		return list, nil
	})
	var found []*named
	known := map[string]*named{} // by how the statement writes it
	for _, t := range parsed.Tables {
		if isFetchDetails(t) {
			continue
		}
		key := strings.ToLower(t.String())
		if t.AsOf != nil {
			key = t.AsOf.Database
		}
		n := known[key]
		if n == nil {
			snapshot, err := s.locate(parsed, t, list)
			if err != nil {
				return nil, err
			}
			if snapshot == nil {
				continue
			}
			n = &named{id: snapshot.Table, snapshot: snapshot}
			if t.AsOf != nil {
				n.database = t.AsOf.Database
			}
			at := slices.IndexFunc(found, func(f *named) bool { return f.id == n.id && f.database == n.database })
			if at >= 0 {
				n = found[at]
			} else {
				found = append(found, n)
			}
			known[key] = n
		}
		n.places, n.alone = append(n.places, t), n.alone || t.Schema == ""
	}
	return found, nil
}

// makeView makes the view of a table: in a schema of its namespace's name, and where the statement leaves the namespace
// out, also without.
func (s *session) makeView(t *named) error {
	if err := s.leaveOut(t); err != nil {
		return err
	}
	query, err := viewOf(s.ctx, s.stage, t.snapshot)
	if err != nil {
		return err
	}
	if t.database != "" {
		return s.makeOldView(t, query)
	}
	schema, create := schemaOf(t.id), "CREATE VIEW "
	if schema == tempSchema {
		create = "CREATE TEMP VIEW "
	}
	name := duckdb.Ident(t.id.Name)
	statements := []string{"CREATE SCHEMA IF NOT EXISTS " + schema, create + schema + "." + name + " AS " + query}
	if t.alone && schema == duckdb.Ident(t.id.Namespace) && schema != mainSchema {
		statements = append(statements, fmt.Sprintf("CREATE VIEW %s.%s AS FROM %s.%s", mainSchema, name, schema, name))
	}
	return s.exec(statements)
}

// makeOldView makes the view of a table as it was, in a database of its own.
func (s *session) makeOldView(t *named, query string) error {
	database, name := duckdb.Ident(t.database), duckdb.Ident(t.id.Name)
	schema := database + "." + mainSchema
	statements := []string{"ATTACH ':memory:' AS " + database}
	if !t.alone {
		schema = database + "." + duckdb.Ident(t.id.Namespace)
		statements = append(statements, "CREATE SCHEMA IF NOT EXISTS "+schema)
	}
	return s.exec(append(statements, "CREATE VIEW "+schema+"."+name+" AS "+query))
}

func (s *session) exec(statements []string) error {
	for _, statement := range statements {
		if err := s.db.Exec(s.ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// leaveOut takes the files out of a snapshot in which the statement wants no row, and counts all.
func (s *session) leaveOut(t *named) error {
	all := t.snapshot
	for _, f := range slices.Concat(all.Data, all.Deletes) {
		s.read.Of, s.read.OfBytes = s.read.Of+1, s.read.OfBytes+f.Bytes
	}
	if all.Bounds != nil && len(all.Data) > 0 && !s.o.everyFile {
		needed, err := s.needed(t)
		if err != nil {
			return err
		}
		if needed != nil {
			t.snapshot = without(all, needed)
		}
	}
	for _, f := range slices.Concat(t.snapshot.Data, t.snapshot.Deletes) {
		s.read.Files, s.read.Bytes = s.read.Files+1, s.read.Bytes+f.Bytes
	}
	return nil
}

func (s *session) needed(t *named) ([]bool, error) {
	f := duckdb.Files{Bounds: t.snapshot.Bounds}
	v, err := newView(t.snapshot.Schema)
	if err != nil {
		return nil, err
	}
	for _, c := range v.columns {
		f.Columns = append(f.Columns, duckdb.Column{Name: c.name, Type: c.typ})
	}
	for _, file := range t.snapshot.Data {
		f.Rows = append(f.Rows, file.Rows)
	}
	return s.db.Needed(s.ctx, t.places, f)
}

// without returns a snapshot with those of its data files that are needed, and the deletes that apply to them.
func without(all *tidemark.Snapshot, needed []bool) *tidemark.Snapshot {
	some := *all
	some.Data, some.Deletes, some.Bounds = nil, nil, nil
	for i, f := range all.Data {
		if needed[i] {
			some.Data = append(some.Data, f)
		}
	}
	for _, d := range all.Deletes {
		if slices.ContainsFunc(some.Data, func(f tidemark.LakeFile) bool { return f.Seq < d.Seq }) {
			some.Deletes = append(some.Deletes, d)
		}
	}
	return &some
}

// locate finds the table that is meant and loads it. One that is named in full, and as it is written in the lake, is there
// without the list of all tables, for which a lake has to look at every object.
func (s *session) locate(parsed *duckdb.Statement, t duckdb.Table, tables func() ([]tidemark.TableID, error)) (*tidemark.Snapshot, error) {
	if id := (tidemark.TableID{Namespace: t.Schema, Name: t.Name}); id.Namespace != "" {
		if snapshot, err := s.load(parsed, t, id); err == nil || t.AsOf != nil && !errors.Is(err, tidemark.ErrNotFound) {
			return snapshot, err
		}
	}
	list, err := tables()
	if err != nil {
		return nil, err
	}
	id, err := resolve(parsed, t, list)
	if err != nil || id == (tidemark.TableID{}) {
		return nil, err
	}
	snapshot, err := s.load(parsed, t, id)
	if err != nil {
		return nil, fmt.Errorf("read table %s: %w", id, err)
	}
	return snapshot, nil
}

// load loads a table in the state that is meant.
func (s *session) load(parsed *duckdb.Statement, t duckdb.Table, id tidemark.TableID) (*tidemark.Snapshot, error) {
	if t.AsOf != nil {
		return s.asOf(parsed, t, id)
	}
	return s.o.Catalog.Snapshot(s.ctx, id)
}

// asOf loads a table as it was.
func (s *session) asOf(parsed *duckdb.Statement, t duckdb.Table, id tidemark.TableID) (*tidemark.Snapshot, error) {
	historian, ok := s.o.Catalog.(tidemark.Historian)
	if !ok {
		return nil, parsed.Reject(t, "this catalog has no older states of its tables")
	}
	v := tidemark.Version{Name: t.AsOf.Version}
	if v.Name == "" {
		var err error
		if v.At, err = moment(s.ctx, parsed, t); err != nil {
			return nil, err
		}
	}
	return historian.SnapshotAsOf(s.ctx, id, v)
}

// moment computes the moment that a statement names, in a database that has nothing in it.
func moment(ctx context.Context, parsed *duckdb.Statement, t duckdb.Table) (at time.Time, err error) {
	reject := func(why string) error {
		return tidemark.WithHint(parsed.Reject(t, fmt.Sprintf("TIMESTAMP AS OF %s: %s", t.AsOf.Moment, why)),
			"want a moment, in UTC where no zone is named, such as TIMESTAMP '2024-07-31 17:50:00'")
	}
	db, err := duckdb.Open(ctx, duckdb.Options{Threads: 1, Memory: 64 << 20})
	if err != nil {
		return at, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Lock(ctx, nil); err != nil {
		return at, err
	}
	expression, err := db.Parse(ctx, "SELECT CAST((\n"+t.AsOf.Moment+"\n) AS TIMESTAMPTZ)")
	if err != nil || len(expression.Tables) > 0 {
		return at, reject("this is no moment")
	}
	rows, err := db.Query(ctx, expression)
	if err != nil {
		return at, reject(err.Error())
	}
	defer rows.Close()
	for row, err := range rows.All() {
		if err != nil {
			return at, reject(err.Error())
		}
		if at, err = time.Parse(time.RFC3339Nano, duckdb.Text(row[0])); err != nil {
			return at, reject("it is " + strings.TrimSpace(duckdb.Text(row[0])+" and no moment"))
		}
	}
	return at, nil
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
