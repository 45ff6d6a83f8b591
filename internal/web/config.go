package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/run"
)

// A ConfigFile is the config file of a server.
type ConfigFile interface {
	// Read returns the file as it is on the disk, which need not be the one in use: it may have mistakes.
	Read() ([]byte, error)
	// Check returns the mistakes of a text that is to take its place; nil when there are none.
	Check(text []byte) error
	// Save puts a text into its place, if the file has that version still, and takes it into use. ErrConflict: it has not.
	Save(ctx context.Context, version string, text []byte) error
	// Draft returns what runs the pipelines of a text that is not saved. The caller closes it.
	Draft(text []byte) (*run.Runner, error)
}

const pipelinesKind, connectionsKind = "pipelines", "connections"

type configText struct {
	ETag string `header:"ETag" doc:"for If-Match"`
	Body struct {
		Text     string    `json:"text" doc:"the file, YAML"`
		Version  string    `json:"version" doc:"for If-Match"`
		Problems []problem `json:"problems" doc:"why the file is not in use"`
	}
}

// A problem is a mistake in a config.
type problem struct {
	Line       int    `json:"line,omitempty"`
	Column     int    `json:"column,omitempty"`
	Path       string `json:"path,omitempty" example:"pipelines.orders.source.cursor"`
	Message    string `json:"message"`
	Suggestion string `json:"suggestion,omitempty"`
}

type checkConfigRequest struct {
	Body struct {
		Text string `json:"text" maxLength:"4000000"`
	}
}

type configProblems struct {
	Body struct {
		Problems []problem `json:"problems"`
	}
}

type putConfigRequest struct {
	IfMatch string `header:"If-Match" maxLength:"100" doc:"the version that was edited; none: whatever is there"`
	DryRun  bool   `query:"dry_run" doc:"change nothing, and tell what the file would be"`
	Body    struct {
		Text string `json:"text" maxLength:"4000000"`
	}
}

// An entryBody is what a pipeline or a connection is to be: in YAML, as people write it, or in JSON, of which only what is
// another is changed.
type entryBody struct {
	YAML string         `json:"yaml,omitempty" maxLength:"1000000"`
	Spec map[string]any `json:"spec,omitempty" doc:"the same as JSON; comments in the file stay"`
}

type entrySpec struct {
	ETag string `header:"ETag" doc:"for If-Match"`
	Body struct {
		YAML    string `json:"yaml"`
		Version string `json:"version" doc:"of the whole file, for If-Match"`
	}
}

type putEntryRequest struct {
	Name        string `path:"name" maxLength:"300"`
	IfMatch     string `header:"If-Match" maxLength:"100" doc:"the version of the file that was read; none: whatever is there"`
	IfNoneMatch string `header:"If-None-Match" enum:"*" doc:"only where there is none of that name"`
	DryRun      bool   `query:"dry_run" doc:"change nothing, and tell what the file would be"`
	Body        entryBody
}

type deleteEntryRequest struct {
	Name    string `path:"name" maxLength:"300"`
	IfMatch string `header:"If-Match" maxLength:"100" doc:"the version of the file that was read; none: whatever is there"`
	DryRun  bool   `query:"dry_run" doc:"change nothing, and tell what the file would be"`
}

func (a *answers) config(api huma.API) {
	const admin = tidemark.RoleAdmin
	huma.Register(api, operation(admin, http.MethodGet, "/config", "get-config", "config", "Get the config file"), a.getConfig)
	huma.Register(api, operation(admin, http.MethodPut, "/config", "put-config", "config", "Replace the config file"), a.putConfig)
	huma.Register(api, quiet(operation(admin, http.MethodPost, "/config/check", "check-config", "config", "Tell the mistakes of a config")), a.checkConfig)
	huma.Register(api, operation(tidemark.RoleViewer, http.MethodGet, "/pipelines/{name}/spec", "get-pipeline-spec", "pipelines", "Get what the config says of a pipeline"), a.spec(pipelinesKind))
	huma.Register(api, operation(admin, http.MethodPut, "/pipelines/{name}", "put-pipeline", "pipelines", "Add or change a pipeline in the config"), a.putEntry(pipelinesKind))
	huma.Register(api, operation(admin, http.MethodDelete, "/pipelines/{name}", "delete-pipeline", "pipelines", "Remove a pipeline from the config; its table stays"), a.deleteEntry(pipelinesKind))
	huma.Register(api, operation(admin, http.MethodGet, "/connections/{name}/spec", "get-connection-spec", "connections", "Get what the config says of a connection"), a.spec(connectionsKind))
	huma.Register(api, operation(admin, http.MethodPut, "/connections/{name}", "put-connection", "connections", "Add or change a connection in the config"), a.putEntry(connectionsKind))
	huma.Register(api, operation(admin, http.MethodDelete, "/connections/{name}", "delete-connection", "connections", "Remove a connection from the config"), a.deleteEntry(connectionsKind))
}

// problemsOf returns the mistakes that an error tells of; of any other error it is false.
func problemsOf(err error) ([]problem, bool) {
	all := []problem{}
	var found *config.Errors
	if !errors.As(err, &found) {
		return all, err == nil
	}
	for _, p := range found.Problems {
		all = append(all, problem{Line: p.Line, Column: p.Column, Path: p.Path, Message: p.Message, Suggestion: p.Suggestion})
	}
	return all, true
}

