package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

type planned struct {
	Body struct {
		Plans []run.Plan `json:"plans" doc:"one for each pipeline of a group"`
	}
}

type previewQuery struct {
	Name string `path:"name" maxLength:"300"`
	Rows int    `query:"rows" minimum:"1" maximum:"1000" default:"10" doc:"behind each step"`
	Step string `query:"step" maxLength:"300" doc:"only this step; none: the source and all steps"`
}

// A stage is the rows behind a step.
type stage struct {
	Step    string   `json:"step" doc:"empty: before the first step"`
	Columns []column `json:"columns"`
	Rows    [][]any  `json:"rows"`
}

// A failure is why a preview of a draft ends before a step.
type failure struct {
	Step   string `json:"step"`
	Error  string `json:"error"`
	Hint   string `json:"hint,omitempty"`
	Line   int    `json:"line,omitempty" doc:"in the statement of the step, from 1"`
	Column int    `json:"column,omitempty" doc:"in characters, from 1"`
}

type previewed struct {
	Body struct {
		Read   int      `json:"rows_read" doc:"of the source, for all steps"`
		Loaded bool     `json:"loaded" doc:"the next run would read nothing: these are rows that are loaded already"`
		Steps  []stage  `json:"steps"`
		Failed *failure `json:"failed,omitempty" doc:"of a draft: the step that cannot be done, behind those that can"`
	}
}

type watermarksQuery struct {
	Pipeline []string `query:"pipeline,explode" maxItems:"1000" doc:"only these pipelines or groups; none: all"`
}

type watermarkList struct {
	Body struct {
		Watermarks []run.WatermarkRow `json:"watermarks"`
	}
}

type pipelineHistoryQuery struct {
	Name  string `path:"name" maxLength:"300"`
	Limit int    `query:"limit" minimum:"1" maximum:"100000" default:"500"`
}

func (a *answers) planning(api huma.API) {
	huma.Register(api, operation(tidemark.RoleViewer, http.MethodGet, "/pipelines/{name}/plan", "plan-pipeline", "pipelines", "Tell what the next run would do"), a.plan)
	huma.Register(api, operation(tidemark.RoleOperator, http.MethodGet, "/pipelines/{name}/preview", "preview-pipeline", "pipelines", "Show what becomes of the first rows, step by step"), a.preview)
	huma.Register(api, operation(tidemark.RoleViewer, http.MethodGet, "/pipelines/{name}/history", "get-pipeline-history", "pipelines", "Get the commits of a pipeline"), a.history)
	huma.Register(api, operation(tidemark.RoleViewer, http.MethodGet, "/watermarks", "list-watermarks", "watermarks", "List how far pipelines have come"), a.listWatermarks)
}

func (a *answers) plan(ctx context.Context, p *pipelinePath) (*planned, error) {
	return using(ctx, a, a.plans, func(r *run.Runner) (*planned, error) { return plansOf(ctx, r, p.Name) })
}

func plansOf(ctx context.Context, r *run.Runner, name string) (*planned, error) {
	plans, err := r.Plan(ctx, []string{name})
	all := new(planned)
	all.Body.Plans = append([]run.Plan{}, plans...)
	return all, err
}

func (a *answers) preview(ctx context.Context, q *previewQuery) (*previewed, error) {
	return using(ctx, a, a.plans, func(r *run.Runner) (*previewed, error) {
		return previewOf(ctx, r, q.Name, run.PreviewOptions{Rows: q.Rows, Step: q.Step}, false)
	})
}

// previewOf shows a pipeline's steps. Of a draft it shows those that work, and what is wrong with the next one.
func previewOf(ctx context.Context, r *run.Runner, name string, o run.PreviewOptions, draft bool) (*previewed, error) {
	v, err := r.Preview(ctx, name, o)
	if v == nil || err != nil && !draft {
		return nil, err
	}
	p := new(previewed)
	var step *run.StepError
	if err != nil && (!errors.As(err, &step) || !errors.Is(err, tidemark.ErrInvalid)) {
		return nil, err
	}
	if step != nil {
		p.Body.Failed = &failure{Step: step.Step, Error: step.Error(), Hint: tidemark.Hint(step), Line: step.Line, Column: step.Column}
	}
	p.Body.Read, p.Body.Loaded, p.Body.Steps = v.Read, v.Loaded, []stage{}
	for _, s := range v.Stages {
		p.Body.Steps = append(p.Body.Steps, stageOf(s))
	}
	return p, nil
}

func stageOf(s run.Stage) stage {
	one := stage{Step: s.Name, Columns: []column{}, Rows: [][]any{}}
	for _, c := range s.Columns {
		one.Columns = append(one.Columns, column(c))
	}
	for _, row := range s.Rows {
		cells := make([]any, len(row))
		for i, v := range row {
			cells[i] = v
		}
		one.Rows = append(one.Rows, cells)
	}
	return one
}

func (a *answers) history(ctx context.Context, q *pipelineHistoryQuery) (*tableHistory, error) {
	return using(ctx, a, a.plans, func(r *run.Runner) (*tableHistory, error) {
		changes, err := r.History(ctx, q.Name)
		h := new(tableHistory)
		h.Body.Of, h.Body.Changes = len(changes), append([]tidemark.Change{}, changes[:min(q.Limit, len(changes))]...)
		return h, err
	})
}

func (a *answers) listWatermarks(ctx context.Context, q *watermarksQuery) (*watermarkList, error) {
	return using(ctx, a, a.plans, func(r *run.Runner) (*watermarkList, error) {
		rows, err := r.Watermarks(ctx, q.Pipeline)
		list := new(watermarkList)
		list.Body.Watermarks = append([]run.WatermarkRow{}, rows...)
		return list, err
	})
}
