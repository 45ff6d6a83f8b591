package web

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/sse"

	"github.com/tidemark-data/tidemark"
)

const (
	followEvery = 500 * time.Millisecond
	linesAtOnce = 500

	// aliveEvery is how often a client that has nothing to hear is sent the run once more, so that proxies keep the line open.
	aliveEvery = 20 * time.Second
)

// runEvent is a run that has changed.
type runEvent struct {
	tidemark.Run
	Progress *Progress `json:"progress,omitempty"`
}

// logEvent is lines of a run's log.
type logEvent struct {
	Lines []tidemark.LogLine `json:"lines"`
}

// followRun sends a run whenever it has changed, and its log, until it has ended. A client that comes again with the id of
// the last event that it has seen gets the lines behind that.
func (a *answers) followRun(ctx context.Context, q *followQuery, send sse.Sender) {
	var last runEvent
	after := q.After
	if q.Seen > after {
		after = q.Seen
	}
	sent := time.Time{}
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	for {
		run, err := a.now(ctx, tidemark.RunID(q.ID))
		if err != nil {
			return // the line ends; who comes again is told why
		}
		for {
			lines, err := a.Runs.Log(ctx, run.ID, after, linesAtOnce)
			if err != nil {
				return
			}
			if len(lines) == 0 {
				break
			}
			after = lines[len(lines)-1].N
			if send(sse.Message{ID: int(after), Data: logEvent{lines}}) != nil {
				return
			}
		}
		if !reflect.DeepEqual(run, last) || time.Since(sent) > aliveEvery {
			if send(sse.Message{ID: int(after), Data: run}) != nil {
				return
			}
			last, sent = run, time.Now()
		}
		if run.State.Ended() {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-a.Ending:
			return
		case <-ticker.C:
		}
	}
}

// known refuses a run that is not there, before the answer has begun.
func (a *answers) known(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if _, err := a.Runs.Run(ctx.Context(), tidemark.RunID(ctx.Param("id"))); err != nil {
			err = a.problem(ctx.Context(), err)
			code := http.StatusInternalServerError
			var with huma.StatusError
			if errors.As(err, &with) {
				code = with.GetStatus()
			}
			_ = huma.WriteErr(api, ctx, code, err.Error()) // who does not listen any more misses nothing
			return
		}
		next(ctx)
	}
}

type followQuery struct {
	ID    string `path:"id" maxLength:"26"`
	After int64  `query:"after" minimum:"0" doc:"only lines of the log with a higher number"`
	Seen  int64  `header:"Last-Event-ID" minimum:"0" doc:"the same, as browsers send it when they come again"`
}

func (a *answers) now(ctx context.Context, id tidemark.RunID) (runEvent, error) {
	r, err := a.Runs.Run(ctx, id)
	if err != nil {
		return runEvent{}, err
	}
	e := runEvent{Run: r}
	if p, ok := a.Runs.Progress(id); ok {
		e.Progress = &p
	}
	return e, nil
}