// configProblem turns an error of an edit into an answer: each mistake is a detail of its own.
func (a *answers) configProblem(ctx context.Context, err error) error {
	if all, ok := problemsOf(err); ok {
		details := make([]error, len(all))
		for i, p := range all {
			message := p.Message
			if p.Suggestion != "" {
				message += "; " + p.Suggestion
			}
			details[i] = &huma.ErrorDetail{Message: message, Location: fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Path)}
		}
		return huma.Error422UnprocessableEntity("the config would have mistakes", details...)
	}
	hint := []error{}
	if text := tidemark.Hint(err); text != "" {
		hint = append(hint, &huma.ErrorDetail{Message: text, Location: "hint"})
	}
	switch {
	case errors.Is(err, tidemark.ErrConflict):
		return huma.Error412PreconditionFailed(err.Error(), hint...)
	case errors.Is(err, tidemark.ErrDenied):
		return huma.Error409Conflict(err.Error(), hint...) // to the server, and not to who asks
	}
	return a.problem(ctx, err)
}

func (a *answers) getConfig(ctx context.Context, _ *struct{}) (*configText, error) {
	text, err := a.Config.Read()
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return a.configOf(text), nil
}

func (a *answers) configOf(text []byte) *configText {
	c := new(configText)
	c.Body.Text, c.Body.Version = string(text), config.Version(text)
	c.ETag = `"` + c.Body.Version + `"`
	problems, known := problemsOf(a.Config.Check(text))
	if !known {
		problems = append(problems, problem{Message: "it cannot be read"})
	}
	c.Body.Problems = problems
	return c
}

func (a *answers) checkConfig(ctx context.Context, q *checkConfigRequest) (*configProblems, error) {
	c := new(configProblems)
	problems, known := problemsOf(a.Config.Check([]byte(q.Body.Text)))
	if !known {
		return nil, huma.Error422UnprocessableEntity("it cannot be read")
	}
	c.Body.Problems = problems
	return c, nil
}

func (a *answers) putConfig(ctx context.Context, q *putConfigRequest) (*configText, error) {
	return a.edit(ctx, q.IfMatch, q.DryRun, func([]byte) ([]byte, error) { return []byte(q.Body.Text), nil })
}

// edit changes the file, if it has the version that is asked for.
func (a *answers) edit(ctx context.Context, ifMatch string, dryRun bool, change func([]byte) ([]byte, error)) (*configText, error) {
	text, err := a.Config.Read()
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	version := config.Version(text)
	if want := strings.Trim(strings.TrimPrefix(ifMatch, "W/"), `"`); want != "" && want != "*" && want != version {
		return nil, huma.Error412PreconditionFailed("the config file has changed since it was read")
	}
	changed, err := change(text)
	if err != nil {
		return nil, a.configProblem(ctx, err)
	}
	if dryRun {
		err = a.Config.Check(changed)
	} else {
		err = a.Config.Save(ctx, version, changed)
	}
	if err != nil {
		return nil, a.configProblem(ctx, err)
	}
	return a.configOf(changed), nil
}

func (a *answers) spec(kind string) func(context.Context, *pipelinePath) (*entrySpec, error) {
	return func(ctx context.Context, p *pipelinePath) (*entrySpec, error) {
		text, err := a.Config.Read()
		if err == nil && kind == pipelinesKind && a.Config.Check(text) != nil {
			return nil, huma.Error409Conflict("the config file has mistakes: an admin can see it whole") // among them a password, maybe
		}
		var yaml []byte
		if err == nil {
			yaml, err = config.Section(text, kind, p.Name)
		}
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		s := new(entrySpec)
		s.Body.YAML, s.Body.Version = string(yaml), config.Version(text)
		s.ETag = `"` + s.Body.Version + `"`
		return s, nil
	}
}

// value returns the text of what an entry is to be.
func (b entryBody) value() ([]byte, error) {
	if (b.YAML == "") == (b.Spec == nil) {
		return nil, fmt.Errorf("want one of yaml and spec: %w", tidemark.ErrInvalid)
	}
	if b.Spec == nil {
		return []byte(b.YAML), nil
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(b.Spec)
	return text.Bytes(), err
}

func (a *answers) putEntry(kind string) func(context.Context, *putEntryRequest) (*configText, error) {
	return func(ctx context.Context, q *putEntryRequest) (*configText, error) {
		return a.edit(ctx, q.IfMatch, q.DryRun, func(text []byte) ([]byte, error) {
			if q.IfNoneMatch != "" {
				if _, err := config.Section(text, kind, q.Name); err == nil {
					return nil, fmt.Errorf("there is %q already: %w", q.Name, tidemark.ErrConflict)
				}
			}
			value, err := q.Body.value()
			if err != nil {
				return nil, err
			}
			return config.Put(text, kind, q.Name, value)
		})
	}
}

func (a *answers) deleteEntry(kind string) func(context.Context, *deleteEntryRequest) (*configText, error) {
	return func(ctx context.Context, q *deleteEntryRequest) (*configText, error) {
		return a.edit(ctx, q.IfMatch, q.DryRun, func(text []byte) ([]byte, error) { return config.Remove(text, kind, q.Name) })
	}
}
