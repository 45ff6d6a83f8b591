package web

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemark-data/tidemark"
)

// Pipelines are those of the config that a server uses.
type Pipelines interface {
	// Pipelines returns all pipelines and groups, in the order of the config.
	Pipelines(ctx context.Context) ([]Pipeline, error)

	// Recent returns of all pipelines and groups what they have done of late, in the order of the config: the last n runs that
	// have ended, and what was committed since a time.
	Recent(ctx context.Context, since time.Time, n int) ([]Recent, error)

	// Connections returns all connections, sorted by name.
	Connections() []Connection
	// Start wants a run of a pipeline, or of each of a group.
	Start(ctx context.Context, name, by, detail string) ([]tidemark.Run, error)
}

// A Pipeline is one of the config, or a group of them.
type Pipeline struct {
	Name     string          `json:"name"`
	Group    bool            `json:"group,omitempty" doc:"it stands for many pipelines, NAME.TABLE"`
	Source   string          `json:"source" doc:"the connection that is read from"`
	Tables   []string        `json:"tables" doc:"DATABASE.TABLE; of a group, patterns"`
	Lake     string          `json:"lake" doc:"the connection that is written to"`
	Target   string          `json:"target,omitempty" doc:"NAMESPACE.TABLE"`
	Format   tidemark.Format `json:"format,omitempty"`
	Mode     tidemark.Mode   `json:"mode,omitempty"`
	Triggers []Trigger       `json:"triggers"`
	Running  *tidemark.Run   `json:"running,omitempty" doc:"the run that is under way, or waits"`
	Last     *tidemark.Run   `json:"last,omitempty" doc:"the run that ended last"`
	Next     *time.Time      `json:"next,omitempty" doc:"when a trigger with times starts the next run"`

	Lag       *float64 `json:"lag_seconds,omitempty" doc:"since the last run that succeeded began; of a group, the longest of its members; not there before the first"`
	Freshness float64  `json:"freshness_seconds,omitempty" doc:"how long that may be"`
	Late      bool     `json:"late,omitempty" doc:"it is longer; of a group, that of a member"`
}

// A Recent is what a pipeline, or all of a group, has done of late.
type Recent struct {
	Pipeline string               `json:"pipeline"`
	Rows     int64                `json:"rows_new" doc:"committed by runs that have ended since the time that was asked for"`
	Runs     []tidemark.RecentRun `json:"runs" doc:"that have ended last, the newest first"`
}

type recentQuery struct {
	Since string `query:"since" format:"date-time" doc:"rows that were committed at or after; none: since the day began, in UTC"`
	Runs  int    `query:"runs" minimum:"0" maximum:"100" default:"20" doc:"so many of each pipeline"`
}

type recentList struct {
	Body struct {
		Since     time.Time `json:"since"`
		Pipelines []Recent  `json:"pipelines"`
	}
}

type pipelineList struct {
	Body struct {
		Pipelines []Pipeline `json:"pipelines"`
	}
}

type pipelinePath struct {
	Name string `path:"name" maxLength:"300"`
}

type onePipeline struct{ Body Pipeline }

type startRequest struct {
	Name string `path:"name" maxLength:"300"`
	Body *struct {
		Detail string `json:"detail,omitempty" maxLength:"1000" doc:"why, for the list of runs"`
	} `required:"false"`
}

type started struct {
	Status int
	Body   struct {
		Runs []tidemark.Run `json:"runs" doc:"one for each pipeline; a run that waited already takes the wish on"`
	}
}

func (a *answers) pipelines(api huma.API) {
	huma.Register(api, operation(tidemark.RoleViewer, http.MethodGet, "/pipelines", "list-pipelines", "pipelines", "List pipelines"), a.listPipelines)
	huma.Register(api, operation(tidemark.RoleViewer, http.MethodGet, "/pipelines/{name}", "get-pipeline", "pipelines", "Get a pipeline"), a.pipeline)
	huma.Register(api, operation(tidemark.RoleViewer, http.MethodGet, "/recent", "list-recent", "pipelines", "Tell what pipelines have done of late"), a.listRecent)
	start := operation(tidemark.RoleOperator, http.MethodPost, "/pipelines/{name}/runs", "start-run", "pipelines", "Start a run")
	start.DefaultStatus = http.StatusAccepted
	huma.Register(api, start, a.start)
}

func (a *answers) listPipelines(ctx context.Context, _ *struct{}) (*pipelineList, error) {
	all, err := a.Pipelines.Pipelines(ctx)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	list := new(pipelineList)
	list.Body.Pipelines = append([]Pipeline{}, all...)
	return list, nil
}

func (a *answers) listRecent(ctx context.Context, q *recentQuery) (*recentList, error) {
	since := time.Now().UTC().Truncate(24 * time.Hour)
	if q.Since != "" {
		var err error
		if since, err = time.Parse(time.RFC3339Nano, q.Since); err != nil {
			return nil, huma.Error422UnprocessableEntity("since is no time", err)
		}
	}
	all, err := a.Pipelines.Recent(ctx, since, q.Runs)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	list := new(recentList)
	list.Body.Since, list.Body.Pipelines = since.UTC(), append([]Recent{}, all...)
	return list, nil
}

func (a *answers) pipeline(ctx context.Context, p *pipelinePath) (*onePipeline, error) {
	all, err := a.Pipelines.Pipelines(ctx)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	for _, one := range all {
		if one.Name == p.Name {
			return &onePipeline{one}, nil
		}
	}
	return nil, huma.Error404NotFound("there is no pipeline " + p.Name)
}

func (a *answers) start(ctx context.Context, q *startRequest) (*started, error) {
	detail := ""
	if q.Body != nil {
		detail = q.Body.Detail
	}
	runs, err := a.Pipelines.Start(ctx, q.Name, who(ctx), detail)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return startedRuns(runs), nil
}

func startedRuns(runs []tidemark.Run) *started {
	s := &started{Status: http.StatusAccepted}
	s.Body.Runs = append([]tidemark.Run{}, runs...)
	return s
}
