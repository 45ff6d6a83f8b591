package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/run"
)

type draftRequest struct {
	Name string `path:"name" maxLength:"300"`
	Body entryBody
}

type draftPreviewRequest struct {
	Name string `path:"name" maxLength:"300"`
	Rows int    `query:"rows" minimum:"1" maximum:"1000" default:"10" doc:"behind each step"`
	Step string `query:"step" maxLength:"300" doc:"only this step; none: the source and all steps"`
	Body entryBody
}

// drafts are what is not in the config yet: who edits it sees what it would do before it is saved.
func (a *answers) drafts(api huma.API) {
	const admin = tidemark.RoleAdmin
	huma.Register(api, quiet(operation(admin, http.MethodPost, "/pipelines/{name}/plan", "plan-draft", "pipelines", "Tell what the next run would do if the pipeline were this")), a.planDraft)
	huma.Register(api, quiet(operation(admin, http.MethodPost, "/pipelines/{name}/preview", "preview-draft", "pipelines", "Show what would become of the first rows if the pipeline were this")), a.previewDraft)
	huma.Register(api, quiet(operation(admin, http.MethodPost, "/connections/{name}/draft/check", "check-draft", "connections", "Try a connection that is not in the config")), a.checkDraft)
}

// drafted calls do with what runs the pipelines of the config with one entry more, or another in its place.
func drafted[T any](ctx context.Context, a *answers, kind, name string, b entryBody, do func(*run.Runner) (T, error)) (result T, err error) {
	value, err := b.value()
	if err != nil {
		return result, a.problem(ctx, err)
	}
	text, err := a.Config.Read()
	if err == nil {
		text, err = config.Put(text, kind, name, value)
	}
	var r *run.Runner
	if err == nil {
		r, err = a.Config.Draft(text)
	}
	if err != nil {
		return result, a.configProblem(ctx, err)
	}
	defer r.Close()
	leave, err := a.plans.enter(ctx)
	if err != nil {
		return result, a.problem(ctx, err)
	}
	defer leave()
	if result, err = do(r); err != nil {
		return result, a.problem(ctx, err)
	}
	return result, nil
}

func (a *answers) planDraft(ctx context.Context, q *draftRequest) (*planned, error) {
	return drafted(ctx, a, pipelinesKind, q.Name, q.Body, func(r *run.Runner) (*planned, error) { return plansOf(ctx, r, q.Name) })
}

func (a *answers) previewDraft(ctx context.Context, q *draftPreviewRequest) (*previewed, error) {
	return drafted(ctx, a, pipelinesKind, q.Name, q.Body, func(r *run.Runner) (*previewed, error) {
		return previewOf(ctx, r, q.Name, run.PreviewOptions{Rows: q.Rows, Step: q.Step}, true)
	})
}

func (a *answers) checkDraft(ctx context.Context, q *draftRequest) (*checked, error) {
	return drafted(ctx, a, connectionsKind, q.Name, q.Body, func(r *run.Runner) (*checked, error) { return checkOf(ctx, r, q.Name) })
}
