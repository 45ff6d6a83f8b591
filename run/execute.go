package run

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/config"
)

// An Execution says how one run is known to others. The zero value is good.
type Execution struct {
	Run tidemark.RunID // under which the lake knows what it commits, never used before; "" for a fresh one
	Log *slog.Logger   // that the engine logs to; nil for the Runner's

	// Seen is called when the source's table was looked at, with its columns and with those that land in the lake. It must not
	// change them. nil: nobody asks.
	Seen func(source, lands *tidemark.Schema)
}

// Pipeline returns what the config says of a pipeline, which is no group. Only for one of a group does it ask the source's
// server.
func (r *Runner) Pipeline(ctx context.Context, id tidemark.PipelineID) (config.Pipeline, error) {
	return r.alone(ctx, string(id))
}

// Execute runs one pipeline, which is no group, as Run does.
func (r *Runner) Execute(ctx context.Context, id tidemark.PipelineID, as Execution) (tidemark.RunResult, error) {
	p, err := r.one(ctx, string(id))
	if err != nil {
		return tidemark.RunResult{Pipeline: id}, err
	}
	o := r.runOne(ctx, p, as)
	return o.Result, o.Err
}

// A Look is what a look at a pipeline's source has found.
type Look struct {
	Newest string // the largest value of the cursor, as text; "" of an empty table
	Behind bool   // the lake has not loaded it
	// Open: the last commit was made while there were transactions that might still bring older rows. They do not move
	// Newest.
	Open bool
}

// Look tells whether a pipeline's source has what the lake has not. It opens a connection, and asks for the table's
// definition, its largest cursor and the watermark.
func (r *Runner) Look(ctx context.Context, id tidemark.PipelineID) (Look, error) {
	p, err := r.one(ctx, string(id))
	if err != nil {
		return Look{}, err
	}
	l, err := r.lake(ctx, p.Lake)
	if err != nil {
		return Look{}, err
	}
	w, err := l.target(p.Pipeline, r).Watermark(ctx)
	if err != nil {
		return Look{}, err
	}
	source, err := r.source(ctx, p)
	if err != nil {
		return Look{}, err
	}
	defer source.Close()
	newest, err := source.Newest(ctx)
	if err != nil {
		return Look{}, err
	}
	return Look{Newest: newest.String(), Behind: w.High.Less(newest), Open: w.HeldBy != ""}, nil
}

// Objects lists what is in a lake, named by its connection, under a prefix.
func (r *Runner) Objects(ctx context.Context, connection, prefix string) ([]blob.Object, error) {
	l, err := r.lake(ctx, connection)
	if err != nil {
		return nil, err
	}
	var all []blob.Object
	for o, err := range l.store.List(ctx, prefix) {
		if err != nil {
			return nil, fmt.Errorf("connection %s: %w", connection, err)
		}
		all = append(all, o)
	}
	return all, nil
}
