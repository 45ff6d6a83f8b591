package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

type lakeTablePath struct {
	Lake  string `path:"lake" maxLength:"300" doc:"the connection of the lake"`
	Table string `path:"table" maxLength:"600" doc:"NAMESPACE.TABLE, or TABLE where that is clear"`
}

// A lakeTable is a table of a lake, in a list.
type lakeTable struct {
	Table     tidemark.TableID      `json:"table"`
	Format    tidemark.Format       `json:"format,omitempty"`
	Comment   string                `json:"comment,omitempty"`
	Columns   int                   `json:"columns,omitempty"`
	Data      *tidemark.FileCount   `json:"data,omitempty" doc:"its data files"`
	Deletes   *tidemark.FileCount   `json:"deletes,omitempty" doc:"its files of deletes"`
	Pipelines []tidemark.PipelineID `json:"pipelines" doc:"that load into it"`
	Last      *tidemark.Change      `json:"last,omitempty" doc:"its newest commit"`
	Error     string                `json:"error,omitempty" doc:"why it cannot be described"`
}

// A tablesOfLake says which tables are listed, and how much is told of them.
type tablesOfLake struct {
	Lake  string   `path:"lake" maxLength:"300" doc:"the connection of the lake"`
	Brief bool     `query:"brief" doc:"only their names, which takes no look into each table: for lakes of thousands"`
	Only  []string `query:"table,explode" maxItems:"200" doc:"only these, each as NAMESPACE.TABLE"`
}

type lakeTables struct {
	Body struct {
		Tables []lakeTable `json:"tables"`
	}
}

type describedTable struct{ Body tidemark.Description }

type historyQuery struct {
	Lake  string `path:"lake" maxLength:"300"`
	Table string `path:"table" maxLength:"600"`
	Limit int    `query:"limit" minimum:"1" maximum:"100000" default:"100"`
}

type tableHistory struct {
	Body struct {
		Changes []tidemark.Change `json:"changes" doc:"the newest first"`
		Of      int               `json:"of" doc:"how many there are"`
	}
}

