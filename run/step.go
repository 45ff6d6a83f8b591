package run

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/transform"
)

// Steps are the Go funcs that the steps "go: NAME" of a config stand for, by NAME.
type Steps map[string]Func

// A Func is a step of a pipeline that is written in Go. Batch is called for each batch of rows of a run, and of a plan with
// a preview, a verification and a backfill; for several splits at once, so it guards what it shares. It needs nothing of the
// other batches: what hangs on all rows of a run is better done by a step of SQL.
//
// What it says of itself is checked with each batch, before anything of it is written: other columns than declared, NULL in
// one that has none, another number of rows, no batch at all, and a panic end the run with an error that names the step, and
// nothing is published. (A panic in a goroutine that the func has started cannot be caught and ends the process; the lake
// is as it was then too.)
//
// [EachRow] and [Where] make a Func of one that looks at single rows.
type Func struct {
	// Schema returns the columns of what comes out, from those of what goes in. It is called before the first row is read, and
	// must return the same for the same columns. nil: what comes out is like what goes in. What a table of the lake can hold is
	// bool, int32, int64, float32, float64, decimal128, string, binary, date32 and timestamp[us], without a zone or in UTC.
	Schema func(in *arrow.Schema) (*arrow.Schema, error)

	// Batch returns what becomes of a batch. b is lent: the func does not release it, keeps it no longer than the call unless
	// it retains it, and may return it as it is. Another batch that it returns is no longer its own. It should give up when
	// ctx is done. An error ends the run, unless it is an ErrTransient, after which the run begins again.
	Batch func(ctx context.Context, b arrow.RecordBatch) (arrow.RecordBatch, error)

	// Makes names the columns that come out with other values than they went in with. A column of another name is made
	// anyway. All others must come out as they went in, which is what a merge by them, verify and repair rest on.
	Makes []string

	Drops bool // fewer rows may come out of a batch: the pipeline cannot be verified then, but merged
	Adds  bool // more rows may come out of a batch: neither
}

// goStep returns the func that a step of the config names.
func (r *Runner) goStep(name string) *transform.Go {
	f := r.opts.Steps[name]
	return &transform.Go{Schema: f.Schema, Batch: f.Batch, Makes: f.Makes, Drops: f.Drops, Adds: f.Adds}
}

// haveFuncs refuses pipelines with a step whose func is not there.
func (r *Runner) haveFuncs(pipelines []config.Pipeline) error {
	for _, p := range pipelines {
		for _, s := range p.Steps {
			if s.Go == "" {
				continue
			}
			if _, ok := r.opts.Steps[s.Go]; !ok {
				return r.noFunc(p, s)
			}
		}
	}
	return nil
}

func (r *Runner) noFunc(p config.Pipeline, s config.Step) error {
	hint := fmt.Sprintf("`tidemark export --go %s` prints a Go program that runs the pipeline: put the func there", p.ID)
	if len(r.opts.Steps) > 0 {
		hint = "there is: " + strings.Join(slices.Sorted(maps.Keys(r.opts.Steps)), ", ")
	}
	return tidemark.WithHint(fmt.Errorf("pipeline %s: %w %q of step %s here: %w", p.ID, ErrNoFunc, s.Go, s.Name, tidemark.ErrInvalid), hint)
}
