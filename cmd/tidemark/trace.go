package main

import (
	"context"
	"strings"
	"time"

	"log/slog"

	"github.com/tidemark-data/tidemark/internal/trace"
)

// flushWithin is how long the end of a command waits for the collector of traces.
const flushWithin = 5 * time.Second

// trace begins a trace of a command that runs pipelines, if the environment asks for one, and returns what ends and sends
// it.
func (a *app) trace(ctx context.Context, pipelines []string) (context.Context, func(error), error) {
	log := slog.New(a.handler(a.err, slog.LevelWarn))
	p, flush, err := trace.Start(ctx, trace.Options{Version: buildVersion(), Env: a.env, Log: log})
	if err != nil {
		return ctx, nil, err
	}
	inside, end := trace.Root(ctx, p, "run", trace.Text("pipelines", strings.Join(pipelines, " ")))
	return inside, func(err error) {
		end(err)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushWithin)
		defer cancel()
		if err := flush(ctx); err != nil {
			log.Warn("traces were not sent before the end", "err", err)
		}
	}, nil
}
