package web

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemark-data/tidemark"
)

// Triggers are those of the config that a server uses.
type Triggers interface {
	// Triggers returns all, in the order of the config.
	Triggers(ctx context.Context) ([]Trigger, error)

	// Enable turns one on or off, or leaves that to the config: nil.
	Enable(ctx context.Context, id tidemark.TriggerID, on *bool) error

	// Fire lets one fire at once.
	Fire(ctx context.Context, id tidemark.TriggerID, by string) ([]tidemark.Run, error)
	// Call lets a webhook fire, if the request proves that it may; else the error is Refused's.
	Call(ctx context.Context, id tidemark.TriggerID, h Hook) ([]tidemark.Run, error)
}

// A Trigger is what starts runs, and how it stands.
type Trigger struct {
	ID       tidemark.TriggerID   `json:"id" doc:"PIPELINE/NAME"`
	Pipeline string               `json:"pipeline"`
	Kind     tidemark.TriggerKind `json:"kind"`
	Says     string               `json:"says" doc:"what it waits for, in words"`
	After    []string             `json:"after,omitempty" doc:"of kind after: the pipelines whose runs end"`
	Enabled  bool                 `json:"enabled"`
	ByHand   bool                 `json:"by_hand,omitempty" doc:"a person has said so, whatever the config says"`
	Next     *time.Time           `json:"next,omitempty" doc:"of one with times"`
	Fired    *time.Time           `json:"fired,omitempty" doc:"the last time"`
	Last     *Started             `json:"last,omitempty" doc:"what it has started last; not of a group's, which starts many"`
	Error    string               `json:"error,omitempty" doc:"why the last look failed"`
}

// A Started is a run that a trigger has started.
type Started struct {
	Run   tidemark.RunID    `json:"run"`
	State tidemark.RunState `json:"state"`
	Ended *time.Time        `json:"ended,omitempty"`
}

type triggerList struct {
	Body struct {
		Triggers []Trigger `json:"triggers"`
	}
}

type triggerPath struct {
	Pipeline string `path:"pipeline" maxLength:"300"`
	Name     string `path:"name" maxLength:"300"`
}

type enableRequest struct {
	Pipeline string `path:"pipeline" maxLength:"300"`
	Name     string `path:"name" maxLength:"300"`
	Body     struct {
		Enabled *bool `json:"enabled" nullable:"true" doc:"null: as the config has it"`
	}
}

type oneTrigger struct{ Body Trigger }

func (a *answers) triggers(api huma.API) {
	huma.Register(api, operation(tidemark.RoleViewer, http.MethodGet, "/triggers", "list-triggers", "triggers", "List triggers"), a.listTriggers)
	huma.Register(api, operation(tidemark.RoleOperator, http.MethodPatch, "/triggers/{pipeline}/{name}", "enable-trigger", "triggers", "Turn a trigger on or off"), a.enable)
	fire := operation(tidemark.RoleOperator, http.MethodPost, "/triggers/{pipeline}/{name}/fire", "fire-trigger", "triggers", "Let a trigger fire at once")
	fire.DefaultStatus = http.StatusAccepted
	huma.Register(api, fire, a.fire)
}

func (a *answers) listTriggers(ctx context.Context, _ *struct{}) (*triggerList, error) {
	all, err := a.Triggers.Triggers(ctx)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	list := new(triggerList)
	list.Body.Triggers = append([]Trigger{}, all...)
	return list, nil
}

func (a *answers) enable(ctx context.Context, q *enableRequest) (*oneTrigger, error) {
	id := tidemark.NewTriggerID(q.Pipeline, q.Name)
	if err := a.Triggers.Enable(ctx, id, q.Body.Enabled); err != nil {
		return nil, a.problem(ctx, err)
	}
	all, err := a.Triggers.Triggers(ctx)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	for _, t := range all {
		if t.ID == id {
			return &oneTrigger{t}, nil
		}
	}
	return nil, huma.Error404NotFound("there is no trigger " + string(id))
}

func (a *answers) fire(ctx context.Context, p *triggerPath) (*started, error) {
	runs, err := a.Triggers.Fire(ctx, tidemark.NewTriggerID(p.Pipeline, p.Name), who(ctx))
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return startedRuns(runs), nil
}
