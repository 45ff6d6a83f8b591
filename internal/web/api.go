package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/auth"
	"github.com/tidemark-data/tidemark/run"
)

// newAPI adds the API, below /api/v1, and the document that describes it.
func newAPI(mux *http.ServeMux, o Options) huma.API {
	c := huma.DefaultConfig("Tidemark", o.Version)
	c.Info.Description = "Pipelines, their runs and triggers, of one server. Problems come as RFC 9457 has them."
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "/api/openapi", "", ""
	c.CreateHooks = nil // no "$schema" in answers
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "a token, of `tidemark token add`"},
		"session": {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "of who has logged in"},
	}
	api := humago.New(mux, c)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		_ = json.NewEncoder(w).Encode(huma.Error404NotFound("there is no " + r.Method + " " + r.URL.Path + "; /api/openapi.json has what there is"))
	})
	a := &answers{Options: o, plans: make(gate, plansAtOnce), queries: make(gate, queriesAtOnce)}
	api.UseMiddleware(a.allow(api))
	a.sessions(api)
	a.accounts(api)
	a.pipelines(api)
	a.planning(api)
	a.runs(api)
	a.triggers(api)
	a.hooks(api)
	a.connections(api)
	a.catalog(api)
	a.query(api)
	a.config(api)
	a.drafts(api)
	if err := docs(mux, api.OpenAPI()); err != nil {
		o.Log.Error("there is no page at /api", "err", err)
	}
	return api
}

// answers are the operations of the API.
type answers struct {
	Options
	plans, queries gate
}

// problem turns an error into an answer. What is wrong with the request is told in full; what is wrong with the server is in
// its log.
func (a *answers) problem(ctx context.Context, err error) error {
	code := http.StatusInternalServerError
	var wait *auth.WaitError
	switch {
	case errors.As(err, &wait):
		return huma.ErrorWithHeaders(huma.Error429TooManyRequests(err.Error()), http.Header{"Retry-After": {strconv.Itoa(int(wait.After.Seconds()) + 1)}})
	case errors.Is(err, tidemark.ErrNotFound):
		code = http.StatusNotFound
	case errors.Is(err, tidemark.ErrConflict):
		code = http.StatusConflict
	case errors.Is(err, tidemark.ErrInvalid), errors.Is(err, tidemark.ErrChecks), errors.Is(err, run.ErrQueryTimeout):
		code = http.StatusUnprocessableEntity // the time limit is the request's own
	case errors.Is(err, errRefused):
		code = http.StatusUnauthorized
	case errors.Is(err, errBusy):
		code = http.StatusServiceUnavailable
	case errors.Is(err, tidemark.ErrTransient), errors.Is(err, tidemark.ErrDenied):
		code = http.StatusBadGateway // of the source or the lake, and not of who asks
	case ctx.Err() != nil:
		code = http.StatusServiceUnavailable // nobody listens any more, or the server stops
	default:
		a.Log.Error("request failed", "err", err)
		return huma.NewError(code, "the server could not do that; its log tells why")
	}
	details := []error{}
	if hint := tidemark.Hint(err); hint != "" {
		details = append(details, &huma.ErrorDetail{Message: hint, Location: "hint"})
	}
	return huma.NewError(code, err.Error(), details...)
}
