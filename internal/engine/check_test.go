package engine_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/blob"
	"github.com/tidemark-data/tidemark/internal/engine"
)

// meanwhile are checks that fail, once they have let something happen.
type meanwhile func()

func (do meanwhile) Begin(context.Context, *tidemark.Schema, tidemark.Window) (tidemark.Checker, error) {
	return do, nil
}
func (meanwhile) Quarantines() bool                                 { return false }
func (meanwhile) Sift(arrow.RecordBatch) ([]tidemark.Reject, error) { return nil, nil }
func (meanwhile) Look(arrow.RecordBatch) error                      { return nil }
func (meanwhile) Close() error                                      { return nil }

func (do meanwhile) Results(tidemark.Observed) ([]tidemark.CheckResult, error) {
	do()
	return []tidemark.CheckResult{{Check: "unique", OnFail: tidemark.OnFailStop, Failed: 1, Detail: "the table has it"}}, nil
}

// TestOvertakenChecks: a check may find in the table what another run of the pipeline has committed meanwhile. That is a
// conflict, and no finding.
func TestOvertakenChecks(t *testing.T) {
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			store, source, p := blob.NewMem(), newTable(), pipelineOf(format, tidemark.ModeAppend)
			source.insert(1, 2)
			mustRun(t, store, p, source)
			source.insert(3)
			run := func(do func()) error {
				l := openLake(t, store, p)
				_, err := engine.Run(t.Context(), p, engine.Parts{
					Source: source, Target: l.target, Side: l.side, Log: slog.New(slog.DiscardHandler), Dir: t.TempDir(), Checks: meanwhile(do),
				}, new(engine.Progress))
				return err
			}
			if err := run(func() {}); !errors.Is(err, tidemark.ErrChecks) || errors.Is(err, tidemark.ErrConflict) {
				t.Errorf("nothing happened meanwhile: %v", err)
			}
			if err := run(func() { mustRun(t, store, p, source) }); !errors.Is(err, tidemark.ErrConflict) || errors.Is(err, tidemark.ErrChecks) {
				t.Errorf("another run has committed: %v", err)
			}
			if got := lakeRows(t, store, openLake(t, store, p).catalog, p.Target); len(got) != 3 {
				t.Errorf("the lake has %v", got)
			}
		})
	}
}
