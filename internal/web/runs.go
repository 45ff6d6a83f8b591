package web

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/sse"

	"github.com/tidemark-data/tidemark"
)

// Runs are the runs of a server. Errors are of the kinds of the root package.
type Runs interface {
	Runs(ctx context.Context, f tidemark.RunFilter) ([]tidemark.Run, error)
	Run(ctx context.Context, id tidemark.RunID) (tidemark.Run, error)
	Log(ctx context.Context, id tidemark.RunID, after int64, limit int) ([]tidemark.LogLine, error)
	Cancel(ctx context.Context, id tidemark.RunID, by string) (tidemark.Run, error)

	// Progress tells how far a run has come that is under way; false of one that is not.
	Progress(id tidemark.RunID) (Progress, bool)
}

// Progress is how far a run has come.
type Progress struct {
	Expected   int64 `json:"rows_expected" doc:"by the server's estimate; 0 while that is not known"`
	Read       int64 `json:"rows_read"`
	Suppressed int64 `json:"rows_suppressed"`
	Bytes      int64 `json:"bytes_read"`
	Splits     int64 `json:"splits"`
	SplitsDone int64 `json:"splits_done"`

	Each []tidemark.SplitRead `json:"each" doc:"the splits of this attempt"`
}

type runsQuery struct {
	Pipeline []string `query:"pipeline,explode" doc:"only runs of these pipelines"`
	State    []string `query:"state,explode" enum:"queued,running,succeeded,failed,cancelled,skipped" doc:"only runs in these states"`
	Since    string   `query:"since" format:"date-time" doc:"only runs that were queued at or after"`
	Before   string   `query:"before" maxLength:"26" doc:"go on behind this run, the last of a page"`
	Limit    int      `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type runList struct {
	Body struct {
		Runs []tidemark.Run `json:"runs" doc:"those first that were queued last"`
		Next string         `json:"next,omitempty" doc:"for before, where there may be more"`
	}
}

type runPath struct {
	ID string `path:"id" maxLength:"26"`
}

type oneRun struct {
	Body struct {
		tidemark.Run
		Progress *Progress `json:"progress,omitempty" doc:"of a run that is under way"`
	}
}

type logQuery struct {
	ID    string `path:"id" maxLength:"26"`
	After int64  `query:"after" minimum:"0" doc:"only lines with a higher number"`
	Limit int    `query:"limit" minimum:"1" maximum:"10000" default:"1000"`
}

type runLog struct {
	Body struct {
		Lines []tidemark.LogLine `json:"lines"`
	}
}

func (a *answers) runs(api huma.API) {
	huma.Register(api, operation(tidemark.RoleViewer, http.MethodGet, "/runs", "list-runs", "runs", "List runs"), a.listRuns)
	huma.Register(api, operation(tidemark.RoleViewer, http.MethodGet, "/runs/{id}", "get-run", "runs", "Get a run"), a.run)
	huma.Register(api, operation(tidemark.RoleOperator, http.MethodPost, "/runs/{id}/cancel", "cancel-run", "runs", "End a run that waits or is under way"), a.cancelRun)
	huma.Register(api, operation(tidemark.RoleViewer, http.MethodGet, "/runs/{id}/log", "get-run-log", "runs", "Get lines of a run's log"), a.runLog)
	follow := operation(tidemark.RoleViewer, http.MethodGet, "/runs/{id}/events", "follow-run", "runs", "Follow a run to its end")
	follow.Middlewares = huma.Middlewares{a.known(api)}
	sse.Register(api, follow, map[string]any{"run": runEvent{}, "log": logEvent{}}, a.followRun)
}

func (a *answers) listRuns(ctx context.Context, q *runsQuery) (*runList, error) {
	f := tidemark.RunFilter{Before: tidemark.RunID(q.Before), Limit: q.Limit}
	if q.Since != "" {
		since, err := time.Parse(time.RFC3339Nano, q.Since)
		if err != nil {
			return nil, huma.Error422UnprocessableEntity("since is no time", err)
		}
		f.Since = since
	}
	for _, p := range q.Pipeline {
		f.Pipelines = append(f.Pipelines, tidemark.PipelineID(p))
	}
	for _, s := range q.State {
		f.States = append(f.States, tidemark.RunState(s))
	}
	runs, err := a.Runs.Runs(ctx, f)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	list := new(runList)
	list.Body.Runs = append([]tidemark.Run{}, runs...)
	for i, r := range list.Body.Runs {
		if r.Result != nil { // whose statements are long, and told of one run alone
			brief := *r.Result
			brief.Splits = nil
			list.Body.Runs[i].Result = &brief
		}
	}
	if len(runs) == q.Limit {
		list.Body.Next = string(runs[len(runs)-1].ID)
	}
	return list, nil
}

func (a *answers) run(ctx context.Context, p *runPath) (*oneRun, error) {
	r, err := a.Runs.Run(ctx, tidemark.RunID(p.ID))
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	one := new(oneRun)
	one.Body.Run = r
	if progress, ok := a.Runs.Progress(r.ID); ok {
		one.Body.Progress = &progress
	}
	return one, nil
}

func (a *answers) cancelRun(ctx context.Context, p *runPath) (*oneRun, error) {
	r, err := a.Runs.Cancel(ctx, tidemark.RunID(p.ID), who(ctx))
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	one := new(oneRun)
	one.Body.Run = r
	return one, nil
}

func (a *answers) runLog(ctx context.Context, q *logQuery) (*runLog, error) {
	if _, err := a.Runs.Run(ctx, tidemark.RunID(q.ID)); err != nil {
		return nil, a.problem(ctx, err)
	}
	lines, err := a.Runs.Log(ctx, tidemark.RunID(q.ID), q.After, q.Limit)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	log := new(runLog)
	log.Body.Lines = append([]tidemark.LogLine{}, lines...)
	return log, nil
}