// A tableFile is a file of a table.
type tableFile struct {
	Key   string `json:"key"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
}

type tableFiles struct {
	Body struct {
		Files []tableFile `json:"files" doc:"of data and of deletes"`
		Of    int         `json:"of" doc:"how many there are"`
	}
}

type tableRecipes struct {
	Body struct {
		Recipes []run.Recipe `json:"recipes" doc:"statements with which other engines read the table"`
	}
}

type commentRequest struct {
	Lake  string `path:"lake" maxLength:"300"`
	Table string `path:"table" maxLength:"600"`
	Body  struct {
		Column  string `json:"column,omitempty" maxLength:"300" doc:"empty: of the table"`
		Comment string `json:"comment" maxLength:"2048" doc:"empty takes it away"`
	}
}

type commented struct {
	Body struct {
		Before string `json:"before" doc:"what it was"`
	}
}

func (a *answers) catalog(api huma.API) {
	const tables, table = "/catalog/{lake}/tables", "/catalog/{lake}/tables/{table}"
	huma.Register(api, operation(tidemark.RoleViewer, http.MethodGet, tables, "list-tables", "catalog", "List the tables of a lake"), a.listTables)
	huma.Register(api, operation(tidemark.RoleViewer, http.MethodGet, table, "get-table", "catalog", "Get a table: columns, location, pipelines, partitions"), a.table)
	huma.Register(api, operation(tidemark.RoleViewer, http.MethodGet, table+"/history", "get-table-history", "catalog", "Get the commits of a table"), a.tableHistory)
	huma.Register(api, operation(tidemark.RoleViewer, http.MethodGet, table+"/files", "list-table-files", "catalog", "List the files of a table"), a.tableFiles)
	huma.Register(api, operation(tidemark.RoleViewer, http.MethodGet, table+"/recipes", "get-table-recipes", "catalog", "Tell how other engines read a table"), a.tableRecipes)
	huma.Register(api, operation(tidemark.RoleOperator, http.MethodPut, table+"/comment", "comment-table", "catalog", "Say what a table or column is for"), a.comment)
}

func (a *answers) listTables(ctx context.Context, q *tablesOfLake) (*lakeTables, error) {
	return using(ctx, a, a.plans, func(r *run.Runner) (*lakeTables, error) {
		tables, err := q.tables(ctx, r)
		list := new(lakeTables)
		list.Body.Tables = make([]lakeTable, len(tables))
		for i, t := range tables {
			list.Body.Tables[i] = summaryOf(t)
		}
		return list, err
	})
}

func (q *tablesOfLake) tables(ctx context.Context, r *run.Runner) ([]run.TableSummary, error) {
	var ids []tidemark.TableID
	for _, name := range q.Only {
		id, err := r.ParseTable(ctx, q.Lake, name)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	if !q.Brief {
		if len(ids) == 0 {
			return r.List(ctx, q.Lake)
		}
		return r.ListOnly(ctx, q.Lake, ids)
	}
	if len(ids) == 0 {
		var err error
		if ids, err = r.Tables(ctx, q.Lake); err != nil {
			return nil, err
		}
	}
	names := make([]run.TableSummary, len(ids))
	for i, id := range ids {
		names[i].Table = id
	}
	return names, nil
}

func summaryOf(t run.TableSummary) lakeTable {
	one := lakeTable{Table: t.Table, Pipelines: []tidemark.PipelineID{}}
	d := t.Description
	if d == nil {
		if t.Err != nil {
			one.Error = t.Err.Error()
		}
		return one
	}
	one.Format, one.Comment, one.Columns, one.Data = d.Format, d.Comment, len(d.Columns), &d.Data
	if d.Deletes.Files > 0 {
		one.Deletes = &d.Deletes
	}
	for _, w := range d.Pipelines {
		one.Pipelines = append(one.Pipelines, w.Pipeline)
	}
	if len(d.History) > 0 {
		one.Last = &d.History[0]
	}
	return one
}

// withTable calls do with a table that was asked for by its name.
func withTable[T any](ctx context.Context, a *answers, lake, name string, do func(*run.Runner, tidemark.TableID) (T, error)) (T, error) {
	return using(ctx, a, a.plans, func(r *run.Runner) (none T, err error) {
		id, err := r.ParseTable(ctx, lake, name)
		if err != nil {
			return none, err
		}
		return do(r, id)
	})
}

// describing is withTable with the table's description.
func describing[T any](ctx context.Context, a *answers, lake, name string, do func(*tidemark.Description) T) (T, error) {
	return withTable(ctx, a, lake, name, func(r *run.Runner, id tidemark.TableID) (none T, err error) {
		d, err := r.Describe(ctx, lake, id)
		if err != nil {
			return none, err
		}
		return do(d), nil
	})
}

func (a *answers) table(ctx context.Context, p *lakeTablePath) (*describedTable, error) {
	return describing(ctx, a, p.Lake, p.Table, func(d *tidemark.Description) *describedTable {
		d.History = []tidemark.Change{} // it has a page of its own
		return &describedTable{*d}
	})
}

func (a *answers) tableHistory(ctx context.Context, q *historyQuery) (*tableHistory, error) {
	return describing(ctx, a, q.Lake, q.Table, func(d *tidemark.Description) *tableHistory {
		h := new(tableHistory)
		h.Body.Of, h.Body.Changes = len(d.History), append([]tidemark.Change{}, d.History[:min(q.Limit, len(d.History))]...)
		return h
	})
}

func (a *answers) tableFiles(ctx context.Context, q *historyQuery) (*tableFiles, error) {
	return describing(ctx, a, q.Lake, q.Table, func(d *tidemark.Description) *tableFiles {
		all := new(tableFiles)
		all.Body.Of, all.Body.Files = len(d.Files), []tableFile{}
		for _, f := range d.Files[:min(q.Limit, len(d.Files))] {
			all.Body.Files = append(all.Body.Files, tableFile{Key: f.Key, Rows: f.Rows, Bytes: f.Bytes})
		}
		return all
	})
}

func (a *answers) tableRecipes(ctx context.Context, p *lakeTablePath) (*tableRecipes, error) {
	return withTable(ctx, a, p.Lake, p.Table, func(r *run.Runner, id tidemark.TableID) (*tableRecipes, error) {
		recipes, err := r.Recipes(ctx, p.Lake, id)
		all := new(tableRecipes)
		all.Body.Recipes = append([]run.Recipe{}, recipes...)
		return all, err
	})
}

func (a *answers) comment(ctx context.Context, q *commentRequest) (*commented, error) {
	return withTable(ctx, a, q.Lake, q.Table, func(r *run.Runner, id tidemark.TableID) (*commented, error) {
		was, err := r.Comment(ctx, q.Lake, id, q.Body.Column, q.Body.Comment)
		c := new(commented)
		c.Body.Before = was
		return c, err
	})
}
