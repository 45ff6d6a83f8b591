package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

// A Connection is one of the config. What it takes to log in is not told.
type Connection struct {
	Name     string   `json:"name"`
	Type     string   `json:"type" enum:"mysql,s3,file"`
	Lake     bool     `json:"lake" doc:"tables are written to it, and can be asked for"`
	Location string   `json:"location" doc:"the address of a server, a bucket or a folder"`
	User     string   `json:"user,omitempty"`
	MaxRuns  int      `json:"max_runs,omitempty"`
	ReadRate int64    `json:"read_rate,omitempty" doc:"rows per second"`
	Used     []string `json:"pipelines" doc:"the pipelines and groups that use it"`
}

type connectionList struct {
	Body struct {
		Connections []Connection `json:"connections"`
	}
}

type connectionPath struct {
	Name string `path:"name" maxLength:"300"`
}

// A finding is one thing that a check has tried.
type finding struct {
	Step     string `json:"step" example:"login"`
	Detail   string `json:"detail,omitempty" doc:"what was found"`
	Error    string `json:"error,omitempty" doc:"why it does not work"`
	Hint     string `json:"hint,omitempty" doc:"what to do about that"`
	Optional bool   `json:"optional,omitempty" doc:"pipelines run without it"`
}

type checked struct {
	Body struct {
		Works    bool      `json:"works"`
		Findings []finding `json:"findings" doc:"in the order in which they were tried; behind one that fails there may be none"`
	}
}

type tablesQuery struct {
	Name    string   `path:"name" maxLength:"300"`
	Pattern []string `query:"pattern,explode" maxItems:"100" doc:"DATABASE.TABLE with * and ?, any of them; none: all that the user may see"`
}

type sourceTables struct {
	Body struct {
		Tables []tidemark.TableName `json:"tables"`
	}
}

func (a *answers) connections(api huma.API) {
	huma.Register(api, operation(tidemark.RoleViewer, http.MethodGet, "/connections", "list-connections", "connections", "List connections"), a.listConnections)
	huma.Register(api, quiet(operation(tidemark.RoleOperator, http.MethodPost, "/connections/{name}/check", "check-connection", "connections", "Try a connection, step by step")), a.checkConnection)
	huma.Register(api, operation(tidemark.RoleOperator, http.MethodGet, "/connections/{name}/tables", "list-source-tables", "connections", "List the tables of a source"), a.listSourceTables)
	huma.Register(api, operation(tidemark.RoleOperator, http.MethodGet, "/connections/{name}/tables/{table}", "get-source-table", "connections", "Look at a table of a source, and propose a pipeline"), a.getSourceTable)
}

func (a *answers) listConnections(context.Context, *struct{}) (*connectionList, error) {
	list := new(connectionList)
	list.Body.Connections = append([]Connection{}, a.Pipelines.Connections()...)
	return list, nil
}

func (a *answers) checkConnection(ctx context.Context, p *connectionPath) (*checked, error) {
	return using(ctx, a, a.plans, func(r *run.Runner) (*checked, error) { return checkOf(ctx, r, p.Name) })
}

func checkOf(ctx context.Context, r *run.Runner, name string) (*checked, error) {
	c := new(checked)
	c.Body.Works, c.Body.Findings = true, []finding{}
	err := r.CheckConnection(ctx, name, func(f run.Finding) {
		one := finding{Step: f.Step, Detail: f.Detail, Optional: f.Optional}
		if f.Err != nil {
			one.Error, one.Hint = f.Err.Error(), tidemark.Hint(f.Err)
			c.Body.Works = c.Body.Works && f.Optional
		}
		c.Body.Findings = append(c.Body.Findings, one)
	})
	return c, err
}

func (a *answers) listSourceTables(ctx context.Context, q *tablesQuery) (*sourceTables, error) {
	return using(ctx, a, a.plans, func(r *run.Runner) (*sourceTables, error) {
		tables, err := r.SourceTables(ctx, q.Name, q.Pattern)
		list := new(sourceTables)
		list.Body.Tables = append([]tidemark.TableName{}, tables...)
		return list, err
	})
}
